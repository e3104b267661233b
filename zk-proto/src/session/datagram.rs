//! Reading ranges of what was prepared over datagrams.

use bytes::Bytes;

use super::Event;
use super::contract::{Ask, Context, NOT_READY_TIMES, Next, OVERTAKEN, Streamed, announcement, ask, not_ready};
use crate::reply::Meaning;
use crate::{Command, Packet, ProtoError};

/// Retries of a chunk whose answer came without its data.
const AGAIN: u8 = 12;
/// So many retries count for an answer that was short: a datagram is lost as a whole or not at all.
const SHORT: u8 = 2;
/// Retries of a chunk that got no answer at all. Each request has been sent several times by then.
const DEAD: u8 = 1;
/// Chunks in a row whose final acknowledgement did not come, before no further one is waited for.
const ACKLESS: u8 = 2;
/// Bytes that an answer may have too many. With more, the terminal does not heed the length.
const MOST_SURPLUS: u64 = 64;

/// Reads a range of the terminal's buffer (command 1504) over datagrams.
///
/// The datagrams of one answer carry no number that can be relied on. If one of them arrives twice, it pushes the last
/// one out, and the size is still right. So each chunk is as small as one datagram, and its reply id is its number:
/// late datagrams are dropped, lost ones are requested again, and one that arrives twice counts once. A chunk that is
/// answered by several datagrams is asked for in smaller pieces. If the terminal ignores the length, the rest is read
/// as one answer that has to arrive twice (see `stream.rs`).
#[derive(Debug)]
pub(super) struct DatagramRead {
    start: u64,
    offset: u64,
    end: u64,
    asked: u64,
    /// The last answer was shorter than asked: no more than this is asked for next.
    shorter: Option<u64>,
    answer: Answer,
    not_ready: u32,
    again: u8,
    silent: u8,
    ackless: u8,
    /// Bytes that the last answer had too many.
    surplus: u64,
}

/// The packets that answered one request.
#[derive(Debug, Default)]
struct Answer {
    /// Bytes that the terminal said it sends, and bytes per packet; 0 if it did not say so.
    total: u64,
    part: u64,
    announced: bool,
    acknowledged: bool,
    /// An acknowledgement came and nothing else yet.
    unready: bool,
    piece: Option<Bytes>,
    /// Data came that are not the first datagram again.
    several: bool,
    longest: u64,
}

/// Asks for `offset..end` as one answer.
///
/// # Errors
/// [`ProtoError::TooLarge`] if the range has to be held in memory and is above the cap for that.
pub(super) fn at_once(context: &Context<'_>, offset: u64, end: u64) -> Result<(Streamed, Ask), ProtoError> {
    let answer = Streamed::range(context, Command::DATA_RDY, offset..end)?;
    Ok((answer, ask(context, offset, end - offset)))
}

impl DatagramRead {
    /// Begins to read `offset..end`, which must be within what the terminal offered.
    pub(super) fn start(context: &Context<'_>, offset: u64, end: u64) -> (Self, Ask) {
        let mut read = Self {
            start: offset,
            offset,
            end,
            asked: 0,
            shorter: None,
            answer: Answer::default(),
            not_ready: 0,
            again: 0,
            silent: 0,
            ackless: 0,
            surplus: 0,
        };
        let ask = read.ask(context);
        (read, ask)
    }

