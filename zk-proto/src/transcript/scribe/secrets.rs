//! Removing the secrets of received packets.

use alloc::vec::Vec;
use core::ops::Range;

use super::Scribe;
use crate::checksum::is_intact;
use crate::frame::{MAGIC, PREFIX_LEN};
use crate::packet::HEADER_LEN;
use crate::transcript::content::{Answer, Header, Set, answer_to, change, is_open_event, word};
use crate::transcript::table::{Piece, Table};
use crate::{Command, FreeSizes};

/// Requests whose late answers are still recognized.
const REQUESTS: usize = 32;
/// The longest packet that is held until it is whole. Terminals send at most 64 KiB and a header.
const LONGEST_PACKET: u64 = 4 << 20;
/// The longest answer to a request for a set that has only the set's size.
const SIZES: usize = 16;

/// A request that may still be answered.
#[derive(Debug)]
pub(super) struct Request {
    reply_id: u16,
    command: Command,
    answer: Answer,
    /// The size of the answer so far, and the announced size of its parts.
    got: u64,
    part: u64,
}

impl Scribe {
    pub(super) fn note_request(&mut self, header: Header, data: &[u8]) {
        // A table ends when the next request is not for its next part.
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

    /// Returns true if this is the current request, sent again.
    fn is_repeated(&self, header: Header) -> bool {
        self.requests.back().is_some_and(|last| (last.reply_id, last.command) == (header.reply_id, header.command))
    }

    pub(super) fn take_frames(&mut self) {
        while !self.lost {
            let (from, end) = (self.parsed, self.end());
            let prefix = self.slice(from..end);
            if prefix.len() < PREFIX_LEN {
                break;
            }
            let length = word(prefix, 4).unwrap_or(0);
            if !prefix.starts_with(&MAGIC) || !(HEADER_LEN as u64..=LONGEST_PACKET).contains(&length) {
                // The first eight bytes show the error; the rest could be anything.
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

    /// Removes the secrets of a received packet, or holds it if it is part of a table.
    pub(super) fn handle_packet(&mut self, range: Range<u64>) {
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

    /// Returns true if an answer's data may be written as they are, now or once their table is whole.
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

    /// Removes the secrets of the held table.
    pub(super) fn finish_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        let mask = table.mask(self.users);
        for piece in table.pieces {
            let is_secret = |place: u64| match (&mask, usize::try_from(place)) {
                // The content of a damaged packet may be anywhere in the table.
                _ if !piece.intact => true,
                (Some(mask), Ok(place)) => mask.get(place).copied().unwrap_or(true),
                // Without a mask, only the length word is known to be no secret.
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

    /// Ends the connection: the held bytes are judged as they are.
    pub(super) fn settle(&mut self) {
        self.finish_table();
        let (from, end) = (self.parsed, self.end());
        if from < end {
            // A part of a packet: its prefix and header are no secret, and its data may be kept if those of the whole
            // could.
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
}

/// Returns the current table, or begins one.
fn table(slot: &mut Option<Table>, set: Set) -> &mut Table {
    slot.get_or_insert(Table { set, size: None, pieces: Vec::new() })
}
