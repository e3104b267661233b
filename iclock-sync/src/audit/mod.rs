//! The audit: for each event when it was read, from which terminal and how, and when each sink stored it.
//!
//! It is a directory `audit` in the state directory, with files of JSON Lines that only grow. Each line contains the
//! hash of the one before, also across files. The ledger keeps the number and the hash of the last line that it knows.
//! [`verify()`] finds a line that was changed, removed or moved. Only the removal of a person writes lines again
//! (`redact`).
//!
//! Deliveries are on the disk before the ledger records them. Readings are derived from the ledger after its commit.
//! When the audit is opened, a last line that a crash has cut off is removed, and what the ledger knows beyond the last
//! line is added.

pub(crate) mod redact;
mod show;
mod verify;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

pub use crate::trail::line::Order;
pub use show::{
    Entry, Filter, OrderEntry, PushEntry, StoredAt, entries, last_push_entries, order_entries, push_entries,
};
pub use verify::{Problem, Verdict, verify};

use crate::error::chain;
use crate::trail::line::{self, Begins, Beside, Line, Sent};
use crate::trail::{HEAD, Head};
use crate::{Ledger, private};

/// A file is followed by the next one beyond this size, in bytes.
const FILE_SIZE: u64 = 32 << 20;

/// Bytes of lines that are written together when many are missing.
const TOGETHER: usize = 1 << 20;

/// Events in one line.
const PAGE: u32 = 500;

/// The action that crash points name.
const WRITES: &str = "write the audit";

/// The audit of one state directory. It opens its files when it is used.
#[derive(Debug)]
pub(crate) struct Audit {
    writer: Mutex<Option<Writer>>,
    file_size: u64,
}

/// The open end of the audit.
#[derive(Debug)]
struct Writer {
    state: PathBuf,
    number: u32,
    file: File,
    size: u64,
    /// The number of the next line.
    next: u64,
    /// The hash of the last line.
    hash: String,
    known: Begins,
    /// Lines that are not in the file yet.
    waiting: Vec<u8>,
    file_size: u64,
}

impl Audit {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::with_file_size(FILE_SIZE))
    }

    fn with_file_size(file_size: u64) -> Self {
        Self { writer: Mutex::default(), file_size }
    }

    /// Writes what the ledger has and the audit has not, then `sent`, and waits until it is on the disk. Returns the
    /// text for the ledger's setting [`HEAD`]. `None` after an error: the next use opens the files again, and adds what
    /// is missing.
    pub(crate) fn record(&self, ledger: &Ledger, sent: Option<Sent>, now: DateTime<Utc>) -> Option<String> {
        self.record_all(ledger, sent, Vec::new(), now)
    }

    /// As [`Audit::record`], with what the ledger does not have.
    pub(crate) fn record_all(
        &self,
        ledger: &Ledger,
        sent: Option<Sent>,
        beside: Vec<Beside>,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let mut place = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = || -> io::Result<String> {
            let writer = match &mut *place {
                Some(writer) => writer,
                None => place.insert(Writer::open(ledger, self.file_size, now)?),
            };
            writer.catch_up(ledger, now)?;
            if let Some(sent) = sent {
                writer.sent(sent, now)?;
            }
            for beside in beside {
                writer.push(now, |line| match beside {
                    Beside::Push(push) => line.push = Some(push),
                    Beside::Order(order) => line.order = Some(order),
                })?;
            }
            ledger.crashes().before_commit(WRITES);
            writer.write(now)?;
            ledger.crashes().after_commit(WRITES);
            Ok(Head { n: writer.next.saturating_sub(1), hash: writer.hash.clone() }.text())
        };
        match attempt() {
            Ok(head) => Some(head),
            Err(error) => {
                *place = None;
                tracing::warn!("the audit could not be written, and is completed later: {}", chain(&error));
                None
            }
        }
    }
}

