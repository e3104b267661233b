//! A failure as the sink's error: its message, and its hint for the user.

use std::error::Error;

use attendance_model::{SinkError, SinkErrorKind};
use gcloud_sdk::tonic::{Code, Status};

use crate::cause::Cause;
use crate::endpoint::Endpoint;
use crate::status::{delay_of_status, kind_of, said};

/// The error for a status of a whole request, or of one write that stands for all.
pub(crate) fn from_status(endpoint: &Endpoint, status: Status) -> SinkError {
    let kind = kind_of(&status);
    let what = format!("{} {}", what(kind), endpoint.target());
    let mut error = SinkError::new(kind, what).hint(hint(endpoint, kind, status.code()));
    error.retry_after = delay_of_status(&status);
    error.because(Cause::below(said(&status), status.source()))
}

/// An error without a status, with the hint of its kind.
pub(crate) fn of_kind(endpoint: &Endpoint, kind: SinkErrorKind, what: String) -> SinkError {
    SinkError::new(kind, what).hint(hint(endpoint, kind, Code::Unknown))
}

fn what(kind: SinkErrorKind) -> &'static str {
    match kind {
        SinkErrorKind::Unreachable => "cannot reach",
        SinkErrorKind::TimedOut => "no answer in time from",
        SinkErrorKind::Busy => "too busy at the moment:",
        SinkErrorKind::Certificate => "no trust in the certificate that was shown for",
        SinkErrorKind::Credentials => "the credentials were not accepted by",
        SinkErrorKind::Rights => "no right to write to",
        SinkErrorKind::Missing => "no such project or database:",
        SinkErrorKind::Schema => "not a database that can be written to:",
        _ => "the request was refused by",
    }
}

/// The hint for an error of this kind; `code` tells a used-up quota from a temporary failure.
fn hint(endpoint: &Endpoint, kind: SinkErrorKind, code: Code) -> String {
    let project = endpoint.project();
    match kind {
        SinkErrorKind::Unreachable | SinkErrorKind::TimedOut if endpoint.is_emulator() => {
            "start the Firestore emulator there, or unset the setting `emulator` (or FIRESTORE_EMULATOR_HOST) to write \
             to the real service"
                .to_owned()
        }
        SinkErrorKind::Unreachable => {
            "check that this host has a network, resolves names, and may open connections to port 443".to_owned()
        }
        SinkErrorKind::TimedOut => "check the network; on a slow line raise the setting `timeout`".to_owned(),
        SinkErrorKind::Busy if code == Code::ResourceExhausted => {
            "the daily quota may be used up: the free tier allows 20,000 writes a day and starts again at midnight, \
             Pacific time"
                .to_owned()
        }
        SinkErrorKind::Busy => "nothing needs to be done at first: it is tried again".to_owned(),
        SinkErrorKind::Certificate => {
            "set this host's clock right; where a proxy or a virus scanner opens TLS connections, let it leave \
             *.googleapis.com alone"
                .to_owned()
        }
        SinkErrorKind::Credentials => {
            "check that this host's clock is right and that the key was not deleted (Google Cloud console, IAM, \
             Service accounts, Keys)"
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
        _ => "this is a fault of the program: report it, with the cause".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint::new("my-project", "logs").unwrap()
    }

    #[test]
    fn a_wait_that_the_service_asks_for_goes_on_to_the_caller() {
        let asking = crate::status::tests::asking(Code::ResourceExhausted, 90);
        let error = from_status(&endpoint(), asking);
        assert_eq!((error.kind, error.retry_after), (SinkErrorKind::Busy, Some(std::time::Duration::from_secs(90))));
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_permanent_and_its_hint_names_the_clock() {
        let expired = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let error = from_status(&endpoint(), Status::from_error(std::io::Error::other(expired).into()));
        assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Certificate, false));
        assert!(error.hint.unwrap().contains("clock right"));
    }

    #[test]
    fn each_failure_has_a_message_and_a_hint_of_its_own() {
        let codes = [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::NotFound,
            Code::FailedPrecondition,
            Code::InvalidArgument,
        ];
        let said: HashSet<_> = codes.map(|code| from_status(&endpoint(), Status::new(code, "")).to_string()).into();
        let hints: HashSet<_> = codes.map(|code| from_status(&endpoint(), Status::new(code, "")).hint.unwrap()).into();
        assert_eq!((said.len(), hints.len()), (codes.len(), codes.len()), "{said:?} {hints:?}");
        assert!(said.iter().all(|said| said.ends_with("firestore://my-project/logs")), "{said:?}");
    }

    #[test]
    fn a_user_is_told_what_to_do() {
        for (code, hint) in [
            (Code::Unauthenticated, "clock is right"),
            (Code::PermissionDenied, "roles/datastore.user) in project my-project"),
            (Code::NotFound, "create a Firestore database in native mode in project my-project"),
            (Code::ResourceExhausted, "midnight, Pacific time"),
            (Code::FailedPrecondition, "not in Datastore mode"),
            (Code::DeadlineExceeded, "raise the setting `timeout`"),
        ] {
            let error = from_status(&endpoint(), Status::new(code, ""));
            assert!(error.hint.as_ref().is_some_and(|said| said.contains(hint)), "{code:?}: {:?}", error.hint);
        }
    }
}
