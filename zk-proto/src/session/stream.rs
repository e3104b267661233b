//! Reading a set that comes as one answer.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Event;
use super::collect::Collector;
use super::contract::{Context, FINAL_ACK, Next, OVERTAKEN, Streamed, announcement};
use crate::reply::Meaning;
use crate::{Command, Packet, ProtoError};

/// How often a short or reordered answer over datagrams is requested again.
const DATAGRAMS_AGAIN: u8 = 6;
/// How often an answer over datagrams is requested again when nothing came. Each request was sent several times by
/// then.
const DEAD: u8 = 1;
/// Readings that may differ from those that must be equal, with and without numbers on the packets.
const SPARE_NUMBERED: usize = 1;
const SPARE: usize = 2;

/// Reads a set, or a range of it, that comes as one answer.
///
/// Over a stream the bytes are handed out as they come. Datagrams are held until all are there, because they may come
/// in any order, and the request is repeated as long as that fills holes. An answer of several datagrams proves
/// nothing: one of them may have come twice, or in the place of another. So it has to come several times, identical to
/// the byte.
#[derive(Debug)]
pub(super) struct StreamRead {
    command: Command,
    /// The offset of the answer's beginning, and of its end.
    begin: u64,
    size: u64,
    /// The end of the bytes that were handed out or are known.
    seen: u64,
    /// The offset of the next bytes to hand out.
    offset: u64,
    collector: Collector,
    acknowledged: bool,
    again: u8,
    best: u64,
    /// Something came since the request.
    heard: bool,
    silent: u8,
    /// Complete answers of several datagrams, and how often each came.
    readings: Vec<(Vec<Bytes>, usize)>,
    /// The request must not be repeated: numbered datagrams are accepted as they are.
    once: bool,
}

impl StreamRead {
    pub(super) fn new(context: &Context<'_>, streamed: Streamed) -> Self {
        let size = streamed.size();
        let mut collector = Collector::new(size, context.datagrams);
        if let Some(part) = streamed.part {
            collector.announce(size, part);
        }
        for early in streamed.early {
            collector.add(early.session.0, early.data, true);
        }
        Self {
            command: streamed.command,
            begin: streamed.range.start,
            size: streamed.range.end,
            seen: streamed.range.start,
            offset: streamed.from,
            collector,
            acknowledged: false,
            again: 0,
            best: 0,
            heard: false,
            silent: 0,
            readings: Vec::new(),
            once: false,
        }
    }

    /// Marks that the request must not be repeated.
    pub(super) fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// Bytes of the whole answer.
    fn size(&self) -> u64 {
        self.size - self.begin
    }

    /// The number of missing bytes.
    pub(super) fn missing(&self) -> u64 {
        self.size.saturating_sub(self.seen.saturating_add(self.collector.have()))
    }

    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
        (self.heard, self.silent) = (true, 0);
        match Meaning::of(packet.command) {
            Meaning::Announced => {
                let (total, part) = announcement(&packet.data);
                self.collector.announce(total, part);
                Next::Wait(context.pause)
            }
            Meaning::Data if !context.trusts(&packet) => Next::Fail(ProtoError::Damaged { command: self.command }),
            Meaning::Data if context.datagrams => {
                self.collector.add(packet.session.0, packet.data, true);
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
        if context.datagrams && !self.heard {
            self.silent += 1;
            if self.silent > DEAD {
                return Next::Fail(ProtoError::TimedOut { command: self.command });
            }
        }
        self.release(context)
    }

    /// As [`StreamRead::on_silence`] for a set. Over a stream, a set without an end means that the terminal fell
    /// silent.
    pub(super) fn on_silence_in_set(&mut self, context: &mut Context<'_>) -> Next {
        if !context.datagrams && self.seen < self.size {
            return Next::Fail(ProtoError::TimedOut { command: self.command });
        }
        self.on_silence(context)
    }

    /// Hands out the held bytes and ends the transfer, complete or short.
    fn release(&mut self, context: &mut Context<'_>) -> Next {
        if context.datagrams
            && let Some(next) = self.confirm(context)
        {
            return next;
        }
        if self.seen < self.size {
            return Next::Fail(ProtoError::Incomplete { offset: self.offset, missing: self.missing() });
        }
        context.events.push_back(Event::Finished);
        Next::Done
    }

    /// Hands out an answer of datagrams if it is confirmed. Otherwise returns the next step.
    fn confirm(&mut self, context: &mut Context<'_>) -> Option<Next> {
        if !self.collector.settle() {
            return Some(self.after_short(context));
        }
        let (single, numbered) = (self.collector.is_single(), self.collector.is_numbered());
        let (pieces, _) = self.collector.take();
        let needed = readings_needed(pieces.len(), numbered);
        let sure = single || (self.once && numbered) || self.count(&pieces) >= needed;
        if !sure {
            let readings: usize = self.readings.iter().map(|(_, times)| times).sum();
            if self.once || readings >= needed + if numbered { SPARE_NUMBERED } else { SPARE } {
                return Some(Next::Fail(ProtoError::Differs { command: self.command, readings }));
            }
            *context.gained = true;
            (self.acknowledged, self.heard, self.again, self.best) = (false, false, 0, 0);
            self.collector = Collector::new(self.size(), true);
            return Some(Next::Reread { size: self.size() });
        }
        self.readings.clear();
        for piece in pieces {
            self.emit(context, piece);
        }
        None
    }

    /// Notes a reading and returns how often it came.
    fn count(&mut self, pieces: &[Bytes]) -> usize {
        if let Some((_, times)) = self.readings.iter_mut().find(|(before, _)| before == pieces) {
            *times += 1;
            return *times;
        }
        self.readings.push((pieces.to_vec(), 1));
        1
    }

    /// The next step after an answer that is incomplete, or whose order cannot be right.
    fn after_short(&mut self, context: &mut Context<'_>) -> Next {
        let have = self.collector.have();
        let progress = self.collector.is_numbered() && have > self.best;
        *context.gained |= progress;
        self.again = if progress { 0 } else { self.again + 1 };
        self.best = self.best.max(have);
        if self.again < DATAGRAMS_AGAIN {
            (self.acknowledged, self.heard) = (false, false);
            self.collector.restart(self.size(), true);
            return Next::Repeat;
        }
        Next::Fail(match self.missing() {
            0 => ProtoError::Differs { command: self.command, readings: self.again.into() },
            missing => ProtoError::Incomplete { offset: self.offset, missing },
        })
    }

    /// Hands out the next bytes of the set, without those that are known or past its end. Returns true at the end.
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
            *context.gained = true;
        }
        self.seen == self.size
    }
}

/// How often an answer of so many datagrams has to come, identical to the byte.
///
/// Numbers place the datagrams. Without them, the same two neighbours may change places in each reading. If that
/// happens to one datagram in `n`, the worst case, then `k` readings of `n` datagrams agree on it with a chance of
/// about `n^(1-k) * e^-k`. These counts keep it below one in a hundred thousand.
fn readings_needed(datagrams: usize, numbered: bool) -> usize {
    match datagrams {
        _ if numbered => 2,
        0..=3 => 8,
        4..=9 => 6,
        10..=99 => 4,
        _ => 3,
    }
}
