//! Writing a transcript during the conversation.

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
/// A packet is written once it is whole. A table of users or fingerprints is held until its end, when the place of its
/// secrets is known. At most 16 MiB are held; a longer table loses its content.
#[derive(Debug)]
pub struct Scribe {
    out: String,
    queue: VecDeque<Entry>,
    /// The received bytes that are not written yet.
    bytes: Vec<u8>,
    /// The position of `bytes` in all received bytes.
    base: u64,
    /// The end of the packets that were parsed.
    parsed: u64,
    datagrams: bool,
    /// The stream lost its framing, so its content is unknown.
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
            // Writing to a string cannot fail.
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

    /// Adds a note. The text is kept as it is: it must contain no secret.
    pub fn note(&mut self, text: &str) {
        self.queue.push_back(Entry::Text("# ".to_string() + &one_line(text)));
        self.release();
    }

    /// Writes that a connection attempt begins.
    pub fn open(&mut self, at: Duration, datagrams: bool) {
        self.settle();
        (self.datagrams, self.lost, self.prepared) = (datagrams, false, Set::Secret);
        self.requests.clear();
        self.push(at, What::Open { datagrams });
    }

    /// Writes that the connection is open.
    pub fn opened(&mut self, at: Duration) {
        self.push(at, What::Opened);
    }

    /// Writes that the session is given something to do.
    pub fn call(&mut self, at: Duration) {
        self.push(at, What::Call);
    }

    /// Writes that a deadline passed and nothing came.
    pub fn idle(&mut self, at: Duration) {
        self.push(at, What::Idle);
    }

    /// Writes that the caller gave a call up.
    pub fn cut(&mut self, at: Duration) {
        self.push(at, What::Cut);
    }

    /// Writes that a pull was given up at its deadline.
    pub fn overdue(&mut self, at: Duration) {
        self.push(at, What::Overdue);
    }

    /// Writes a failure of the connection.
    pub fn failed(&mut self, at: Duration, failure: Failure) {
        self.push(at, What::Failed(failure));
    }

    /// Writes that the connection was closed.
    pub fn closed(&mut self, at: Duration) {
        self.settle();
        self.push(at, What::Closed);
    }

    /// Writes a packet that goes out, with its frame over TCP.
    pub fn sent(&mut self, at: Duration, wire: &[u8]) {
        let mut wire = wire.to_vec();
        let packet = wire.get_mut(if self.datagrams { 0 } else { PREFIX_LEN }..).unwrap_or_default();
        if let Some(header) = Header::of(packet) {
            self.note_request(header, packet.get(HEADER_LEN..).unwrap_or_default());
        }
        mask_request(packet);
        self.push(at, What::Sent(Bytes::from(wire)));
    }

    /// Writes received bytes: the result of one read, or one datagram.
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

    /// Ends the transcript: writes what is still held.
    pub fn finish(&mut self) {
        self.settle();
        self.release();
    }

    /// Takes the text that became ready since the last call.
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
