//! A batch of writes until each is settled: the statuses of one request, retries of temporary failures, the search for
//! the one write for which the service refuses a whole request, and the day's budget.

use std::future::Future;
use std::time::Duration;

use attendance_model::Outcome;
use gcloud_sdk::google::firestore::v1::Write;
use gcloud_sdk::google::rpc;
use gcloud_sdk::tonic::{Code, Status};

use crate::retry::{ATTEMPTS, pause};
use crate::status::{Failure, Verdict, delay_of, delay_of_status, may_pass, to_rpc, to_status, verdict};

/// The most writes that the service takes in one request. An emulator takes more.
pub(crate) const MAX_WRITES: usize = 500;

/// The one request that delivery needs.
pub(crate) trait Rpc: Sync {
    /// Connects if there is no connection, so that a write that cannot be sent is not counted.
    fn ready(&self) -> impl Future<Output = Result<(), Failure>> + Send {
        std::future::ready(Ok(()))
    }

    /// Sends the writes and gives back a status for each, in order. They are not atomic.
    fn batch_write(&self, writes: Vec<Write>) -> impl Future<Output = Result<Vec<rpc::Status>, Failure>> + Send;
}

/// Writes that go out together, by their place in the batch.
struct Part {
    places: Vec<usize>,
    attempt: u32,
}

/// Settles the creation of every document. `grant` returns how many of the given number of writes may be sent; the rest
/// is deferred. No two writes may name the same document.
pub(crate) async fn deliver(
    service: &impl Rpc,
    writes: &[Write],
    grant: impl Fn(usize) -> usize + Send,
) -> Result<Vec<Outcome>, Failure> {
    let settled = settle(service, writes, grant, verdict).await?;
    Ok(settled.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Deferred)).collect())
}

/// Settles every write, in requests of at most [`MAX_WRITES`], one after the other; `None` for what was not granted.
pub(crate) async fn settle<T: Send>(
    service: &impl Rpc,
    writes: &[Write],
    grant: impl Fn(usize) -> usize + Send,
    verdict: impl Fn(&rpc::Status) -> Verdict<T> + Send,
) -> Result<Vec<Option<T>>, Failure> {
    let mut settled: Vec<Option<T>> = writes.iter().map(|_| None).collect();
    let places: Vec<usize> = (0..writes.len()).collect();
    let mut parts: Vec<Part> =
        places.chunks(MAX_WRITES).rev().map(|chunk| Part { places: chunk.to_vec(), attempt: 1 }).collect();
    while let Some(mut part) = parts.pop() {
        service.ready().await?;
        // Counted by the request: the free tier counts a write that is refused, and so one that is sent again.
        part.places.truncate(grant(part.places.len()));
        if part.places.is_empty() {
            continue;
        }
        let request = part.places.iter().map(|&place| writes[place].clone()).collect();
        let statuses = match service.batch_write(request).await {
            Err(Failure::Status(status)) if status.code() == Code::InvalidArgument => {
                match (part.places.len(), verdict(&to_rpc(&status))) {
                    (1, Verdict::Settled(outcome)) => settled[part.places[0]] = Some(outcome),
                    (2.., Verdict::Settled(_)) => parts.extend(halves(part)),
                    _ => return Err(Failure::Status(status)),
                }
                continue;
            }
            Err(Failure::Status(status)) if may_pass(status.code()) && part.attempt < ATTEMPTS => {
                let Some(pause) = pause(part.attempt, delay_of_status(&status)) else {
                    return Err(Failure::Status(status));
                };
                tokio::time::sleep(pause).await;
                parts.push(Part { attempt: part.attempt + 1, ..part });
                continue;
            }
            answer => answer?,
        };
        if statuses.len() != part.places.len() {
            let answer = format!("{} statuses for {} writes", statuses.len(), part.places.len());
            return Err(Failure::Status(Status::internal(answer)));
        }
        let mut again = Part { places: Vec::new(), attempt: part.attempt + 1 };
        let mut asked: Option<Duration> = None;
        for (place, status) in part.places.into_iter().zip(statuses) {
            match verdict(&status) {
                Verdict::Settled(outcome) => settled[place] = Some(outcome),
                Verdict::Again if again.attempt <= ATTEMPTS => {
                    asked = asked.max(delay_of(&status));
                    if pause(part.attempt, asked).is_none() {
                        return Err(Failure::Status(to_status(&status)));
                    }
                    again.places.push(place);
                }
                Verdict::Again | Verdict::Failed => return Err(Failure::Status(to_status(&status))),
            }
        }
        if let (false, Some(pause)) = (again.places.is_empty(), pause(part.attempt, asked)) {
            tokio::time::sleep(pause).await;
            parts.push(again);
        }
    }
    Ok(settled)
}

