//! A batch of writes until each is settled: the statuses of one request, repetition of what failed for the moment, and the
//! search for the one write on whose account the service refuses a whole request.

use std::future::Future;
use std::time::Duration;

use attendance_model::{Outcome, SinkError};
use gcloud_sdk::google::firestore::v1::Write;
use gcloud_sdk::google::rpc;
use gcloud_sdk::tonic::{Code, Status};

use crate::error::{Verdict, verdict};

/// The most writes that the service takes in one request. An emulator takes more.
pub(crate) const MAX_WRITES: usize = 500;
/// How often one write is sent before the batch is given back.
const ATTEMPTS: u32 = 5;
/// The pause before the second attempt; twice as long before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Why a request, or a batch, failed as a whole.
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

/// The one request that delivery needs.
pub(crate) trait Rpc: Sync {
    /// Sends the writes and gives back a status for each, in order. They are not atomic.
    fn batch_write(&self, writes: Vec<Write>) -> impl Future<Output = Result<Vec<rpc::Status>, Failure>> + Send;
}

/// Writes that go out together, by their place in the batch.
struct Part {
    places: Vec<usize>,
    attempt: u32,
}

/// Settles every write, in requests of at most [`MAX_WRITES`], one after the other. No two writes may name one document.
pub(crate) async fn deliver(service: &impl Rpc, writes: &[Write]) -> Result<Vec<Outcome>, Failure> {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; writes.len()];
    let places: Vec<usize> = (0..writes.len()).collect();
    let mut parts: Vec<Part> =
        places.chunks(MAX_WRITES).rev().map(|chunk| Part { places: chunk.to_vec(), attempt: 1 }).collect();
    while let Some(part) = parts.pop() {
        let request = part.places.iter().map(|&place| writes[place].clone()).collect();
        let statuses = match service.batch_write(request).await {
            Err(Failure::Status(status)) if status.code() == Code::InvalidArgument => {
                parts.extend(divide(part, &status, &mut outcomes));
                continue;
            }
            answer => answer?,
        };
        if statuses.len() != part.places.len() {
            let answer = format!("{} statuses for {} writes", statuses.len(), part.places.len());
            return Err(Failure::Status(Status::internal(answer)));
        }
        let mut again = Part { places: Vec::new(), attempt: part.attempt + 1 };
        for (place, status) in part.places.into_iter().zip(statuses) {
            match verdict(&status) {
                Verdict::Settled(outcome) => outcomes[place] = Some(outcome),
                Verdict::Again if again.attempt <= ATTEMPTS => again.places.push(place),
                Verdict::Again | Verdict::Failed => {
                    return Err(Failure::Status(Status::new(Code::from_i32(status.code), status.message)));
                }
            }
        }
        if !again.places.is_empty() {
            tokio::time::sleep(pause(part.attempt)).await;
            parts.push(again);
        }
    }
    // Every place left its part only by being settled, so that none is left out.
    Ok(outcomes.into_iter().flatten().collect())
}

/// The halves of a part that was refused as a whole; a single write is rejected instead.
fn divide(part: Part, status: &Status, outcomes: &mut [Option<Outcome>]) -> Vec<Part> {
    if let [place] = part.places[..] {
        outcomes[place] = Some(Outcome::Rejected { reason: status.message().to_owned() });
        return Vec::new();
    }
    let (left, right) = part.places.split_at(part.places.len() / 2);
    [right, left].map(|half| Part { places: half.to_vec(), attempt: part.attempt }).into()
}

