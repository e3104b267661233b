//! The user table: read, proven, and changed one user at a time.

mod error;

use std::boxed::Box;
use std::collections::BTreeSet;
use std::vec::Vec;

pub use error::UserError;

use super::pull::{PullRequest, pull_users};
use super::{Client, ClientError, Transport};
use crate::op::{DeleteUser, WriteUser};
use crate::proof::UserTable;
use crate::record::{NewUser, UIDS, User, UserLayout, check_user_id};
use crate::session::{Enrolled, Upload};
use crate::{Command, DeviceTime, ProtoError, Uid};

/// Bytes of a user table that are kept in memory: more than any terminal's.
const TABLE_MEMORY: usize = 16 << 20;

/// A terminal's users, in hand for changes. Made by [`Client::edit_users`].
///
/// Every change is sent at once. When all are done, [`Users::finish`] makes the terminal take them over; without it the client
/// does so at [`Client::exit`]. Changes are best made while the terminal is disabled ([`Client::while_disabled`]).
#[derive(Debug)]
pub struct Users<'a> {
    client: &'a mut Client,
    layout: UserLayout,
    users: Vec<User>,
    vacant: u64,
    touched: BTreeSet<Uid>,
}

impl Client {
    /// Reads the user table and proves it, in memory. One that is not proven is read once more on a fresh session.
    ///
    /// # Errors
    /// [`UserError::Unproven`], or why the terminal could not be read.
    pub async fn user_table(&mut self) -> Result<UserTable, UserError> {
        // No user record has a time in it.
        let request =
            PullRequest { spool_memory: TABLE_MEMORY, spool_directory: None, ..PullRequest::new(DeviceTime::RESET) };
        pull_users(self, &request).await?.map_err(|unproven| UserError::Unproven(Box::new(unproven)))
    }

    /// Takes the user table in hand for changes.
    ///
    /// # Errors
    /// As [`Client::user_table`].
    ///
    /// # Example
    /// ```no_run
    /// use zk_proto::record::NewUser;
    /// use zk_proto::{Client, ConnectOptions};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
    /// let mut users = client.edit_users().await?;
    /// let uid = users.create(&NewUser::new("1042").name("Visitor").card(7_654_321)).await?;
    /// users.change(uid, |user| user.group = 2).await?;
    /// if let Some(left) = users.by_user_id("17").map(|user| user.uid) {
    ///     users.delete(left).await?;
    /// }
    /// users.verify().await?;
    /// users.finish().await?;
    /// client.exit().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn edit_users(&mut self) -> Result<Users<'_>, UserError> {
        let table = self.user_table().await?;
        let layout = match table.layout() {
            Some(layout) => layout,
            None => self.likely_user_layout().await?,
        };
        let (users, vacant) = (table.users().to_vec(), table.vacant());
        Ok(Users { client: self, layout, users, vacant, touched: BTreeSet::new() })
    }

    /// How an empty table's records will be laid out: a colour terminal has 72 bytes, a black-and-white one 28.
    ///
    /// That `~UserExtFmt` 1 means 72 bytes is not verified; the platform's name and the carrier are the field's rule.
    async fn likely_user_layout(&mut self) -> Result<UserLayout, UserError> {
        let platform = self.option("~Platform").await;
        let platform = self.told(platform).await?.unwrap_or_default().to_ascii_uppercase();
        if platform.contains("TFT") {
            return Ok(UserLayout::SeventyTwo);
        }
        let format = self.option("~UserExtFmt").await;
        if self.told(format).await?.as_deref() == Some("1") {
            return Ok(UserLayout::SeventyTwo);
        }
        let old = platform.starts_with("ZEM") || self.transport() == Transport::Udp;
        Ok(if old { UserLayout::TwentyEight } else { UserLayout::SeventyTwo })
    }
}

