//! What a status of the service means: for one write, and for the user.

use std::error::Error;
use std::fmt;

use attendance_model::{Outcome, SinkError, SinkErrorKind};
use gcloud_sdk::google::rpc;
use gcloud_sdk::tonic::{Code, Status};

use crate::endpoint::Endpoint;

/// What one write of a batch came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is settled.
    Settled(Outcome),
    /// The same write may succeed in a moment.
    Again,
    /// It says nothing about the event: every write would fare the same.
    Failed,
}

/// Reads the status of one write.
pub(crate) fn verdict(status: &rpc::Status) -> Verdict {
    match Code::from_i32(status.code) {
        Code::Ok => Verdict::Settled(Outcome::Stored),
        Code::AlreadyExists => Verdict::Settled(Outcome::AlreadyStored),
        Code::InvalidArgument | Code::OutOfRange => {
            Verdict::Settled(Outcome::Rejected { reason: status.message.clone() })
        }
        Code::Aborted
        | Code::ResourceExhausted
        | Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::Cancelled
        | Code::Unknown => Verdict::Again,
        _ => Verdict::Failed,
    }
}

/// A status of the service as the cause of an error, with the causes below it.
#[derive(Debug)]
pub(crate) struct ServiceStatus(pub(crate) Status);

impl fmt::Display for ServiceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.message() {
            "" => write!(f, "{:?}", self.0.code()),
            message => write!(f, "{:?}: {message}", self.0.code()),
        }
    }
}

impl Error for ServiceStatus {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// The error for a status of a whole request, or of one write that stands for all.
pub(crate) fn from_status(endpoint: &Endpoint, status: Status) -> SinkError {
    let kind = kind_of(&status);
    let error = SinkError::new(kind, format!("{} {}", what(kind), endpoint.target()));
    let error = match mend(endpoint, kind, status.code()) {
        Some(mend) => error.mend(mend),
        None => error,
    };
    error.because(ServiceStatus(status))
}

fn kind_of(status: &Status) -> SinkErrorKind {
    match status.code() {
        // A status that the connection made, not the service, has what broke as its source.
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled if status.source().is_some() => {
            SinkErrorKind::Unreachable
        }
        Code::Unavailable
        | Code::Unknown
        | Code::Internal
        | Code::Cancelled
        | Code::Aborted
        | Code::ResourceExhausted => SinkErrorKind::Busy,
        Code::DeadlineExceeded => SinkErrorKind::TimedOut,
        Code::Unauthenticated => SinkErrorKind::Credentials,
        Code::PermissionDenied => SinkErrorKind::Rights,
        Code::NotFound => SinkErrorKind::Missing,
        Code::FailedPrecondition => SinkErrorKind::Schema,
        _ => SinkErrorKind::Invalid,
    }
}

fn what(kind: SinkErrorKind) -> &'static str {
    match kind {
        SinkErrorKind::Unreachable => "cannot reach",
        SinkErrorKind::TimedOut => "no answer in time from",
        SinkErrorKind::Busy => "too busy at the moment:",
        SinkErrorKind::Credentials => "the credentials were not accepted by",
        SinkErrorKind::Rights => "no right to write to",
        SinkErrorKind::Missing => "no such project or database:",
        SinkErrorKind::Schema => "not a database that can be written to:",
        _ => "the request was refused by",
    }
}

/// What to try, for an error of this kind; `code` tells a used-up quota from a passing trouble.
pub(crate) fn mend(endpoint: &Endpoint, kind: SinkErrorKind, code: Code) -> Option<String> {
    let project = endpoint.project();
    Some(match kind {
        SinkErrorKind::Unreachable | SinkErrorKind::TimedOut if endpoint.is_emulator() => {
            "start the Firestore emulator there, or unset FIRESTORE_EMULATOR_HOST (and the setting `emulator`) to write \
             to the real service"
                .to_owned()
        }
        SinkErrorKind::Unreachable => {
            "check that this host has a network, resolves names, and may open connections to port 443".to_owned()
        }
        SinkErrorKind::TimedOut => "check the network; on a slow line raise the setting `timeout`".to_owned(),
        SinkErrorKind::Busy if code == Code::ResourceExhausted => {
            "the daily quota may be used up: the free tier allows 20,000 writes a day and begins anew at midnight, \
             Pacific time"
                .to_owned()
        }
        SinkErrorKind::Credentials => {
            "check that this host's clock is right and that the key was not deleted (Google Cloud console, IAM, Service \
             accounts, Keys)"
                .to_owned()
        }
        SinkErrorKind::Rights => format!(
            "give the account the role Cloud Datastore User (roles/datastore.user) in project {project}, and see that \
             the Cloud Firestore API is enabled there"
        ),
        SinkErrorKind::Missing => format!(
            "create a Firestore database in native mode in project {project}, or correct the project in the URL or the \
             setting `database`"
        ),
        SinkErrorKind::Schema => {
            format!("project {project} needs a Firestore database in native mode, not in Datastore mode")
        }
        _ => return None,
    })
}