/// The halves of a part that was refused as a whole, the first on top.
fn halves(part: Part) -> Vec<Part> {
    let (left, right) = part.places.split_at(part.places.len() / 2);
    [right, left].map(|half| Part { places: half.to_vec(), attempt: part.attempt }).into()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use attendance_model::Outcome::{AlreadyStored, Deferred, Rejected, Stored};
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
        /// How the next requests fail as a whole, the last first.
        refusals: Mutex<Vec<Status>>,
        requests: Mutex<Vec<usize>>,
    }

    impl Rpc for Service {
        async fn batch_write(&self, writes: Vec<Write>) -> Result<Vec<rpc::Status>, Failure> {
            self.requests.lock().unwrap().push(writes.len());
            if let Some(refusal) = self.refusals.lock().unwrap().pop() {
                return Err(Failure::Status(refusal));
            }
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

    /// Delivers without a budget.
    async fn all(service: &impl Rpc, writes: &[Write]) -> Result<Vec<Outcome>, Failure> {
        deliver(service, writes, |wanted| wanted).await
    }

    /// A budget of so many writes.
    fn budget(writes: usize) -> impl Fn(usize) -> usize {
        let left = AtomicUsize::new(writes);
        move |wanted| {
            let granted = wanted.min(left.load(Ordering::SeqCst));
            left.fetch_sub(granted, Ordering::SeqCst);
            granted
        }
    }

    #[tokio::test]
    async fn a_batch_beyond_the_limit_goes_out_in_several_requests() {
        let service = Service::default();
        assert_eq!(all(&service, &writes(1201)).await.unwrap(), vec![Stored; 1201]);
        assert_eq!(service.requests(), [500, 500, 201]);
    }

    #[tokio::test]
    async fn what_exists_is_told_from_what_is_new() {
        let service = Service::default();
        all(&service, &writes(2)).await.unwrap();
        assert_eq!(all(&service, &writes(3)).await.unwrap(), [AlreadyStored, AlreadyStored, Stored]);
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
            assert_eq!(all(&service, &writes(3)).await.unwrap(), vec![Stored; 3], "{code:?}");
            assert_eq!(service.requests(), [3, 1, 1], "{code:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_trouble_that_stays_ends_the_batch_after_five_attempts() {
        let service = Service::with_trouble(1, &[Code::Unavailable; 9]);
        let failure = all(&service, &writes(3)).await.unwrap_err();
        assert!(matches!(failure, Failure::Status(status) if status.code() == Code::Unavailable));
        assert_eq!(service.requests(), [3, 1, 1, 1, 1]);
    }

    #[tokio::test]
    async fn a_missing_right_is_no_event_s_fault_and_ends_the_batch() {
        let service = Service::with_trouble(1, &[Code::PermissionDenied]);
        let failure = all(&service, &writes(3)).await.unwrap_err();
        assert!(matches!(failure, Failure::Status(status) if status.code() == Code::PermissionDenied));
    }

    #[tokio::test]
    async fn one_write_that_spoils_the_request_is_rejected_alone() {
        let service = Service { poison: ["321".to_owned()].into(), ..Service::default() };
        let outcomes = all(&service, &writes(500)).await.unwrap();
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
        assert!(all(&Short, &writes(2)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_fails_for_the_moment_is_sent_again_whole() {
        for code in
            [Code::Aborted, Code::ResourceExhausted, Code::Unavailable, Code::Internal, Code::Cancelled, Code::Unknown]
        {
            let service = Service { refusals: vec![Status::new(code, "busy"); 2].into(), ..Service::default() };
            assert_eq!(all(&service, &writes(3)).await.unwrap(), vec![Stored; 3], "{code:?}");
            assert_eq!(service.requests(), [3, 3, 3], "{code:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_goes_on_failing_is_given_back_after_five_attempts() {
        let service = Service { refusals: vec![Status::aborted("contention"); 9].into(), ..Service::default() };
        let failure = all(&service, &writes(3)).await.unwrap_err();
        assert!(matches!(failure, Failure::Status(status) if status.code() == Code::Aborted));
        assert_eq!(service.requests().len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_would_fail_again_is_given_back_at_once() {
        // A deadline that passed has cost the whole time-out already; the others say the same every time.
        for code in [Code::DeadlineExceeded, Code::PermissionDenied, Code::Unauthenticated, Code::NotFound] {
            let service = Service { refusals: vec![Status::new(code, "no")].into(), ..Service::default() };
            assert!(all(&service, &writes(3)).await.is_err(), "{code:?}");
            assert_eq!(service.requests(), [3], "{code:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_the_service_asks_for_is_kept_and_a_long_one_is_left_to_the_caller() {
        let asking = |seconds| crate::status::tests::asking(Code::ResourceExhausted, seconds);
        let service = Service { refusals: vec![asking(4)].into(), ..Service::default() };
        let began = tokio::time::Instant::now();
        assert_eq!(all(&service, &writes(1)).await.unwrap(), [Stored]);
        assert_eq!(began.elapsed(), Duration::from_secs(4));
        let service = Service { refusals: vec![asking(600)].into(), ..Service::default() };
        assert!(all(&service, &writes(1)).await.is_err());
        assert_eq!(service.requests(), [1]);
    }

    #[tokio::test]
    async fn what_the_budget_does_not_hold_is_deferred_in_its_place() {
        let service = Service::default();
        let outcomes = deliver(&service, &writes(5), budget(3)).await.unwrap();
        assert_eq!(outcomes, [Stored, Stored, Stored, Deferred, Deferred]);
        assert_eq!(service.requests(), [3]);
        let outcomes = deliver(&service, &writes(1201), budget(700)).await.unwrap();
        assert_eq!(outcomes[..3], [AlreadyStored, AlreadyStored, AlreadyStored]);
        assert_eq!(outcomes.iter().filter(|&outcome| *outcome == Deferred).count(), 501);
        assert!(outcomes[700..].iter().all(|outcome| *outcome == Deferred));
    }

    #[tokio::test]
    async fn without_a_budget_left_nothing_is_sent() {
        let service = Service::default();
        assert_eq!(deliver(&service, &writes(2), budget(0)).await.unwrap(), [Deferred, Deferred]);
        assert!(service.requests().is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_sent_takes_nothing_from_the_budget() {
        struct Down;
        impl Rpc for Down {
            async fn ready(&self) -> Result<(), Failure> {
                Err(Failure::Status(Status::unavailable("no route")))
            }

            async fn batch_write(&self, _: Vec<Write>) -> Result<Vec<rpc::Status>, Failure> {
                unreachable!("never ready")
            }
        }
        let budget = budget(3);
        assert!(deliver(&Down, &writes(3), &budget).await.is_err());
        assert_eq!(budget(9), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_is_sent_again_takes_from_the_budget_again() {
        let service = Service::with_trouble(1, &[Code::Unavailable]);
        assert_eq!(deliver(&service, &writes(3), budget(4)).await.unwrap(), vec![Stored; 3]);
        let service = Service::with_trouble(1, &[Code::Unavailable]);
        assert_eq!(deliver(&service, &writes(3), budget(3)).await.unwrap(), [Stored, Deferred, Stored]);
    }
}
