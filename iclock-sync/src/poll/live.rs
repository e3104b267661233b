//! Live capture: a terminal that is listened to is polled on the session that hears it.
//!
//! A punch that a terminal reports is a signal, not a record. It is read from the log with all its proof. So nothing
//! enters the ledger by a second way, and a lost signal costs only time.
//!
//! Registering comes before the count. What is not heard is counted: each time listening begins, the terminal is
//! polled.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use zk_proto::ClientError;
use zk_proto::client::{LiveCapture, LiveItem, LiveOptions};

use super::task::TerminalTask;
use super::{Failure, Polled};
use crate::SyncError;
use crate::report::{DeviceStatus, ReadMode};
use crate::schedule::Rest;

/// Pauses before the next attempt to reach a lost terminal, in seconds. It can be away for weeks.
const RETRY_AFTER: [u64; 7] = [1, 2, 4, 8, 16, 32, 60];
/// The wait from a punch to the poll: until there is no further one for a moment, and never longer than this. The
/// terminal may still be storing it, and in a rush one poll serves several.
const SETTLE: Duration = Duration::from_millis(300);
const MOMENT: Duration = Duration::from_millis(60);
/// A terminal that was heard and is lost is polled after this time: then a failure shows, and a log is read even if
/// nobody can listen.
const LOST: Duration = Duration::from_secs(10);
/// The waits for a punch that was heard and is not in the log yet.
const STORED_AFTER: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10)];

/// The state of a terminal that is listened to.
#[derive(Debug)]
struct Listener {
    capture: LiveCapture,
    /// The next scheduled poll, by the monotonic clock; `None` before the first one.
    due: Option<Duration>,
    /// The terminal was heard since the last poll on a session of its own.
    was_heard: bool,
    /// Polls in a row that failed on the session that listens.
    failed: usize,
    /// Polls in a row that did not find the punch that was heard.
    not_stored: usize,
    /// An item that came while a punch was waited upon.
    next: Option<Result<LiveItem, ClientError>>,
}

/// The reason for a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Due,
    Punch,
    /// Listening has begun.
    Gap,
}

/// The next step.
#[derive(Debug)]
enum Step {
    Poll(Why),
    Wait,
    /// Only a person can change the reason why it cannot be listened to.
    Hopeless,
    Leave,
}

impl TerminalTask {
    /// Listens to the terminal and polls it, on one session as long as that holds, until it is paused or stopped. If it
    /// can neither be listened to nor read before somebody changes something, returns the wait before the next attempt.
    ///
    /// # Errors
    /// When the ledger cannot be used, and waiting does not help.
    pub(super) async fn listen(&mut self, rest: &mut Rest) -> Result<Option<Duration>, SyncError> {
        let mut listener = self.listener().await?;
        loop {
            let why = match self.step(&mut listener).await {
                Step::Wait => continue,
                Step::Poll(why) => why,
                Step::Hopeless => {
                    self.end(listener).await;
                    let report = self.poll().await?;
                    let wait = self.wait_after(rest, &report);
                    self.tell(report);
                    return Ok(Some(wait));
                }
                Step::Leave => {
                    self.end(listener).await;
                    return Ok(None);
                }
            };
            let is_apart = why == Why::Punch && self.habits.is_apart();
            let polled = match listener.capture.client().filter(|_| !is_apart) {
                Some(client) => {
                    let polled = self.poll_on(client).await?;
                    if polled.report.new > 0 {
                        self.habits.found(listener.capture.is_registered());
                    }
                    polled
                }
                None => {
                    // Some terminals have only one session, which the attempts to listen must not take.
                    self.end(listener).await;
                    let polled = Polled { report: self.poll().await?, is_hopeless: false };
                    listener = self.listener().await?;
                    polled
                }
            };
            let wait = self.wait_after(rest, &polled.report);
            let found = polled.report.new + polled.report.quarantined > 0;
            let is_sound = polled.report.status == DeviceStatus::Ok;
            let unchanged = polled.report.mode == Some(ReadMode::Unchanged);
            let again = listener.again_after(polled.report.status == DeviceStatus::Failed);
            let clears = self.is_to_be_cleared(&polled.report).await;
            self.tell(polled.report);
            if polled.is_hopeless {
                self.end(listener).await;
                return Ok(Some(wait));
            }
            if clears {
                // It is cleared on a session of its own, with the terminal disabled.
                self.end(listener).await;
                self.clear().await?;
                listener = self.listener().await?;
                continue;
            }
            let stored = listener.stored_after(why, is_sound && unchanged && !found);
            let soon = [again, stored].into_iter().flatten().fold(wait, Duration::min);
            listener.due = Some(self.shared.clock.monotonic().saturating_add(soon));
            self.shared.board.listens(&self.device.name, listener.capture.client().is_some(), soon);
        }
    }

