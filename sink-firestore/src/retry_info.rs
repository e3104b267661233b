//! How long the service asks to be left alone: `google.rpc.RetryInfo` among the details of a status.

use std::time::Duration;

use gcloud_sdk::google::rpc;
use gcloud_sdk::prost::Message;
use gcloud_sdk::tonic::{Code, Status};

const TYPE: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// What the status of one write asks for.
pub(crate) fn delay_of(status: &rpc::Status) -> Option<Duration> {
    let detail = status.details.iter().find(|detail| detail.type_url == TYPE)?;
    let delay = rpc::RetryInfo::decode(detail.value.as_slice()).ok()?.retry_delay?;
    Some(Duration::new(delay.seconds.try_into().ok()?, delay.nanos.try_into().ok()?))
}

/// What the status of a whole request asks for: its details are such a status again.
pub(crate) fn delay_of_status(status: &Status) -> Option<Duration> {
    delay_of(&rpc::Status::decode(status.details()).ok()?)
}

/// The status of one write as that of a request.
pub(crate) fn to_status(status: &rpc::Status) -> Status {
    Status::with_details(Code::from_i32(status.code), status.message.clone(), status.encode_to_vec().into())
}

#[cfg(test)]
pub(crate) mod tests {
    use gcloud_sdk::prost_types::{Any, Duration as ProtoDuration};

    use super::*;

    /// A status that asks for so many seconds.
    pub(crate) fn status(code: Code, seconds: i64) -> Status {
        let info = rpc::RetryInfo { retry_delay: Some(ProtoDuration { seconds, nanos: 0 }) };
        let details = vec![
            Any { type_url: "type.googleapis.com/google.rpc.DebugInfo".to_owned(), value: b"x".to_vec() },
            Any { type_url: TYPE.to_owned(), value: info.encode_to_vec() },
        ];
        to_status(&rpc::Status { code: code as i32, message: "slow down".to_owned(), details })
    }

    #[test]
    fn the_delay_is_found_among_other_details() {
        assert_eq!(delay_of_status(&status(Code::Unavailable, 7)), Some(Duration::from_secs(7)));
    }

    #[test]
    fn no_details_garbage_and_a_negative_delay_ask_for_nothing() {
        assert_eq!(delay_of_status(&Status::unavailable("")), None);
        let garbage = Status::with_details(Code::Unavailable, "", b"\xff\xff\xff".as_slice().into());
        assert_eq!(delay_of_status(&garbage), None);
        assert_eq!(delay_of_status(&status(Code::Unavailable, -7)), None);
    }
}
