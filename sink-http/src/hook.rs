//! One message to an address, such as an alert: with the same settings, the same signature and the same errors.

use attendance_model::{OptionsError, SinkError, SinkErrorKind};
use reqwest::Method;

use crate::HttpOptions;
use crate::client::Client;
use crate::error::Doing;
use crate::signature::headers;
use crate::sink::WORDS;

/// An address that gets messages. It stores nothing, and nobody asks it anything.
#[derive(Clone, Debug)]
pub struct Hook(HttpOptions);

impl Hook {
    /// For a URL and its settings. Contacts nothing.
    ///
    /// # Errors
    /// [`OptionsError`] if the file of `tls_ca` cannot be used.
    pub fn open(options: HttpOptions) -> Result<Self, OptionsError> {
        let hook = Self(options);
        hook.client()?;
        Ok(hook)
    }

    /// Posts JSON under an id, by which the receiver knows a repetition.
    ///
    /// # Errors
    /// [`SinkError`], without the path of the address: with many receivers, that is the secret. Then the message may
    /// have arrived or not.
    pub async fn send(&self, id: &str, json: Vec<u8>) -> Result<(), SinkError> {
        let unusable =
            |error: OptionsError| SinkError::new(SinkErrorKind::Invalid, error.to_string()).hint("check its settings");
        let client = self.client().map_err(unusable)?;
        let headers = headers(&self.0, id, &json);
        let answer = client.send(Doing::Tell, (Method::POST, &self.0.url), headers, json).await?;
        if answer.status.is_success() { Ok(()) } else { Err(client.receiver.refusal(Doing::Tell, &answer)) }
    }

    /// A client for one message: it may go out on another runtime than the one before.
    fn client(&self) -> Result<Client, OptionsError> {
        Client::open(self.0.origin(), &self.0.line, &WORDS)
    }
}
