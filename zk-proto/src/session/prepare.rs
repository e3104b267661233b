//! Requesting a set: the buffered read (command 1503), or the direct one for firmware without it.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::Event;
use super::contract::{Ask, Context, EARLY, LONE, Next, OVERTAKEN, Streamed, announcement};
use crate::dataset::{Dataset, Prepared};
use crate::reply::Meaning;
use crate::{Command, Packet, ProtoError};

/// How long data may follow an unexpected announcement, or an acknowledgement without data.
const FOLLOWS: Duration = Duration::from_secs(2);
/// How often a damaged answer is requested again.
const AGAIN: u8 = 3;
/// How often an incomplete answer over datagrams is requested again.
const DATAGRAMS_AGAIN: u8 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Freeing the buffer of an earlier reader.
    Freeing,
    /// Requested through the buffer.
    Buffered,
    /// Announced in answer to that. Either it streams now, or it waits to be read.
    Offered { size: u64, part: u64 },
    /// Requested without the buffer.
    Direct,
}

/// Finds out how the terminal will send a set.
#[derive(Debug)]
pub(super) struct Prepare {
    dataset: Dataset,
    stage: Stage,
    /// Unanswered requests for the buffer.
    unanswered: u8,
    again: u8,
    /// An acknowledgement without data came; the data may still follow.
    acknowledged: bool,
    /// Data from datagrams that may be part of more.
    loose: Loose,
}

impl Prepare {
    pub(super) fn start(context: &Context<'_>, dataset: Dataset) -> (Self, Ask) {
        let prepare = Self {
            dataset,
            stage: Stage::Freeing,
            unanswered: 0,
            again: 0,
            acknowledged: false,
            loose: Loose::default(),
        };
        (prepare, free(context))
    }

    fn ask(&mut self, context: &Context<'_>, stage: Stage) -> Next {
        self.stage = stage;
        self.acknowledged = false;
        self.loose.clear();
        let (command, data) = match stage {
            Stage::Direct => (self.dataset.command(), self.dataset.direct_request()),
            _ => (Command::DATA_WRRQ, self.dataset.buffered_request()),
        };
        // The terminal may have to gather a whole log before it answers. It gets that time once.
        let times = if stage == Stage::Buffered && self.unanswered > 0 { 1 } else { 3 };
        Next::Ask(Ask { command, data, wait: context.config.timeout.saturating_mul(times), repeatable: true })
    }

    /// The first way to request the set. If a buffered read got no answer, it is not tried again.
    fn way(&self, context: &Context<'_>) -> Stage {
        if *context.unbuffered == Some(self.dataset) { Stage::Direct } else { Stage::Buffered }
    }

