//! A request whose answer may be a transfer, collected into one answer.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use super::Event;
use super::contract::{AGAIN, Context, EARLY, LONE, Next, OVERTAKEN, Streamed, announcement};
use super::stream::StreamRead;
use crate::reply::Meaning;
use crate::{Command, Packet, ProtoError, ReplyId, SessionId};

/// How long data may follow an acknowledgement without data.
const SECOND_PACKET: core::time::Duration = core::time::Duration::from_secs(1);
/// The smallest part that any terminal is known to cut a transfer into (K40, Z40).
const SMALLEST_PART: usize = 1008;
/// How often an answer over datagrams is requested again.
const DATAGRAMS_AGAIN: u8 = 6;

/// A simple request with a long answer: inline (`ACK_OK` with data, `DATA`), or `PREPARE_DATA`, `DATA`..., `ACK_OK`.
///
/// Either way it ends in one [`Event::Answer`] with all the data.
#[derive(Debug)]
pub(super) struct Bulk {
    command: Command,
    /// True if the request may be sent again to recover lost or damaged packets.
    repeatable: bool,
    stream: Option<StreamRead>,
    gathered: BytesMut,
    /// Data without an announcement, over datagrams: the whole answer, or a part that overtook the announcement.
    early: Vec<Packet>,
    /// An acknowledgement without data, while data may still follow.
    held: Option<Packet>,
    damaged: bool,
    again: u8,
    /// An answer that may be part of a longer one, and how often it came.
    doubtful: Option<(Bytes, u8)>,
    /// How often an acknowledgement came that may be the whole answer.
    empty: u8,
}

