//! Users that are set by hand or from a list: what would change at a terminal. Pure but for [`Client::plan_edits`].

use std::string::String;
use std::vec::Vec;

use super::fit::Loss;
use super::{Change, Plan, RestoreOptions};
use crate::client::users::UserError;
use crate::client::{Backup, Client, Obstacle};
use crate::encoding::TextEncoding;
use crate::record::{Privilege, User, UserLayout, UserPassword, check_user_id};
use crate::{ProtoError, Uid, UserId};

/// A user to be created, or the fields of a user to be changed. A field that is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserEdit {
    /// The user.
    pub user_id: UserId,
    /// The slot for a new user. If it is taken or none is named, a free one is used.
    pub uid: Option<Uid>,
    /// The name, cut between characters to fit the record.
    pub name: Option<String>,
    /// The password; an empty one removes it.
    pub password: Option<UserPassword>,
    /// The privilege.
    pub privilege: Option<Privilege>,
    /// Card number, 0 for none.
    pub card: Option<u64>,
    /// Access group.
    pub group: Option<u8>,
}

impl UserEdit {
    /// Changes nothing of a user, or creates an ordinary one without a name.
    #[must_use]
    pub fn new(user_id: impl Into<String>) -> Self {
        Self { user_id: UserId(user_id.into()), ..Self::default() }
    }

    /// The user as it will be, and true if the name is cut.
    fn apply(
        &self,
        before: Option<&User>,
        layout: UserLayout,
        encoding: TextEncoding,
    ) -> Result<(User, bool), ProtoError> {
        let mut user = match before {
            Some(before) => before.clone(),
            None => {
                check_user_id(layout, &self.user_id)?;
                let uid = self.uid.unwrap_or_default();
                User { uid, user_id: self.user_id.clone(), group: 1, ..User::default() }
            }
        };
        let mut is_cut = false;
        // A name that is the same keeps its bytes.
        if let Some(name) = self.name.as_ref().filter(|name| **name != user.name_text(encoding)) {
            user.set_name(name, layout, encoding)?;
            is_cut = user.name_text(encoding) != *name;
        }
        if let Some(password) = &self.password {
            user.password = password.clone();
        }
        user.privilege = self.privilege.unwrap_or(user.privilege);
        user.card = self.card.unwrap_or(user.card);
        user.group = self.group.unwrap_or(user.group);
        Ok((user, is_cut))
    }
}

impl Plan {
    /// Compares users that are to be created or changed with those of a terminal. `here` needs its layout, or the plan
    /// takes it for 72 bytes; `encoding` is the code page of its names. Fingerprints are not touched.
    #[must_use]
    pub fn edit(edits: &[UserEdit], here: &Backup, encoding: TextEncoding) -> Self {
        let layout = here.layout.unwrap_or(UserLayout::SeventyTwo);
        let (mut users, mut cut, mut unfit) = (Vec::new(), Vec::new(), Vec::new());
        for edit in edits {
            let before = here.users.iter().find(|user| user.user_id == edit.user_id);
            match edit.apply(before, layout, encoding) {
                Ok((user, is_cut)) => {
                    cut.extend(is_cut.then(|| user.user_id.clone()));
                    users.push(user);
                }
                Err(source) => unfit.push(Obstacle::Unfit { user_id: edit.user_id.clone(), source }),
            }
        }
        let wanted = Backup { layout: Some(layout), users, ..Backup::default() };
        let options = RestoreOptions::default().encoding(encoding).fingers(false);
        let mut plan = Self::new(&wanted, here, encoding, &options);
        for planned in plan.users.iter_mut().filter(|planned| planned.change != Change::Unchanged) {
            if cut.contains(&planned.user.user_id) {
                planned.losses.push(Loss::Name);
            }
        }
        plan.obstacles.extend(unfit);
        plan
    }
}

impl Client {
    /// Compares users that are to be created or changed with those of this terminal. Writes nothing;
    /// [`Client::carry_out`] does.
    ///
    /// # Errors
    /// As [`Client::user_table`]. Reasons why the users cannot be written are in [`Plan::obstacles`].
    ///
    /// # Example
    /// ```no_run
    /// use zk_proto::client::UserEdit;
    /// use zk_proto::{Client, ConnectOptions};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = Client::connect(&ConnectOptions::new("192.0.2.11")).await?;
    /// let visitor = UserEdit { name: Some("Visitor".into()), ..UserEdit::new("1042") };
    /// let plan = client.plan_edits(&[visitor]).await?;
    /// println!("{} users are new here", plan.count_users(&zk_proto::client::Change::Added));
    /// client.carry_out(&plan, |_| {}).await?;
    /// client.exit().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn plan_edits(&mut self, edits: &[UserEdit]) -> Result<Plan, UserError> {
        let here = self.here(&Backup::default(), &RestoreOptions::default().fingers(false)).await?;
        let plan = Plan::edit(edits, &here, self.options.encoding);
        self.with_room(plan).await
    }
}
