//! Writing a transcript while the conversation goes on.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;

use super::content::{Answer, Header, Set, answer_to, change, is_open_event, mask_request, word};
use super::line::{Failure, Line, What};
use super::table::{MOST, Piece, Table};
use crate::checksum::is_intact;
use crate::frame::{MAGIC, PREFIX_LEN};
use crate::packet::HEADER_LEN;
use crate::{Command, FreeSizes};

/// Requests whose late answers are still known.
const REQUESTS: usize = 32;
/// The longest packet that is held until it is whole. A terminal sends at most 64 KiB and a header.
const LONGEST_PACKET: u64 = 4 << 20;
/// An answer to a request for a set that is no longer than this only tells the set's size.
const SIZES: usize = 16;

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

#[derive(Debug)]
struct Request {
    reply_id: u16,
    command: Command,
    answer: Answer,
    /// Data of the answer that came so far, and the size of its parts as announced.
    got: u64,
    part: u64,
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

    fn note_request(&mut self, header: Header, data: &[u8]) {
        // A table is over when something else than its next part is asked for.
        if !matches!(header.command, Command::DATA_RDY | Command::ACK_OK) && !self.is_repeated(header) {
            self.finish_table();
        }
        let answer = answer_to(header.command, data, self.prepared);
        if let Answer::Prepared(set) = answer {
            self.prepared = set;
        }
        if header.command != Command::ACK_OK {
            self.requests.retain(|request| request.reply_id != header.reply_id);
            if self.requests.len() == REQUESTS {
                self.requests.pop_front();
            }
            let (reply_id, command) = (header.reply_id, header.command);
            self.requests.push_back(Request { reply_id, command, answer, got: 0, part: 0 });
        }
    }

    /// Whether it is the request in hand, sent once more.
    fn is_repeated(&self, header: Header) -> bool {
        self.requests.back().is_some_and(|last| (last.reply_id, last.command) == (header.reply_id, header.command))
    }

    fn take_frames(&mut self) {
        while !self.lost {
            let (from, end) = (self.parsed, self.end());
            let prefix = self.slice(from..end);
            if prefix.len() < PREFIX_LEN {
                break;
            }
            let length = word(prefix, 4).unwrap_or(0);
            if !prefix.starts_with(&MAGIC) || !(HEADER_LEN as u64..=LONGEST_PACKET).contains(&length) {
                // The eight bytes say what is wrong; what follows could be anything.
                self.parsed += PREFIX_LEN as u64;
                self.lost = true;
                break;
            }
            let packet = from + PREFIX_LEN as u64..from + PREFIX_LEN as u64 + length;
            if packet.end > end {
                break;
            }
            self.parsed = packet.end;
            self.handle_packet(packet);
        }
        if self.lost {
            let rest = self.parsed..self.end();
            self.slice(rest).fill(0);
            self.parsed = self.end();
        }
    }

    /// Takes the secrets out of a packet that came, or holds it where it is a part of a table.
    fn handle_packet(&mut self, range: Range<u64>) {
        let packet = self.slice(range.clone()).to_vec();
        let Some(header) = Header::of(&packet) else {
            self.slice(range).fill(0);
            return;
        };
        let (intact, data) = (is_intact(&packet), packet.get(HEADER_LEN..).unwrap_or_default());
        let open = match header.command {
            Command::REG_EVENT => is_open_event(header.field),
            _ => self.weigh(header, data, intact, &range),
        };
        if !open {
            change(self.slice(range), |data| data.fill(0));
        }
    }

    /// Whether an answer's data may be written as they are, now or once the table is whose part they are.
    fn weigh(&mut self, header: Header, data: &[u8], intact: bool, range: &Range<u64>) -> bool {
        let datagrams = self.datagrams;
        let Some(request) = self.requests.iter_mut().find(|request| request.reply_id == header.reply_id) else {
            return data.is_empty();
        };
        if request.command == Command::GET_FREE_SIZES && intact {
            self.users = FreeSizes::parse(data).ok().and_then(|sizes| sizes.users()).or(self.users);
        }
        let (set, offset) = match request.answer {
            Answer::Open => return true,
            Answer::Secret => return data.is_empty() || header.command == Command::PREPARE_DATA && data.len() <= SIZES,
            Answer::Prepared(set) => (set, 0),
            Answer::Part(set, offset) => (set, offset),
        };
        let whole = matches!(request.answer, Answer::Prepared(_));
        let held = matches!(set, Set::Users | Set::Templates);
        match header.command {
            Command::PREPARE_DATA if data.len() <= SIZES => {
                (request.got, request.part) = (0, word(data, 4).unwrap_or(0));
                if held && whole {
                    table(&mut self.table, set).size = word(data, 0);
                }
                true
            }
            Command::ACK_OK if data.len() <= SIZES && (whole || data.is_empty()) => {
                if held && whole && data.len() > 4 {
                    table(&mut self.table, set).size = word(data, 1);
                }
                true
            }
            _ if set == Set::Open || data.is_empty() => true,
            Command::DATA | Command::ACK_OK | Command::ACK_DATA if held => {
                let numbered = datagrams && request.part > 0;
                let place = if numbered { u64::from(header.field) * request.part } else { request.got };
                request.got += data.len() as u64;
                let piece = Piece { packet: range.clone(), at: offset + place, data: data.to_vec(), intact };
                table(&mut self.table, set).pieces.push(piece);
                true
            }
            _ => false,
        }
    }

    /// Takes the secrets out of the table that was held.
    fn finish_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        let mask = table.mask(self.users);
        for piece in table.pieces {
            let is_secret = |place: u64| match (&mask, usize::try_from(place)) {
                // What a damaged packet holds stands anywhere.
                _ if !piece.intact => true,
                (Some(mask), Ok(place)) => mask.get(place).copied().unwrap_or(true),
                // Without a mask only the length word is known to be none.
                _ => place >= 4,
            };
            change(self.slice(piece.packet), |data| {
                for (offset, byte) in (0..).zip(data) {
                    if is_secret(piece.at.saturating_add(offset)) {
                        *byte = 0;
                    }
                }
            });
        }
        self.release();
    }

    /// Nothing more comes on this connection: what is held is judged by what is there.
    fn settle(&mut self) {
        self.finish_table();
        let (from, end) = (self.parsed, self.end());
        if from < end {
            // A part of a packet: its prefix and header are none, and its data can be where all of it would be.
            let known = (PREFIX_LEN + HEADER_LEN) as u64;
            let header = Header::of(self.slice(from + PREFIX_LEN as u64..end));
            let open = header.is_some_and(|header| match header.command {
                Command::REG_EVENT => is_open_event(header.field),
                _ => self.requests.iter().any(|request| {
                    let open = matches!(
                        request.answer,
                        Answer::Open | Answer::Prepared(Set::Open) | Answer::Part(Set::Open, _)
                    );
                    open && request.reply_id == header.reply_id
                }),
            });
            if !open {
                self.slice((from + known).min(end)..end).fill(0);
            }
            self.parsed = end;
        }
        self.release();
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

/// The table in hand, begun if there is none.
fn table(slot: &mut Option<Table>, set: Set) -> &mut Table {
    slot.get_or_insert(Table { set, size: None, pieces: Vec::new() })
}

fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
