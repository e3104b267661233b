//! Writing users and fingerprints to a terminal: what would change, and the change itself.
//!
//! [`Client::plan_restore`] and [`Client::plan_edits`] compare and write nothing. [`Client::carry_out`] writes what a
//! [`Plan`] names, and reads everything back.

mod apply;
mod edit;
mod fingers;
mod fit;
mod plan;
mod remove;

pub use apply::Restored;
pub use edit::UserEdit;
pub use fit::Loss;
pub use plan::{Change, Field, Plan, PlannedFinger, PlannedUser};

use super::users::UserError;
use super::{Backup, Client};
use crate::encoding::TextEncoding;

/// How the users and fingerprints of one terminal are written to another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// The code page of the names in the backup; UTF-8 by default.
    pub encoding: TextEncoding,
    /// Gives a user whose slot is another's here a free slot, and leaves a user who is here already in the slot of
    /// here. Otherwise both are obstacles. On by default.
    pub move_slots: bool,
    /// Writes fingerprints too. On by default.
    pub fingers: bool,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self { encoding: TextEncoding::default(), move_slots: true, fingers: true }
    }
}

impl RestoreOptions {
    /// Sets the code page of the names in the backup.
    #[must_use]
    pub fn encoding(self, encoding: TextEncoding) -> Self {
        Self { encoding, ..self }
    }

    /// Allows other slots than those of the backup.
    #[must_use]
    pub fn move_slots(self, move_slots: bool) -> Self {
        Self { move_slots, ..self }
    }

    /// Writes fingerprints too, or users alone.
    #[must_use]
    pub fn fingers(self, fingers: bool) -> Self {
        Self { fingers, ..self }
    }
}

impl Client {
    /// Compares a backup with the users and fingerprints of this terminal. Writes nothing.
    ///
    /// A person is the same if the user id is the same. Users and fingerprints that only this terminal has are left
    /// alone.
    ///
    /// # Errors
    /// As [`Client::backup`]. Reasons why the backup cannot be written are in [`Plan::obstacles`].
    ///
    /// # Example
    /// ```no_run
    /// use zk_proto::client::RestoreOptions;
    /// use zk_proto::{Client, ConnectOptions};
    ///
    /// # async fn example(backup: zk_proto::client::Backup) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = Client::connect(&ConnectOptions::new("192.0.2.11")).await?;
    /// let plan = client.plan_restore(&backup, &RestoreOptions::default()).await?;
    /// for obstacle in &plan.obstacles {
    ///     eprintln!("{obstacle}");
    /// }
    /// if plan.obstacles.is_empty() {
    ///     let restored = client.while_disabled(None, async |client| client.carry_out(&plan, |_| {}).await).await?;
    ///     println!("{} users, {} fingerprints", restored.users, restored.fingers);
    /// }
    /// client.exit().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn plan_restore(&mut self, backup: &Backup, options: &RestoreOptions) -> Result<Plan, UserError> {
        let here = self.here(backup, options).await?;
        let plan = Plan::new(backup, &here, self.options.encoding, options);
        self.with_room(plan).await
    }

    /// The plan with the obstacles of a terminal that has too little room.
    async fn with_room(&mut self, plan: Plan) -> Result<Plan, UserError> {
        let sizes = self.free_sizes().await;
        let sizes = self.told(sizes.map(Some)).await?;
        Ok(match sizes {
            Some(sizes) => plan.within(&sizes),
            None => plan,
        })
    }

    /// The users and fingerprints of this terminal, as far as the plan needs them, with a layout in any case.
    pub(super) async fn here(&mut self, backup: &Backup, options: &RestoreOptions) -> Result<Backup, UserError> {
        let users = self.edit_users().await?;
        let (layout, users) = (Some(users.layout()), users.all().to_vec());
        if !options.fingers || backup.fingers.is_empty() {
            return Ok(Backup { layout, users, ..Backup::default() });
        }
        let algorithm = self.option("~ZKFPVersion").await?;
        Ok(Backup { layout, users, algorithm, fingers: self.fingerprints().await? })
    }
}
