//! The gaps for which terminals that push were asked, and what of that was reported.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::status::Backfill;
use crate::ledger::PushGap;
use crate::report::{BackfillReport, GapState};

/// The last gap of each terminal, by serial number.
#[derive(Debug, Default)]
pub(super) struct Backfills(BTreeMap<String, Asked>);

#[derive(Debug)]
struct Asked {
    /// The terminal's name for people.
    name: String,
    gap: PushGap,
    /// The state that was reported.
    told: Option<GapState>,
}

impl Backfills {
    /// Takes over a gap as the ledger has it. One that was answered before the start was reported then.
    pub(super) fn insert(&mut self, name: &str, gap: &PushGap, at_start: bool) {
        let before = self.0.get(&gap.serial).filter(|before| before.gap.command == gap.command);
        let told = match before {
            Some(before) => before.told,
            None => gap.answered_at.filter(|_| at_start).map(|_| GapState::Answered),
        };
        self.0.insert(gap.serial.clone(), Asked { name: name.to_owned(), gap: gap.clone(), told });
    }

    /// The gap of a terminal, for the status.
    pub(super) fn of(&self, serial: &str) -> Option<Backfill> {
        let PushGap { begins_at: since, ends_at: until, answered_at, expires_at: asked_until, .. } =
            self.0.get(serial)?.gap;
        Some(Backfill { since, until, answered_at, asked_until })
    }

    /// Returns true if there is something to report.
    pub(super) fn have_news(&self, now: DateTime<Utc>) -> bool {
        self.0.values().any(|asked| asked.told != Some(asked.gap.state(now)))
    }

    /// Returns what was not reported yet. It counts as reported.
    pub(super) fn take_news(&mut self, now: DateTime<Utc>) -> Vec<BackfillReport> {
        let mut news = Vec::new();
        for (serial, asked) in &mut self.0 {
            let state = asked.gap.state(now);
            if asked.told.replace(state) == Some(state) {
                continue;
            }
            let PushGap { cause, begins_at: since, ends_at: until, answered_at, .. } = asked.gap;
            let (name, serial) = (asked.name.clone(), serial.clone());
            news.push(BackfillReport { name, serial, cause, since, until, state, answered_at });
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::GapCause;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn gap(command: u32, answered_at: Option<i64>) -> PushGap {
        PushGap {
            serial: "A1".to_owned(),
            cause: GapCause::Silent,
            begins_at: at(0),
            ends_at: at(100),
            command,
            answered_at: answered_at.map(at),
            code: None,
            expires_at: at(1_000),
        }
    }

    fn states(backfills: &mut Backfills, second: i64) -> Vec<GapState> {
        let has_news = backfills.have_news(at(second));
        let news: Vec<GapState> = backfills.take_news(at(second)).into_iter().map(|news| news.state).collect();
        assert_eq!(has_news, !news.is_empty());
        news
    }

    #[test]
    fn a_question_its_answer_and_the_want_of_one_are_reported_once_each() {
        let mut backfills = Backfills::default();
        backfills.insert("gate", &gap(1, None), false);
        assert_eq!(states(&mut backfills, 100), [GapState::Asked]);
        backfills.insert("gate", &gap(1, None), false);
        assert_eq!(states(&mut backfills, 101), []);
        backfills.insert("gate", &gap(1, Some(110)), false);
        assert_eq!(states(&mut backfills, 110), [GapState::Answered]);
        assert_eq!(states(&mut backfills, 2_000), []);
        backfills.insert("gate", &gap(2, None), false);
        assert_eq!(states(&mut backfills, 500), [GapState::Asked]);
        assert_eq!(states(&mut backfills, 1_000), [GapState::Lost]);
        assert_eq!(states(&mut backfills, 1_001), []);
    }

    #[test]
    fn at_the_start_only_what_is_still_open_is_reported() {
        let mut backfills = Backfills::default();
        backfills.insert("gate", &gap(1, Some(110)), true);
        assert_eq!(states(&mut backfills, 200), []);
        // Another command of the terminal was answered.
        backfills.insert("gate", &gap(1, Some(110)), false);
        assert_eq!(states(&mut backfills, 201), []);
        backfills.insert("gate", &gap(2, None), true);
        assert_eq!(states(&mut backfills, 202), [GapState::Asked]);
    }
}
