//! When each terminal called last, and the gaps that follow from it. No I/O and no clock.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

use crate::ledger::PushCall;
use crate::report::GapCause;

/// After a terminal was told something, for so long a step back in its stamps says nothing: it may be an answer.
const ANSWERS_WITHIN: TimeDelta = TimeDelta::hours(1);

/// A stamp that terminals send forever, whatever they have sent before.
const CONSTANT: u64 = 9_999;

/// Calls are kept so often.
const KEPT_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The terminals that have called.
#[derive(Debug, Default)]
pub(super) struct Presence {
    terminals: HashMap<String, Seen>,
    /// The last time at which calls were kept.
    kept_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct Seen {
    called_at: DateTime<Utc>,
    /// The address from which it called, and the one that the ledger has.
    address: Option<IpAddr>,
    known_address: Option<IpAddr>,
    /// The ledger has the call.
    is_saved: bool,
    /// The time at which commands were sent last.
    told_at: Option<DateTime<Utc>>,
    /// A gap for which the terminal was not asked yet.
    gap: Option<Gap>,
}

/// A gap that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) cause: GapCause,
    pub(super) begins_at: DateTime<Utc>,
    pub(super) ends_at: DateTime<Utc>,
}

/// A call that the ledger does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unsaved {
    pub(super) serial: String,
    pub(super) called_at: DateTime<Utc>,
    pub(super) address: Option<IpAddr>,
    /// The other address from which it called before.
    pub(super) moved_from: Option<IpAddr>,
}

impl Presence {
    /// From the calls that the ledger has.
    pub(super) fn new(calls: BTreeMap<String, PushCall>) -> Self {
        let seen = |call: PushCall| {
            let address = call.address.and_then(|address| address.parse().ok());
            Seen { address, known_address: address, is_saved: true, ..Seen::at(call.called_at) }
        };
        let terminals = calls.into_iter().map(|(serial, call)| (serial, seen(call))).collect();
        Self { terminals, kept_at: None }
    }

    /// A terminal calls. If the last call is longer ago than `silence`, there is a gap.
    pub(super) fn calls(&mut self, serial: &str, from: Option<IpAddr>, now: DateTime<Utc>, silence: TimeDelta) {
        let Some(seen) = self.terminals.get_mut(serial) else {
            // All that it has is new.
            self.terminals.insert(serial.to_owned(), Seen { address: from, ..Seen::at(now) });
            return;
        };
        if now - seen.called_at > silence {
            seen.add(Gap { cause: GapCause::Silent, begins_at: seen.called_at, ends_at: now });
        }
        (seen.called_at, seen.is_saved) = (now, false);
        seen.address = from.or(seen.address);
    }

    /// A terminal has forgotten how far it had sent its log.
    pub(super) fn forgot(&mut self, serial: &str, now: DateTime<Utc>) {
        let Some(seen) = self.terminals.get_mut(serial).filter(|seen| !seen.may_answer(now)) else { return };
        seen.add(Gap { cause: GapCause::Forgot, begins_at: seen.called_at, ends_at: now });
    }

    /// A terminal is sent commands.
    pub(super) fn told(&mut self, serial: &str, now: DateTime<Utc>) {
        if let Some(seen) = self.terminals.get_mut(serial) {
            seen.told_at = Some(now);
        }
    }

    /// The gap for which a terminal is to be asked.
    pub(super) fn gap(&self, serial: &str) -> Option<Gap> {
        self.terminals.get(serial)?.gap
    }

    /// The ledger has the command that asks for a gap.
    pub(super) fn asked(&mut self, serial: &str, gap: Gap) {
        if let Some(seen) = self.terminals.get_mut(serial).filter(|seen| seen.gap == Some(gap)) {
            seen.gap = None;
        }
    }

    /// As [`Presence::unsaved`], once a minute.
    pub(super) fn due(&mut self, now: DateTime<Utc>) -> Vec<Unsaved> {
        if self.kept_at.is_some_and(|kept_at| (now - kept_at).abs() < KEPT_EVERY) {
            return Vec::new();
        }
        self.kept_at = Some(now);
        self.unsaved()
    }

    /// Returns the calls that the ledger does not have, and takes them as kept. That of a terminal with a gap is none
    /// of them: after a crash, the gap is found again.
    pub(super) fn unsaved(&mut self) -> Vec<Unsaved> {
        let unsaved = self.terminals.iter_mut().filter(|(_, seen)| !seen.is_saved && seen.gap.is_none());
        unsaved
            .map(|(serial, seen)| {
                seen.is_saved = true;
                let address = seen.address;
                let moved_from =
                    std::mem::replace(&mut seen.known_address, address).filter(|from| Some(*from) != address);
                Unsaved { serial: serial.clone(), called_at: seen.called_at, address, moved_from }
            })
            .collect()
    }
}

impl Seen {
    fn at(called_at: DateTime<Utc>) -> Self {
        Self { called_at, address: None, known_address: None, is_saved: false, told_at: None, gap: None }
    }

    /// A second gap before the first one was asked for makes it longer.
    fn add(&mut self, gap: Gap) {
        let begins_at = self.gap.map_or(gap.begins_at, |earlier| earlier.begins_at.min(gap.begins_at));
        self.gap = Some(Gap { begins_at, ..gap });
    }

    fn may_answer(&self, now: DateTime<Utc>) -> bool {
        self.told_at.is_some_and(|told_at| now - told_at < ANSWERS_WITHIN)
    }
}

