//! Decides about a terminal: which one it is, and if its log can have anything new.

use std::time::Duration;

use attendance_model::validate::MAX_ID_CHARS;

use crate::ledger::TerminalState;
use crate::{DeviceOptions, EngineOptions};

/// The prefix of the substitute for the serial number of a terminal that never gave one.
pub(crate) const NAME_PREFIX: &str = "name:";

/// Records that are few: 32 KiB at most, in layouts that are known.
const SHORT: u64 = 512;

/// A terminal that is not the expected one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTheTerminal {
    /// Another serial number than the configured one.
    #[error("its serial number is {found}, configured is {expected}; correct the setting, or the address")]
    OtherSerial { found: String, expected: String },
    /// No serial number, but one is configured.
    #[error("it gives no serial number, configured is {expected}; remove the setting if this model has none")]
    NoSerial { expected: String },
    /// No serial number, but it gave one before.
    #[error(
        "it gives no serial number, and gave {known} before; restart it, or name it otherwise if it is another terminal"
    )]
    SerialLost { known: String },
    /// Another terminal answered from its address in the middle of a visit.
    #[error("it was {known} when the visit began, and {found} when it ended; the next visit reads the new one")]
    Swapped { found: String, known: String },
    /// Text that is no serial number, and would disturb a log or a screen.
    #[error("its serial number holds characters that cannot be printed: \"{}\"", found.escape_debug())]
    Unprintable { found: String },
    /// An identity that is too long for the sinks' columns, so that validation would refuse each of its records.
    #[error(
        "it is known as {name}, longer than {MAX_ID_CHARS} characters; without a serial number, give it a shorter name"
    )]
    LongIdentity { name: String },
}

/// Refuses a serial number with control characters, escapes, or bytes that are no text: it goes into logs, reports and
/// keys.
pub(crate) fn check_printable(serial: &str) -> Result<(), NotTheTerminal> {
    let printable = |char: char| match char {
        '"' | '\'' | '\\' => true,
        char::REPLACEMENT_CHARACTER => false,
        char => char.escape_debug().len() == 1,
    };
    let found: String = serial.chars().take(MAX_ID_CHARS).collect();
    if serial.chars().all(printable) { Ok(()) } else { Err(NotTheTerminal::Unprintable { found }) }
}

/// Returns the terminal's identity in the ledger: its serial number, or `name:NAME` if it never gave one.
pub(crate) fn identify(
    device: &DeviceOptions,
    given: Option<&str>,
    known: Option<&str>,
) -> Result<String, NotTheTerminal> {
    let given = given.map(str::trim).filter(|serial| !serial.is_empty());
    let identity = match (given, device.serial.as_deref(), known) {
        (Some(found), Some(expected), _) if found != expected => {
            Err(NotTheTerminal::OtherSerial { found: found.to_owned(), expected: expected.to_owned() })
        }
        (Some(found), _, _) => Ok(found.to_owned()),
        (None, Some(expected), _) => Err(NotTheTerminal::NoSerial { expected: expected.to_owned() }),
        (None, None, Some(known)) => Err(NotTheTerminal::SerialLost { known: known.to_owned() }),
        (None, None, None) => Ok(format!("{NAME_PREFIX}{}", device.name)),
    }?;
    if identity.chars().count() > MAX_ID_CHARS {
        return Err(NotTheTerminal::LongIdentity { name: identity });
    }
    Ok(identity)
}

/// The size of the log, as the terminal gives it before anything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogSize {
    /// Records that it counts.
    pub(crate) count: Option<u64>,
    /// Records that it can hold.
    pub(crate) capacity: Option<u64>,
}

/// Returns true if the count alone shows that nothing is new.
pub(crate) fn is_unchanged(state: &TerminalState, size: LogSize, now: i64, options: &EngineOptions) -> bool {
    let verified = state.verified_at.is_some_and(|at| is_recent(at, now, options.verify_every));
    let full =
        matches!((size.count, size.capacity), (Some(count), Some(capacity)) if capacity > 0 && count >= capacity);
    size.count.is_some_and(|count| count > 0)
        && size.count == state.count
        && !full
        && !state.count_unreliable
        && verified
}

