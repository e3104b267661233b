//! The credentials of a connection, and the meaning of their failure.

use std::path::PathBuf;
use std::sync::Arc;

use attendance_model::{SinkError, SinkErrorKind};
use gcloud_sdk::error::{Error, ErrorKind};
use gcloud_sdk::google_cloud_auth::credentials::anonymous;
use gcloud_sdk::{GCP_DEFAULT_SCOPES, GoogleAuthHeaders};

use crate::cause::{Cause, is_certificate};
use crate::credentials::{DOWNLOAD, ServiceAccountKey};
use crate::endpoint::Endpoint;
use crate::error::of_kind;

/// A key, or without one the application default credentials. An emulator needs neither.
#[derive(Debug)]
pub(crate) struct CredentialsSource(pub(crate) Option<ServiceAccountKey>);

impl CredentialsSource {
    /// Credentials that are valid now: those that are known, or new ones.
    pub(crate) async fn headers(
        &self,
        endpoint: &Endpoint,
        known: Option<Arc<GoogleAuthHeaders>>,
    ) -> Result<Arc<GoogleAuthHeaders>, Error> {
        let headers = match (known, &self.0) {
            (Some(headers), _) => headers,
            (None, _) if endpoint.is_emulator() => Arc::new(GoogleAuthHeaders::from(anonymous::Builder::new().build())),
            (None, Some(key)) => {
                let scopes = GCP_DEFAULT_SCOPES.clone();
                Arc::new(GoogleAuthHeaders::from_service_account_key(key.json().clone(), scopes).await?)
            }
            (None, None) => Arc::new(GoogleAuthHeaders::from_adc().await?),
        };
        // Requested here, so that its failure is not mistaken for one of the request; the middleware finds it in the
        // cache.
        headers.headers().await?;
        Ok(headers)
    }

    /// Returns true if nothing on this host names credentials.
    pub(crate) fn is_nowhere(&self, endpoint: &Endpoint) -> bool {
        self.0.is_none() && !endpoint.is_emulator() && adc_file().is_none()
    }

    /// The error for credentials that could not be had.
    pub(crate) fn failure(&self, endpoint: &Endpoint, cause: Error) -> SinkError {
        let (cause, target) = (cause.into_kind(), endpoint.target());
        let error = match (&self.0, &cause) {
            // The metadata server of Google's own machines did not answer. Elsewhere it never does: a retry is no use,
            // and its error helps nobody.
            (None, ErrorKind::Credentials(_)) if self.is_nowhere(endpoint) => return no_credentials(endpoint),
            (_, ErrorKind::Credentials(cause)) if is_certificate(cause) => {
                let what = format!("no trust in the certificate of Google's token service, for {target}");
                of_kind(endpoint, SinkErrorKind::Certificate, what)
            }
            (_, ErrorKind::Credentials(cause)) if cause.is_transient() => {
                let what = format!("cannot reach Google's token service for {target}");
                of_kind(endpoint, SinkErrorKind::Unreachable, what)
            }
            (Some(key), _) => {
                let what = format!("{} does not sign for {target}", key.origin());
                SinkError::new(SinkErrorKind::Credentials, what).hint(DOWNLOAD)
            }
            (None, _) => {
                let what = format!("the application default credentials do not serve for {target}");
                SinkError::new(SinkErrorKind::Credentials, what).hint(
                    "correct GOOGLE_APPLICATION_CREDENTIALS, or renew them (gcloud auth application-default login), or \
                     set `credentials` of this sink to a service-account key file",
                )
            }
        };
        error.because(match &cause {
            ErrorKind::Credentials(cause) => Cause::of(cause),
            ErrorKind::CredentialsBuild(cause) => Cause::of(cause),
            _ => Cause::of(&Error::from(cause)),
        })
    }
}

/// The error for a host on which nothing names credentials.
pub(crate) fn no_credentials(endpoint: &Endpoint) -> SinkError {
    let what = format!("no Google credentials found for {}", endpoint.target());
    SinkError::new(SinkErrorKind::Credentials, what).hint(
        "set `credentials` of this sink to a service-account key file, or GOOGLE_APPLICATION_CREDENTIALS to its path; \
         for an emulator set `emulator` or FIRESTORE_EMULATOR_HOST",
    )
}

/// The file of application default credentials, if there is one.
fn adc_file() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some(PathBuf::from(named));
    }
    let base = match std::env::var_os("APPDATA") {
        Some(roaming) if cfg!(windows) => PathBuf::from(roaming),
        _ => PathBuf::from(std::env::var_os("HOME")?).join(".config"),
    };
    Some(base.join("gcloud").join("application_default_credentials.json")).filter(|path| path.exists())
}
