//! Writing a transcript while the conversation goes on.

mod secrets;

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;

use super::content::{Header, Set, mask_request};
use super::line::{Failure, Line, What};
use super::table::{MOST, Table};
use crate::frame::PREFIX_LEN;
use crate::packet::HEADER_LEN;
use secrets::Request;

/// Writes a transcript, without its secrets: see [the module](super).
///
/// A packet is written once it is whole, and a table of users or fingerprints once its end shows where its secrets stand;
/// until then it is held, 16 MiB at most. A longer one loses its content.
#[derive(Debug)]
pub struct Scribe {
    out: String,
    queue: VecDeque<Entry>,
    /// What was received and is not yet written.
    bytes: Vec<u8>,
    /// Where `bytes` begins in all that was received.
    base: u64,
    /// Up to where packets were taken apart.
    parsed: u64,
    datagrams: bool,
    /// The stream lost its framing: nothing of it is known any more.
    lost: bool,
    requests: VecDeque<Request>,
    prepared: Set,
    users: Option<u32>,
    table: Option<Table>,
}

#[derive(Debug)]
enum Entry {
    Text(String),
    Read { at: Duration, end: u64 },
}

impl Scribe {
    /// Begins a transcript with these settings, each a name without spaces and a value.
    #[must_use]
    pub fn new<'a>(settings: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut out = String::from(super::HEADER);
        out.push('\n');
        for (name, value) in settings {
            // Writing to a string does not fail.
            let _ = writeln!(out, "set {name} {}", one_line(&value));
        }
        Self {
            out,
            queue: VecDeque::new(),
            bytes: Vec::new(),
            base: 0,
            parsed: 0,
            datagrams: false,
            lost: false,
            requests: VecDeque::new(),
            prepared: Set::Secret,
            users: None,
            table: None,
        }
    }

    /// Notes something. The text is kept as it is: it must hold no secret.
    pub fn note(&mut self, text: &str) {
        self.queue.push_back(Entry::Text("# ".to_string() + &one_line(text)));
        self.release();
    }

    /// A connection is to be opened.
    pub fn open(&mut self, at: Duration, datagrams: bool) {
        self.settle();
        (self.datagrams, self.lost, self.prepared) = (datagrams, false, Set::Secret);
        self.requests.clear();
        self.push(at, What::Open { datagrams });
    }

    /// It is open.
    pub fn opened(&mut self, at: Duration) {
        self.push(at, What::Opened);
    }

    /// The session is given something to do.
    pub fn call(&mut self, at: Duration) {
        self.push(at, What::Call);
    }

    /// A deadline passed and nothing came.
    pub fn idle(&mut self, at: Duration) {
        self.push(at, What::Idle);
    }

    /// A call was given up from outside.
    pub fn cut(&mut self, at: Duration) {
        self.push(at, What::Cut);
    }

    /// The deadline of a pull passed, and the pull was given up.
    pub fn overdue(&mut self, at: Duration) {
        self.push(at, What::Overdue);
    }

    /// Something failed.
    pub fn failed(&mut self, at: Duration, failure: Failure) {
        self.push(at, What::Failed(failure));
    }

    /// The connection is closed.
    pub fn closed(&mut self, at: Duration) {
        self.settle();
        self.push(at, What::Closed);
    }

    /// A packet goes out, with its frame over TCP.
    pub fn sent(&mut self, at: Duration, wire: &[u8]) {
        let mut wire = wire.to_vec();
        let packet = wire.get_mut(if self.datagrams { 0 } else { PREFIX_LEN }..).unwrap_or_default();
        if let Some(header) = Header::of(packet) {
            self.note_request(header, packet.get(HEADER_LEN..).unwrap_or_default());
        }
        mask_request(packet);
        self.push(at, What::Sent(Bytes::from(wire)));
    }

    /// Bytes came: what one read brought, or one datagram.
    pub fn received(&mut self, at: Duration, bytes: &[u8]) {
        let start = self.end();
        self.bytes.extend_from_slice(bytes);
        self.queue.push_back(Entry::Read { at, end: self.end() });
        if self.datagrams {
            self.handle_packet(start..self.end());
            self.parsed = self.end();
        } else {
            self.take_frames();
        }
        if self.table.as_ref().is_some_and(|table| table.bytes() > MOST) {
            self.finish_table();
        }
        self.release();
    }

    /// Nothing follows: writes what is still held.
    pub fn finish(&mut self) {
        self.settle();
        self.release();
    }

    /// The text that is ready since the last time.
    pub fn take(&mut self) -> String {
        core::mem::take(&mut self.out)
    }

    fn push(&mut self, at: Duration, what: What) {
        self.queue.push_back(Entry::Text(Line { at, what }.to_string()));
        self.release();
    }

    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    fn slice(&mut self, range: Range<u64>) -> &mut [u8] {
        let place = |at: u64| usize::try_from(at.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let range = place(range.start)..place(range.end);
        self.bytes.get_mut(range).unwrap_or_default()
    }

    /// Writes what is ready.
    fn release(&mut self) {
        let held = self.table.as_ref().and_then(|table| table.pieces.first()).map(|piece| piece.packet.start);
        let ready = held.map_or(self.parsed, |held| held.min(self.parsed));
        loop {
            match self.queue.front() {
                Some(Entry::Text(_)) => {}
                Some(Entry::Read { end, .. }) if *end <= ready => {}
                _ => return,
            }
            match self.queue.pop_front() {
                Some(Entry::Text(text)) => self.out += &text,
                Some(Entry::Read { at, end }) => {
                    let count = usize::try_from(end - self.base).unwrap_or(usize::MAX).min(self.bytes.len());
                    let what = What::Received(self.bytes.drain(..count).collect());
                    self.base = end;
                    self.out += &Line { at, what }.to_string();
                }
                None => return,
            }
            self.out.push('\n');
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
