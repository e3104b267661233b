//! One conversation with a terminal, sans-io: bytes and time go in, bytes and events come out.
//!
//! The driver loops around five calls: [`Session::handle_input`], [`Session::handle_timeout`],
//! [`Session::poll_transmit`], [`Session::poll_event`], [`Session::poll_timeout`]. There is one request at a time. Its
//! answer is recognized by the reply id, never by the session field. Packets with other reply ids are dropped and
//! counted. Live events are kept apart and acknowledged.
//!
//! # Transfers over UDP
//! An answer of several datagrams proves nothing. The datagrams carry no number that can be relied on, so one that
//! arrives twice pushes the last one out, and one that is late changes places with its neighbour. The size is right all
//! the same, and records of 8 or 16 bytes even stay aligned.
//!
//! - A range of a prepared set is read in chunks of one datagram each. Its size is learned from the first answer and is
//!   1,024 bytes on most terminals. The reply id then numbers the datagrams: late ones are dropped, lost ones are
//!   requested again, and one that arrives twice counts once.
//! - A set that comes in one answer (direct reads, single templates, photos) is accepted in one datagram at once. If it
//!   has more, it must arrive twice, identical to the byte, within three readings. Without numbers on the datagrams,
//!   two neighbours can change places in both readings: then 3 to 8 identical readings are needed, the more the fewer
//!   datagrams there are. Answers that never agree are [`ProtoError::Differs`], which a new session or TCP may cure.
//! - The answer to an operation that must not be repeated, such as a picture from the sensor, is accepted if its
//!   datagrams are numbered.
//!
//! This costs one round trip per KB: 100,000 records of 40 bytes need 3,900 of them, 39 s on a network with 10 ms per
//! round trip. Over loopback they take 0.2 s instead of 0.02 s. Over TCP nothing changes: chunks have 65,472 bytes.

mod bulk;
mod call;
mod chunk;
mod collect;
mod config;
mod contract;
mod datagram;
mod event;
mod exchange;
mod framing;
mod handshake;
mod input;
mod pace;
mod pending;
mod prepare;
mod range;
mod step;
mod stream;
mod upload;

use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::frame::FrameDecoder;
use crate::op::Operation;
use crate::{Command, Dataset, ProtoError, ReplyId, SessionId};
use bulk::Bulk;
use call::Call;
use chunk::Chunk;
use contract::Ask;
use exchange::Exchange;
use framing::Framing;
use handshake::Handshake;
use pace::Pace;
use pending::Pending;
use upload::Uploading;

pub use config::{ChecksumPolicy, Config, Limits};
pub use event::{Event, Statistics};
pub use upload::{Enrolled, Upload};

/// How many times longer than over a stream a range over datagrams may take, with a round trip for each.
const DATAGRAMS_SLOWER: u64 = 4;

/// One conversation with a terminal.
#[derive(Debug)]
pub struct Session {
    framing: Framing,
    config: Config,
    session_id: SessionId,
    next_reply_id: ReplyId,
    exchange: Option<Exchange>,
    pending: Option<Pending>,
    /// The deadline of the whole transfer.
    overall: Option<Duration>,
    pace: Pace,
    without_acks: bool,
    chunk: Chunk,
    /// A set whose buffered read was not answered, while the direct one was.
    unbuffered: Option<Dataset>,
    /// The terminal's checksums are one too small, as in its first answer.
    one_short: bool,
    discarded: u32,
    /// The answer has just brought bytes that no earlier one did.
    gained: bool,
    /// The time of the last such bytes, or of the first request.
    gained_at: Duration,
    /// Consecutive datagrams that were dropped for their checksum, ignoring those without data.
    spoilt: u8,
    statistics: Statistics,
    outbox: VecDeque<Bytes>,
    events: VecDeque<Event>,
}

impl Session {
    /// A session over a byte stream (TCP).
    #[must_use]
    pub fn stream(config: Config) -> Self {
        let decoder = FrameDecoder::with_max_packet(config.limits.max_packet);
        Self::new(config, Framing::Stream(decoder))
    }

    /// A session over datagrams (UDP): each input is one packet.
    #[must_use]
    pub fn datagrams(config: Config) -> Self {
        Self::new(config, Framing::Datagrams)
    }

