//! The line between a terminal and one client: outgoing packets, and the faults that strike them.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use zk_proto::Command;
use zk_proto::checksum::checksum;
use zk_proto::frame::{MAGIC, PREFIX_LEN};
use zk_proto::packet::HEADER_LEN;

use crate::data::Random;
use crate::faults::{FaultKind, Faults};
use crate::reply::Reply;

/// The carrier of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A stream: each packet is framed.
    Tcp,
    /// One packet per datagram.
    Udp,
}

/// The driver's next action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Writes these bytes: over UDP as one datagram, over TCP as [`Frame::writes`] splits them.
    Write(Frame),
    /// Waits.
    Pause(Duration),
    /// Closes the connection.
    Close,
}

/// Bytes to write: a head made for the packet, and data that may be shared with the terminal's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// First these.
    pub head: Bytes,
    /// Then these.
    pub data: Bytes,
    /// Bytes per write over TCP; `None` is all at once.
    pub at_most: Option<NonZeroUsize>,
}

impl Frame {
    /// Bytes in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head.len() + self.data.len()
    }

    /// Returns true if there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes as one piece.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.head.clone().chain(self.data.clone()).copy_to_bytes(self.len())
    }

    /// The frame in the pieces in which it is written.
    pub fn writes(mut self) -> impl Iterator<Item = Frame> + Send {
        std::iter::from_fn(move || {
            let size = self.at_most.map_or(self.len(), NonZeroUsize::get);
            (!self.is_empty()).then(|| self.split_to(size))
        })
    }

    /// Takes the first `count` bytes off, or as many as there are.
    fn split_to(&mut self, count: usize) -> Frame {
        let from_head = count.min(self.head.len());
        let from_data = (count - from_head).min(self.data.len());
        Frame { head: self.head.split_to(from_head), data: self.data.split_to(from_data), at_most: self.at_most }
    }
}

/// The outgoing side of one connection. Faults of the whole connection are decided when it opens.
#[derive(Debug)]
pub(crate) struct Line {
    transport: Transport,
    at_most: Option<NonZeroUsize>,
    pace: Duration,
    coalesce: bool,
    drop_after: Option<u64>,
    stall_after: Option<u64>,
    sent: u64,
    silent: bool,
    /// The extra delay of the next answer.
    delay: Duration,
    /// A held datagram that the next one overtakes.
    overtaken: Option<Action>,
    random: Random,
}

impl Line {
    pub(crate) fn open(transport: Transport, pace: Duration, faults: &mut Faults, seed: u64) -> Self {
        let mut bytes = |kind| faults.strike(kind).map(|value| u64::try_from(value).unwrap_or(0));
        let drop_after = bytes(FaultKind::DropAfter);
        let stall_after = bytes(FaultKind::Stall);
        let at_most = bytes(FaultKind::SplitWrites).and_then(|size| NonZeroUsize::new(usize::try_from(size).ok()?));
        let coalesce = faults.strike(FaultKind::CoalescedWrites).is_some();
        Self {
            transport,
            at_most,
            pace,
            coalesce,
            drop_after,
            stall_after,
            sent: 0,
            silent: false,
            delay: Duration::ZERO,
            overtaken: None,
            random: Random::new(seed),
        }
    }

    /// Returns true if an incoming datagram is lost.
    pub(crate) fn loses(&mut self, faults: &mut Faults) -> bool {
        self.transport == Transport::Udp && faults.strike_share(FaultKind::UdpLoss, self.random.next())
    }

    /// Sends nothing from now on.
    pub(crate) fn fall_silent(&mut self) {
        self.silent = true;
    }

    /// Delays the next answer.
    pub(crate) fn delay(&mut self, delay: Duration) {
        self.delay = delay;
    }

    /// Sends bytes that are not a packet of the protocol.
    pub(crate) fn raw(&mut self, bytes: Bytes) -> Vec<Action> {
        if self.silent {
            return Vec::new();
        }
        self.limit(vec![Action::Write(Frame { head: bytes, data: Bytes::new(), at_most: self.at_most })])
    }

    /// The actions that send these packets.
    pub(crate) fn send(&mut self, faults: &mut Faults, session: u16, request: u16, replies: Vec<Reply>) -> Vec<Action> {
        let mut actions = Vec::with_capacity(replies.len());
        if self.silent {
            return actions;
        }
        let delay = std::mem::take(&mut self.delay);
        if !delay.is_zero() && !replies.is_empty() {
            actions.push(Action::Pause(delay));
        }
        for reply in replies {
            let own_id = reply.reply_id.unwrap_or(request);
            if !actions.is_empty() && !self.pace.is_zero() && self.transport == Transport::Tcp {
                actions.push(Action::Pause(self.pace));
            }
            if let Some(delay) = faults.strike(FaultKind::Latency) {
                actions.push(Action::Pause(Duration::from_millis(u64::try_from(delay).unwrap_or(0))));
            }
            if faults.strike_nth(FaultKind::StalePacket) {
                let stale = Reply::data(0, Bytes::from_static(b"left over from an earlier request"));
                actions.push(Action::Write(self.frame(faults, session, own_id.wrapping_sub(3), stale)));
            }
            let reply_id = if faults.strike_nth(FaultKind::WrongReplyId) { own_id.wrapping_add(7) } else { own_id };
            actions.push(Action::Write(self.frame(faults, session, reply_id, reply)));
        }
        let actions = match self.transport {
            Transport::Udp => self.datagrams(faults, actions),
            Transport::Tcp if self.coalesce => self.joined(actions),
            Transport::Tcp => actions,
        };
        self.limit(actions)
    }

