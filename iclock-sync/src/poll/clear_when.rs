//! The log of a terminal that is nearly full is cleared by itself, with all the safety of a clearing that a person
//! wants.
//!
//! An attempt reads the whole log, and nobody can use the terminal meanwhile. So a refusal is shown once, and the next
//! attempt waits, longer each time. The ledger keeps that over a restart.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use super::Visit;
use super::clear::ClearError;
use super::task::TerminalTask;
use crate::error::{blocking, chain};
use crate::report::{DeviceReport, DeviceStatus};
use crate::{DeviceOptions, SyncError, TerminalError};

/// A log that is so full, in percent, is cleared even while people punch.
const URGENT: u64 = 98;
/// The wait after the first refusal, which doubles with each further one.
const RETRY_AFTER: TimeDelta = TimeDelta::minutes(10);
const RETRY_AT_MOST: TimeDelta = TimeDelta::hours(24);
/// The time in which the sinks take what the poll before has found.
const SINKS_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The attempts that were refused since the last clearing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Refusals {
    count: u32,
    /// The last one, in seconds.
    at: i64,
    reason: String,
}

impl Refusals {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        let (count, at) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { count, at, reason: words.next()?.to_owned() })
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.count, self.at, self.reason)
    }

    /// Returns true if it is too early for another attempt.
    fn forbid(&self, now: i64) -> bool {
        let doubled = 1_i32.checked_shl(self.count.saturating_sub(1)).filter(|factor| *factor > 0);
        let wait = doubled
            .and_then(|factor| RETRY_AFTER.checked_mul(factor))
            .map_or(RETRY_AT_MOST, |wait| wait.min(RETRY_AT_MOST));
        // A clock that was set back must not forbid it for years.
        self.count > 0 && (0..wait.num_seconds()).contains(&now.saturating_sub(self.at))
    }
}

/// The fill level in percent that a poll found, if the log is to be cleared at it.
pub(crate) fn is_nearly_full(device: &DeviceOptions, report: &DeviceReport) -> bool {
    let (Some(level), Some(fill)) = (device.clear_when, fill_of(report)) else { return false };
    report.status == DeviceStatus::Ok && fill >= u64::from(level)
}

fn fill_of(report: &DeviceReport) -> Option<u64> {
    let capacity = report.record_capacity.filter(|capacity| *capacity > 0)?;
    Some(report.records_on_device?.saturating_mul(100) / capacity)
}

impl Visit {
    fn setting(&self) -> String {
        format!("not cleared {}", self.device.name)
    }

    async fn refusals(&self) -> Result<Refusals, SyncError> {
        let (reader, name) = (Arc::clone(&self.reader), self.setting());
        let text = blocking("ledger", move || Ok(reader.setting(&name)?)).await?;
        Ok(text.as_deref().and_then(Refusals::parse).unwrap_or_default())
    }

    async fn keep_refusals(&self, refusals: Option<Refusals>) -> Result<(), SyncError> {
        let (ledger, name) = (Arc::clone(&self.ledger), self.setting());
        let text = refusals.map(|refusals| refusals.text());
        blocking("ledger", move || Ok(ledger.keep_setting(&name, text.as_deref())?)).await
    }

    /// Returns true if no refusal is so recent that another attempt would come too early.
    pub(crate) async fn may_clear(&self) -> Result<bool, SyncError> {
        Ok(!self.refusals().await?.forbid(self.clock.utc_now().timestamp()))
    }

    /// Clears the log of a terminal whose serial number is configured. Returns the sentence to show: that it was
    /// cleared, or why not, unless that was said before. No other session may be open.
    pub(crate) async fn clear_nearly_full(&self, sinks: &[(String, String)]) -> Result<Option<String>, SyncError> {
        let Some(serial) = &self.device.serial else { return Ok(None) };
        let refusals = self.refusals().await?;
        // First what costs the terminal nothing.
        let reasons = self.lacking(serial, sinks).await;
        let outcome = match reasons {
            Ok(reasons) if reasons.is_empty() => Box::pin(self.clear(serial, sinks)).await,
            Ok(reasons) => Err(ClearError::Refused { reasons }),
            Err(error) => Err(error),
        };
        let reason = match outcome {
            Ok(cleared) => {
                self.keep_refusals(None).await?;
                let (records, backup) = (cleared.records, cleared.backup.display());
                return Ok(Some(format!("its log of {records} records was cleared; the backup is {backup}")));
            }
            Err(ClearError::Sync(error)) => return Err(error),
            Err(ClearError::Terminal(TerminalError::Stopped)) => return Ok(None),
            Err(error) => chain(&error),
        };
        let said_before = refusals.reason == reason;
        let at = self.clock.utc_now().timestamp();
        let text = format!("its log is nearly full, and was not cleared by itself: {reason}");
        self.keep_refusals(Some(Refusals { count: refusals.count + 1, at, reason })).await?;
        Ok((!said_before).then_some(text))
    }
}

impl TerminalTask {
    /// Returns true if the log is to be cleared after a poll. A poll that found something shows that people are
    /// punching, and so the next one decides, as long as there is time.
    pub(super) async fn is_to_be_cleared(&self, report: &DeviceReport) -> bool {
        let is_quiet = report.new == 0 || fill_of(report) >= Some(URGENT);
        is_nearly_full(&self.device, report)
            && is_quiet
            && !self.once
            && !self.stop.is_cancelled()
            // If the ledger cannot be read, the next poll says so.
            && self.visit().may_clear().await.unwrap_or(false)
    }

    /// Clears the log. No session may be open.
    ///
    /// # Errors
    /// When the ledger cannot be used, and waiting does not help.
    pub(super) async fn clear(&mut self) -> Result<(), SyncError> {
        let (clock, board) = (Arc::clone(&self.shared.clock), Arc::clone(&self.shared.board));
        let until = clock.monotonic().saturating_add(SINKS_WITHIN);
        while !board.have_served(self.shared.news.borrow().commits)
            && !self.stop.is_cancelled()
            && clock.monotonic() < until
        {
            clock.sleep(LOOK_EVERY).await;
        }
        let visit = Visit { full: true, ..self.visit() };
        let sinks = self.shared.settings().targets;
        match visit.clear_nearly_full(&sinks).await {
            Ok(Some(said)) => {
                tracing::warn!(terminal = %self.device.name, "{said}");
                self.notes.push(said);
            }
            Ok(None) => {}
            Err(error) if error.can_be_survived() => {
                tracing::warn!(terminal = %self.device.name, "its log was not cleared: {}", error.explain());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_puts_the_next_attempt_further_off_up_to_a_day() {
        let refused = |count| Refusals { count, at: 1_000_000, reason: "not safe: db lacks 3".to_owned() };
        assert!(!Refusals::default().forbid(5));
        for (count, minutes) in [(1, 10), (2, 20), (5, 160), (9, 1_440), (40, 1_440), (u32::MAX, 1_440)] {
            let refusals = refused(count);
            let end = 1_000_000 + minutes * 60;
            assert!(refusals.forbid(end - 1) && !refusals.forbid(end), "{count}");
            // The clock was set back.
            assert!(!refusals.forbid(999_999));
            assert_eq!(Refusals::parse(&refusals.text()), Some(refusals));
        }
        assert_eq!(Refusals::parse("garbage"), None);
    }
}
