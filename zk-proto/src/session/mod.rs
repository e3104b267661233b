//! One conversation with a terminal, sans-io: bytes and time go in, bytes and events come out.
//!
//! The driver loops around five calls: [`Session::handle_input`], [`Session::handle_timeout`], [`Session::poll_transmit`],
//! [`Session::poll_event`], [`Session::poll_timeout`]. One request is in hand at a time. An answer is known by its reply id,
//! never by the session field; packets of other reply ids are dropped and counted; live events are kept apart and acknowledged.

mod bulk;
mod chunk;
mod collect;
mod config;
mod event;
mod exchange;
mod link;
mod pace;
mod prepare;
mod stream;
mod transfer;
mod upload;

use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::frame::FrameDecoder;
use crate::op::Operation;
use crate::reply::Meaning;
use crate::{Command, Dataset, Packet, ProtoError};
use bulk::Bulk;
use chunk::Chunk;
use exchange::{Ask, Call, Context, Exchange, Handshake, Next};
use link::Link;
use pace::Pace;
use transfer::RangeRead;
use upload::Uploading;

pub use config::{ChecksumPolicy, Config, Limits};
pub use event::{Event, Statistics};
pub use upload::{Enrolled, Upload};

/// Packets of other requests that one answer may meet before the line counts as useless.
const MAX_DISCARDS: u32 = 100;
/// How often a terminal may say "busy" to one request, and the pause before the request goes out again.
const BUSY_TIMES: u8 = 3;
const BUSY_PAUSE: Duration = Duration::from_millis(100);
/// The first pause before an unanswered datagram is sent again; doubled each time up to the last.
const RESEND_FIRST: Duration = Duration::from_millis(400);
const RESEND_LAST: Duration = Duration::from_secs(1);

/// A request on its way.
#[derive(Debug)]
struct Pending {
    reply_id: u16,
    ask: Ask,
    /// As sent, for sending it again.
    wire: Bytes,
    deadline: Duration,
    /// When the identical datagram goes out again, and the pause after that.
    resend: Option<(Duration, Duration)>,
    /// When the request goes out anew, the terminal having said that it is busy.
    anew: Option<Duration>,
    busy: u8,
    /// Answers came as datagrams with a wrong checksum and were dropped.
    damaged: bool,
}

/// One conversation with a terminal.
#[derive(Debug)]
pub struct Session {
    link: Link,
    config: Config,
    session_id: u16,
    next_reply_id: u16,
    exchange: Option<Exchange>,
    pending: Option<Pending>,
    /// When a transfer has to be over.
    overall: Option<Duration>,
    pace: Pace,
    without_acks: bool,
    chunk: Chunk,
    /// The terminal's checksums are one less than those of their content: its first answer was.
    one_short: bool,
    discarded: u32,
    statistics: Statistics,
    outbox: VecDeque<Bytes>,
    events: VecDeque<Event>,
}

impl Session {
    /// A session over a byte stream (TCP).
    #[must_use]
    pub fn stream(config: Config) -> Self {
        let decoder = FrameDecoder::with_max_packet(config.limits.max_packet);
        Self::new(config, Link::Stream(decoder))
    }

    /// A session over datagrams (UDP): each input is one packet.
    #[must_use]
    pub fn datagrams(config: Config) -> Self {
        Self::new(config, Link::Datagrams)
    }

