//! Fingerprints, faces and photos: reading, and writing through the terminal's upload buffer.

use std::vec::Vec;

use bytes::{Bytes, BytesMut};

use super::users::UserError;
use super::{Client, ClientError, Step};
use crate::op::{DeleteTemplate, ReadFace, ReadTemplate, ReadUserPhoto, RefreshData, WriteTemplate};
use crate::record::{FaceSet, FingerTemplate, TemplateSet, UserLayout};
use crate::session::{Enrolled, Event, Upload};
use crate::{Command, Dataset, Uid, UserId};

/// How often an inconsistent table of fingerprints is read.
const READINGS: u32 = 2;

impl Client {
    /// Reads all fingerprints, byte for byte, and checks that the table is consistent: its entries from end to end, and
    /// the content of each. An inconsistent table is read once more on a new session.
    ///
    /// # Errors
    /// [`UserError::Templates`] for an inconsistent table; otherwise why it could not be read.
    ///
    /// # Example
    /// ```no_run
    /// use zk_proto::{Client, ConnectOptions};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
    /// for finger in client.fingerprints().await? {
    ///     println!("slot {}, finger {}: {} bytes", finger.uid.0, finger.finger, finger.template.len());
    /// }
    /// client.exit().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fingerprints(&mut self) -> Result<Vec<FingerTemplate>, UserError> {
        for reading in 1.. {
            let set = self.whole_set(Dataset::Templates).await?;
            if let Some(templates) = whole_templates(&set) {
                return Ok(templates);
            }
            if reading == READINGS {
                break;
            }
            self.reconnect().await?;
        }
        Err(UserError::Templates)
    }

    /// Reads one fingerprint; `None` when there is none. Its end is guessed, see
    /// [`PaddedTemplate`](crate::op::PaddedTemplate); [`Client::fingerprints`] has the exact bytes.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn fingerprint(&mut self, uid: Uid, finger: u8) -> Result<Option<Bytes>, ClientError> {
        Ok(self.call(&ReadTemplate { uid, finger }).await?.map(|padded| padded.trimmed()))
    }

    /// Writes one fingerprint and replaces the old one of that finger. The user must exist. The terminal accepts
    /// templates of another algorithm version (option `~ZKFPVersion`), but they match nobody.
    ///
    /// Firmware that cannot commit an upload (65535) gets the template directly.
    ///
    /// # Errors
    /// As [`Client::upload`].
    pub async fn write_fingerprint(&mut self, template: &FingerTemplate) -> Result<(), ClientError> {
        self.stale = true;
        // Some firmware takes finger 0 for all fingers, and refuses to delete a missing template. So only an existing
        // one is deleted.
        if self.call(&ReadTemplate { uid: template.uid, finger: template.finger }).await?.is_some() {
            self.call(&DeleteTemplate { uid: template.uid, finger: template.finger }).await?;
        }
        self.put_fingerprint(template).await
    }

    /// Writes a fingerprint for a finger that has none.
    pub(super) async fn put_fingerprint(&mut self, template: &FingerTemplate) -> Result<(), ClientError> {
        let step = Step::Command(Command::TMP_WRITE);
        let upload = Upload::finger(template).map_err(|error| ClientError::from_proto(step, error))?;
        match self.upload(&upload).await {
            Err(ClientError::Refused { code: Command::ACK_UNKNOWN, .. }) => {
                let write = WriteTemplate::new(template).map_err(|error| ClientError::from_proto(step, error))?;
                self.call(&write).await
            }
            uploaded => uploaded.map(drop),
        }
    }

    /// Writes users with their fingerprints in one go. Existing users are overwritten.
    ///
    /// # Errors
    /// As [`Client::upload`]; also when a field does not fit the layout.
    pub async fn upload_users(&mut self, layout: UserLayout, enrolled: &[Enrolled]) -> Result<(), UserError> {
        let upload = Upload::users(layout, enrolled)?;
        self.upload(&upload).await?;
        Ok(())
    }

    /// Fills the terminal's upload buffer, commits it and frees it. Returns the terminal's checksum of the buffer, if
    /// it was requested.
    ///
    /// The terminal applies written data after [`RefreshData`], which [`Client::refresh`] sends, or else
    /// [`Client::exit`].
    ///
    /// # Errors
    /// When the terminal refuses a step, does not answer, or the connection breaks. If a commit was not answered, read
    /// the data back to see whether it was done.
    pub async fn upload(&mut self, upload: &Upload) -> Result<Option<u32>, ClientError> {
        self.enter()?;
        (self.holds_buffer, self.stale) = (true, true);
        let now = self.driver.now();
        self.driver.session.upload(now, upload.clone());
        let event = self.driver.next(Step::Command(upload.commit())).await;
        self.settle(&event);
        match event? {
            Event::Uploaded { checksum } => {
                self.holds_buffer = false;
                Ok(checksum)
            }
            _ => Err(ClientError::Unusable),
        }
    }

    /// Makes the terminal apply written data, if there are any.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn refresh(&mut self) -> Result<(), ClientError> {
        if self.stale {
            self.call(&RefreshData).await?;
            self.stale = false;
        }
        Ok(())
    }

    /// Reads the face of a user (one source, classic face terminals); empty when there is none.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn face(&mut self, uid: Uid) -> Result<FaceSet, ClientError> {
        self.call(&ReadFace(uid)).await
    }

    /// Reads the photo of a user, a JPEG file (one source, newer firmware); `None` when there is none.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn user_photo(&mut self, user_id: &UserId) -> Result<Option<Bytes>, ClientError> {
        self.call(&ReadUserPhoto(user_id)).await
    }

    /// Reads a set with its length word into memory, up to the cap for one transfer.
    pub(super) async fn whole_set(&mut self, dataset: Dataset) -> Result<Bytes, ClientError> {
        let prepared = self.prepare(dataset).await?;
        let mut set = BytesMut::new();
        self.read_all(&prepared, |_, bytes| {
            set.extend_from_slice(&bytes);
            Ok::<(), ClientError>(())
        })
        .await?;
        self.free_data().await?;
        Ok(set.freeze())
    }
}

/// The fingerprints of a consistent set. A set that lost bytes is recognized: its entries no longer end where it ends,
/// or name impossible fingers.
fn whole_templates(set: &Bytes) -> Option<Vec<FingerTemplate>> {
    if set.is_empty() {
        return Some(Vec::new());
    }
    let TemplateSet { templates, trailing } = TemplateSet::parse(set.clone()).ok()?;
    let known = |template: &FingerTemplate| {
        template.uid.0 != 0 && template.finger < 10 && template.flag <= 3 && !template.template.is_empty()
    };
    (trailing == 0 && templates.iter().all(known)).then_some(templates)
}
