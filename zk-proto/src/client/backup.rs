//! Copying users and fingerprints from one terminal to another.

use std::string::String;
use std::vec::Vec;

use super::Client;
use super::obstacle::Obstacle;
use super::restore::{Plan, RestoreOptions, Restored};
use super::users::UserError;
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
    /// [`Client::plan_restore`] shows the difference first, and can write to another model.
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
        let options = RestoreOptions::default().encoding(self.options.encoding).move_slots(false);
        let here = self.here(backup, &options).await?;
        let plan = Plan::new(backup, &here, self.options.encoding, &options);
        let algorithm = plan.obstacles.iter().find(|obstacle| matches!(obstacle, Obstacle::Algorithm { .. }));
        if let Some(algorithm) = algorithm {
            return Err(algorithm.clone().into());
        }
        if let Some(there) = backup.layout.filter(|there| *there != plan.layout) {
            return Err(UserError::Layout { there, here: plan.layout });
        }
        self.carry_out(&plan, |_| {}).await
    }
}
