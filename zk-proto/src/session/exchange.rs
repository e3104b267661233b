//! One exchange: a request, the packets that answer it, and the next step. The session does everything around it.

use super::bulk::Bulk;
use super::call::Call;
use super::contract::{Ask, Context, Next};
use super::datagram::{self, DatagramRead};
use super::handshake::Handshake;
use super::prepare::Prepare;
use super::range::RangeRead;
use super::stream::StreamRead;
use super::upload::Uploading;
use crate::{Packet, ProtoError};

/// The current exchange.
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
    /// Begins to read `offset..end` of the prepared set.
    ///
    /// # Errors
    /// [`ProtoError::TooLarge`] if the range has to be held in memory and is above the cap for that.
    pub(super) fn read(context: &Context<'_>, offset: u64, end: u64) -> Result<(Self, Ask), ProtoError> {
        if !context.datagrams {
            let (read, ask) = RangeRead::start(context, offset, end);
            return Ok((Self::Range(read), ask));
        }
        if context.chunk.datagram().is_some() {
            let (read, ask) = DatagramRead::start(context, offset, end);
            return Ok((Self::Datagrams(read), ask));
        }
        let (answer, ask) = datagram::at_once(context, offset, end)?;
        Ok((Self::Stream(StreamRead::new(context, answer)), ask))
    }

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
            Self::Handshake(handshake) => handshake.on_silence(),
            Self::Call(call) => call.on_silence(context),
            Self::Bulk(bulk) => bulk.on_silence(context),
            Self::Prepare(prepare) => prepare.on_silence(context),
            Self::Range(range) => range.on_silence(context),
            Self::Datagrams(read) => read.on_silence(context),
            Self::Stream(stream) => stream.on_silence_in_set(context),
            Self::Upload(upload) => upload.on_silence(context),
        }
    }

    /// Returns true if bytes of an incomplete packet count as a sign of life.
    pub(super) fn is_transfer(&self) -> bool {
        matches!(self, Self::Bulk(_) | Self::Prepare(_) | Self::Range(_) | Self::Datagrams(_) | Self::Stream(_))
    }
}
