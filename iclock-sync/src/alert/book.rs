//! What is bad, and since when: a change of it is told once.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::condition::{Growth, Level, Limits, Subject, found};
use super::message::{Line, Message};
use crate::health::{Health, write_whole};
use crate::schedule::Quiet;

/// The file in the state directory.
const FILE: &str = "alerts.json";
/// Something has to be good for so long before it counts as over.
const CALM: TimeDelta = TimeDelta::minutes(5);
/// A message that cannot be sent for so long is given up.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(1);
/// The most messages that wait, and the most changes of quiet hours. The oldest are given up.
const MOST: usize = 100;

/// What is bad now, and what of that was told. It outlives a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Book {
    #[serde(with = "as_list")]
    bad: BTreeMap<Subject, Bad>,
    growth: Growth,
    /// Changes of quiet hours.
    held: Vec<Line>,
    waiting: Vec<Waiting>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bad {
    since: DateTime<Utc>,
    text: String,
    good_since: Option<DateTime<Utc>>,
}

/// A message that has not gone out by all ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Waiting {
    /// The message.
    pub message: Message,
    /// The ways by which it has to go out, by name.
    pub ways: Vec<String>,
}

impl Book {
    /// Reads the file in a state directory. Without one, nothing was bad.
    ///
    /// # Errors
    /// When it cannot be read, or is not one.
    pub fn read(state_dir: &Path) -> io::Result<Self> {
        match std::fs::read(state_dir.join(FILE)) {
            Ok(json) => Ok(serde_json::from_slice(&json)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        write_whole(&state_dir.join(FILE), &serde_json::to_vec(self)?)
    }

    /// Looks at the state of a service. A change makes a message for these ways, unless the local time is a quiet one.
    pub fn look(
        &mut self,
        health: &Health,
        limits: &Limits,
        quiet: Option<Quiet>,
        ways: &[String],
        (now, local): (DateTime<Utc>, NaiveTime),
    ) {
        let found = found(health, limits, &mut self.growth, now);
        let changes = self.changes(found, now);
        let is_digest = !self.held.is_empty();
        self.held.extend(changes);
        self.held.drain(..self.held.len().saturating_sub(MOST));
        let is_quiet = quiet.is_some_and(|quiet| quiet.contains(local));
        if !is_quiet && !self.held.is_empty() {
            let lines = std::mem::take(&mut self.held);
            let message = Message { at: now, lines, open: self.bad.len(), is_digest };
            self.waiting.push(Waiting { message, ways: ways.to_vec() });
        }
        // A way that is not configured any more takes nothing.
        self.waiting.iter_mut().for_each(|waiting| waiting.ways.retain(|way| ways.contains(way)));
        self.waiting.retain(|waiting| !waiting.ways.is_empty() && now - waiting.message.at < GIVE_UP_AFTER);
        self.waiting.drain(..self.waiting.len().saturating_sub(MOST));
    }

    /// Returns what has to go out, the oldest first.
    #[must_use]
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// A message has gone out by a way.
    pub fn sent(&mut self, message: &Message, way: &str) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.message == *message) {
            waiting.ways.retain(|left| left != way);
        }
        self.waiting.retain(|waiting| !waiting.ways.is_empty());
    }

    fn changes(&mut self, mut found: BTreeMap<Subject, Level>, now: DateTime<Utc>) -> Vec<Line> {
        let mut changes = Vec::new();
        self.bad.retain(|subject, bad| {
            match found.remove(subject) {
                Some(Level::Bad(text)) => (bad.text, bad.good_since) = (text, None),
                Some(Level::Between) => bad.good_since = None,
                None => {
                    let good_since = *bad.good_since.get_or_insert(now);
                    // A clock that was set back does not make it wait for longer.
                    if (now - good_since).abs() >= CALM {
                        let (subject, text) = (subject.clone(), bad.text.clone());
                        changes.push(Line { subject, is_over: true, text, since: bad.since });
                        return false;
                    }
                }
            }
            true
        });
        for (subject, level) in found {
            if let Level::Bad(text) = level {
                changes.push(Line { subject: subject.clone(), is_over: false, text: text.clone(), since: now });
                self.bad.insert(subject, Bad { since: now, text, good_since: None });
            }
        }
        changes
    }
}

