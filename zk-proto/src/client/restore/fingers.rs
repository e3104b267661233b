//! Writing the fingerprints of a plan.

use std::collections::BTreeMap;
use std::vec::Vec;

use super::{Change, Plan, Restored};
use crate::Uid;
use crate::client::users::UserError;
use crate::client::{Client, ClientError};
use crate::op::DeleteTemplate;
use crate::record::FingerTemplate;

/// How often fingerprints are written that the terminal does not have afterwards.
const ROUNDS: u32 = 2;

impl Client {
    /// Writes the fingerprints that are added or changed, and reads all of them back.
    ///
    /// Some firmware takes the deletion of finger 0 for that of all the user's fingers. So what a user had before is
    /// expected afterwards too, and written again if it is gone.
    pub(super) async fn put_fingers(
        &mut self,
        plan: &Plan,
        restored: &mut Restored,
        on_step: &mut impl FnMut(Restored),
    ) -> Result<(), UserError> {
        let to_write = || plan.fingers.iter().filter(|planned| planned.change != Change::Unchanged);
        let owners: Vec<Uid> = to_write().map(|planned| planned.template.uid).collect();
        if owners.is_empty() {
            return Ok(());
        }
        // Sorted: the plan is.
        let of_them = |finger: &&FingerTemplate| owners.binary_search(&finger.uid).is_ok();
        let here = plan.fingers_here.iter().filter(of_them);
        let planned = plan.fingers.iter().map(|planned| &planned.template).filter(of_them);
        let expected: BTreeMap<(Uid, u8), &FingerTemplate> =
            here.chain(planned).map(|finger| ((finger.uid, finger.finger), finger)).collect();
        for planned in to_write() {
            let FingerTemplate { uid, finger, .. } = planned.template;
            if planned.change == Change::Changed {
                self.delete_finger(uid, finger).await?;
            }
            self.put_fingerprint(&planned.template).await?;
            restored.fingers += 1;
            on_step(*restored);
        }
        for round in 1.. {
            self.refresh().await?;
            let there = self.fingerprints().await?;
            let there: BTreeMap<(Uid, u8), &FingerTemplate> =
                there.iter().map(|finger| ((finger.uid, finger.finger), finger)).collect();
            let lost: Vec<_> = expected.iter().filter(|(whose, finger)| there.get(whose) != Some(finger)).collect();
            let Some(((uid, finger), _)) = lost.first() else { break };
            if round == ROUNDS {
                return Err(UserError::FingerNotKept { uid: *uid, finger: *finger });
            }
            for ((uid, finger), template) in lost {
                if there.contains_key(&(*uid, *finger)) {
                    self.delete_finger(*uid, *finger).await?;
                }
                self.put_fingerprint(template).await?;
            }
        }
        Ok(())
    }

    /// Deletes a fingerprint that may be gone already, which a terminal refuses.
    pub(super) async fn delete_finger(&mut self, uid: Uid, finger: u8) -> Result<(), ClientError> {
        self.stale = true;
        match self.call(&DeleteTemplate { uid, finger }).await {
            Err(ClientError::Refused { .. }) => Ok(()),
            deleted => deleted,
        }
    }
}
