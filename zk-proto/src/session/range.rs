//! Reading ranges of a prepared set over a stream.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Event;
use super::collect::Collector;
use super::contract::{AGAIN, Ask, Context, FINAL_ACK, NOT_READY_TIMES, Next, Streamed, announcement, ask, not_ready};
use crate::reply::Meaning;
use crate::{Command, Packet, ProtoError};

/// Bytes per request, as in other implementations. Smaller is always allowed.
const STREAM_CHUNK: u32 = 0xFFC0;

/// Reads a range of the terminal's buffer (command 1504) over a stream, with one request in flight.
///
/// The bytes of a request are held until all of them are intact, so they are handed out in order and once.
#[derive(Debug)]
pub(super) struct RangeRead {
    start: u64,
    offset: u64,
    end: u64,
    /// The most bytes per request.
    usual: u32,
    collector: Collector,
    announced: bool,
    acknowledged: bool,
    /// Only an acknowledgement came so far.
    unready: bool,
    not_ready: u32,
    again: u8,
}

impl RangeRead {
    /// Begins to read `offset..end`, which must be within the prepared set.
    pub(super) fn start(context: &Context<'_>, offset: u64, end: u64) -> (Self, Ask) {
        let usual = context.config.limits.chunk.unwrap_or(STREAM_CHUNK).max(1);
        let mut read = Self {
            start: offset,
            offset,
            end,
            usual,
            collector: Collector::new(0, false),
            announced: false,
            acknowledged: false,
            unready: false,
            not_ready: 0,
            again: 0,
        };
        let ask = read.ask(context);
        (read, ask)
    }

    /// Requests the chunk at the offset.
    fn ask(&mut self, context: &Context<'_>) -> Ask {
        let length = (self.end - self.offset).min(context.chunk.within(self.usual).into());
        self.collector = Collector::new(length, false);
        (self.announced, self.acknowledged, self.unready) = (false, false, false);
        ask(context, self.offset, length)
    }

    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
        match Meaning::of(packet.command) {
            Meaning::Announced => {
                let (total, part) = announcement(&packet.data);
                (self.announced, self.unready) = (true, false);
                self.collector.announce(total, part);
                Next::Wait(context.pause)
            }
            Meaning::Data => {
                let intact = context.trusts(&packet);
                self.collector.add(packet.session.0, packet.data, intact);
                self.after_data(context)
            }
            Meaning::Done if !packet.data.is_empty() && self.collector.is_empty() => {
                let intact = context.trusts(&packet);
                self.acknowledged = true;
                self.collector.add(packet.session.0, packet.data, intact);
                self.after_data(context)
            }
            Meaning::Done => self.after_ack(context),
            Meaning::Unauthorized => Next::Fail(ProtoError::SessionLost),
            // Some firmware serves its buffer only from the beginning. Then the whole is read in one answer.
            _ if self.start == 0 && self.offset > 0 => self.read_at_once(context),
            _ => Next::Fail(ProtoError::Refused { command: Command::DATA_RDY, code: packet.command }),
        }
    }

    fn read_at_once(&self, context: &Context<'_>) -> Next {
        match Streamed::range(context, Command::DATA_RDY, 0..self.end) {
            Ok(answer) => Next::AskStream(Streamed { from: self.offset, ..answer }, ask(context, 0, self.end)),
            Err(error) => Next::Fail(error),
        }
    }

    fn after_data(&mut self, context: &mut Context<'_>) -> Next {
        self.unready = false;
        match (self.collector.is_whole(), self.acknowledged) {
            (true, true) => self.finish(context),
            (true, false) if *context.without_acks => self.finish(context),
            (true, false) => Next::Wait(FINAL_ACK.min(context.gap)),
            (false, true) => self.ask_again(context),
            (false, false) => Next::Wait(context.pause),
        }
    }

    fn after_ack(&mut self, context: &mut Context<'_>) -> Next {
        if self.collector.is_whole() {
            self.finish(context)
        } else if self.collector.is_empty() && !self.announced {
            // Some firmware acknowledges before it sends. Without data, the same packet means "not ready".
            self.unready = true;
            Next::Wait(not_ready(self.not_ready))
        } else {
            self.ask_again(context)
        }
    }

    pub(super) fn on_silence(&mut self, context: &mut Context<'_>) -> Next {
        if self.collector.is_whole() {
            *context.without_acks = true;
            return self.finish(context);
        }
        if self.unready && self.not_ready < NOT_READY_TIMES {
            self.not_ready += 1;
            return Next::Ask(self.ask(context));
        }
        // A stream that times out twice is dead.
        if self.unready || self.again > 0 {
            return Next::Fail(ProtoError::TimedOut { command: Command::DATA_RDY });
        }
        self.ask_again(context)
    }

    /// Requests a short chunk again.
    fn ask_again(&mut self, context: &mut Context<'_>) -> Next {
        let have = self.collector.have();
        if self.again < AGAIN {
            self.again += 1;
            context.chunk.lost();
            return Next::Ask(self.ask(context));
        }
        // If the terminal announced and acknowledged but sent nothing, bytes are missing; it is no timeout.
        if self.collector.is_empty() && !self.announced {
            return Next::Fail(ProtoError::TimedOut { command: Command::DATA_RDY });
        }
        let missing = self.collector.need().saturating_sub(have);
        if !self.collector.is_damaged() {
            let prefix = self.collector.take_prefix();
            self.emit(context, prefix);
        }
        Next::Fail(ProtoError::Incomplete { offset: self.offset, missing })
    }

    fn finish(&mut self, context: &mut Context<'_>) -> Next {
        if self.collector.is_damaged() {
            if self.again == AGAIN {
                return Next::Fail(ProtoError::Damaged { command: Command::DATA_RDY });
            }
            self.again += 1;
            context.chunk.lost();
            return Next::Ask(self.ask(context));
        }
        if self.again == 0 {
            context.chunk.came();
        }
        let (pieces, surplus) = self.collector.take();
        *context.surplus += surplus;
        self.emit(context, pieces);
        *context.gained = true;
        (self.again, self.not_ready) = (0, 0);
        if self.offset < self.end {
            return Next::Ask(self.ask(context));
        }
        context.events.push_back(Event::Finished);
        Next::Done
    }

    fn emit(&mut self, context: &mut Context<'_>, pieces: Vec<Bytes>) {
        for bytes in pieces {
            let offset = self.offset;
            self.offset += bytes.len() as u64;
            context.events.push_back(Event::Data { offset, bytes });
        }
    }
}