    fn command(&self) -> Command {
        if self.stage == Stage::Direct { self.dataset.command() } else { Command::DATA_WRRQ }
    }

    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
        let meaning = Meaning::of(packet.command);
        if meaning == Meaning::Unauthorized {
            return Next::Fail(ProtoError::SessionLost);
        }
        if self.stage == Stage::Direct && self.unanswered > 0 && matches!(meaning, Meaning::Data | Meaning::Announced) {
            *context.unbuffered = Some(self.dataset);
        }
        match self.stage {
            // Any answer will do: freeing an empty buffer may be refused.
            Stage::Freeing => self.ask(context, self.way(context)),
            Stage::Offered { size, part } => self.after_offer(context, packet, size, part),
            Stage::Buffered | Stage::Direct => match meaning {
                Meaning::Data | Meaning::Done | Meaning::Announced if !context.trusts(&packet) => {
                    self.again += 1;
                    match self.again {
                        AGAIN => Next::Fail(ProtoError::Damaged { command: self.command() }),
                        _ => self.ask(context, self.stage),
                    }
                }
                Meaning::Data if context.datagrams && !is_whole_set(&packet.data) => {
                    self.loose.add(packet);
                    Next::Wait(OVERTAKEN)
                }
                Meaning::Data => done(context, Prepared::Inline(packet.data)),
                // The end of a transfer whose announcement was lost.
                Meaning::Done if packet.data.is_empty() && !self.loose.pieces.is_empty() => self.ask_again(context),
                Meaning::Done if packet.data.is_empty() => {
                    self.acknowledged = true;
                    self.loose.end = packet.session.0;
                    Next::Wait(FOLLOWS.min(context.gap))
                }
                Meaning::Done if self.stage == Stage::Direct => done(context, Prepared::Inline(packet.data)),
                Meaning::Done => after_size(context, &packet),
                Meaning::Announced => self.after_announcement(context, &packet),
                _ => self.after_refusal(context, packet.command),
            },
        }
    }

    pub(super) fn on_silence(&mut self, context: &mut Context<'_>) -> Next {
        match self.stage {
            Stage::Buffered | Stage::Direct if context.datagrams && !self.loose.pieces.is_empty() => {
                match self.loose.lone() {
                    Some(set) => done(context, Prepared::Inline(set)),
                    None => self.ask_again(context),
                }
            }
            Stage::Buffered | Stage::Direct
                if context.datagrams && self.acknowledged && !self.loose.is_empty_set(context.session_id.0) =>
            {
                self.ask_again(context)
            }
            Stage::Offered { size, .. } if self.acknowledged && self.loose.ends(size, context.session_id.0) => {
                self.stage = Stage::Buffered;
                self.ask_again(context)
            }
            Stage::Offered { size, .. } => done(context, Prepared::Buffered { size }),
            _ if self.acknowledged => done(context, Prepared::Empty { code: Command::ACK_OK }),
            // No answer to anything since the last request: the terminal is dead, not merely without the buffered read.
            Stage::Freeing if self.unanswered > 0 => Next::Fail(ProtoError::TimedOut { command: Command::FREE_DATA }),
            Stage::Freeing => self.ask(context, self.way(context)),
            Stage::Buffered if self.unanswered == 0 => {
                self.unanswered = 1;
                self.stage = Stage::Freeing;
                Next::Ask(free(context))
            }
            Stage::Buffered if self.dataset.is_direct() => self.ask(context, Stage::Direct),
            Stage::Buffered | Stage::Direct => Next::Fail(ProtoError::TimedOut { command: self.command() }),
        }
    }

    fn after_announcement(&mut self, context: &mut Context<'_>, packet: &Packet) -> Next {
        let (size, part) = announcement(&packet.data);
        if let Err(error) = check(context, size) {
            return Next::Fail(error);
        }
        if size == 0 {
            return done(context, Prepared::Empty { code: packet.command });
        }
        if self.stage == Stage::Direct || !self.loose.pieces.is_empty() {
            return self.stream(context, size, part, None);
        }
        self.acknowledged = false;
        self.stage = Stage::Offered { size, part };
        Next::Wait(FOLLOWS.min(context.gap))
    }

    fn after_offer(&mut self, context: &mut Context<'_>, packet: Packet, size: u64, part: u64) -> Next {
        match Meaning::of(packet.command) {
            Meaning::Data => self.stream(context, size, part, Some(packet)),
            // It may have overtaken the data.
            Meaning::Done if context.datagrams => {
                (self.acknowledged, self.loose.end) = (true, packet.session.0);
                Next::Wait(OVERTAKEN)
            }
            // The same datagram twice.
            Meaning::Announced if context.datagrams => Next::Wait(FOLLOWS.min(context.gap)),
            Meaning::Done => done(context, Prepared::Buffered { size }),
            _ => self.after_refusal(context, packet.command),
        }
    }

    fn stream(&mut self, context: &mut Context<'_>, size: u64, part: u64, first: Option<Packet>) -> Next {
        match Streamed::announced(context, self.command(), size, part) {
            Ok(answer) => {
                let early = core::mem::take(&mut self.loose.pieces);
                context.events.push_back(Event::Prepared(Prepared::Streamed { size }));
                Next::Stream(Streamed { early, ..answer }, first)
            }
            Err(error) => Next::Fail(error),
        }
    }

    fn after_refusal(&mut self, context: &mut Context<'_>, code: Command) -> Next {
        match code {
            // A plain refusal may be about the buffer alone: firmware without it refuses too.
            Command::ACK_UNKNOWN | Command::ACK_ERROR_CMD | Command::ACK_ERROR
                if self.stage == Stage::Buffered && self.dataset.is_direct() =>
            {
                self.ask(context, Stage::Direct)
            }
            Command::ACK_ERROR | Command::NO_BUFFER | Command::NOT_FOUND => done(context, Prepared::Empty { code }),
            code => Next::Fail(ProtoError::Refused { command: self.command(), code }),
        }
    }

    /// Requests a set again after a part of it was lost.
    fn ask_again(&mut self, context: &Context<'_>) -> Next {
        self.again += 1;
        match self.again > DATAGRAMS_AGAIN {
            true => Next::Fail(ProtoError::Incomplete { offset: 0, missing: 1 }),
            false => self.ask(context, self.stage),
        }
    }
}

