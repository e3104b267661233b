//! Deleting users and fingerprints that were read, and reading back what is left.

use std::collections::BTreeSet;
use std::vec::Vec;

use crate::Uid;
use crate::client::Client;
use crate::client::users::{UserError, is_same};
use crate::record::{FingerTemplate, User};

impl Client {
    /// Deletes users as they were read, with their templates, and reads the table back. `on_step` sees how many are
    /// deleted, after each of them. It is best to disable the terminal meanwhile ([`Client::while_disabled`]).
    ///
    /// # Errors
    /// [`UserError::Outdated`] if a user was changed or deleted since: then nothing was deleted. Otherwise why deleting
    /// failed, or [`UserError::NotKept`] if a user is still there.
    pub async fn remove_users(&mut self, users: &[User], mut on_step: impl FnMut(usize)) -> Result<(), UserError> {
        let mut table = self.edit_users().await?;
        let is_there = |user: &User| table.by_uid(user.uid).is_some_and(|here| is_same(here, user));
        if let Some(user) = users.iter().find(|user| !is_there(user)) {
            return Err(UserError::Outdated { user_id: user.user_id.clone() });
        }
        for (before, user) in users.iter().enumerate() {
            table.delete(user.uid).await?;
            on_step(before + 1);
        }
        table.verify().await?;
        table.finish().await
    }

    /// Deletes fingerprints as they were read, and reads all of them back. `on_step` sees how many are deleted, after
    /// each of them.
    ///
    /// Some firmware takes the deletion of finger 0 for that of all the user's fingers. The others are written again
    /// then.
    ///
    /// # Errors
    /// [`UserError::FingerChanged`] if a fingerprint was changed or deleted since: then nothing was deleted. Otherwise
    /// why deleting failed, or what the terminal did not do.
    pub async fn remove_fingerprints(
        &mut self,
        fingers: &[FingerTemplate],
        mut on_step: impl FnMut(usize),
    ) -> Result<(), UserError> {
        let here = self.fingerprints().await?;
        if let Some(FingerTemplate { uid, finger, .. }) = fingers.iter().find(|finger| !here.contains(finger)) {
            return Err(UserError::FingerChanged { uid: *uid, finger: *finger });
        }
        let place = |finger: &FingerTemplate| (finger.uid, finger.finger);
        let to_go: BTreeSet<(Uid, u8)> = fingers.iter().map(place).collect();
        for (before, FingerTemplate { uid, finger, .. }) in fingers.iter().enumerate() {
            self.delete_finger(*uid, *finger).await?;
            on_step(before + 1);
        }
        let expected: Vec<&FingerTemplate> = here.iter().filter(|finger| !to_go.contains(&place(finger))).collect();
        self.refresh().await?;
        let left = self.fingerprints().await?;
        let lost: Vec<&&FingerTemplate> = expected.iter().filter(|finger| !left.contains(finger)).collect();
        for finger in &lost {
            self.put_fingerprint(finger).await?;
        }
        let left = match lost.is_empty() {
            true => left,
            false => {
                self.refresh().await?;
                self.fingerprints().await?
            }
        };
        if let Some(finger) = expected.iter().find(|finger| !left.contains(finger)) {
            return Err(UserError::FingerNotKept { uid: finger.uid, finger: finger.finger });
        }
        match left.iter().map(place).find(|place| to_go.contains(place)) {
            Some((uid, finger)) => Err(UserError::FingerNotDeleted { uid, finger }),
            None => Ok(()),
        }
    }
}