    fn new(config: Config, link: Link) -> Self {
        Self {
            link,
            config,
            session_id: 0,
            next_reply_id: 0,
            exchange: None,
            pending: None,
            overall: None,
            pace: Pace::default(),
            without_acks: false,
            chunk: Chunk::default(),
            one_short: false,
            discarded: 0,
            statistics: Statistics::default(),
            outbox: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Opens the session: ends in [`Event::Connected`] or [`Event::Failed`].
    pub fn connect(&mut self, now: Duration) {
        let (handshake, ask) = Handshake::start(&self.config);
        self.begin(now, Exchange::Handshake(handshake), ask);
    }

    /// Sends an operation: ends in [`Event::Answer`] or [`Event::Failed`].
    pub fn call<O: Operation>(&mut self, now: Duration, operation: &O) {
        let mut data = BytesMut::new();
        operation.encode(&mut data);
        let wait = self.config.timeout;
        let ask = Ask { command: O::COMMAND, data: data.freeze(), wait, repeatable: O::REPEATABLE };
        if O::BULK {
            let ask = Ask { wait: self.pace.gap(&self.config), ..ask };
            self.begin(now, Exchange::Bulk(Bulk::new(O::COMMAND, O::REPEATABLE)), ask);
            self.overall = Some(now.saturating_add(pace::allowance(&self.config, 0)));
        } else {
            self.begin(now, Exchange::Call(Call::new(O::COMMAND, O::WANTS_DATA)), ask);
        }
    }

    /// Says good-bye: ends in [`Event::Answer`] or [`Event::Failed`], which makes no difference.
    pub fn exit(&mut self, now: Duration) {
        let ask = Ask { command: Command::EXIT, data: Bytes::new(), wait: self.config.timeout, repeatable: true };
        self.begin(now, Exchange::Call(Call::new(Command::EXIT, false)), ask);
    }

    /// Asks for a set: ends in [`Event::Prepared`] or [`Event::Failed`].
    ///
    /// After [`Prepared::Streamed`](crate::Prepared::Streamed) the set follows at once as [`Event::Data`], until [`Event::Finished`].
    pub fn prepare(&mut self, now: Duration, dataset: Dataset) {
        let (prepare, ask) = prepare::Prepare::start(&self.context(), dataset);
        self.begin(now, Exchange::Prepare(prepare), ask);
        self.overall = Some(now.saturating_add(pace::allowance(&self.config, 0)));
    }

    /// Reads `offset..end` of a set that is [`Prepared::Buffered`](crate::Prepared::Buffered): [`Event::Data`] and then [`Event::Finished`], or
    /// [`Event::Failed`]. An empty range is finished at once.
    pub fn read(&mut self, now: Duration, offset: u64, end: u64) {
        if offset >= end {
            self.abandon();
            self.events.push_back(Event::Finished);
            return;
        }
        let (read, ask) = RangeRead::start(&self.context(), offset, end);
        self.begin(now, Exchange::Range(read), ask);
        self.overall = Some(now.saturating_add(pace::allowance(&self.config, end - offset)));
    }

    /// Fills the terminal's upload buffer, commits it and frees it: ends in [`Event::Uploaded`] or [`Event::Failed`].
    ///
    /// Chunks go out one at a time. One that stays without an answer begins the upload anew; a commit without an answer ends it,
    /// and only a look at the terminal tells whether it was done.
    pub fn upload(&mut self, now: Duration, upload: Upload) {
        let (uploading, ask) = Uploading::start(&self.context(), upload);
        let allowance = pace::allowance(&self.config, uploading.size());
        let cap = self.config.limits.max_transfer;
        if uploading.size() > cap {
            self.abandon();
            self.events.push_back(Event::Failed(ProtoError::TooLarge {
                what: "upload",
                claimed: uploading.size(),
                cap,
            }));
            return;
        }
        self.begin(now, Exchange::Upload(uploading), ask);
        self.overall = Some(now.saturating_add(allowance));
    }

    /// Gives up the request in hand and what it brought so far. Its late answers are dropped.
    pub fn abandon(&mut self) {
        self.stop();
        self.events.retain(|event| matches!(event, Event::Live(_)));
    }

    fn stop(&mut self) {
        (self.exchange, self.pending, self.overall) = (None, None, None);
    }

    /// What the session saw beside its answers.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Changes what becomes of wrong checksums from here on.
    pub fn set_checksum_policy(&mut self, policy: ChecksumPolicy) {
        self.config.checksums = policy;
    }

    /// Takes over how much an earlier session with the same terminal asked for at once: less, where its line was bad.
    pub fn adapt_from(&mut self, earlier: &Self) {
        self.chunk = earlier.chunk;
        if matches!(earlier.exchange, Some(Exchange::Range(_))) {
            self.chunk.lost();
        }
    }

    /// Takes what arrived: a part of the stream, or one datagram.
    ///
    /// # Errors
    /// When the stream is lost, or the sender is no terminal of this protocol: the session is over.
    pub fn handle_input(&mut self, now: Duration, bytes: &[u8]) -> Result<(), ProtoError> {
        match &mut self.link {
            Link::Stream(decoder) => {
                decoder.push(bytes);
                self.handle_received(now)
            }
            Link::Datagrams => self.handle_datagram(now, bytes),
        }
    }

    /// The receive buffer of a stream with room in it, for a driver that reads straight into it and then calls
    /// [`Session::handle_received`]. `None` for datagrams.
    pub fn receive_buffer(&mut self) -> Option<&mut BytesMut> {
        self.link.receive_buffer(self.exchange.as_ref().is_some_and(Exchange::is_transfer))
    }

    /// Takes what the driver read into [`Session::receive_buffer`].
    ///
    /// # Errors
    /// As [`Session::handle_input`].
    pub fn handle_received(&mut self, now: Duration) -> Result<(), ProtoError> {
        let mut packets = false;
        while let Some(packet) = self.link.next_packet()? {
            let packet = self.weigh(packet);
            self.handle_packet(now, packet)?;
            packets = true;
        }
        if !packets && self.exchange.as_ref().is_some_and(Exchange::is_transfer) {
            // A part of a long packet is a sign of life on a slow line. The overall deadline holds all the same.
            let deadline = now.saturating_add(self.pace.gap(&self.config));
            if let Some(pending) = &mut self.pending {
                pending.deadline = pending.deadline.max(deadline);
            }
        }
        // Input without end must not keep a deadline from being seen.
        self.handle_timeout(now);
        Ok(())
    }

    fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) -> Result<(), ProtoError> {
        match link::packet_of(bytes)?.map(|packet| self.weigh(packet)) {
            Some(packet) if packet.intact || self.config.checksums == ChecksumPolicy::Tolerate => {
                self.handle_packet(now, packet)?;
            }
            // One that was damaged on its way is as good as lost.
            packet => {
                self.statistics.damaged += 1;
                if let (Some(packet), Some(pending)) = (packet, &mut self.pending) {
                    pending.damaged |= packet.reply_id == pending.reply_id;
                }
            }
        }
        self.handle_timeout(now);
        Ok(())
    }

    /// Takes a checksum that is one too small for right, where this terminal computes all of them so. One that comes amid
    /// exact ones is damage like any other: a flipped bit can have that effect.
    fn weigh(&mut self, mut packet: Packet) -> Packet {
        if packet.intact {
            return packet;
        }
        let first = matches!(&self.exchange, Some(Exchange::Handshake(handshake)) if handshake.is_first())
            && self.pending.as_ref().is_some_and(|pending| pending.reply_id == packet.reply_id);
        if (first || self.one_short) && packet.is_one_short() {
            self.one_short = true;
            self.statistics.one_short += 1;
            packet.intact = true;
        }
        packet
    }

    fn handle_packet(&mut self, now: Duration, packet: Packet) -> Result<(), ProtoError> {
        self.statistics.damaged += u64::from(!packet.intact);
        match Meaning::of(packet.command) {
            Meaning::Event => {
                self.send(Command::ACK_OK, 0, &[]);
                self.events.push_back(Event::Live(packet));
                return Ok(());
            }
            Meaning::Secure => return Err(ProtoError::SecureFirmware),
            _ => {}
        }
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.reply_id == packet.reply_id) else {
            self.statistics.stale += 1;
            self.discarded += 1;
            return match self.discarded {
                MAX_DISCARDS.. => Err(ProtoError::Flooded { discarded: self.discarded }),
                _ => Ok(()),
            };
        };
        self.discarded = 0;
        pending.resend = None;
        if Meaning::of(packet.command) == Meaning::Later && pending.busy < BUSY_TIMES {
            pending.busy += 1;
            pending.anew = Some(now + BUSY_PAUSE * u32::from(pending.busy));
            return Ok(());
        }
        self.pace.packet(now);
        self.advance(now, Some(packet));
        Ok(())
    }