/// Data from datagrams that may be part of more.
#[derive(Debug, Default)]
struct Loose {
    /// Data without an announcement.
    pieces: Vec<Packet>,
    /// The field at offset 4 of an acknowledgement. At the end of a transfer it is the size.
    end: u16,
    /// A single datagram of data, and how often it came.
    doubtful: Option<(Bytes, u8)>,
    /// How often a single acknowledgement came that may mean that there is no set.
    empty: u8,
}

impl Loose {
    /// Forgets the data before another request.
    fn clear(&mut self) {
        self.pieces.clear();
    }

    fn add(&mut self, packet: Packet) {
        let doubled = self.pieces.iter().any(|other| (other.session, &other.data) == (packet.session, &packet.data));
        if self.pieces.len() < EARLY && !doubled {
            self.pieces.push(packet);
        }
    }

    /// A single datagram that came often enough to be the whole set.
    fn lone(&mut self) -> Option<Bytes> {
        let [piece] = &self.pieces[..] else { return None };
        let times = match &self.doubtful {
            Some((before, times)) if *before == piece.data => times + 1,
            _ => 1,
        };
        self.doubtful = Some((piece.data.clone(), times));
        (times >= LONE).then(|| piece.data.clone())
    }

    /// Returns true if a single acknowledgement came often enough to mean that there is no set.
    fn is_empty_set(&mut self, session: u16) -> bool {
        self.empty += u8::from(self.end == 0 || self.end == session);
        self.empty >= LONE
    }

    /// Returns true if an acknowledgement ends a transfer of so many bytes.
    fn ends(&self, size: u64, session: u16) -> bool {
        self.end != session && self.end == size as u16
    }
}

/// Returns true if these bytes are a whole set, by its length word.
fn is_whole_set(data: &[u8]) -> bool {
    let (word, _) = announcement(data);
    data.len() >= 4 && word == data.len() as u64 - 4
}

fn free(context: &Context<'_>) -> Ask {
    Ask { command: Command::FREE_DATA, data: Bytes::new(), wait: context.config.timeout, repeatable: true }
}

fn done(context: &mut Context<'_>, prepared: Prepared) -> Next {
    context.events.push_back(Event::Prepared(prepared));
    Next::Done
}

/// Reads the size from an acknowledgement: after a zero byte, once or twice, or (one family) alone in four bytes.
fn after_size(context: &mut Context<'_>, packet: &Packet) -> Next {
    let (alone, _) = announcement(&packet.data);
    let (after_zero, _) = announcement(packet.data.get(1..).unwrap_or_default());
    let size = match packet.data.len() {
        0..4 => return Next::Fail(ProtoError::Truncated { what: "buffer size", need: 4, have: packet.data.len() }),
        4 => alone,
        _ => after_zero,
    };
    if let Err(error) = check(context, size) {
        return Next::Fail(error);
    }
    match size {
        0 => done(context, Prepared::Empty { code: packet.command }),
        size => done(context, Prepared::Buffered { size }),
    }
}

fn check(context: &Context<'_>, claimed: u64) -> Result<(), ProtoError> {
    let cap = context.config.limits.max_transfer;
    if claimed > cap { Err(ProtoError::TooLarge { what: "transfer", claimed, cap }) } else { Ok(()) }
}
