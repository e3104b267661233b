//! How often something is asked for again, and after what pause: a time that doubles, or what the service asks for with
//! `google.rpc.RetryInfo` among the details of a status.

use std::future::Future;
use std::time::Duration;

use gcloud_sdk::google::rpc;
use gcloud_sdk::prost::Message;
use gcloud_sdk::tonic::{Code, Status};

use crate::delivery::Failure;
use crate::error::may_pass;

/// How often one write, or one request, is sent before it is given back.
pub(crate) const ATTEMPTS: u32 = 5;
/// The pause before the second attempt; twice as long before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that the service may ask for and get here; for a longer one it is given back.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

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

/// Makes a request that changes nothing until it succeeds, cannot succeed, or has been made often enough.
pub(crate) async fn persist<T, F>(request: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut attempt = 1;
    loop {
        let status = match request().await {
            Err(Failure::Status(status)) if may_pass(status.code()) && attempt < ATTEMPTS => status,
            answer => return answer,
        };
        let Some(pause) = pause(attempt, delay_of_status(&status)) else { return Err(Failure::Status(status)) };
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

/// How long to wait before the next attempt: between half and all of a time that doubles, so that those who failed together
/// do not come back together, and at least what the service asked for. `None` when that is longer than is waited here.
pub(crate) fn pause(attempt: u32, asked: Option<Duration>) -> Option<Duration> {
    let own = (FIRST_PAUSE * 2_u32.pow(attempt - 1)).mul_f64(rand::random_range(0.5..1.0));
    let pause = own.max(asked.unwrap_or_default());
    (pause <= LONGEST_PAUSE).then_some(pause)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

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

    #[tokio::test(start_paused = true)]
    async fn a_read_is_asked_for_again_as_long_as_that_may_help() {
        for (code, requests) in [(Code::Unavailable, 3), (Code::PermissionDenied, 1)] {
            let made = AtomicUsize::new(0);
            let answer = persist(|| async {
                match made.fetch_add(1, Ordering::SeqCst) {
                    0 | 1 => Err(Failure::Status(Status::new(code, "no"))),
                    _ => Ok(()),
                }
            });
            assert_eq!(answer.await.is_ok(), requests == 3, "{code:?}");
            assert_eq!(made.load(Ordering::SeqCst), requests, "{code:?}");
        }
    }

    #[test]
    fn pauses_double_within_their_jitter() {
        for (attempt, full) in [(1, 200), (2, 400), (3, 800), (4, 1600)] {
            let pause = pause(attempt, None).unwrap().as_millis();
            assert!((full / 2..=full).contains(&pause), "{attempt}: {pause} ms");
        }
    }
}
