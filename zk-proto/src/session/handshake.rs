//! Opening the session.

use bytes::Bytes;

use super::contract::{Ask, Context, Next};
use super::{Config, Event};
use crate::comm_key::TICKS;
use crate::reply::Meaning;
use crate::{CommKey, Command, Packet, ProtoError, SessionId};

/// `CONNECT`, and `AUTH` if the terminal demands it.
#[derive(Debug)]
pub(super) struct Handshake {
    sent: Command,
}

impl Handshake {
    pub(super) fn start(config: &Config) -> (Self, Ask) {
        let ask = Ask { command: Command::CONNECT, data: Bytes::new(), wait: config.timeout, repeatable: true };
        (Self { sent: ask.command }, ask)
    }

    /// Returns true if `CONNECT` is not answered yet.
    pub(super) fn is_first(&self) -> bool {
        self.sent == Command::CONNECT
    }

    pub(super) fn on_silence(&self) -> Next {
        Next::Fail(ProtoError::TimedOut { command: self.sent })
    }

    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, packet: &Packet) -> Next {
        match (Meaning::of(packet.command), self.sent) {
            (Meaning::Done, Command::AUTH) => {
                // Every capture repeats the id. If it differs and is not 0, it counts as a new one.
                if packet.session != SessionId(0) {
                    *context.session_id = packet.session;
                }
                context.events.push_back(Event::Connected);
                Next::Done
            }
            (Meaning::Done, _) => {
                *context.session_id = packet.session;
                context.events.push_back(Event::Connected);
                Next::Done
            }
            (Meaning::Unauthorized, Command::AUTH) => Next::Fail(match context.config.comm_key {
                Some(_) => ProtoError::WrongKey,
                None => ProtoError::KeyRequired,
            }),
            (Meaning::Unauthorized, _) => {
                *context.session_id = packet.session;
                self.sent = Command::AUTH;
                // Some terminals demand the key although it is 0.
                let key = context.config.comm_key.unwrap_or(CommKey::new(0));
                let token = key.scramble(packet.session, TICKS);
                let wait = context.config.timeout;
                Next::Ask(Ask { command: Command::AUTH, data: Bytes::copy_from_slice(&token), wait, repeatable: true })
            }
            (_, command) => Next::Fail(ProtoError::Refused { command, code: packet.command }),
        }
    }
}
