//! One exchange: a request, the packets that answer it, and what to do next. The session does everything around it.

use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::Bytes;

use super::bulk::Bulk;
use super::chunk::Chunk;
use super::datagram::DatagramRead;
use super::prepare::Prepare;
use super::stream::StreamRead;
use super::transfer::RangeRead;
use super::upload::Uploading;
use super::{ChecksumPolicy, Config, Event};
use crate::comm_key::TICKS;
use crate::reply::Meaning;
use crate::{CommKey, Command, Dataset, Packet, ProtoError};

/// A request to send.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) command: Command,
    pub(super) data: Bytes,
    /// How long until the first packet of the answer.
    pub(super) wait: Duration,
    /// Whether the identical datagram may be sent again.
    pub(super) repeatable: bool,
}

/// What an exchange wants after a packet, or after silence.
pub(super) enum Next {
    /// The next packet of this answer, for so long.
    Wait(Duration),
    /// Another request.
    Ask(Ask),
    /// The same request again.
    Repeat,
    /// The same request again, for another reading of so many bytes.
    Reread { size: u64 },
    /// Another request, whose answer is one stream.
    AskStream(StreamRead, Ask),
    /// The answer goes on as a stream; the packet is its first.
    Stream(StreamRead, Option<Packet>),
    /// The answer goes on as a transfer of so many bytes: the next packet of it, for so long.
    Transfer { size: u64, wait: Duration },
    /// Nothing more.
    Done,
    /// An end without success.
    Fail(ProtoError),
}

/// What an exchange may know and use of its session.
pub(super) struct Context<'a> {
    pub(super) config: &'a Config,
    /// Whether packets come as datagrams, which get lost, doubled and out of order.
    pub(super) datagrams: bool,
    /// How long the first packet of a transfer may take.
    pub(super) gap: Duration,
    /// How long each further one may take.
    pub(super) pause: Duration,
    pub(super) session_id: &'a mut u16,
    pub(super) surplus: &'a mut u64,
    /// This terminal sends no final acknowledgement of a transfer: known after the first wait for one.
    pub(super) without_acks: &'a mut bool,
    /// How much is asked for at once.
    pub(super) chunk: &'a mut Chunk,
    /// A set that has to be read directly: its buffered read stays without an answer.
    pub(super) unbuffered: &'a mut Option<Dataset>,
    pub(super) events: &'a mut VecDeque<Event>,
}

impl Context<'_> {
    /// The same for an exchange within another one, which looks at its events first.
    pub(super) fn with_events<'a>(&'a mut self, events: &'a mut VecDeque<Event>) -> Context<'a> {
        Context {
            config: self.config,
            datagrams: self.datagrams,
            gap: self.gap,
            pause: self.pause,
            session_id: &mut *self.session_id,
            surplus: &mut *self.surplus,
            without_acks: &mut *self.without_acks,
            chunk: &mut *self.chunk,
            unbuffered: &mut *self.unbuffered,
            events,
        }
    }

    /// Whether the packet's data may be used.
    pub(super) fn trusts(&self, packet: &Packet) -> bool {
        packet.intact || self.config.checksums == ChecksumPolicy::Tolerate
    }
}

/// The exchange in hand.
#[derive(Debug)]
pub(super) enum Exchange {
    Handshake(Handshake),
    Call(Call),
    Bulk(Bulk),
    Prepare(Prepare),
    Range(RangeRead),
    Datagrams(DatagramRead),
    Stream(StreamRead),
    Upload(Uploading),
}

impl Exchange {
    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
        match self {
            Self::Handshake(handshake) => handshake.on_packet(context, &packet),
            Self::Call(call) => call.on_packet(context, packet),
            Self::Bulk(bulk) => bulk.on_packet(context, packet),
            Self::Prepare(prepare) => prepare.on_packet(context, packet),
            Self::Range(range) => range.on_packet(context, packet),
            Self::Datagrams(read) => read.on_packet(context, packet),
            Self::Stream(stream) => stream.on_packet(context, packet),
            Self::Upload(upload) => upload.on_packet(context, &packet),
        }
    }

    pub(super) fn on_silence(&mut self, context: &mut Context<'_>) -> Next {
        match self {
            Self::Handshake(handshake) => Next::Fail(ProtoError::TimedOut { command: handshake.sent }),
            Self::Call(call) => call.on_silence(context),
            Self::Bulk(bulk) => bulk.on_silence(context),
            Self::Prepare(prepare) => prepare.on_silence(context),
            Self::Range(range) => range.on_silence(context),
            Self::Datagrams(read) => read.on_silence(context),
            Self::Stream(stream) => stream.on_silence_in_set(context),
            Self::Upload(upload) => upload.on_silence(context),
        }
    }

    /// Whether bytes of an unfinished packet count as a sign of life.
    pub(super) fn is_transfer(&self) -> bool {
        matches!(self, Self::Bulk(_) | Self::Prepare(_) | Self::Range(_) | Self::Datagrams(_) | Self::Stream(_))
    }
}

/// `CONNECT`, and `AUTH` when the terminal demands it.
#[derive(Debug)]
pub(super) struct Handshake {
    sent: Command,
}

impl Handshake {
    pub(super) fn start(config: &Config) -> (Self, Ask) {
        let ask = Ask { command: Command::CONNECT, data: Bytes::new(), wait: config.timeout, repeatable: true };
        (Self { sent: ask.command }, ask)
    }

    /// Whether `CONNECT` has no answer yet.
    pub(super) fn is_first(&self) -> bool {
        self.sent == Command::CONNECT
    }

    fn on_packet(&mut self, context: &mut Context<'_>, packet: &Packet) -> Next {
        match (Meaning::of(packet.command), self.sent) {
            (Meaning::Done, Command::AUTH) => {
                // Every capture repeats the id; one that differs and is not 0 is taken to be a new one.
                if packet.session != 0 {
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

/// A simple request: one answer, or an acknowledgement and then the data.
#[derive(Debug)]
pub(super) struct Call {
    command: Command,
    wants_data: bool,
    /// An acknowledgement without data, while the data may still come.
    held: Option<Packet>,
}

impl Call {
    /// How long data may come after an acknowledgement without any.
    const SECOND_PACKET: Duration = Duration::from_secs(1);

    pub(super) fn new(command: Command, wants_data: bool) -> Self {
        Self { command, wants_data, held: None }
    }

    fn on_packet(&mut self, context: &mut Context<'_>, packet: Packet) -> Next {
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

    fn on_silence(&mut self, context: &mut Context<'_>) -> Next {
        match self.held.take() {
            Some(packet) => {
                context.events.push_back(Event::Answer(packet));
                Next::Done
            }
            None => Next::Fail(ProtoError::TimedOut { command: self.command }),
        }
    }
}
