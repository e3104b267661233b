//! Asking for a set: the buffered read (command 1503), with the direct one for firmware that lacks it.

use core::time::Duration;

use bytes::Bytes;

use super::Event;
use super::exchange::{Ask, Context, Next};
use super::stream::StreamRead;
use super::transfer::announcement;
use crate::dataset::{Dataset, Prepared};
use crate::reply::Meaning;
use crate::{Command, Packet, ProtoError};

/// How long data may follow an announcement that nobody asked for, or an acknowledgement without data.
const FOLLOWS: Duration = Duration::from_secs(2);
/// How often a damaged answer is asked for again.
const AGAIN: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Dropping what an earlier reader may have left in the buffer.
    Freeing,
    /// Asked for the buffer.
    Buffered,
    /// Announced in answer to that: either it streams now, or it waits to be read.
    Offered { size: u64, part: u64 },
    /// Asked without the buffer.
    Direct,
}

/// Finds out how the terminal will hand over a set.
#[derive(Debug)]
pub(super) struct Prepare {
    dataset: Dataset,
    stage: Stage,
    /// Requests for the buffer that stayed without an answer.
    unanswered: u8,
    again: u8,
    /// An acknowledgement without data came; the data may still follow.
    acknowledged: bool,
}

impl Prepare {
    pub(super) fn start(context: &Context<'_>, dataset: Dataset) -> (Self, Ask) {
        let prepare = Self { dataset, stage: Stage::Freeing, unanswered: 0, again: 0, acknowledged: false };
        (prepare, free(context))
    }

    fn ask(&mut self, context: &Context<'_>, stage: Stage) -> Next {
        self.stage = stage;
        self.acknowledged = false;
        let (command, data) = match stage {
            Stage::Direct => (self.dataset.command(), self.dataset.direct_request()),
            _ => (Command::DATA_WRRQ, self.dataset.buffered_request()),
        };
        // The terminal may have to gather a whole log before it answers.
        Next::Ask(Ask { command, data, wait: context.config.timeout.saturating_mul(3), repeatable: true })
    }

    fn command(&self) -> Command {
        if self.stage == Stage::Direct { self.dataset.command() } else { Command::DATA_WRRQ }
    }

    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
        let meaning = Meaning::of(packet.command);
        if meaning == Meaning::Unauthorized {
            return Next::Fail(ProtoError::SessionLost);
        }
        match self.stage {
            // Whatever it answered: an empty buffer may be refused.
            Stage::Freeing => self.ask(context, Stage::Buffered),
            Stage::Offered { size, part } => self.after_offer(context, packet, size, part),
            Stage::Buffered | Stage::Direct => match meaning {
                Meaning::Data | Meaning::Done | Meaning::Announced if !context.trusts(&packet) => {
                    self.again += 1;
                    match self.again {
                        AGAIN => Next::Fail(ProtoError::Damaged { command: self.command() }),
                        _ => self.ask(context, self.stage),
                    }
                }
                Meaning::Data => done(context, Prepared::Inline(packet.data)),
                Meaning::Done if packet.data.is_empty() => {
                    self.acknowledged = true;
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
            _ if self.acknowledged => done(context, Prepared::Empty { code: Command::ACK_OK }),
            // Silent to everything since the last request: dead, not merely without the buffered read.
            Stage::Freeing if self.unanswered > 0 => Next::Fail(ProtoError::TimedOut { command: Command::FREE_DATA }),
            Stage::Freeing => self.ask(context, Stage::Buffered),
            Stage::Offered { size, .. } => done(context, Prepared::Buffered { size }),
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
        if self.stage == Stage::Direct {
            return self.stream(context, size, part, None);
        }
        self.stage = Stage::Offered { size, part };
        Next::Wait(FOLLOWS.min(context.gap))
    }

    fn after_offer(&mut self, context: &mut Context<'_>, packet: Packet, size: u64, part: u64) -> Next {
        match Meaning::of(packet.command) {
            Meaning::Data => self.stream(context, size, part, Some(packet)),
            Meaning::Done => done(context, Prepared::Buffered { size }),
            _ => self.after_refusal(context, packet.command),
        }
    }

    fn stream(&self, context: &mut Context<'_>, size: u64, part: u64, first: Option<Packet>) -> Next {
        match StreamRead::new(context, self.command(), size, part) {
            Ok(stream) => {
                context.events.push_back(Event::Prepared(Prepared::Streamed { size }));
                Next::Stream(stream, first)
            }
            Err(error) => Next::Fail(error),
        }
    }

    fn after_refusal(&mut self, context: &mut Context<'_>, code: Command) -> Next {
        match code {
            // A plain "no" may be about the buffer alone: firmware without it says so, too.
            Command::ACK_UNKNOWN | Command::ACK_ERROR_CMD | Command::ACK_ERROR
                if self.stage == Stage::Buffered && self.dataset.is_direct() =>
            {
                self.ask(context, Stage::Direct)
            }
            Command::ACK_ERROR | Command::NO_BUFFER | Command::NOT_FOUND => done(context, Prepared::Empty { code }),
            code => Next::Fail(ProtoError::Refused { command: self.command(), code }),
        }
    }
}

fn free(context: &Context<'_>) -> Ask {
    Ask { command: Command::FREE_DATA, data: Bytes::new(), wait: context.config.timeout, repeatable: true }
}

fn done(context: &mut Context<'_>, prepared: Prepared) -> Next {
    context.events.push_back(Event::Prepared(prepared));
    Next::Done
}

/// The size in an acknowledgement: behind a zero byte, once or twice, or (one family) alone in four bytes.
fn after_size(context: &mut Context<'_>, packet: &Packet) -> Next {
    let (alone, _) = announcement(&packet.data);
    let (behind, _) = announcement(packet.data.get(1..).unwrap_or_default());
    let size = match packet.data.len() {
        0..4 => return Next::Fail(ProtoError::Truncated { what: "buffer size", need: 4, have: packet.data.len() }),
        4 => alone,
        _ => behind,
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