    fn frame(&self, faults: &mut Faults, session: u16, reply_id: u16, reply: Reply) -> Frame {
        let mut head = BytesMut::with_capacity(PREFIX_LEN + HEADER_LEN);
        let length = HEADER_LEN + reply.data.len();
        if self.transport == Transport::Tcp {
            head.put_slice(&MAGIC);
            let claimed = faults.strike(FaultKind::AbsurdFrame).and_then(|claim| u32::try_from(claim).ok());
            // No data set comes near 4 GiB: the log's capacity is far below.
            head.put_u32_le(claimed.unwrap_or(length as u32));
        }
        let field = reply.field.unwrap_or(session);
        let sum = checksum(&[&header(reply.code, 0, field, reply_id), &reply.data]);
        let sum = if faults.strike_nth(FaultKind::BadChecksum) { sum.wrapping_add(1) } else { sum };
        let data = reply.code == Command::DATA;
        let sum = if data && faults.strike_nth(FaultKind::BadDataChecksum) { sum.wrapping_add(1) } else { sum };
        let sum = if faults.strike_nth(FaultKind::SmallChecksum) { sum.wrapping_sub(1) } else { sum };
        head.put_slice(&header(reply.code, sum, field, reply_id));
        Frame { head: head.freeze(), data: reply.data, at_most: self.at_most }
    }

    /// All bytes in one frame, after all pauses.
    fn joined(&self, actions: Vec<Action>) -> Vec<Action> {
        let (mut out, mut bytes) = (Vec::new(), BytesMut::new());
        for action in actions {
            match action {
                Action::Write(frame) => {
                    bytes.put(frame.head);
                    bytes.put(frame.data);
                }
                other => out.push(other),
            }
        }
        if !bytes.is_empty() {
            out.push(Action::Write(Frame { head: bytes.freeze(), data: Bytes::new(), at_most: self.at_most }));
        }
        out
    }

    /// Loses, duplicates and reorders datagrams. The last one of an answer may come during a later answer.
    fn datagrams(&mut self, faults: &mut Faults, actions: Vec<Action>) -> Vec<Action> {
        let mut out = Vec::with_capacity(actions.len());
        for action in actions {
            if !matches!(action, Action::Write(_)) {
                out.push(action);
                continue;
            }
            if faults.strike_share(FaultKind::UdpLoss, self.random.next()) {
                continue;
            }
            if faults.strike_share(FaultKind::UdpDuplicate, self.random.next()) {
                out.push(action.clone());
            }
            if self.overtaken.is_none() && faults.strike_share(FaultKind::UdpReorder, self.random.next()) {
                self.overtaken = Some(action);
                continue;
            }
            out.push(action);
            out.extend(self.overtaken.take());
        }
        out
    }

    /// Cuts the output at the point where the connection ends or falls silent.
    fn limit(&mut self, actions: Vec<Action>) -> Vec<Action> {
        let (limit, ends) = match (self.drop_after, self.stall_after) {
            (None, None) => {
                self.sent += actions.iter().map(written).sum::<u64>();
                return actions;
            }
            (Some(drop), stall) => (drop.min(stall.unwrap_or(drop)), stall.is_none_or(|stall| drop <= stall)),
            (None, Some(stall)) => (stall, false),
        };
        let mut out = Vec::with_capacity(actions.len() + 1);
        for action in actions {
            if self.silent {
                break;
            }
            let left = limit.saturating_sub(self.sent);
            match action {
                Action::Write(mut frame) if frame.len() as u64 >= left => {
                    let part = frame.split_to(usize::try_from(left).unwrap_or(usize::MAX));
                    self.sent += part.len() as u64;
                    self.silent = true;
                    // A datagram is sent whole or not at all.
                    if !part.is_empty() && (self.transport == Transport::Tcp || frame.is_empty()) {
                        out.push(Action::Write(part));
                    }
                    if ends {
                        out.push(Action::Close);
                    }
                }
                action => {
                    self.sent += written(&action);
                    out.push(action);
                }
            }
        }
        out
    }
}

fn written(action: &Action) -> u64 {
    match action {
        Action::Write(frame) => frame.len() as u64,
        Action::Pause(_) | Action::Close => 0,
    }
}

fn header(code: Command, sum: u16, field: u16, reply_id: u16) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    let mut fields = &mut header[..];
    for value in [code.0, sum, field, reply_id] {
        fields.put_u16_le(value);
    }
    header
}
