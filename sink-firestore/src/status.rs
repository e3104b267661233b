//! The meaning of a gRPC status: for one write, for a whole request, and for how long to wait. It is decided here
//! alone.

use std::error::Error;
use std::time::Duration;

use attendance_model::{Outcome, SinkError, SinkErrorKind};
use gcloud_sdk::google::rpc;
use gcloud_sdk::prost::Message;
use gcloud_sdk::tonic::{Code, Status};

use crate::cause::is_certificate;

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// The failure of a whole request or batch.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The service said so, or the connection in its stead.
    Status(Status),
    /// It was not sent, or not answered.
    Sink(SinkError),
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

/// The meaning of one write's status.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<T = Outcome> {
    /// It is settled.
    Settled(T),
    /// The same write may succeed in a moment.
    Again,
    /// It says nothing about the event: every write would fare the same.
    Failed,
}

/// Returns true if the same request may succeed in a moment. One whose deadline passed has waited long already.
pub(crate) fn may_pass(code: Code) -> bool {
    matches!(
        code,
        Code::Aborted | Code::ResourceExhausted | Code::Unavailable | Code::Internal | Code::Cancelled | Code::Unknown
    )
}

/// The verdict on a write that creates a document.
pub(crate) fn verdict(status: &rpc::Status) -> Verdict {
    match Code::from_i32(status.code) {
        Code::Ok => Verdict::Settled(Outcome::Stored),
        Code::AlreadyExists => Verdict::Settled(Outcome::AlreadyStored),
        Code::InvalidArgument | Code::OutOfRange => {
            Verdict::Settled(Outcome::Rejected { reason: status.message.clone() })
        }
        code => unsettled(code),
    }
}

/// The verdict on a write of any kind whose status settles nothing.
pub(crate) fn unsettled<T>(code: Code) -> Verdict<T> {
    if may_pass(code) || code == Code::DeadlineExceeded { Verdict::Again } else { Verdict::Failed }
}

/// Returns true if the channel may be broken, so that the next request needs a new one.
pub(crate) fn breaks_channel(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled | Code::DeadlineExceeded)
}

/// The kind of error that a request's status is.
pub(crate) fn kind_of(status: &Status) -> SinkErrorKind {
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

/// The code and the message of a status.
pub(crate) fn said(status: &Status) -> String {
    match status.message() {
        "" => format!("{:?}", status.code()),
        message => format!("{:?}: {message}", status.code()),
    }
}

/// The wait that the status of one write asks for: `google.rpc.RetryInfo` among its details.
pub(crate) fn delay_of(status: &rpc::Status) -> Option<Duration> {
    let detail = status.details.iter().find(|detail| detail.type_url == RETRY_INFO)?;
    let delay = rpc::RetryInfo::decode(detail.value.as_slice()).ok()?.retry_delay?;
    Some(Duration::new(delay.seconds.try_into().ok()?, delay.nanos.try_into().ok()?))
}

/// The wait that the status of a whole request asks for. Its details hold a status as that of one write.
pub(crate) fn delay_of_status(status: &Status) -> Option<Duration> {
    delay_of(&rpc::Status::decode(status.details()).ok()?)
}

/// The status of one write as that of a request.
pub(crate) fn to_status(status: &rpc::Status) -> Status {
    Status::with_details(Code::from_i32(status.code), status.message.clone(), status.encode_to_vec().into())
}

/// The status of a request as that of one write.
pub(crate) fn to_rpc(status: &Status) -> rpc::Status {
    rpc::Status { code: status.code() as i32, message: status.message().to_owned(), ..rpc::Status::default() }
}

#[cfg(test)]
pub(crate) mod tests {
    use gcloud_sdk::prost_types::{Any, Duration as ProtoDuration};

    use super::*;

    /// A status that asks for so many seconds.
    pub(crate) fn asking(code: Code, seconds: i64) -> Status {
        let info = rpc::RetryInfo { retry_delay: Some(ProtoDuration { seconds, nanos: 0 }) };
        let details = vec![
            Any { type_url: "type.googleapis.com/google.rpc.DebugInfo".to_owned(), value: b"x".to_vec() },
            Any { type_url: RETRY_INFO.to_owned(), value: info.encode_to_vec() },
        ];
        to_status(&rpc::Status { code: code as i32, message: "slow down".to_owned(), details })
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
            assert_eq!(kind_of(&Status::new(code, "")), kind, "{code:?}");
        }
    }

    #[test]
    fn a_status_that_the_connection_made_says_that_nothing_was_reached() {
        let broken = std::io::Error::other("connection reset");
        assert_eq!(kind_of(&Status::from_error(broken.into())), SinkErrorKind::Unreachable);
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
    fn the_delay_is_found_among_other_details() {
        assert_eq!(delay_of_status(&asking(Code::Unavailable, 7)), Some(Duration::from_secs(7)));
    }

    #[test]
    fn no_details_garbage_and_a_negative_delay_ask_for_nothing() {
        assert_eq!(delay_of_status(&Status::unavailable("")), None);
        let garbage = Status::with_details(Code::Unavailable, "", b"\xff\xff\xff".as_slice().into());
        assert_eq!(delay_of_status(&garbage), None);
        assert_eq!(delay_of_status(&asking(Code::Unavailable, -7)), None);
    }
}