impl Users<'_> {
    /// How the terminal lays its users out.
    #[must_use]
    pub fn layout(&self) -> UserLayout {
        self.layout
    }

    /// Everybody, in the table's order, with the changes that were made.
    #[must_use]
    pub fn all(&self) -> &[User] {
        &self.users
    }

    /// Unused and deleted rows that the table had when it was read.
    #[must_use]
    pub fn vacant(&self) -> u64 {
        self.vacant
    }

    /// The user in a slot.
    #[must_use]
    pub fn by_uid(&self, uid: Uid) -> Option<&User> {
        self.users.iter().find(|user| user.uid == uid)
    }

    /// The user with an id.
    #[must_use]
    pub fn by_user_id(&self, user_id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.user_id.as_str() == user_id)
    }

    /// The smallest free slot, 1 to 65534. Terminals of one family take no slot above their capacity.
    #[must_use]
    pub fn next_free_uid(&self) -> Option<Uid> {
        let taken: BTreeSet<u16> = self.users.iter().map(|user| user.uid.0).collect();
        UIDS.zip(taken.iter().copied().chain(std::iter::repeat(0)))
            .find(|(uid, taken)| uid != taken)
            .map(|(uid, _)| Uid(uid))
    }

    /// Creates a user and says in which slot.
    ///
    /// Without a slot of the caller's, it is the smallest free one; on terminals with 28-byte records the one whose number is the
    /// user id, if that is free, as their own menu does it.
    ///
    /// # Errors
    /// When slot or id are taken, a field does not fit, or the terminal refuses (2001: its table is full).
    pub async fn create(&mut self, user: &NewUser) -> Result<Uid, UserError> {
        let uid = match user.uid {
            Some(uid) if self.by_uid(uid).is_some() => return Err(UserError::UidTaken { uid }),
            Some(uid) => uid,
            None => self.choose_uid(user).ok_or(UserError::NoFreeUid)?,
        };
        let encoding = self.client.options().encoding;
        self.put(user.in_slot(uid, self.layout, encoding)?).await?;
        Ok(uid)
    }

    fn choose_uid(&self, user: &NewUser) -> Option<Uid> {
        let same = || user.user_id.as_str().parse().ok().filter(|uid| UIDS.contains(uid)).map(Uid);
        let same = if self.layout == UserLayout::TwentyEight { same() } else { None };
        same.filter(|uid| self.by_uid(*uid).is_none()).or_else(|| self.next_free_uid())
    }

    /// Changes a user. What the change does not touch is written back as it was read, bytes without a name included.
    ///
    /// # Errors
    /// When nobody has the slot, the change gives the user another slot or a taken id, a field does not fit, or the terminal
    /// refuses.
    pub async fn change(&mut self, uid: Uid, change: impl FnOnce(&mut User)) -> Result<(), UserError> {
        let mut user = self.by_uid(uid).cloned().ok_or(UserError::NoSuchUser { uid })?;
        let before = user.user_id.clone();
        change(&mut user);
        if user.uid != uid {
            return Err(ProtoError::Invalid { what: "uid" }.into());
        }
        if user.user_id != before {
            check_user_id(self.layout, &user.user_id)?;
        }
        self.put(user).await
    }

    /// Writes a user as it stands into its slot, whoever has it: a new user, another one there, or one from a backup. A record that
    /// is refused is uploaded, for firmware that takes users only so.
    ///
    /// # Errors
    /// When another slot has the id, a field does not fit, or the terminal refuses.
    pub async fn put(&mut self, user: User) -> Result<(), UserError> {
        let other = self.users.iter().find(|other| other.uid != user.uid && other.user_id == user.user_id);
        if let Some(other) = other {
            return Err(UserError::UserIdTaken { user_id: user.user_id, uid: other.uid });
        }
        let write = WriteUser::new(self.layout, &user)?;
        self.client.stale = true;
        self.touched.insert(user.uid);
        if let Err(refused) = self.client.call(&write).await {
            self.put_otherwise(&user, refused).await?;
        }
        // As it will be read: with the bytes that were written.
        let user = User::parse(self.layout, write.record().clone())?;
        match self.users.iter_mut().find(|other| other.uid == user.uid) {
            Some(other) => *other = user,
            None => self.users.push(user),
        }
        Ok(())
    }

    /// Some firmware refuses single records (2001) and takes the same in an upload (one source: CL2).
    async fn put_otherwise(&mut self, user: &User, refused: ClientError) -> Result<(), UserError> {
        let ClientError::Refused { code: Command::ACK_ERROR, .. } = refused else { return Err(refused.into()) };
        let upload = Upload::users(self.layout, &[Enrolled { user: user.clone(), fingers: Vec::new() }])?;
        match self.client.upload(&upload).await {
            Ok(_) => Ok(()),
            // The first refusal says more: the table is full, or the user is none that the terminal takes.
            Err(ClientError::Refused { .. }) => Err(refused.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a user; the terminal deletes the user's templates too.
    ///
    /// # Errors
    /// When nobody has the slot, or the terminal refuses.
    pub async fn delete(&mut self, uid: Uid) -> Result<(), UserError> {
        self.by_uid(uid).ok_or(UserError::NoSuchUser { uid })?;
        self.client.stale = true;
        self.touched.insert(uid);
        self.client.call(&DeleteUser(uid)).await?;
        self.users.retain(|user| user.uid != uid);
        Ok(())
    }

    /// Reads the table again and compares every slot that was changed. The table in hand is what was read then.
    ///
    /// # Errors
    /// [`UserError::NotKept`] names the first slot that is not as it was written.
    pub async fn verify(&mut self) -> Result<(), UserError> {
        self.client.refresh().await?;
        let table = self.client.user_table().await?;
        let written = std::mem::replace(&mut self.users, table.users().to_vec());
        self.vacant = table.vacant();
        for uid in std::mem::take(&mut self.touched) {
            let find = |users: &[User]| users.iter().find(|user| user.uid == uid).map(without_raw);
            if find(&written) != find(&self.users) {
                return Err(UserError::NotKept { uid });
            }
        }
        Ok(())
    }

    /// Makes the terminal take over what was changed.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn finish(self) -> Result<(), UserError> {
        Ok(self.client.refresh().await?)
    }
}

/// What a user is, without the bytes behind the texts, which a terminal need not keep.
fn without_raw(user: &User) -> User {
    User { raw: bytes::Bytes::new(), ..user.clone() }
}
