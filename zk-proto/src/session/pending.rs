//! A request in flight: sent, repeated, given up.

use core::time::Duration;

use bytes::Bytes;

use super::Session;
use super::contract::Ask;
use crate::{Command, ProtoError, ReplyId, SessionId};

/// The first pause before an unanswered datagram is sent again. It doubles each time up to the last.
const RESEND_FIRST: Duration = Duration::from_millis(400);
const RESEND_LAST: Duration = Duration::from_secs(1);

/// A request in flight.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) reply_id: ReplyId,
    pub(super) ask: Ask,
    /// The packet as sent, to send it again.
    pub(super) wire: Bytes,
    pub(super) deadline: Duration,
    /// The time to send the identical datagram again, and the pause after that.
    pub(super) resend: Option<(Duration, Duration)>,
    /// The time to repeat the request after the terminal answered that it is busy.
    pub(super) retry: Option<Duration>,
    pub(super) busy: u8,
    /// Answers were dropped because their datagrams had a wrong checksum.
    pub(super) damaged: bool,
}

impl Session {
    /// Lets time pass: requests are repeated or given up.
    pub fn handle_timeout(&mut self, now: Duration) {
        let Some(pending) = self.pending.as_mut() else { return };
        if let Some((at, pause)) = pending.resend.filter(|(at, _)| *at <= now) {
            pending.resend = Some((at + pause, (pause * 2).min(RESEND_LAST)));
            self.outbox.push_back(pending.wire.clone());
        }
        if pending.retry.is_some_and(|at| at <= now) {
            let (ask, busy) = (pending.ask.clone(), pending.busy);
            self.ask(now, ask, busy);
            return;
        }
        let command = pending.ask.command;
        if self.overall.is_some_and(|overall| overall <= now) {
            self.finish(Some(ProtoError::TimedOut { command }));
        } else if pending.deadline <= now {
            self.advance(now, None);
        }
    }

    /// Returns the time to call [`Session::handle_timeout`], unless input comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let pending = self.pending.as_ref()?;
        let first = [pending.resend.map(|(at, _)| at), pending.retry, self.overall].into_iter().flatten().min();
        Some(first.map_or(pending.deadline, |at| at.min(pending.deadline)))
    }

    pub(super) fn ask(&mut self, now: Duration, ask: Ask, busy: u8) {
        let reply_id = self.next_reply_id;
        self.next_reply_id = reply_id.next();
        self.discarded = 0;
        self.pace.request();
        let session = self.session_id;
        self.session_id = if ask.command == Command::CONNECT { SessionId(0) } else { session };
        let wire = self.send(ask.command, reply_id, &ask.data);
        let resend = self.framing.is_datagrams() && ask.repeatable;
        let first = RESEND_FIRST.min(self.config.timeout / 8);
        self.pending = Some(Pending {
            reply_id,
            wire,
            deadline: now.saturating_add(ask.wait),
            resend: resend.then_some((now + first, first * 2)),
            retry: None,
            busy,
            damaged: false,
            ask,
        });
    }

    pub(super) fn send(&mut self, command: Command, reply_id: ReplyId, data: &[u8]) -> Bytes {
        let wire = self.framing.encode(command, self.session_id, reply_id, data);
        self.outbox.push_back(wire.clone());
        wire
    }
}
