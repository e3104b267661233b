//! Copying users and fingerprints from one terminal to another.

use std::string::String;
use std::vec::Vec;

use super::Client;
use super::users::UserError;
use crate::Uid;
use crate::op::DeleteTemplate;
use crate::record::{FingerTemplate, User, UserLayout};

/// The users and fingerprints of a terminal, byte for byte. Made by [`Client::backup`].
///
/// It contains people's passwords and fingerprints: store it accordingly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    /// The layout of the user records; `None` when there are no users.
    pub layout: Option<UserLayout>,
    /// The users, with their raw records. Vacant rows are left out.
    pub users: Vec<User>,
    /// The algorithm version of the fingerprints (option `~ZKFPVersion`), if the terminal reports it. Versions do not
    /// mix.
    pub algorithm: Option<String>,
    /// The fingerprints.
    pub fingers: Vec<FingerTemplate>,
}

/// The result of [`Client::restore`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Users that were written; the others were there already.
    pub users: usize,
    /// Fingerprints that were written; the others were there already.
    pub fingers: usize,
}

impl Client {
    /// Reads all users, with proof, and all fingerprints.
    ///
    /// # Errors
    /// As [`Client::user_table`] and [`Client::fingerprints`].
    pub async fn backup(&mut self) -> Result<Backup, UserError> {
        let table = self.user_table().await?;
        let algorithm = self.option("~ZKFPVersion").await?;
        let fingers = self.fingerprints().await?;
        Ok(Backup { layout: table.layout(), users: table.users().to_vec(), algorithm, fingers })
    }

    /// Writes the users and fingerprints of a backup, then reads everything again to verify it. Other users of the
    /// terminal stay.
    ///
    /// Nothing is written when the records have another layout, the fingerprints another algorithm, or a slot or an id
    /// of the backup belongs to another user here. An interrupted restore can be repeated: it writes what is missing.
    ///
    /// # Errors
    /// The first such conflict, or why reading or writing failed.
    ///
    /// # Example
    /// ```no_run
    /// use std::time::Duration;
    /// use zk_proto::{Client, ConnectOptions};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut old = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
    /// let backup = old.backup().await?;
    /// old.exit().await;
    ///
    /// let mut new = Client::connect(&ConnectOptions::new("192.0.2.11")).await?;
    /// let net = Some(Duration::from_secs(600));
    /// let restored = new.while_disabled(net, async |new| new.restore(&backup).await).await?;
    /// println!("{} users, {} fingerprints", restored.users, restored.fingers);
    /// new.exit().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn restore(&mut self, backup: &Backup) -> Result<Restored, UserError> {
        let here = self.option("~ZKFPVersion").await?;
        if let (Some(there), Some(here), false) = (&backup.algorithm, here, backup.fingers.is_empty()) {
            if *there != here {
                return Err(UserError::Algorithm { there: there.clone(), here });
            }
        }
        let mut users = self.edit_users().await?;
        if let Some(there) = backup.layout.filter(|there| *there != users.layout()) {
            return Err(UserError::Layout { there, here: users.layout() });
        }
        for user in &backup.users {
            if users.by_uid(user.uid).is_some_and(|other| other.user_id != user.user_id) {
                return Err(UserError::UidTaken { uid: user.uid });
            }
            if let Some(other) = users.by_user_id(user.user_id.as_str()).filter(|other| other.uid != user.uid) {
                return Err(UserError::UserIdTaken { user_id: user.user_id.clone(), uid: other.uid });
            }
        }
        let mut restored = Restored::default();
        for user in &backup.users {
            if users.by_uid(user.uid).is_none_or(|here| here.raw != user.raw) {
                users.put(user.clone()).await?;
                restored.users += 1;
            }
        }
        users.verify().await?;
        restored.fingers = self.restore_fingers(&backup.fingers).await?;
        self.refresh().await?;
        Ok(restored)
    }

    async fn restore_fingers(&mut self, fingers: &[FingerTemplate]) -> Result<usize, UserError> {
        let there = self.fingerprints().await?;
        let mut written = 0;
        for finger in fingers {
            match there.iter().find(|other| is_same_finger(other, finger)) {
                Some(other) if other == finger => continue,
                Some(_) => self.call(&DeleteTemplate { uid: finger.uid, finger: finger.finger }).await?,
                None => {}
            }
            self.put_fingerprint(finger).await?;
            written += 1;
        }
        if written > 0 {
            self.refresh().await?;
            let there = self.fingerprints().await?;
            if let Some(lost) = fingers.iter().find(|finger| !there.contains(finger)) {
                return Err(UserError::FingerNotKept { uid: lost.uid, finger: lost.finger });
            }
        }
        Ok(written)
    }
}

fn is_same_finger(one: &FingerTemplate, other: &FingerTemplate) -> bool {
    let whose = |template: &FingerTemplate| -> (Uid, u8) { (template.uid, template.finger) };
    whose(one) == whose(other)
}