    fn ask(&mut self, context: &Context<'_>) -> Ask {
        let most = context.config.limits.chunk.unwrap_or(u32::MAX).max(1);
        let most = context.chunk.datagram().map_or(most, |datagram| datagram.min(most));
        let most = self.shorter.map_or(most.into(), |shorter| shorter.min(most.into()));
        self.asked = (self.end - self.offset).min(most);
        self.answer = Answer::default();
        ask(context, self.offset, self.asked)
    }

    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
        match Meaning::of(packet.command) {
            Meaning::Announced => {
                (self.answer.total, self.answer.part) = announcement(&packet.data);
                (self.answer.announced, self.answer.unready) = (true, false);
            }
            Meaning::Data => self.answer.add(packet.data),
            Meaning::Done if !packet.data.is_empty() => {
                self.answer.acknowledged = true;
                self.answer.add(packet.data);
            }
            Meaning::Done if self.answer.piece.is_none() && !self.answer.announced => {
                self.answer.unready = true;
                // Data that comes later than this is dropped by its reply id, and requested again.
                return Next::Wait(not_ready(self.not_ready));
            }
            Meaning::Done => self.answer.acknowledged = true,
            Meaning::Unauthorized => return Next::Fail(ProtoError::SessionLost),
            // Some firmware serves its buffer from the beginning alone: then the rest comes with the whole, in one
            // answer.
            _ if self.start == 0 && self.offset > 0 => return self.read_at_once(context),
            _ => return Next::Fail(ProtoError::Refused { command: Command::DATA_RDY, code: packet.command }),
        }
        self.after_packet(context)
    }

    fn read_at_once(&self, context: &Context<'_>) -> Next {
        match Streamed::range(context, Command::DATA_RDY, 0..self.end) {
            Ok(answer) => Next::AskStream(Streamed { from: self.offset, ..answer }, ask(context, 0, self.end)),
            Err(error) => Next::Fail(error),
        }
    }

    fn after_packet(&mut self, context: &mut Context<'_>) -> Next {
        let answer = &self.answer;
        if answer.several || self.exceeds() {
            // What is still on its way must not flood the next request.
            return if answer.acknowledged { self.after_several(context) } else { Next::Wait(context.pause) };
        }
        match (self.is_full(), answer.acknowledged) {
            (true, true) => self.accept(context),
            (true, false) if *context.without_acks => self.accept(context),
            (true, false) | (false, true) => Next::Wait(OVERTAKEN.min(context.gap)),
            (false, false) => Next::Wait(context.pause),
        }
    }

    pub(super) fn on_silence(&mut self, context: &mut Context<'_>) -> Next {
        let answer = &self.answer;
        if answer.several || self.exceeds() {
            return self.after_several(context);
        }
        if self.is_full() {
            self.ackless = if answer.acknowledged { 0 } else { self.ackless + 1 };
            *context.without_acks |= self.ackless >= ACKLESS;
            return self.accept(context);
        }
        if answer.unready {
            self.not_ready += 1;
            return match self.not_ready > NOT_READY_TIMES {
                true => Next::Fail(ProtoError::TimedOut { command: Command::DATA_RDY }),
                false => Next::Ask(self.ask(context)),
            };
        }
        if let Some(piece) = answer.piece.as_ref().filter(|piece| !piece.is_empty()) {
            // Bytes are missing after it, or it is the last part of an answer whose other parts were lost.
            self.shorter = Some(piece.len() as u64);
            return self.ask_again(context, SHORT);
        }
        if !answer.announced && !answer.acknowledged {
            self.silent += 1;
            if self.silent > DEAD {
                return Next::Fail(ProtoError::TimedOut { command: Command::DATA_RDY });
            }
            return Next::Ask(self.ask(context));
        }
        self.ask_again(context, 1)
    }

    /// Requests a chunk again, which counts as so many retries.
    fn ask_again(&mut self, context: &Context<'_>, retries: u8) -> Next {
        self.again += retries;
        match self.again > AGAIN {
            true => Next::Fail(ProtoError::Incomplete { offset: self.offset, missing: self.end - self.offset }),
            false => Next::Ask(self.ask(context)),
        }
    }

    /// The answer has more than one datagram: it is no evidence of the bytes at the offset.
    fn after_several(&mut self, context: &mut Context<'_>) -> Next {
        match self.exceeds() && !self.limits_length() {
            true => context.chunk.datagrams_unbounded(),
            false => context.chunk.datagrams_split(self.asked, self.answer.longest.min(self.asked)),
        }
        if context.chunk.datagram().is_some() {
            return Next::Ask(self.ask(context));
        }
        match at_once(context, self.offset, self.end) {
            Ok((answer, ask)) => Next::AskStream(answer, ask),
            Err(error) => Next::Fail(error),
        }
    }

    fn accept(&mut self, context: &mut Context<'_>) -> Next {
        let answer = core::mem::take(&mut self.answer);
        context.chunk.datagram_came(self.asked, answer.part);
        let (offset, mut bytes) = (self.offset, answer.piece.unwrap_or_default());
        self.surplus = (bytes.len() as u64).saturating_sub(self.asked);
        *context.surplus += self.surplus;
        bytes.truncate(usize::try_from(self.asked).unwrap_or(usize::MAX));
        self.offset += bytes.len() as u64;
        context.events.push_back(Event::Data { offset, bytes });
        *context.gained = true;
        (self.shorter, self.not_ready, self.again, self.silent) = (None, 0, 0, 0);
        if self.offset < self.end {
            return Next::Ask(self.ask(context));
        }
        context.events.push_back(Event::Finished);
        Next::Done
    }

    /// Returns true if the terminal sends more than it was asked for, unless all of it is one datagram that shows that
    /// the terminal heeds the length.
    fn exceeds(&self) -> bool {
        let answer = &self.answer;
        (answer.total > self.asked || answer.longest > self.asked) && !(answer.is_whole() && self.limits_length())
    }

    /// Returns true if the announced size depends on what was asked for: it is little more, and it is either less than
    /// all that is left or too much by as many bytes as the last answer. A terminal that ignores the length announces
    /// everything.
    fn limits_length(&self) -> bool {
        let surplus = self.answer.total.saturating_sub(self.asked);
        let part_of_the_rest = self.answer.total < self.end - self.offset;
        (1..=MOST_SURPLUS).contains(&surplus) && (part_of_the_rest || surplus == self.surplus)
    }

    /// Returns true if one datagram brought all that was asked for, or all that the terminal said it sends.
    fn is_full(&self) -> bool {
        let answer = &self.answer;
        let need = if answer.total > 0 { answer.total.min(self.asked) } else { self.asked };
        answer.is_whole() || answer.piece.as_ref().is_some_and(|piece| piece.len() as u64 == need)
    }
}

impl Answer {
    fn add(&mut self, data: Bytes) {
        self.unready = false;
        self.longest = self.longest.max(data.len() as u64);
        match &self.piece {
            None => self.piece = Some(data),
            // The same datagram twice.
            Some(piece) if *piece == data => {}
            Some(_) => self.several = true,
        }
    }

    /// Returns true if one datagram brought all that was announced.
    fn is_whole(&self) -> bool {
        self.piece.as_ref().is_some_and(|piece| self.total > 0 && piece.len() as u64 == self.total)
    }
}
