//! One message to an address, such as an alert: with the same settings, the same signature and the same errors.

use attendance_model::{OptionsError, SinkError, SinkErrorKind};

use crate::HttpOptions;
use crate::client::{client, post};
use crate::error::{Doing, from_answer};

/// An address that gets messages. It stores nothing, and nobody asks it anything.
#[derive(Clone, Debug)]
pub struct Hook(HttpOptions);

impl Hook {
    /// For a URL and its settings. Contacts nothing.
    #[must_use]
    pub fn new(options: HttpOptions) -> Self {
        Self(options)
    }

    /// Posts JSON under an id, by which the receiver knows a repetition.
    ///
    /// # Errors
    /// [`SinkError`], without the path of the address: with many receivers, that is the secret. Then the message may
    /// have arrived or not.
    pub async fn send(&self, id: &str, json: Vec<u8>) -> Result<(), SinkError> {
        let unusable =
            |error: OptionsError| SinkError::new(SinkErrorKind::Invalid, error.to_string()).hint("check its settings");
        let client = client(&self.0).map_err(unusable)?;
        let answer = post(&client, &self.0, Doing::Tell, (&self.0.url, id), json).await?;
        if answer.status.is_success() { Ok(()) } else { Err(from_answer(Doing::Tell, &self.0, &answer)) }
    }
}
