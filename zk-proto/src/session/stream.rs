//! Reading a set that comes as one answer.

use bytes::Bytes;

use super::Event;
use super::collect::Collector;
use super::exchange::{Context, Next};
use super::transfer::{AGAIN, FINAL_ACK, OVERTAKEN, announcement};
use crate::reply::Meaning;
use crate::{Command, Packet, ProtoError};

/// Reads a set that comes as one answer, from its beginning to its end.
///
/// Over a stream the bytes go out as they come. Datagrams are held until all are there, for they may come in any order, and
/// the request that brought them is repeated while that fills holes.
#[derive(Debug)]
pub(super) struct StreamRead {
    command: Command,
    size: u64,
    /// Bytes that came.
    seen: u64,
    /// Where the next bytes to hand out stand.
    offset: u64,
    collector: Collector,
    acknowledged: bool,
    again: u8,
    best: u64,
}

impl StreamRead {
    /// A set of `size` bytes in parts of `part`, as the answer to `command`.
    ///
    /// # Errors
    /// [`ProtoError::TooLarge`] when it would have to be held and is above the cap for that.
    pub(super) fn new(context: &Context<'_>, command: Command, size: u64, part: u64) -> Result<Self, ProtoError> {
        let cap = context.config.limits.max_packet as u64;
        if context.datagrams && size > cap {
            return Err(ProtoError::TooLarge { what: "transfer over UDP", claimed: size, cap });
        }
        let mut collector = Collector::new(size, context.datagrams);
        collector.announce(size, part);
        Ok(Self { command, size, seen: 0, offset: 0, collector, acknowledged: false, again: 0, best: 0 })
    }

    /// Hands out only what stands at `offset` and behind it.
    pub(super) fn from(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    /// Bytes of the whole set.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that have not come.
    pub(super) fn missing(&self) -> u64 {
        self.size.saturating_sub(self.seen.max(self.collector.have()))
    }

    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
        match Meaning::of(packet.command) {
            Meaning::Announced => {
                let (total, part) = announcement(&packet.data);
                self.collector.announce(total, part);
                Next::Wait(context.pause)
            }
            Meaning::Data if !context.trusts(&packet) => Next::Fail(ProtoError::Damaged { command: self.command }),
            Meaning::Data if context.datagrams => {
                self.collector.add(packet.session, packet.data, true);
                match (self.collector.is_whole(), self.acknowledged) {
                    (true, true) => self.release(context),
                    (true, false) => Next::Wait(FINAL_ACK.min(context.gap)),
                    (false, true) => Next::Wait(OVERTAKEN),
                    (false, false) => Next::Wait(context.pause),
                }
            }
            Meaning::Data => {
                let whole = self.emit(context, packet.data);
                Next::Wait(if whole { FINAL_ACK.min(context.gap) } else { context.pause })
            }
            Meaning::Done if context.datagrams && !self.collector.is_whole() => {
                self.acknowledged = true;
                Next::Wait(OVERTAKEN)
            }
            Meaning::Done => self.release(context),
            Meaning::Unauthorized => Next::Fail(ProtoError::SessionLost),
            _ => Next::Fail(ProtoError::Refused { command: self.command, code: packet.command }),
        }
    }

    pub(super) fn on_silence(&mut self, context: &mut Context<'_>) -> Next {
        self.release(context)
    }

    /// Hands out what was held, and ends the transfer: whole, or short.
    fn release(&mut self, context: &mut Context<'_>) -> Next {
        if context.datagrams && !self.collector.settle() {
            let have = self.collector.have();
            self.again = if have > self.best { 0 } else { self.again + 1 };
            self.best = self.best.max(have);
            if self.again < AGAIN {
                self.acknowledged = false;
                self.collector.restart(self.size, true);
                return Next::Repeat;
            }
        }
        if context.datagrams {
            for piece in self.collector.take_prefix() {
                self.emit(context, piece);
            }
        }
        if self.seen < self.size {
            return Next::Fail(ProtoError::Incomplete { offset: self.offset, missing: self.missing() });
        }
        context.events.push_back(Event::Finished);
        Next::Done
    }

    /// Hands out the next bytes of the set, without those that are known and those beyond its end. Whether it ends here.
    fn emit(&mut self, context: &mut Context<'_>, mut bytes: Bytes) -> bool {
        let left = usize::try_from(self.size - self.seen).unwrap_or(usize::MAX);
        *context.surplus += bytes.len().saturating_sub(left) as u64;
        bytes.truncate(left);
        let known = usize::try_from(self.offset - self.seen.min(self.offset)).unwrap_or(usize::MAX);
        self.seen += bytes.len() as u64;
        let bytes = bytes.split_off(known.min(bytes.len()));
        if !bytes.is_empty() {
            let offset = self.offset;
            self.offset += bytes.len() as u64;
            context.events.push_back(Event::Data { offset, bytes });
        }
        self.seen == self.size
    }
}
