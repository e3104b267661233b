//! What a status of the service means: for one write, and for the user.

use std::error::Error;

use attendance_model::{Outcome, SinkError, SinkErrorKind};
use gcloud_sdk::google::rpc;
use gcloud_sdk::tonic::{Code, Status};

use crate::endpoint::Endpoint;
use crate::retry::delay_of_status;

/// What one write of a batch came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<T = Outcome> {
    /// It is settled.
    Settled(T),
    /// The same write may succeed in a moment.
    Again,
    /// It says nothing about the event: every write would fare the same.
    Failed,
}

/// Whether the same request, sent again in a moment, may fare better. One whose deadline passed has waited long already.
pub(crate) fn may_pass(code: Code) -> bool {
    matches!(
        code,
        Code::Aborted | Code::ResourceExhausted | Code::Unavailable | Code::Internal | Code::Cancelled | Code::Unknown
    )
}

/// Reads the status of one write that creates a document.
pub(crate) fn verdict(status: &rpc::Status) -> Verdict {
    match Code::from_i32(status.code) {
        Code::Ok => Verdict::Settled(Outcome::Stored),
        Code::AlreadyExists => Verdict::Settled(Outcome::AlreadyStored),
        Code::InvalidArgument | Code::OutOfRange => {
            Verdict::Settled(Outcome::Rejected { reason: status.message.clone() })
        }
        code if may_pass(code) || code == Code::DeadlineExceeded => Verdict::Again,
        _ => Verdict::Failed,
    }
}

/// What a library says of a failure and of the causes below it, in one line that says nothing twice.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Cause(String);

impl Cause {
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        Self::chain(error.to_string(), error.source())
    }

    fn of_status(status: &Status) -> Self {
        let said = match status.message() {
            "" => format!("{:?}", status.code()),
            message => format!("{:?}: {message}", status.code()),
        };
        Self::chain(said, status.source())
    }

    fn chain(mut said: String, mut below: Option<&(dyn Error + 'static)>) -> Self {
        while let Some(error) = below {
            let text = error.to_string();
            if !said.contains(&text) {
                said = format!("{said}: {text}");
            }
            below = error.source();
        }
        Self(said)
    }
}

/// Whether the other side was not who it should be: a certificate that is not trusted, expired, or for another name.
pub(crate) fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
        return true;
    }
    // An I/O error that stands for another one has the other one's cause as its own.
    let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    within.is_some_and(|within| is_certificate(within)) || error.source().is_some_and(is_certificate)
}

/// The error for a status of a whole request, or of one write that stands for all.
pub(crate) fn from_status(endpoint: &Endpoint, status: Status) -> SinkError {
    let kind = kind_of(&status);
    let what = format!("{} {}", what(kind), endpoint.target());
    let error = SinkError {
        hint: Some(hint(endpoint, kind, status.code())),
        retry_after: delay_of_status(&status),
        ..SinkError::new(kind, what)
    };
    error.because(Cause::of_status(&status))
}

/// An error without a status, with the mend of its kind.
pub(crate) fn of_kind(endpoint: &Endpoint, kind: SinkErrorKind, what: String) -> SinkError {
    SinkError { hint: Some(hint(endpoint, kind, Code::Unknown)), ..SinkError::new(kind, what) }
}

fn kind_of(status: &Status) -> SinkErrorKind {
    match status.code() {
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled
            if status.source().is_some_and(is_certificate) =>
        {
            SinkErrorKind::Certificate
        }
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
        SinkErrorKind::Certificate => "no trust in the certificate that was shown for",
        SinkErrorKind::Credentials => "the credentials were not accepted by",
        SinkErrorKind::Rights => "no right to write to",
        SinkErrorKind::Missing => "no such project or database:",
        SinkErrorKind::Schema => "not a database that can be written to:",
        _ => "the request was refused by",
    }
}

/// What to try, for an error of this kind; `code` tells a used-up quota from a passing trouble.
fn hint(endpoint: &Endpoint, kind: SinkErrorKind, code: Code) -> String {
    let project = endpoint.project();
    match kind {
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
        SinkErrorKind::Busy => "nothing needs to be done at first: it is tried again".to_owned(),
        SinkErrorKind::Certificate => {
            "set this host's clock right; where a proxy or a virus scanner opens TLS connections, let it leave \
             *.googleapis.com alone"
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
    fn a_status_decides_whether_the_batch_is_tried_again() {
        for (code, kind) in [
            (Code::Unavailable, SinkErrorKind::Busy),
            (Code::Aborted, SinkErrorKind::Busy),
            (Code::ResourceExhausted, SinkErrorKind::Busy),
            (Code::DeadlineExceeded, SinkErrorKind::TimedOut),
            (Code::Unauthenticated, SinkErrorKind::Credentials),
            (Code::PermissionDenied, SinkErrorKind::Rights),
            (Code::NotFound, SinkErrorKind::Missing),
            (Code::FailedPrecondition, SinkErrorKind::Schema),
            (Code::Unimplemented, SinkErrorKind::Invalid),
        ] {
            assert_eq!(from_status(&endpoint(), Status::new(code, "")).kind, kind, "{code:?}");
        }
    }

    #[test]
    fn a_wait_that_the_service_asks_for_goes_on_to_the_caller() {
        let asking = crate::retry::tests::status(Code::ResourceExhausted, 90);
        let error = from_status(&endpoint(), asking);
        assert_eq!((error.kind, error.retry_after), (SinkErrorKind::Busy, Some(std::time::Duration::from_secs(90))));
    }

    #[test]
    fn a_status_that_the_connection_made_says_that_nothing_was_reached() {
        let broken = std::io::Error::other("connection reset");
        assert_eq!(from_status(&endpoint(), Status::from_error(broken.into())).kind, SinkErrorKind::Unreachable);
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_known_however_deep_it_lies() {
        #[derive(Debug, thiserror::Error)]
        #[error("transport error")]
        struct Outer(#[source] std::io::Error);
        let expired = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let status = Status::from_error(Outer(std::io::Error::other(expired)).into());
        let error = from_status(&endpoint(), status);
        assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Certificate, false));
        assert!(error.hint.unwrap().contains("clock right"));
        let other = rustls::Error::General("handshake".to_owned());
        assert!(!is_certificate(&Outer(std::io::Error::other(other))));
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

    #[test]
    fn a_conflict_is_success_and_an_invalid_write_is_the_event_s_own_fault() {
        let status =
            |code: Code| rpc::Status { code: code as i32, message: "why".to_owned(), ..rpc::Status::default() };
        assert_eq!(verdict(&status(Code::Ok)), Verdict::Settled(Outcome::Stored));
        assert_eq!(verdict(&status(Code::AlreadyExists)), Verdict::Settled(Outcome::AlreadyStored));
        let rejected = Outcome::Rejected { reason: "why".to_owned() };
        assert_eq!(verdict(&status(Code::InvalidArgument)), Verdict::Settled(rejected));
    }

    #[test]
    fn a_cause_says_nothing_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("transport error")]
        struct Outer(#[source] std::io::Error);
        let inner = || std::io::Error::other("transport error");
        assert_eq!(Cause::of(&Outer(inner())).to_string(), "transport error");
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(Cause::of(&Outer(refused)).to_string(), "transport error: connection refused");
    }
}