/// A map whose keys are no texts, as a list.
mod as_list {
    use super::{BTreeMap, Bad, Subject};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<Subject, Bad>, serializer: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Subject, Bad>, D::Error> {
        Ok(Vec::<(Subject, Bad)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Kind;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
    }

    fn subject(name: &str) -> Subject {
        Subject { kind: Kind::Terminal, name: name.to_owned() }
    }

    /// The changes of a minute in which these terminals are bad, and these between.
    fn changes(book: &mut Book, minute: i64, bad: &[&str], between: &[&str]) -> Vec<(String, bool)> {
        let bad = bad.iter().map(|name| (subject(name), Level::Bad("no answer".to_owned())));
        let found = bad.chain(between.iter().map(|name| (subject(name), Level::Between))).collect();
        let changes = book.changes(found, at(minute));
        changes.into_iter().map(|line| (line.subject.name, line.is_over)).collect()
    }

    #[test]
    fn a_change_is_told_once_and_what_is_between_begins_nothing_and_ends_nothing() {
        let mut book = Book::default();
        let told = |name: &str, is_over| vec![(name.to_owned(), is_over)];
        assert_eq!(changes(&mut book, 0, &[], &["gate"]), [], "it was not bad before");
        assert_eq!(changes(&mut book, 1, &["gate"], &[]), told("gate", false));
        assert_eq!(changes(&mut book, 2, &["gate"], &[]), []);
        assert_eq!(changes(&mut book, 9, &[], &["gate"]), []);
        assert_eq!(changes(&mut book, 10, &[], &[]), [], "it may be bad again soon");
        assert_eq!(changes(&mut book, 14, &["gate"], &[]), [], "as it is");
        assert_eq!((changes(&mut book, 15, &[], &[]), changes(&mut book, 19, &[], &[])), (vec![], vec![]));
        assert_eq!(changes(&mut book, 20, &[], &[]), told("gate", true));
        assert_eq!(changes(&mut book, 21, &[], &[]), []);
        assert_eq!(changes(&mut book, 22, &["gate", "yard"], &[]).len(), 2);
    }

    /// A healthy service, whose disk is nearly full or not.
    fn health(now: DateTime<Utc>, is_full: bool) -> Health {
        use crate::service::status::{Disk, Status};
        let disk = Disk { low: is_full, ..Disk::default() };
        let (terminals, sinks, pushed) = Default::default();
        let status = Status { at: now, started_at: at(0), terminals, sinks, disk: Some(disk), pushed };
        Health::of(status, crate::metrics::Resources::default(), "1.2.3", std::time::Duration::from_secs(10))
    }

    /// Looks at a minute of a day.
    fn look(book: &mut Book, minute: i64, is_full: bool) {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        let quiet = Quiet { from: hour(22), until: hour(6) };
        let local = hour(0) + TimeDelta::minutes(minute);
        let ways = ["one", "two"].map(ToOwned::to_owned);
        book.look(&health(at(minute), is_full), &Limits::default(), Some(quiet), &ways, (at(minute), local));
    }

    #[test]
    fn what_changes_in_quiet_hours_is_told_together_afterwards_and_the_end_of_the_last_is_an_all_clear() {
        let mut book = Book::default();
        for (minute, is_full) in [(60, true), (70, false), (80, false), (100, true), (359, true)] {
            look(&mut book, minute, is_full);
            assert_eq!(book.waiting(), [], "{minute}");
        }
        look(&mut book, 360, true);
        let [digest] = book.waiting() else { panic!("{book:?}") };
        let message = digest.message.clone();
        let ends: Vec<bool> = message.lines.iter().map(|line| line.is_over).collect();
        assert_eq!((ends, message.is_digest, message.open), (vec![false, true, false], true, 1));
        assert!(message.text().starts_with("In the quiet hours:\nthe disk of the state directory: only 0 MiB"));
        // It has gone out by one way, and by the other a little later.
        book.sent(&message, "one");
        assert_eq!(book.waiting()[0].ways, ["two"]);
        book.sent(&message, "two");
        assert_eq!(book.waiting(), []);
        look(&mut book, 400, false);
        look(&mut book, 405, false);
        let [clear] = book.waiting() else { panic!("{book:?}") };
        assert_eq!((clear.message.title().as_str(), clear.message.is_digest), ("iclock: all clear", false));
    }

    #[test]
    fn a_message_that_cannot_go_out_waits_for_a_day_and_not_for_a_way_that_is_gone() {
        let mut book = Book::default();
        look(&mut book, 600, true);
        look(&mut book, 601, true);
        assert_eq!(book.waiting().len(), 1);
        let (limits, now) = (Limits::default(), at(700));
        let look_by = |book: &mut Book, ways: &[&str], now| {
            let ways: Vec<String> = ways.iter().map(|way| (*way).to_owned()).collect();
            book.look(&health(now, true), &limits, None, &ways, (now, NaiveTime::MIN));
        };
        look_by(&mut book, &["two"], now);
        assert_eq!(book.waiting()[0].ways, ["two"]);
        look_by(&mut book, &["two"], at(600 + 1_439));
        assert_eq!(book.waiting().len(), 1);
        look_by(&mut book, &["two"], at(600 + 1_440));
        assert_eq!(book.waiting(), []);
    }

    #[test]
    fn a_restart_tells_nothing_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut book = Book::read(dir.path()).unwrap();
        changes(&mut book, 0, &["gate"], &[]);
        book.write(dir.path()).unwrap();
        let mut again = Book::read(dir.path()).unwrap();
        assert_eq!(again, book);
        assert_eq!(changes(&mut again, 1, &["gate"], &[]), []);
        std::fs::write(dir.path().join(FILE), "[").unwrap();
        assert!(Book::read(dir.path()).is_err());
    }
}