/// Between half and all of a time that doubles, so that those who failed together do not come back together.
fn pause(attempt: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.pow(attempt - 1)).mul_f64(rand::random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::sync::Mutex;

    use attendance_model::Outcome::{AlreadyStored, Rejected, Stored};
    use gcloud_sdk::google::firestore::v1::write::Operation;

    use super::*;

    /// A service in memory. Documents are named by numbers.
    #[derive(Default)]
    struct Service {
        stored: Mutex<HashSet<String>>,
        /// Statuses to give before a document is treated as any other, the last first.
        troubles: Mutex<HashMap<String, Vec<Code>>>,
        /// A request with one of these is refused as a whole.
        poison: HashSet<String>,
        requests: Mutex<Vec<usize>>,
    }

    impl Rpc for Service {
        async fn batch_write(&self, writes: Vec<Write>) -> Result<Vec<rpc::Status>, Failure> {
            self.requests.lock().unwrap().push(writes.len());
            let names: Vec<String> = writes.into_iter().map(name).collect();
            if names.iter().any(|name| self.poison.contains(name)) {
                return Err(Failure::Status(Status::invalid_argument("too long")));
            }
            let status = |name: String| match self.troubles.lock().unwrap().get_mut(&name).and_then(Vec::pop) {
                Some(trouble) => trouble,
                None if self.stored.lock().unwrap().insert(name) => Code::Ok,
                None => Code::AlreadyExists,
            };
            let statuses = names.into_iter().map(status);
            Ok(statuses.map(|code| rpc::Status { code: code as i32, ..rpc::Status::default() }).collect())
        }
    }

    impl Service {
        fn with_trouble(number: usize, codes: &[Code]) -> Self {
            Self { troubles: Mutex::new([(number.to_string(), codes.to_vec())].into()), ..Self::default() }
        }

        fn requests(&self) -> Vec<usize> {
            self.requests.lock().unwrap().clone()
        }
    }

    fn name(write: Write) -> String {
        match write.operation {
            Some(Operation::Delete(name)) => name,
            other => panic!("{other:?}"),
        }
    }

    fn writes(count: usize) -> Vec<Write> {
        (0..count).map(|n| Write { operation: Some(Operation::Delete(n.to_string())), ..Write::default() }).collect()
    }

    #[tokio::test]
    async fn a_batch_beyond_the_limit_goes_out_in_several_requests() {
        let service = Service::default();
        assert_eq!(deliver(&service, &writes(1201)).await.unwrap(), vec![Stored; 1201]);
        assert_eq!(service.requests(), [500, 500, 201]);
    }

    #[tokio::test]
    async fn what_exists_is_told_from_what_is_new() {
        let service = Service::default();
        deliver(&service, &writes(2)).await.unwrap();
        assert_eq!(deliver(&service, &writes(3)).await.unwrap(), [AlreadyStored, AlreadyStored, Stored]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_failed_for_the_moment_is_sent_again() {
        for code in [
            Code::Aborted,
            Code::ResourceExhausted,
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Internal,
            Code::Cancelled,
            Code::Unknown,
        ] {
            let service = Service::with_trouble(1, &[code, code]);
            assert_eq!(deliver(&service, &writes(3)).await.unwrap(), vec![Stored; 3], "{code:?}");
            assert_eq!(service.requests(), [3, 1, 1], "{code:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_trouble_that_stays_ends_the_batch_after_five_attempts() {
        let service = Service::with_trouble(1, &[Code::Unavailable; 9]);
        let failure = deliver(&service, &writes(3)).await.unwrap_err();
        assert!(matches!(failure, Failure::Status(status) if status.code() == Code::Unavailable));
        assert_eq!(service.requests(), [3, 1, 1, 1, 1]);
    }

    #[tokio::test]
    async fn a_missing_right_is_no_event_s_fault_and_ends_the_batch() {
        let service = Service::with_trouble(1, &[Code::PermissionDenied]);
        let failure = deliver(&service, &writes(3)).await.unwrap_err();
        assert!(matches!(failure, Failure::Status(status) if status.code() == Code::PermissionDenied));
    }

    #[tokio::test]
    async fn one_write_that_spoils_the_request_is_rejected_alone() {
        let service = Service { poison: ["321".to_owned()].into(), ..Service::default() };
        let outcomes = deliver(&service, &writes(500)).await.unwrap();
        for (place, outcome) in outcomes.into_iter().enumerate() {
            let expected = if place == 321 { Rejected { reason: "too long".to_owned() } } else { Stored };
            assert_eq!(outcome, expected, "{place}");
        }
        assert!(service.requests().len() <= 20, "{:?}", service.requests());
    }

    #[tokio::test]
    async fn an_answer_for_other_than_the_writes_sent_settles_nothing() {
        struct Short;
        impl Rpc for Short {
            async fn batch_write(&self, _: Vec<Write>) -> Result<Vec<rpc::Status>, Failure> {
                Ok(vec![rpc::Status::default()])
            }
        }
        assert!(deliver(&Short, &writes(2)).await.is_err());
    }

    #[test]
    fn pauses_double_within_their_jitter() {
        for (attempt, full) in [(1, 200), (2, 400), (3, 800), (4, 1600)] {
            let pause = pause(attempt).as_millis();
            assert!((full / 2..=full).contains(&pause), "{attempt}: {pause} ms");
        }
    }
}