/// Returns true if a stamp is lower than the one that is kept. Only numbers can be compared; the words of a terminal
/// are its own.
pub(super) fn steps_back(kept: &[u8], given: &[u8]) -> bool {
    let number =
        |stamp: &[u8]| std::str::from_utf8(stamp).ok()?.parse::<u64>().ok().filter(|number| *number != CONSTANT);
    matches!((number(kept), number(given)), (Some(kept), Some(given)) if given < kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: TimeDelta = TimeDelta::seconds(90);

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn known(called_at: DateTime<Utc>, address: Option<&str>) -> PushCall {
        let dir = tempfile::tempdir().unwrap();
        let ledger = crate::Ledger::open(dir.path()).unwrap();
        ledger.save_push_calls(&[("A1".to_owned(), called_at, address.map(Into::into))]).unwrap();
        ledger.push_calls().unwrap().remove("A1").unwrap()
    }

    fn unsaved(called_at: DateTime<Utc>, address: Option<IpAddr>, moved_from: Option<IpAddr>) -> Unsaved {
        Unsaved { serial: "A1".to_owned(), called_at, address, moved_from }
    }

    fn silent(begin: i64, end: i64) -> Option<Gap> {
        Some(Gap { cause: GapCause::Silent, begins_at: at(begin), ends_at: at(end) })
    }

    #[test]
    fn a_terminal_that_was_silent_for_too_long_has_a_gap_until_it_was_asked() {
        let mut presence = Presence::new(BTreeMap::from([("A1".to_owned(), known(at(0), None))]));
        presence.calls("A1", None, at(90), SILENCE);
        assert_eq!(presence.gap("A1"), None);
        presence.calls("A1", None, at(181), SILENCE);
        presence.calls("A1", None, at(185), SILENCE);
        assert_eq!((presence.gap("A1"), presence.unsaved()), (silent(90, 181), vec![]), "a crash finds it again");
        // It is gone once more before it could be asked.
        presence.calls("A1", None, at(400), SILENCE);
        assert_eq!(presence.gap("A1"), silent(90, 400));
        presence.asked("A1", silent(90, 181).unwrap());
        assert_eq!(presence.gap("A1"), silent(90, 400), "that one is longer");
        presence.asked("A1", silent(90, 400).unwrap());
        assert_eq!((presence.gap("A1"), presence.unsaved()), (None, vec![unsaved(at(400), None, None)]));
        assert_eq!(presence.unsaved(), []);
    }

    #[test]
    fn the_first_call_of_all_is_after_no_gap_and_a_clock_that_was_set_back_makes_none() {
        let mut presence = Presence::default();
        for second in [1_000, 10, 50] {
            presence.calls("A1", None, at(second), SILENCE);
            assert_eq!(presence.gap("A1"), None, "{second}");
        }
    }

    #[test]
    fn a_terminal_that_forgets_has_a_gap_unless_it_may_be_answering() {
        let mut presence = Presence::default();
        presence.calls("A1", None, at(0), SILENCE);
        presence.told("A1", at(0));
        presence.forgot("A1", at(3_599));
        assert_eq!(presence.gap("A1"), None);
        presence.calls("A1", None, at(3_590), TimeDelta::MAX);
        presence.forgot("A1", at(3_600));
        assert_eq!(presence.gap("A1"), Some(Gap { cause: GapCause::Forgot, begins_at: at(3_590), ends_at: at(3_600) }));
        presence.forgot("STRANGER", at(3_600));
        assert_eq!(presence.gap("STRANGER"), None);
    }

    #[test]
    fn calls_are_kept_once_a_minute() {
        let mut presence = Presence::default();
        let mut kept = Vec::new();
        for second in 0..130 {
            presence.calls("A1", None, at(second), SILENCE);
            kept.extend(presence.due(at(second)));
        }
        assert_eq!(kept, [0, 60, 120].map(|second| unsaved(at(second), None, None)));
    }

    #[test]
    fn another_address_is_told_once_a_minute_at_most_and_not_if_it_is_the_old_one_again() {
        let [first, second] = [1, 2].map(|last| Some(IpAddr::from([192, 0, 2, last])));
        let mut presence = Presence::new(BTreeMap::from([("A1".to_owned(), known(at(0), Some("192.0.2.1")))]));
        let mut kept = Vec::new();
        // It has two lines for a minute, then the second one alone, and is then behind a proxy that names nobody.
        for (second_of_time, from) in [(1, second), (2, first), (61, first), (121, second), (122, second), (181, None)]
        {
            presence.calls("A1", from, at(second_of_time), SILENCE);
            kept.extend(presence.due(at(second_of_time)));
        }
        let expected = [
            unsaved(at(1), second, first),
            unsaved(at(61), first, second),
            unsaved(at(121), second, first),
            unsaved(at(181), second, None),
        ];
        assert_eq!(kept, expected);
    }

    #[test]
    fn only_numbers_that_change_step_back() {
        for (kept, given, expected) in [
            ("700", "699", true),
            ("700", "0", true),
            ("700", "700", false),
            ("9999", "5", false),
            ("10000", "9999", false),
            ("2026-03-01T08:00:00", "2025-01-01T00:00:00", false),
            ("700", "None", false),
            ("700", "-1", false),
        ] {
            assert_eq!(steps_back(kept.as_bytes(), given.as_bytes()), expected, "{kept} {given}");
        }
    }
}