    /// Lets time pass: requests are sent again, or given up.
    pub fn handle_timeout(&mut self, now: Duration) {
        let Some(pending) = self.pending.as_mut() else { return };
        if let Some((at, pause)) = pending.resend.filter(|(at, _)| *at <= now) {
            pending.resend = Some((at + pause, (pause * 2).min(RESEND_LAST)));
            self.outbox.push_back(pending.wire.clone());
        }
        if pending.anew.is_some_and(|at| at <= now) {
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

    /// What to send, one packet at a time: with its frame over a stream, bare as a datagram.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.outbox.pop_front()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Session::handle_timeout`] wants to be called, unless input comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let pending = self.pending.as_ref()?;
        let first = [pending.resend.map(|(at, _)| at), pending.anew, self.overall].into_iter().flatten().min();
        Some(first.map_or(pending.deadline, |at| at.min(pending.deadline)))
    }

    fn begin(&mut self, now: Duration, exchange: Exchange, ask: Ask) {
        self.abandon();
        self.exchange = Some(exchange);
        self.ask(now, ask, 0);
    }

    fn ask(&mut self, now: Duration, ask: Ask, busy: u8) {
        let reply_id = self.next_reply_id;
        // 65535 is never used by other clients.
        self.next_reply_id = if reply_id >= u16::MAX - 1 { 0 } else { reply_id + 1 };
        self.discarded = 0;
        self.pace.request();
        let session = self.session_id;
        self.session_id = if ask.command == Command::CONNECT { 0 } else { session };
        let wire = self.send(ask.command, reply_id, &ask.data);
        let resend = self.link.is_datagrams() && ask.repeatable;
        let first = RESEND_FIRST.min(self.config.timeout / 8);
        self.pending = Some(Pending {
            reply_id,
            wire,
            deadline: now.saturating_add(ask.wait),
            resend: resend.then_some((now + first, first * 2)),
            anew: None,
            busy,
            damaged: false,
            ask,
        });
    }

    fn send(&mut self, command: Command, reply_id: u16, data: &[u8]) -> Bytes {
        let wire = self.link.encode(command, self.session_id, reply_id, data);
        self.outbox.push_back(wire.clone());
        wire
    }

    /// Gives the exchange in hand a packet, or silence, and does what it wants next.
    fn advance(&mut self, now: Duration, packet: Option<Packet>) {
        let Some(mut exchange) = self.exchange.take() else { return };
        let mut context = self.context();
        let next = match packet {
            Some(packet) => exchange.on_packet(&mut context, packet),
            None => exchange.on_silence(&mut context),
        };
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
                if let Some(ask) = self.pending.take().map(|pending| pending.ask) {
                    self.ask(now, ask, 0);
                }
            }
            Next::AskStream(stream, ask) => {
                self.overall = Some(now.saturating_add(pace::allowance(&self.config, stream.size())));
                self.exchange = Some(Exchange::Stream(stream));
                self.ask(now, ask, 0);
            }
            Next::Stream(stream, first) => {
                self.overall = Some(now.saturating_add(pace::allowance(&self.config, stream.size())));
                self.exchange = Some(Exchange::Stream(stream));
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

    fn finish(&mut self, error: Option<ProtoError>) {
        let damaged = self.pending.as_ref().is_some_and(|pending| pending.damaged);
        let error = match error {
            Some(ProtoError::TimedOut { command }) if damaged => Some(ProtoError::Damaged { command }),
            error => error,
        };
        self.stop();
        self.events.extend(error.map(Event::Failed));
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            gap: self.pace.gap(&self.config),
            pause: self.pace.pause(&self.config, self.link.is_datagrams()),
            datagrams: self.link.is_datagrams(),
            config: &self.config,
            session_id: &mut self.session_id,
            surplus: &mut self.statistics.surplus,
            without_acks: &mut self.without_acks,
            chunk: &mut self.chunk,
            events: &mut self.events,
        }
    }
}