    fn new(config: Config, framing: Framing) -> Self {
        Self {
            framing,
            config,
            session_id: SessionId(0),
            next_reply_id: ReplyId(0),
            exchange: None,
            pending: None,
            overall: None,
            pace: Pace::default(),
            without_acks: false,
            chunk: Chunk::default(),
            unbuffered: None,
            one_short: false,
            discarded: 0,
            gained: false,
            gained_at: Duration::ZERO,
            spoilt: 0,
            statistics: Statistics::default(),
            outbox: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Opens the session. Ends in [`Event::Connected`] or [`Event::Failed`].
    pub fn connect(&mut self, now: Duration) {
        let (handshake, ask) = Handshake::start(&self.config);
        self.begin(now, Exchange::Handshake(handshake), ask);
    }

    /// Sends an operation. Ends in [`Event::Answer`] or [`Event::Failed`].
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

    /// Ends the session. Ends in [`Event::Answer`] or [`Event::Failed`], which mean the same here.
    pub fn exit(&mut self, now: Duration) {
        let ask = Ask { command: Command::EXIT, data: Bytes::new(), wait: self.config.timeout, repeatable: true };
        self.begin(now, Exchange::Call(Call::new(Command::EXIT, false)), ask);
    }

    /// Requests a set. Ends in [`Event::Prepared`] or [`Event::Failed`].
    ///
    /// After [`Prepared::Streamed`](crate::Prepared::Streamed) the set follows at once as [`Event::Data`], until
    /// [`Event::Finished`].
    pub fn prepare(&mut self, now: Duration, dataset: Dataset) {
        let (prepare, ask) = prepare::Prepare::start(&self.context(), dataset);
        self.begin(now, Exchange::Prepare(prepare), ask);
        self.overall = Some(now.saturating_add(pace::allowance(&self.config, 0)));
    }

    /// Reads `offset..end` of a set that is [`Prepared::Buffered`](crate::Prepared::Buffered). Gives [`Event::Data`]
    /// and then [`Event::Finished`], or [`Event::Failed`], at once if the range is longer
    /// than [`Limits::max_transfer`] or goes past 4 GiB. An empty range finishes at once.
    pub fn read(&mut self, now: Duration, offset: u64, end: u64) {
        if offset >= end {
            self.abandon();
            self.events.push_back(Event::Finished);
            return;
        }
        // Terminals name offsets and lengths in 32 bits.
        let too_far = (end > u64::from(u32::MAX)).then_some(("offset", end, u32::MAX.into()));
        let cap = self.config.limits.max_transfer;
        let too_long = (end - offset > cap).then_some(("range", end - offset, cap));
        if let Some((what, claimed, cap)) = too_far.or(too_long) {
            self.abandon();
            self.events.push_back(Event::Failed(ProtoError::TooLarge { what, claimed, cap }));
            return;
        }
        let (exchange, ask) = match Exchange::read(&self.context(), offset, end) {
            Ok(started) => started,
            Err(error) => {
                self.abandon();
                self.events.push_back(Event::Failed(error));
                return;
            }
        };
        self.begin(now, exchange, ask);
        let slow = if self.framing.is_datagrams() { DATAGRAMS_SLOWER } else { 1 };
        let allowance = pace::allowance(&self.config, (end - offset).saturating_mul(slow));
        self.overall = Some(now.saturating_add(allowance));
    }

    /// Fills the terminal's upload buffer, commits it and frees it. Ends in [`Event::Uploaded`] or [`Event::Failed`].
    ///
    /// Chunks go out one at a time. If one is not answered, the upload starts over. If the commit is not answered, the
    /// upload fails: read the data back to see whether it was done.
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

    /// Gives up the current request and its events so far. Its late answers are dropped.
    pub fn abandon(&mut self) {
        self.stop();
        self.events.retain(|event| matches!(event, Event::Live(_)));
    }

    fn stop(&mut self) {
        (self.exchange, self.pending, self.overall) = (None, None, None);
    }

    /// Counts of stale packets, wrong checksums and surplus bytes.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Changes how wrong checksums are treated from now on.
    pub fn set_checksum_policy(&mut self, policy: ChecksumPolicy) {
        self.config.checksums = policy;
    }

    /// Takes over the chunk size that an earlier session with the same terminal learned: smaller if its line was bad.
    pub fn adapt_from(&mut self, earlier: &Self) {
        (self.chunk, self.unbuffered) = (earlier.chunk, earlier.unbuffered);
        if matches!(earlier.exchange, Some(Exchange::Range(_))) {
            self.chunk.lost();
        }
    }

    /// The time since the last exchange's answers brought anything new, however many packets came.
    #[cfg(feature = "client")]
    pub(crate) fn fruitless(&self, now: Duration) -> Duration {
        now.saturating_sub(self.gained_at)
    }

    /// Returns the next packet to send: with its frame over a stream, bare as a datagram.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.outbox.pop_front()
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