impl Writer {
    /// Opens the last file: removes a line that was cut off, and finds out how far the audit goes.
    fn open(ledger: &Ledger, file_size: u64, now: DateTime<Utc>) -> io::Result<Self> {
        let state = ledger.dir();
        private::create_dir_all(&line::dir(state))?;
        let head = ledger.setting(HEAD).map_err(io::Error::other)?.and_then(|text| Head::parse(&text));
        redact::complete(state, head.as_ref())?;
        let (mut next, mut hash, mut known) = (0, line::NONE.to_owned(), Begins { version: 1, ..Begins::default() });
        let mut files = line::files(state)?;
        let (mut unreadable, mut head_seen, mut size) = (None, head.is_none(), 0);
        while let Some((_, path)) = files.last() {
            line::each_line(path, |bytes, whole| {
                if !whole {
                    return Ok(());
                }
                size += bytes.len() as u64 + 1;
                hash = line::hash(bytes);
                match serde_json::from_slice::<Line>(bytes) {
                    Ok(line) => {
                        next = line.n + 1;
                        head_seen |= head.as_ref().is_some_and(|head| head.n < line.n);
                        known.take(&line);
                    }
                    Err(_) => {
                        next += 1;
                        unreadable.get_or_insert(next - 1);
                    }
                }
                if head.as_ref().is_some_and(|head| head.n + 1 == next && head.hash == hash) {
                    head_seen = true;
                }
                Ok(())
            })?;
            if size > 0 {
                break;
            }
            // A crash came before its first line.
            fs::remove_file(path)?;
            files.pop();
        }
        let number = files.last().map_or(1, |(number, _)| *number);
        let path = line::path(state, number);
        let file = private::options().truncate(false).open(&path)?;
        private::protect(&path)?;
        file.set_len(size)?;
        let (state, waiting) = (state.to_owned(), Vec::new());
        let mut writer = Self { state, number, file, size, next, hash, known, waiting, file_size };
        io::Seek::seek(&mut writer.file, io::SeekFrom::End(0))?;
        if size == 0 {
            let begins = writer.known.clone();
            writer.push(now, |line| line.begins = Some(begins))?;
        }
        if let Some(n) = unreadable {
            writer.push(now, |line| line.damage = Some(format!("line {n} could not be read")))?;
        }
        if let Some(head) = head.filter(|_| !head_seen) {
            let damage = format!("the ledger knows line {} with the hash {}, which is not there", head.n, head.hash);
            tracing::warn!("the audit was changed: {damage}");
            writer.push(now, |line| line.damage = Some(damage))?;
        }
        // First what was read, because a reader takes the lines in their order.
        writer.catch_up(ledger, now)?;
        for sink in ledger.delivered_beyond(&writer.known.sinks).map_err(io::Error::other)? {
            let (through, stored) = (sink.through, sink.stored);
            let sent = Sent { sink: sink.name, target: sink.target, through, stored, derived: true, ..Sent::default() };
            writer.sent(sent, now)?;
        }
        Ok(writer)
    }

    /// Adds the events that entered the ledger since.
    fn catch_up(&mut self, ledger: &Ledger, now: DateTime<Utc>) -> io::Result<()> {
        loop {
            let read = ledger.read_after(self.known.read, PAGE).map_err(io::Error::other)?;
            if read.is_empty() {
                return Ok(());
            }
            for read in read {
                self.push(now, |line| line.read = Some(read))?;
            }
            // A ledger of years may be new to the audit.
            if self.waiting.len() >= TOGETHER {
                self.write(now)?;
            }
        }
    }

    fn sent(&mut self, sent: Sent, now: DateTime<Utc>) -> io::Result<()> {
        self.push(now, |line| line.sent = Some(sent))
    }

    fn push(&mut self, at: DateTime<Utc>, fill: impl FnOnce(&mut Line)) -> io::Result<()> {
        let prev = std::mem::take(&mut self.hash);
        let n = self.next;
        let mut line = Line::new(n, prev, at);
        fill(&mut line);
        let bytes = serde_json::to_vec(&line).map_err(io::Error::other)?;
        self.hash = line::hash(&bytes);
        self.next += 1;
        self.known.take(&line);
        self.waiting.extend_from_slice(&bytes);
        self.waiting.push(b'\n');
        Ok(())
    }

    /// Writes the lines that wait, and waits until they are on the disk. Begins the next file if this one is long.
    fn write(&mut self, now: DateTime<Utc>) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.flush()?;
        if self.size < self.file_size {
            return Ok(());
        }
        self.number += 1;
        self.file = private::create(&line::path(&self.state, self.number))?;
        self.size = 0;
        let begins = self.known.clone();
        self.push(now, |line| line.begins = Some(begins))?;
        self.flush()?;
        private::sync_dir(&line::dir(&self.state))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.waiting)?;
        self.file.sync_data()?;
        self.size += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

impl Begins {
    /// Follows a line.
    fn take(&mut self, line: &Line) {
        if let Some(begins) = &line.begins {
            *self = begins.clone();
        }
        if let Some((seq, ..)) = line.read.as_ref().and_then(|read| read.events.last()) {
            self.read = self.read.max(*seq);
        }
        if let Some(sent) = &line.sent {
            let through = self.sinks.entry(sent.target.clone()).or_default();
            *through = sent.through.max(*through);
        }
    }
}

#[cfg(test)]
mod tests;
