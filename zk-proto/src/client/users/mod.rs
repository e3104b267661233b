//! The user table: read with proof, and changed one user at a time.

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

/// Bytes of memory for a user table, more than any terminal's.
const TABLE_MEMORY: usize = 16 << 20;

/// A terminal's user table, open for changes. Made by [`Client::edit_users`].
///
/// Every change is sent at once. At the end, [`Users::finish`] makes the terminal apply them; otherwise
/// [`Client::exit`] does. It is best to disable the terminal meanwhile ([`Client::while_disabled`]).
#[derive(Debug)]
pub struct Users<'a> {
    client: &'a mut Client,
    layout: UserLayout,
    users: Vec<User>,
    vacant: u64,
    touched: BTreeSet<Uid>,
}

impl Client {
    /// Reads the user table into memory and proves it. A table without proof is read once more on a new session.
    ///
    /// # Errors
    /// [`UserError::Unproven`], or why the terminal could not be read.
    pub async fn user_table(&mut self) -> Result<UserTable, UserError> {
        // User records contain no time.
        let request =
            PullRequest { spool_memory: TABLE_MEMORY, spool_directory: None, ..PullRequest::new(DeviceTime::RESET) };
        pull_users(self, &request).await?.map_err(|unproven| UserError::Unproven(Box::new(unproven)))
    }

    /// Reads the user table for changes.
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

    /// The layout of the records of an empty table: 72 bytes on a colour terminal, 28 on a black-and-white one.
    ///
    /// Not verified: `~UserExtFmt` 1 means 72 bytes. Other implementations go by the platform's name and the carrier.
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
    /// The layout of the terminal's user records.
    #[must_use]
    pub fn layout(&self) -> UserLayout {
        self.layout
    }

    /// All users in the order of the table, with the changes so far.
    #[must_use]
    pub fn all(&self) -> &[User] {
        &self.users
    }

    /// The number of unused and deleted rows when the table was read.
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

    /// The smallest free slot, 1 to 65534. Terminals of one family accept no slot above their capacity.
    #[must_use]
    pub fn next_free_uid(&self) -> Option<Uid> {
        let taken: BTreeSet<u16> = self.users.iter().map(|user| user.uid.0).collect();
        UIDS.zip(taken.iter().copied().chain(std::iter::repeat(0)))
            .find(|(uid, taken)| uid != taken)
            .map(|(uid, _)| Uid(uid))
    }

    /// Creates a user and returns its slot.
    ///
    /// If the caller names no slot, the smallest free one is used. Terminals with 28-byte records use the slot whose
    /// number is the user id, if it is free, as their own menu does.
    ///
    /// # Errors
    /// When the slot or the id is taken, a field does not fit, or the terminal refuses (2001: its table is full).
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

    /// Changes a user. Fields that the change does not touch, and bytes without a known meaning, are written back as
    /// they were.
    ///
    /// # Errors
    /// When the slot is empty, the change sets another slot or a taken id, a field does not fit, or the terminal
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

    /// Writes a user into its slot as given, and replaces any user there. A refused record is uploaded instead, for
    /// firmware that accepts users only that way.
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
        // As it will be read back: with the bytes that were written.
        let user = User::parse(self.layout, write.record().clone())?;
        match self.users.iter_mut().find(|other| other.uid == user.uid) {
            Some(other) => *other = user,
            None => self.users.push(user),
        }
        Ok(())
    }

    /// Some firmware refuses single records (2001) and accepts the same as an upload (one source: CL2).
    async fn put_otherwise(&mut self, user: &User, refused: ClientError) -> Result<(), UserError> {
        let ClientError::Refused { code: Command::ACK_ERROR, .. } = refused else { return Err(refused.into()) };
        let upload = Upload::users(self.layout, &[Enrolled { user: user.clone(), fingers: Vec::new() }])?;
        match self.client.upload(&upload).await {
            Ok(_) => Ok(()),
            // The first refusal says more: the table is full, or the terminal does not accept the user.
            Err(ClientError::Refused { .. }) => Err(refused.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a user; the terminal deletes the user's templates too.
    ///
    /// # Errors
    /// When the slot is empty, or the terminal refuses.
    pub async fn delete(&mut self, uid: Uid) -> Result<(), UserError> {
        self.by_uid(uid).ok_or(UserError::NoSuchUser { uid })?;
        self.client.stale = true;
        self.touched.insert(uid);
        self.client.call(&DeleteUser(uid)).await?;
        self.users.retain(|user| user.uid != uid);
        Ok(())
    }

    /// Reads the table again and compares every changed slot. From then on this value has the new table.
    ///
    /// # Errors
    /// [`UserError::NotKept`] names the first slot that differs from what was written.
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

    /// Makes the terminal apply the changes.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn finish(self) -> Result<(), UserError> {
        Ok(self.client.refresh().await?)
    }
}

/// Returns true if the two have the same fields.
pub(super) fn is_same(one: &User, other: &User) -> bool {
    without_raw(one) == without_raw(other)
}

/// A user without its raw record: a terminal need not keep the bytes after its texts.
fn without_raw(user: &User) -> User {
    User { raw: bytes::Bytes::new(), ..user.clone() }
}
