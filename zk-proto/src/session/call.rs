//! A request with one answer.

use core::time::Duration;

use super::Event;
use super::contract::{Context, Next};
use crate::reply::Meaning;
use crate::{Command, Packet, ProtoError};

/// A simple request: one answer, or an acknowledgement and then the data.
#[derive(Debug)]
pub(super) struct Call {
    command: Command,
    wants_data: bool,
    /// An acknowledgement without data, while data may still follow.
    held: Option<Packet>,
}

impl Call {
    /// How long data may follow an acknowledgement without data.
    const SECOND_PACKET: Duration = Duration::from_secs(1);

    pub(super) fn new(command: Command, wants_data: bool) -> Self {
        Self { command, wants_data, held: None }
    }

    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
        if packet.command == Command::ACK_OK && packet.data.is_empty() && self.wants_data && self.held.is_none() {
            self.held = Some(packet);
            return Next::Wait(Self::SECOND_PACKET.min(context.config.timeout));
        }
        if Meaning::of(packet.command) == Meaning::Unauthorized {
            return Next::Fail(ProtoError::SessionLost);
        }
        context.events.push_back(Event::Answer(packet));
        Next::Done
    }

    pub(super) fn on_silence(&mut self, context: &mut Context<'_>) -> Next {
        match self.held.take() {
            Some(packet) => {
                context.events.push_back(Event::Answer(packet));
                Next::Done
            }
            None => Next::Fail(ProtoError::TimedOut { command: self.command }),
        }
    }
}
