//! Writing what a plan names, and reading it back.

use super::{Change, Plan};
use crate::client::Client;
use crate::client::users::{UserError, is_same};
use crate::record::User;

/// The result of a restore, or how far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Users that were written; the others were there already.
    pub users: usize,
    /// Fingerprints that were written; the others were there already.
    pub fingers: usize,
}

impl Client {
    /// Writes the users and fingerprints that are added or changed by a plan, then reads everything back to verify it.
    /// `on_step` sees how many are written, after each of them. It is best to disable the terminal meanwhile
    /// ([`Client::while_disabled`]).
    ///
    /// If it ends half-way, make a new plan and carry that out: it names what is still missing.
    ///
    /// # Errors
    /// The first obstacle of the plan; [`UserError::Outdated`] if a user was changed since the plan was made. In both
    /// cases nothing was written. Otherwise why writing failed, or what the terminal did not keep.
    pub async fn carry_out(&mut self, plan: &Plan, mut on_step: impl FnMut(Restored)) -> Result<Restored, UserError> {
        if let Some(obstacle) = plan.obstacles.first() {
            return Err(obstacle.clone().into());
        }
        let mut restored = Restored::default();
        self.put_users(plan, &mut restored, &mut on_step).await?;
        self.put_fingers(plan, &mut restored, &mut on_step).await?;
        self.refresh().await?;
        Ok(restored)
    }

    async fn put_users(
        &mut self,
        plan: &Plan,
        restored: &mut Restored,
        on_step: &mut impl FnMut(Restored),
    ) -> Result<(), UserError> {
        let to_write = || plan.users.iter().filter(|planned| planned.change != Change::Unchanged);
        if to_write().next().is_none() {
            return Ok(());
        }
        let mut users = self.edit_users().await?;
        for planned in to_write() {
            let here: Option<&User> = users.by_uid(planned.user.uid);
            let as_planned = match (here, &planned.before) {
                (None, None) => users.by_user_id(planned.user.user_id.as_str()).is_none(),
                (Some(here), Some(before)) => is_same(here, before),
                _ => false,
            };
            if !as_planned || users.layout() != plan.layout {
                return Err(UserError::Outdated { user_id: planned.user.user_id.clone() });
            }
        }
        for planned in to_write() {
            users.put(planned.user.clone()).await?;
            restored.users += 1;
            on_step(*restored);
        }
        users.verify().await
    }
}
