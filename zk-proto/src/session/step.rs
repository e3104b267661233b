//! The steps of an exchange.

use core::time::Duration;

use super::contract::{Ask, Context, Next, Streamed};
use super::exchange::Exchange;
use super::stream::StreamRead;
use super::{Event, Session, pace};
use crate::{Packet, ProtoError};

impl Session {
    pub(super) fn begin(&mut self, now: Duration, exchange: Exchange, ask: Ask) {
        self.abandon();
        self.spoilt = 0;
        self.gained_at = now;
        self.exchange = Some(exchange);
        self.ask(now, ask, 0);
    }

    /// Gives the current exchange a packet or a timeout, and takes its next step.
    pub(super) fn advance(&mut self, now: Duration, packet: Option<Packet>) {
        let Some(mut exchange) = self.exchange.take() else { return };
        let mut context = self.context();
        let next = match packet {
            Some(packet) => exchange.on_packet(&mut context, packet),
            None => exchange.on_silence(&mut context),
        };
        if core::mem::take(&mut self.gained) {
            self.gained_at = now;
        }
        match next {
            Next::Wait(wait) => {
                self.exchange = Some(exchange);
                if let Some(pending) = self.pending.as_mut() {
                    pending.deadline = now.saturating_add(wait);
                }
            }
            Next::Ask(ask) => {
                self.exchange = Some(exchange);
                self.ask(now, ask, 0);
            }
            Next::Repeat => {
                self.exchange = Some(exchange);
                self.repeat(now);
            }
            Next::Reread { size } => {
                self.overall = Some(now.saturating_add(pace::allowance(&self.config, size)));
                self.exchange = Some(exchange);
                self.repeat(now);
            }
            Next::AskStream(answer, ask) => {
                self.take_stream(now, answer);
                self.ask(now, ask, 0);
            }
            Next::Stream(answer, first) => {
                self.take_stream(now, answer);
                match first {
                    Some(packet) => self.advance(now, Some(packet)),
                    None => {
                        let deadline = now.saturating_add(self.pace.gap(&self.config));
                        if let Some(pending) = self.pending.as_mut() {
                            pending.deadline = deadline;
                        }
                    }
                }
            }
            Next::Transfer { size, wait } => {
                self.overall = Some(now.saturating_add(pace::allowance(&self.config, size)));
                self.exchange = Some(exchange);
                if let Some(pending) = self.pending.as_mut() {
                    pending.deadline = now.saturating_add(wait);
                }
            }
            Next::Done => self.finish(None),
            Next::Fail(error) => self.finish(Some(error)),
        }
    }

    fn take_stream(&mut self, now: Duration, answer: Streamed) {
        self.overall = Some(now.saturating_add(pace::allowance(&self.config, answer.size())));
        self.exchange = Some(Exchange::Stream(StreamRead::new(&self.context(), answer)));
    }

    fn repeat(&mut self, now: Duration) {
        if let Some(ask) = self.pending.take().map(|pending| pending.ask) {
            self.ask(now, ask, 0);
        }
    }

    pub(super) fn finish(&mut self, error: Option<ProtoError>) {
        let damaged = self.pending.as_ref().is_some_and(|pending| pending.damaged);
        let error = match error {
            Some(ProtoError::TimedOut { command }) if damaged => Some(ProtoError::Damaged { command }),
            error => error,
        };
        self.stop();
        self.events.extend(error.map(Event::Failed));
    }

    pub(super) fn context(&mut self) -> Context<'_> {
        Context {
            gap: self.pace.gap(&self.config),
            pause: self.pace.pause(&self.config, self.framing.is_datagrams()),
            datagrams: self.framing.is_datagrams(),
            config: &self.config,
            session_id: &mut self.session_id,
            surplus: &mut self.statistics.surplus,
            without_acks: &mut self.without_acks,
            chunk: &mut self.chunk,
            gained: &mut self.gained,
            unbuffered: &mut self.unbuffered,
            events: &mut self.events,
        }
    }
}
