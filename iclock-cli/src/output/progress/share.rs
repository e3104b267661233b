//! How much of the work is done: records, percent, and the time that is left.

use std::collections::HashMap;
use std::time::Duration;

use crate::output::{grouped, spoken};

/// Before this, the time that is left would be a guess.
const EARLY: Duration = Duration::from_secs(1);

/// The part of a log that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    bytes: u64,
    total: u64,
    /// The records in all of it, by the terminal's count.
    records: Option<u64>,
    is_over: bool,
}

impl Share {
    /// So many bytes of the whole, which has so many records.
    pub(super) fn new(bytes: u64, total: u64, records: Option<u64>) -> Self {
        Self { bytes: bytes.min(total), total, records, is_over: false }
    }

    /// The part that was read, from 0 to 1.
    fn part(self) -> f64 {
        match self.total {
            _ if self.is_over => 1.0,
            0 => 0.0,
            total => self.bytes as f64 / total as f64,
        }
    }

    /// The records that were read, as the bytes have it.
    fn read(self) -> u64 {
        (self.records.unwrap_or_default() as f64 * self.part()) as u64
    }

    /// The part in words, after so much time.
    pub(super) fn message(self, took: Duration) -> String {
        let left = left(self.part(), took);
        match self.records {
            Some(records) => {
                format!(
                    "reading {} of {} records, {}{left}",
                    grouped(self.read()),
                    grouped(records),
                    percent(self.part())
                )
            }
            None => format!("reading, {}{left}", percent(self.part())),
        }
    }
}

/// The shares of all terminals.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    terminals: usize,
    known: HashMap<String, Share>,
}

impl Shares {
    /// For so many terminals, none of which has begun.
    pub(super) fn of(terminals: usize) -> Self {
        Self { terminals, known: HashMap::new() }
    }

    pub(super) fn set(&mut self, terminal: &str, share: Share) {
        self.known.insert(terminal.to_owned(), share);
    }

    /// A terminal is done, whatever came of it.
    pub(super) fn finish(&mut self, terminal: &str) {
        self.known.entry(terminal.to_owned()).or_default().is_over = true;
    }

    /// All of them in words, after so much time. The records are those that the terminals have announced so far.
    pub(super) fn message(&self, took: Duration) -> String {
        let of = self.terminals;
        let noun = if of == 1 { "terminal" } else { "terminals" };
        let over = self.known.values().filter(|share| share.is_over).count();
        let read: u64 = self.known.values().map(|share| share.read()).sum();
        let records: u64 = self.known.values().filter_map(|share| share.records).sum();
        let part = self.known.values().map(|share| share.part()).sum::<f64>() / of.max(1) as f64;
        let records = match records {
            0 => String::new(),
            records => format!(", {} of {} records", grouped(read), grouped(records)),
        };
        format!("{over} of {of} {noun}{records}, {}{}", percent(part), left(part, took))
    }
}

fn percent(part: f64) -> String {
    // Whole ones, rounded down; a sum of nothing is -0.0.
    format!("{} %", (part * 100.0) as u64)
}

/// The time that is left, if the rest takes as long as what is done.
fn left(part: f64, took: Duration) -> String {
    if took < EARLY || !(0.01..1.0).contains(&part) {
        return String::new();
    }
    let left = took.mul_f64((1.0 - part) / part);
    // Tenths would be more than anybody knows.
    let seconds = left.as_secs().max(1);
    match seconds {
        0..60 => format!(", {seconds} s left"),
        _ => format!(", {} left", spoken(seconds * 1000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_shows_its_records_percent_and_the_time_that_is_left() {
        let share = Share::new(400, 4_000, Some(300_000));
        assert_eq!(share.message(Duration::ZERO), "reading 30,000 of 300,000 records, 10 %");
        let after = share.message(Duration::from_secs(10));
        assert_eq!(after, "reading 30,000 of 300,000 records, 10 %, 1 min 30 s left");
        assert_eq!(Share::new(1, 2, None).message(Duration::from_secs(10)), "reading, 50 %, 10 s left");
        assert_eq!(Share::new(0, 0, Some(7)).message(Duration::from_secs(10)), "reading 0 of 7 records, 0 %");
    }

    #[test]
    fn thirty_terminals_are_one_line_that_moves() {
        let mut shares = Shares::of(30);
        assert_eq!(shares.message(Duration::ZERO), "0 of 30 terminals, 0 %");
        (0..15).for_each(|n| shares.set(&format!("t{n}"), Share::new(50, 100, Some(20_000))));
        (0..10).for_each(|n| shares.finish(&format!("t{n}")));
        // One that was never reached.
        shares.finish("dead");
        let text = shares.message(Duration::from_secs(9));
        assert_eq!(text, "11 of 30 terminals, 250,000 of 300,000 records, 45 %, 11 s left");
        assert!(text.len() <= 78);
    }
}
