//! The contract between the session and its exchanges: requests, steps, shared state, and how long to wait.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::chunk::Chunk;
use super::{ChecksumPolicy, Config, Event};
use crate::{Command, Dataset, Packet, ProtoError, SessionId};

/// How long to wait for the final acknowledgement after the last byte.
pub(super) const FINAL_ACK: Duration = Duration::from_secs(1);
/// How long to wait for datagrams that an acknowledgement overtook.
pub(super) const OVERTAKEN: Duration = Duration::from_millis(200);
/// The first pause before a request for a range is repeated because the terminal was not ready. It doubles up to the
/// last.
const NOT_READY_FIRST: Duration = Duration::from_millis(10);
const NOT_READY_LAST: Duration = Duration::from_millis(500);
pub(super) const NOT_READY_TIMES: u32 = 20;
/// How often a short or damaged answer is requested again.
pub(super) const AGAIN: u8 = 3;

/// The number of datagrams that may overtake the announcement of their transfer.
pub(super) const EARLY: usize = 64;
/// How often a single datagram has to come before it counts as the whole answer. Others may have been lost.
pub(super) const LONE: u8 = 3;
/// A request to send.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) command: Command,
    pub(super) data: Bytes,
    /// How long to wait for the first packet of the answer.
    pub(super) wait: Duration,
    /// True if the identical datagram may be sent again.
    pub(super) repeatable: bool,
}

/// The next step of an exchange, after a packet or a timeout.
pub(super) enum Next {
    /// Wait so long for the next packet of this answer.
    Wait(Duration),
    /// Send another request.
    Ask(Ask),
    /// Repeat the request.
    Repeat,
    /// Repeat the request, for another reading of so many bytes.
    Reread { size: u64 },
    /// Send another request, whose answer is one stream.
    AskStream(Streamed, Ask),
    /// Read the rest of the answer as a stream, which may begin with this packet.
    Stream(Streamed, Option<Packet>),
    /// Read the rest of the answer as a transfer of so many bytes, and wait so long for its next packet.
    Transfer { size: u64, wait: Duration },
    /// End with success.
    Done,
    /// End with an error.
    Fail(ProtoError),
}

/// A set, or a range of one, that comes as one answer.
#[derive(Debug)]
pub(super) struct Streamed {
    pub(super) command: Command,
    /// The range of the answer.
    pub(super) range: Range<u64>,
    /// The first offset to hand out; bytes before it are known.
    pub(super) from: u64,
    /// Bytes per packet, if the answer was announced; 0 if the announcement has none.
    pub(super) part: Option<u64>,
    /// Datagrams that overtook the announcement.
    pub(super) early: Vec<Packet>,
}

impl Streamed {
    /// A set of `size` bytes in parts of `part`, announced in answer to `command`.
    ///
    /// # Errors
    /// [`ProtoError::TooLarge`] when it would have to be held in memory and is above the cap for that.
    pub(super) fn announced(context: &Context<'_>, command: Command, size: u64, part: u64) -> Result<Self, ProtoError> {
        Ok(Self { part: Some(part), ..Self::range(context, command, 0..size)? })
    }

    /// A range of a set, as the answer to `command`.
    ///
    /// # Errors
    /// As [`Streamed::announced`].
    pub(super) fn range(context: &Context<'_>, command: Command, range: Range<u64>) -> Result<Self, ProtoError> {
        let (cap, claimed) = (context.config.limits.max_held, range.end - range.start);
        if context.datagrams && claimed > cap {
            return Err(ProtoError::TooLarge { what: "transfer over UDP", claimed, cap });
        }
        let from = range.start;
        Ok(Self { command, range, from, part: None, early: Vec::new() })
    }

    /// Bytes of the whole answer.
    pub(super) fn size(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// The state of the session that an exchange may use.
pub(super) struct Context<'a> {
    pub(super) config: &'a Config,
    /// True if packets come as datagrams, which get lost, duplicated and reordered.
    pub(super) datagrams: bool,
    /// How long to wait for the first packet of a transfer.
    pub(super) gap: Duration,
    /// How long to wait for each further packet.
    pub(super) pause: Duration,
    pub(super) session_id: &'a mut SessionId,
    pub(super) surplus: &'a mut u64,
    /// This terminal sends no final acknowledgement after a transfer, as learned from the first wait.
    pub(super) without_acks: &'a mut bool,
    /// How much to request at once.
    pub(super) chunk: &'a mut Chunk,
    /// Set when an answer brought bytes that no earlier one did.
    pub(super) gained: &'a mut bool,
    /// A set that must be read directly, because its buffered read is not answered.
    pub(super) unbuffered: &'a mut Option<Dataset>,
    pub(super) events: &'a mut VecDeque<Event>,
}

impl Context<'_> {
    /// The same state for an exchange inside another one, which handles its events first.
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
            gained: &mut *self.gained,
            unbuffered: &mut *self.unbuffered,
            events,
        }
    }

    /// Returns true if the packet's data may be used.
    pub(super) fn trusts(&self, packet: &Packet) -> bool {
        packet.intact || self.config.checksums == ChecksumPolicy::Tolerate
    }
}

/// How long to wait for data after an acknowledgement without any, before the request is repeated.
pub(super) fn not_ready(times: u32) -> Duration {
    NOT_READY_FIRST.saturating_mul(1 << times.min(8)).min(NOT_READY_LAST)
}

/// Asks for a range of the terminal's buffer.
pub(super) fn ask(context: &Context<'_>, offset: u64, length: u64) -> Ask {
    let mut data = BytesMut::with_capacity(8);
    // Both fit: a session refuses ranges past 4 GiB.
    data.put_u32_le(offset as u32);
    data.put_u32_le(length as u32);
    Ask { command: Command::DATA_RDY, data: data.freeze(), wait: context.gap, repeatable: true }
}

/// Total and part size of a `PREPARE_DATA`; the part size may be missing and is 0 then.
pub(super) fn announcement(data: &[u8]) -> (u64, u64) {
    let word = |at: usize| {
        data.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
    };
    (word(0), word(4))
}