    async fn listener(&mut self) -> Result<Listener, SyncError> {
        let connect = match self.visit().connect_options().await {
            Ok(connect) => connect,
            Err(Failure::Engine(error)) if !error.can_be_survived() => return Err(error),
            // What the ledger knows of its habits is looked up again for each poll.
            Err(_) => self.device.connect_options(),
        };
        let options = LiveOptions::default()
            .pauses(RETRY_AFTER.map(Duration::from_secs).into())
            // Each event is a signal. A repeated one costs a question for the count.
            .repeat_within(Duration::ZERO)
            .rest(self.habits.rest());
        let capture = LiveCapture::new(connect, options);
        Ok(Listener { capture, due: None, was_heard: false, failed: 0, not_stored: 0, next: None })
    }

    /// Ends the session, and remembers the rest that the terminal needs.
    async fn end(&self, listener: Listener) {
        let mut rest = listener.capture.rest();
        listener.capture.end().await;
        rest.ended();
        self.habits.change_rest(|known| *known = rest);
    }

    /// Waits until something happens, and says what to do.
    async fn step(&mut self, listener: &mut Listener) -> Step {
        // The pause may have come during a poll, which takes the orders that came before it.
        if self.orders.borrow().rests() {
            return Step::Leave;
        }
        let clock = &self.shared.clock;
        let item = match listener.next.take() {
            Some(item) => item,
            None => {
                let now = clock.monotonic();
                let wait = listener.due.map(|due| due.saturating_sub(now));
                let due = async {
                    match wait {
                        Some(wait) => clock.sleep(wait).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => return Step::Leave,
                    changed = self.orders.changed() => {
                        // The service is gone if this fails, and has stopped the task.
                        let leaves = changed.is_err() || self.orders.borrow().rests();
                        return if leaves { Step::Leave } else { Step::Poll(Why::Due) };
                    }
                    item = listener.capture.next() => item,
                    () = due => {
                        // After a reload, nobody may want to listen any more.
                        return if self.shared.settings().service.live { Step::Poll(Why::Due) } else { Step::Leave };
                    }
                }
            }
        };
        let name = &self.device.name;
        match item {
            Ok(LiveItem::Event(event)) if event.is_attendance() => {
                tracing::debug!(terminal = %name, "a punch");
                match listener.settle().await {
                    true => Step::Poll(Why::Punch),
                    false => Step::Wait,
                }
            }
            Ok(LiveItem::Gap(gap)) => {
                match gap.lasted {
                    Some(lasted) => tracing::info!(terminal = %name, "listening again after {} s", lasted.as_secs()),
                    None => tracing::debug!(terminal = %name, "listening"),
                }
                let rest = listener.capture.rest();
                self.habits.change_rest(|known| *known = rest);
                self.shared.board.connected(name, gap.lasted.is_some());
                listener.was_heard = true;
                Step::Poll(Why::Gap)
            }
            Ok(LiveItem::Lost { why }) => {
                tracing::warn!(terminal = %name, "live connection lost: {why}; retrying");
                let soon = if listener.was_heard { LOST } else { Duration::ZERO };
                let soon = clock.monotonic().saturating_add(soon);
                // A terminal that was down at the last poll is polled when it is due.
                if listener.was_heard || listener.due.is_none() {
                    listener.due = Some(listener.due.map_or(soon, |due| due.min(soon)));
                }
                listener.was_heard = false;
                Step::Wait
            }
            Ok(_) => Step::Wait,
            Err(why) => {
                tracing::warn!(terminal = %name, "cannot be listened to: {why}");
                Step::Hopeless
            }
        }
    }
}

impl Listener {
    /// Waits until there is no further punch for a moment. Returns false if the terminal is lost meanwhile.
    async fn settle(&mut self) -> bool {
        let until = Instant::now() + SETTLE;
        loop {
            let moment = (Instant::now() + MOMENT).min(until);
            match timeout_at(moment, self.capture.next()).await {
                Err(_) => return true,
                Ok(Ok(LiveItem::Event(_))) if Instant::now() < until => {}
                Ok(Ok(LiveItem::Event(_))) => return true,
                Ok(item) => {
                    self.next = Some(item);
                    return false;
                }
            }
        }
    }

    /// Returns the wait after a poll that failed although the terminal is heard: it may have been busy, or the disk was
    /// full.
    fn again_after(&mut self, has_failed: bool) -> Option<Duration> {
        self.failed = if has_failed && self.was_heard { self.failed + 1 } else { 0 };
        let seconds = RETRY_AFTER.get(self.failed.checked_sub(1)?).or(RETRY_AFTER.last())?;
        Some(Duration::from_secs(*seconds))
    }

    /// Returns the wait for a punch that was heard and is not in the log yet.
    fn stored_after(&mut self, why: Why, is_missing: bool) -> Option<Duration> {
        if !is_missing || (why != Why::Punch && self.not_stored == 0) {
            self.not_stored = 0;
            return None;
        }
        let wait = STORED_AFTER.get(self.not_stored).copied();
        self.not_stored = if wait.is_some() { self.not_stored + 1 } else { 0 };
        wait
    }
}
