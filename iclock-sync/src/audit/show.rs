//! The audit by event.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;

use crate::Ledger;
use crate::trail::line::{self, Line, Order, Sent};

/// The events to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Only of the person with this user id.
    pub person: Option<String>,
    /// Only of this terminal: its name or serial number.
    pub terminal: Option<String>,
    /// Only punches from then on, by the terminal's wall clock.
    pub since: Option<NaiveDateTime>,
    /// Only events after the one with this number in the ledger.
    pub after: i64,
    /// The most events; all if it is `None`.
    pub most: Option<usize>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its number in the ledger.
    pub seq: i64,
    /// Its key: the id of the scheme `full`.
    pub key: String,
    /// The user id.
    pub user_id: String,
    /// The time on the terminal.
    pub local_time: String,
    /// The terminal's serial number, or `name:NAME`.
    pub terminal: String,
    /// The terminal's configured name.
    pub device: String,
    /// The way in which it was read: `pull`, `live`, `push`, or `by_hand`.
    pub how: String,
    /// The time at which it was read.
    pub read_at: DateTime<Utc>,
    /// What became of it at sinks, in the order of time.
    pub sinks: Vec<StoredAt>,
}

/// The result of one delivery of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoredAt {
    /// The sink's configured name.
    pub sink: String,
    /// Its target.
    pub target: String,
    /// The time; of the note about it, if the time itself is not known.
    pub at: DateTime<Utc>,
    /// `stored`, `had` (it was there already), `known` (the ledger says that it is there), or `refused`.
    pub result: &'static str,
    /// The reason why the sink refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An order that somebody gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OrderEntry {
    /// The number of its line in the audit.
    pub n: u64,
    /// The time.
    pub at: DateTime<Utc>,
    /// The order.
    #[serde(flatten)]
    pub order: Order,
}

/// Something between this program and a terminal that pushes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PushEntry {
    /// The number of its line in the audit.
    pub n: u64,
    /// The time.
    pub at: DateTime<Utc>,
    /// The serial number that the terminal gives.
    pub terminal: String,
    /// `sent`: it was sent a command. `answered`: its result came. `dialect`: it speaks another dialect than before.
    pub what: String,
    /// The number of the command.
    pub command: Option<u32>,
    /// The first words of the command, without its values; or the dialect before, and the one now.
    pub words: Option<String>,
    /// The code of the result.
    pub code: Option<i64>,
}

/// Returns the commands that terminals that push were sent, their results, and the changes of their dialects, oldest
/// first: those of one serial number, or of all.
///
/// # Errors
/// When a file cannot be read.
pub fn push_entries(ledger: &Ledger, serial: Option<&str>) -> io::Result<Vec<PushEntry>> {
    let mut found = latest(ledger, None, usize::MAX, |line| push_entry(line, serial))?;
    found.reverse();
    Ok(found)
}

/// As [`push_entries`], but the latest ones first, at most `most`, and those before the line with this number.
///
/// # Errors
/// When a file cannot be read.
pub fn last_push_entries(
    ledger: &Ledger,
    serial: Option<&str>,
    before: Option<u64>,
    most: usize,
) -> io::Result<Vec<PushEntry>> {
    latest(ledger, before, most, |line| push_entry(line, serial))
}

fn push_entry(line: Line, serial: Option<&str>) -> Option<PushEntry> {
    let Line { n, at, push: Some(push), .. } = line else { return None };
    let line::Push { terminal, what, command, words, code } = push;
    let is_wanted = serial.is_none_or(|serial| serial == terminal);
    is_wanted.then_some(PushEntry { n, at, terminal, what, command, words, code })
}

/// Returns the orders that people and programs gave to a service, the latest ones first, at most `most`: those before
/// the line with this number.
///
/// # Errors
/// When a file cannot be read.
pub fn order_entries(ledger: &Ledger, before: Option<u64>, most: usize) -> io::Result<Vec<OrderEntry>> {
    latest(ledger, before, most, |Line { n, at, order, .. }| Some(OrderEntry { n, at, order: order? }))
}

/// Returns the latest lines that are taken, the last one first. It reads no file that is not needed.
fn latest<T>(
    ledger: &Ledger,
    before: Option<u64>,
    most: usize,
    take: impl Fn(Line) -> Option<T>,
) -> io::Result<Vec<T>> {
    let (mut found, is_before) = (Vec::new(), |n| before.is_none_or(|before| n < before));
    for (_, path) in line::files(ledger.dir())?.iter().rev() {
        let mut of_file = VecDeque::new();
        line::each_line(path, |bytes, _| {
            if let Ok(line) = serde_json::from_slice::<Line>(bytes)
                && is_before(line.n)
                && let Some(taken) = take(line)
            {
                of_file.push_back(taken);
                if of_file.len() > most - found.len() {
                    of_file.pop_front();
                }
            }
            Ok(())
        })?;
        found.extend(of_file.into_iter().rev());
        if found.len() >= most {
            break;
        }
    }
    Ok(found)
}

/// Returns the events of the audit next to a ledger, in the order in which they were read. Lines that cannot be read
/// are left out; [`verify`](super::verify()) names them.
///
/// # Errors
/// When a file cannot be read.
pub fn entries(ledger: &Ledger, filter: &Filter) -> io::Result<Vec<Entry>> {
    let mut found = BTreeMap::new();
    for (_, path) in line::files(ledger.dir())? {
        line::each_line(&path, |bytes, _| {
            if let Ok(line) = serde_json::from_slice::<Line>(bytes) {
                if let Some(read) = line.read {
                    take_read(&mut found, read, filter);
                }
                if let Some(sent) = line.sent {
                    take_sent(&mut found, &sent, line.at);
                }
            }
            Ok(())
        })?;
    }
    Ok(found.into_values().collect())
}

fn take_read(found: &mut BTreeMap<i64, Entry>, read: line::Read, filter: &Filter) {
    if filter.terminal.as_ref().is_some_and(|name| *name != read.terminal && *name != read.device) {
        return;
    }
    let since = filter.since.map(|since| since.format("%Y-%m-%d %H:%M:%S").to_string());
    for (seq, key, user_id, local_time) in read.events {
        // Times of this form sort as text.
        // It was emptied with its person.
        if key.is_empty() {
            continue;
        }
        if seq <= filter.after || filter.most.is_some_and(|most| found.len() >= most) {
            continue;
        }
        let is_before = since.as_ref().is_some_and(|since| local_time < *since);
        if is_before || filter.person.as_ref().is_some_and(|person| *person != user_id) {
            continue;
        }
        let (terminal, device, how) = (read.terminal.clone(), read.device.clone(), read.how.clone());
        let read_at = read.read_at;
        found.insert(seq, Entry { seq, key, user_id, local_time, terminal, device, how, read_at, sinks: Vec::new() });
    }
}

fn take_sent(found: &mut BTreeMap<i64, Entry>, sent: &Sent, at: DateTime<Utc>) {
    let stored = if sent.derived { "known" } else { "stored" };
    let result = |result, reason| StoredAt { sink: sent.sink.clone(), target: sent.target.clone(), at, result, reason };
    for (runs, word) in [(&sent.stored, stored), (&sent.had, "had")] {
        for (first, last) in runs.iter().filter(|(first, last)| first <= last) {
            for (_, entry) in found.range_mut(first..=last) {
                entry.sinks.push(result(word, None));
            }
        }
    }
    for (seq, reason) in &sent.refused {
        if let Some(entry) = found.get_mut(seq) {
            entry.sinks.push(result("refused", Some(reason.clone())));
        }
    }
}
