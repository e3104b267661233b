//! Input: packets are taken off the line and matched with the request that they answer.

use core::time::Duration;

use bytes::BytesMut;

use super::exchange::Exchange;
use super::framing::{self, Framing};
use super::{ChecksumPolicy, Event, Session};
use crate::reply::Meaning;
use crate::{Command, Packet, ProtoError, ReplyId};

/// The most packets of other requests during one answer, before the connection is given up.
const MAX_DISCARDS: u32 = 100;
/// The most consecutive datagrams that are dropped for their checksum. No line damages that many; the terminal computes
/// wrong checksums.
const MAX_SPOILT: u8 = 4;
/// How often a terminal may answer "busy" to one request, and the pause before the request is repeated.
const BUSY_TIMES: u8 = 3;
const BUSY_PAUSE: Duration = Duration::from_millis(100);

impl Session {
    /// Takes input: a part of the stream, or one datagram.
    ///
    /// # Errors
    /// When the stream lost its framing, or the sender does not speak this protocol: the session is over.
    pub fn handle_input(&mut self, now: Duration, bytes: &[u8]) -> Result<(), ProtoError> {
        match &mut self.framing {
            Framing::Stream(decoder) => {
                decoder.push(bytes);
                self.handle_received(now)
            }
            Framing::Datagrams => self.handle_datagram(now, bytes),
        }
    }

    /// Returns the receive buffer of a stream, with free room. A driver reads directly into it and then calls
    /// [`Session::handle_received`]. `None` for datagrams.
    pub fn receive_buffer(&mut self) -> Option<&mut BytesMut> {
        self.framing.receive_buffer(self.exchange.as_ref().is_some_and(Exchange::is_transfer))
    }

    /// Takes the bytes that the driver read into [`Session::receive_buffer`].
    ///
    /// # Errors
    /// As [`Session::handle_input`].
    pub fn handle_received(&mut self, now: Duration) -> Result<(), ProtoError> {
        let mut packets = false;
        while let Some(packet) = self.framing.next_packet()? {
            let packet = self.judge_checksum(packet);
            self.handle_packet(now, packet)?;
            packets = true;
        }
        if !packets && self.exchange.as_ref().is_some_and(Exchange::is_transfer) {
            // A part of a long packet is a sign of life on a slow line. The overall deadline still holds.
            let deadline = now.saturating_add(self.pace.gap(&self.config));
            if let Some(pending) = &mut self.pending {
                pending.deadline = pending.deadline.max(deadline);
            }
        }
        // Endless input must not postpone a deadline.
        self.handle_timeout(now);
        Ok(())
    }

    fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) -> Result<(), ProtoError> {
        match framing::packet_of(bytes)?.map(|packet| self.judge_checksum(packet)) {
            Some(packet) if packet.intact || self.config.checksums == ChecksumPolicy::Tolerate => {
                self.handle_packet(now, packet)?;
            }
            // A damaged datagram counts as lost.
            packet => {
                self.statistics.damaged += 1;
                let answer = packet.zip(self.pending.as_mut()).filter(|(packet, to)| packet.reply_id == to.reply_id);
                if let Some((packet, pending)) = answer {
                    pending.damaged = true;
                    let command = pending.ask.command;
                    self.count_data(&packet);
                    self.spoilt += 1;
                    if self.spoilt >= MAX_SPOILT {
                        self.finish(Some(ProtoError::Damaged { command }));
                    }
                }
            }
        }
        self.handle_timeout(now);
        Ok(())
    }

    fn count_data(&mut self, packet: &Packet) {
        let is_data = Meaning::of(packet.command) == Meaning::Data;
        self.statistics.data += u64::from(is_data);
        self.statistics.data_damaged += u64::from(is_data && !packet.intact);
    }

    /// Accepts a checksum that is one too small, if this terminal computes all of them that way. Among exact ones it is
    /// damage like any other: a flipped bit can have that effect.
    fn judge_checksum(&mut self, mut packet: Packet) -> Packet {
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
                self.send(Command::ACK_OK, ReplyId(0), &[]);
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
        self.count_data(&packet);
        if packet.intact && Meaning::of(packet.command) == Meaning::Data {
            self.spoilt = 0;
        }
        let Some(pending) = self.pending.as_mut() else { return Ok(()) };
        if Meaning::of(packet.command) == Meaning::Later && pending.busy < BUSY_TIMES {
            pending.busy += 1;
            pending.retry = Some(now + BUSY_PAUSE * u32::from(pending.busy));
            return Ok(());
        }
        self.pace.packet(now);
        self.advance(now, Some(packet));
        Ok(())
    }
}
