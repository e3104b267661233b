//! How often a request is sent again, and after which pause: one that doubles, or the one that the service asks for.

#[cfg(feature = "garbage")]
use std::future::Future;
use std::time::Duration;

#[cfg(feature = "garbage")]
use crate::status::{Failure, delay_of_status, may_pass};

/// How often one write, or one request, is sent before it is given back.
pub(crate) const ATTEMPTS: u32 = 5;
/// The pause before the second attempt; twice as long before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that the service may ask for and get here; for a longer one it is given back.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Makes a request that changes nothing until it succeeds, cannot succeed, or has been made often enough.
#[cfg(feature = "garbage")]
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

/// The wait before the next attempt: between half and all of a time that doubles, so that clients that failed together
/// do not return together, and at least as long as the service asked for. `None` if that is too long to wait for here.
pub(crate) fn pause(attempt: u32, asked: Option<Duration>) -> Option<Duration> {
    let own = (FIRST_PAUSE * 2_u32.pow(attempt - 1)).mul_f64(rand::random_range(0.5..1.0));
    let pause = own.max(asked.unwrap_or_default());
    (pause <= LONGEST_PAUSE).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "garbage")]
    #[tokio::test(start_paused = true)]
    async fn a_read_is_sent_again_as_long_as_that_may_help() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        use gcloud_sdk::tonic::{Code, Status};

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