impl Bulk {
    pub(super) fn new(command: Command, repeatable: bool) -> Self {
        Self {
            command,
            repeatable,
            stream: None,
            gathered: BytesMut::new(),
            early: Vec::new(),
            held: None,
            damaged: false,
            again: 0,
            doubtful: None,
            empty: 0,
        }
    }

    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, mut packet: Packet) -> Next {
        let meaning = Meaning::of(packet.command);
        if meaning == Meaning::Data || (meaning == Meaning::Done && !packet.data.is_empty()) {
            // The rest is still received, so that none of it is taken for the next answer.
            self.damaged |= !context.trusts(&packet);
            packet.intact = true;
        }
        if self.stream.is_some() {
            return self.with_stream(context, |stream, context| stream.on_packet(context, packet));
        }
        match meaning {
            Meaning::Announced => self.after_announcement(context, &packet),
            Meaning::Data if context.datagrams => {
                let doubled =
                    self.early.iter().any(|other| (other.session, &other.data) == (packet.session, &packet.data));
                if self.early.len() < EARLY && !doubled {
                    self.early.push(packet);
                }
                Next::Wait(OVERTAKEN)
            }
            Meaning::Data => self.answer(context, packet),
            // The end of a transfer whose announcement was lost.
            Meaning::Done if !self.early.is_empty() => self.repeat(context, Some(packet.session.0)),
            // Datagrams get duplicated: the second adds nothing.
            Meaning::Done if packet.data.is_empty() && (self.held.is_none() || context.datagrams) => {
                self.held = Some(packet);
                Next::Wait(SECOND_PACKET.min(context.config.timeout))
            }
            Meaning::Unauthorized => Next::Fail(ProtoError::SessionLost),
            _ => self.answer(context, packet),
        }
    }

    pub(super) fn on_silence(&mut self, context: &mut Context<'_>) -> Next {
        if self.stream.is_some() {
            return self.with_stream(context, StreamRead::on_silence);
        }
        match (self.early.len(), self.held.take()) {
            (0, Some(packet)) => self.after_lone_acknowledgement(context, packet),
            (0, None) => Next::Fail(ProtoError::TimedOut { command: self.command }),
            (1, _) => self.after_lone_piece(context),
            _ => self.repeat(context, None),
        }
    }

    /// An acknowledgement and nothing else. It is an empty answer, unless over datagrams it ends a transfer whose other
    /// packets were lost. Then its session field is the size of the transfer. That may happen to equal the session id,
    /// so the acknowledgement has to come several times.
    fn after_lone_acknowledgement(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
        let empty = packet.session == SessionId(0) || packet.session == *context.session_id;
        self.empty += u8::from(empty);
        if !context.datagrams || !self.repeatable || self.empty >= LONE {
            return self.answer(context, packet);
        }
        self.repeat(context, None)
    }

    /// One datagram of data and nothing else. It is an inline answer, unless it is part of one whose other packets were
    /// lost. So it has to come several times.
    fn after_lone_piece(&mut self, context: &mut Context<'_>) -> Next {
        let Some(piece) = self.early.pop() else { return self.repeat(context, None) };
        let first = piece.session == SessionId(0) || piece.session == *context.session_id;
        if !first {
            return self.repeat(context, None);
        }
        if !self.repeatable && piece.data.len() < SMALLEST_PART {
            return self.answer(context, piece);
        }
        let times = match self.doubtful.take() {
            Some((before, times)) if before == piece.data => times + 1,
            _ => 1,
        };
        if times >= LONE {
            return self.answer(context, piece);
        }
        self.doubtful = Some((piece.data, times));
        self.repeat(context, None)
    }

    fn after_announcement(&mut self, context: &mut Context<'_>, packet: &Packet) -> Next {
        let (size, part) = announcement(&packet.data);
        let cap = context.config.limits.max_answer;
        if size > cap {
            return Next::Fail(ProtoError::TooLarge { what: "answer", claimed: size, cap });
        }
        match Streamed::announced(context, self.command, size, part).map(|answer| StreamRead::new(context, answer)) {
            Ok(stream) if self.repeatable => self.stream = Some(stream),
            Ok(stream) => self.stream = Some(stream.once()),
            Err(error) => return Next::Fail(error),
        }
        let mut wait = context.pause;
        for early in core::mem::take(&mut self.early) {
            match self.with_stream(context, |stream, context| stream.on_packet(context, early)) {
                Next::Wait(next) => wait = next,
                next => return next,
            }
        }
        Next::Transfer { size, wait }
    }

    /// Lets the stream take a packet or a timeout, and keeps its data.
    fn with_stream(
        &mut self,
        context: &mut Context<'_>,
        step: impl FnOnce(&mut StreamRead, &mut Context<'_>) -> Next,
    ) -> Next {
        let Some(stream) = self.stream.as_mut() else {
            return Next::Fail(ProtoError::TimedOut { command: self.command });
        };
        let mut events = VecDeque::new();
        let next = step(stream, &mut context.with_events(&mut events));
        for event in events {
            match event {
                Event::Data { bytes, .. } => self.gathered.extend_from_slice(&bytes),
                Event::Finished => return self.whole(context),
                _ => {}
            }
        }
        match next {
            // Only a repeatable request can be completed.
            Next::Repeat if !self.repeatable => {
                Next::Fail(ProtoError::Incomplete { offset: self.gathered.len() as u64, missing: stream.missing() })
            }
            next => next,
        }
    }

    fn whole(&mut self, context: &mut Context<'_>) -> Next {
        let data = core::mem::take(&mut self.gathered).freeze();
        let session = *context.session_id;
        let packet = Packet { command: Command::DATA, checksum: 0, session, reply_id: ReplyId(0), intact: true, data };
        self.answer(context, packet)
    }

    fn answer(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
        if self.damaged {
            return self.repeat(context, None);
        }
        context.events.push_back(Event::Answer(packet));
        Next::Done
    }

    /// Repeats the request, if that is allowed and was not done too often.
    ///
    /// `total` is the size of the transfer modulo 65536, from its acknowledgement.
    fn repeat(&mut self, context: &Context<'_>, total: Option<u16>) -> Next {
        let have: usize = self.early.iter().map(|piece| piece.data.len()).sum();
        let damaged = core::mem::take(&mut self.damaged);
        self.early.clear();
        self.gathered.clear();
        (self.stream, self.held) = (None, None);
        if self.repeatable && self.again < if context.datagrams { DATAGRAMS_AGAIN } else { AGAIN } {
            self.again += 1;
            return Next::Repeat;
        }
        if damaged {
            return Next::Fail(ProtoError::Damaged { command: self.command });
        }
        let missing = total.map_or(1, |total| u64::from(total.wrapping_sub(have as u16)).max(1));
        Next::Fail(ProtoError::Incomplete { offset: 0, missing })
    }
}