/// Returns true if so little is new, by the terminal's count, that it takes no memory worth counting. A wrong count
/// costs little: whatever comes, a spool keeps no more in memory than it may.
pub(crate) fn is_short(state: &TerminalState, size: LogSize) -> bool {
    let new = size.count.map(|count| count.checked_sub(state.records).unwrap_or(count));
    new.is_some_and(|new| new <= SHORT)
}

/// Returns true if a moment is less than `within` ago. A future moment is not: after the host's clock was set back, it
/// would be trusted until the clock has caught up.
pub(crate) fn is_recent(at: i64, now: i64, within: Duration) -> bool {
    u64::try_from(now.saturating_sub(at)).is_ok_and(|ago| ago < within.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> DeviceOptions {
        DeviceOptions::new("gate", "192.0.2.10")
    }

    fn polled(count: u64) -> TerminalState {
        TerminalState { count: Some(count), verified_at: Some(1_000), records: count, ..TerminalState::default() }
    }

    fn size(count: u64) -> LogSize {
        LogSize { count: Some(count), capacity: Some(100) }
    }

    fn unchanged(state: &TerminalState, size: LogSize, now: i64) -> bool {
        is_unchanged(state, size, now, &EngineOptions::default())
    }

    #[test]
    fn a_terminal_is_known_by_its_serial_number_and_without_one_by_its_name() {
        assert_eq!(identify(&gate(), Some(" A1 "), None), Ok("A1".to_owned()));
        assert_eq!(identify(&gate(), Some(""), None), Ok("name:gate".to_owned()));
    }

    #[test]
    fn another_terminal_than_the_configured_one_is_refused() {
        let mut device = gate();
        device.serial = Some("A1".to_owned());
        assert!(matches!(identify(&device, Some("B2"), None), Err(NotTheTerminal::OtherSerial { .. })));
        assert!(matches!(identify(&device, None, None), Err(NotTheTerminal::NoSerial { .. })));
    }

    #[test]
    fn a_terminal_that_gave_a_serial_number_before_must_give_it() {
        assert!(matches!(identify(&gate(), None, Some("A1")), Err(NotTheTerminal::SerialLost { .. })));
    }

    #[test]
    fn an_identity_that_no_sink_could_hold_is_refused() {
        assert!(identify(&gate(), Some(&"7".repeat(64)), None).is_ok());
        assert!(matches!(identify(&gate(), Some(&"7".repeat(65)), None), Err(NotTheTerminal::LongIdentity { .. })));
        let device = DeviceOptions::new("g".repeat(60), "192.0.2.10");
        assert!(matches!(identify(&device, None, None), Err(NotTheTerminal::LongIdentity { .. })));
        assert!(identify(&device, Some("A1"), None).is_ok());
    }

    #[test]
    fn the_same_count_means_unchanged_until_the_tail_is_due() {
        assert!(unchanged(&polled(7), size(7), 1_000 + 6 * 3600 - 1));
        assert!(!unchanged(&polled(7), size(7), 1_000 + 6 * 3600));
        assert!(!unchanged(&polled(7), size(8), 1_001));
    }

    #[test]
    fn a_count_that_proves_little_is_not_trusted() {
        assert!(!unchanged(&polled(0), size(0), 1_001), "zero");
        assert!(!unchanged(&polled(100), size(100), 1_001), "a full log overwrites its oldest");
        let disagreed = TerminalState { count_unreliable: true, ..polled(7) };
        assert!(!unchanged(&disagreed, size(7), 1_001));
        assert!(!unchanged(
            &TerminalState { count: None, ..polled(7) },
            LogSize { count: None, capacity: None },
            1_001
        ));
        assert!(!unchanged(&polled(7), size(7), 999), "the host's clock went back");
    }
}
