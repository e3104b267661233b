//! Outgoing data sets: prepared once, read in ranges, streamed in packets.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use zk_proto::{Command, DeviceTime};

use crate::data::Random;
use crate::faults::{FaultKind, Faults};
use crate::layout::encode_event;
use crate::line::Transport;
use crate::reply::Reply;
use crate::terminal::Terminal;
use crate::users::data_set;

/// A data set that a session reads: its bytes, and the size that the terminal announces.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    data: Bytes,
    claimed: u32,
    is_log: bool,
}

/// The table that a read asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Log,
    Users,
    Templates,
    /// The part of the log between two times.
    LogBetween(DeviceTime, DeviceTime),
    Operations,
    Messages,
    MessageLinks,
    /// An empty table.
    Empty,
}

impl Table {
    /// The table of a command and its selector.
    pub(crate) fn asked(command: Command, selector: u32) -> Option<Self> {
        match (command, selector) {
            (Command::ATTLOG_RRQ, _) => Some(Self::Log),
            (Command::USERTEMP_RRQ, 5) => Some(Self::Users),
            (Command::DB_RRQ, 2) => Some(Self::Templates),
            (Command::OPLOG_RRQ, _) => Some(Self::Operations),
            (Command::DB_RRQ, 6) => Some(Self::Messages),
            (Command::DB_RRQ, 7) => Some(Self::MessageLinks),
            // The layout of work codes is not known.
            (Command::DB_RRQ, 8) => Some(Self::Empty),
            _ => None,
        }
    }
}

/// The third number of the answer to 1503; clients ignore it. Source: `vectors/conversation_attendance.json`.
const UNKNOWN_WORD: u32 = 0x00A1_B2C3;
/// The longest packet that fits into one datagram.
const MAX_DATAGRAM: usize = 60_000;

/// Prepares a table for reading, with its faults.
pub(crate) fn prepare(terminal: &mut Terminal, table: Table) -> Prepared {
    match table {
        Table::Log => Prepared { is_log: true, ..prepare_log(terminal) },
        Table::Users => {
            let vacant = strike_bytes(&mut terminal.faults, FaultKind::ZeroedUsers).unwrap_or(0);
            let data = terminal.users.encoded(vacant.min(terminal.profile.user_capacity as usize));
            match strike_bytes(&mut terminal.faults, FaultKind::CutUsers) {
                Some(count) => Prepared::whole(cut(&data, count, count)),
                None => Prepared::whole(data),
            }
        }
        Table::LogBetween(from, to) => Prepared::whole(terminal.log.encoded_between(&terminal.profile, from, to)),
        Table::Operations => Prepared::whole(terminal.operations.encoded()),
        Table::Messages => Prepared::whole(terminal.messages.encoded()),
        Table::MessageLinks => Prepared::whole(terminal.messages.encoded_links()),
        Table::Templates => {
            let data = terminal.biometrics.encoded_fingers();
            match strike_bytes(&mut terminal.faults, FaultKind::CutTemplates) {
                Some(count) => Prepared::whole(cut(&data, count, count)),
                None => Prepared::whole(data),
            }
        }
        Table::Empty => Prepared::whole(data_set(&[])),
    }
}

fn prepare_log(terminal: &mut Terminal) -> Prepared {
    let whole = terminal.log.encoded(&terminal.profile);
    let whole = match terminal.faults.standing_after(FaultKind::DamagedPatch) {
        Some((sound, noisy)) => patched(&whole, terminal.profile.log.width(), sound, noisy, terminal.seed),
        None => whole,
    };
    let faults = &mut terminal.faults;
    let mut prepared = Prepared::whole(whole.clone());
    if let Some(count) = strike_bytes(faults, FaultKind::CutHead) {
        prepared.data = cut(&whole, count, 0);
    }
    if let Some(count) = strike_bytes(faults, FaultKind::CutHeadSized) {
        let records = cut(&whole, count, 0).slice(4..);
        prepared = Prepared::whole(data_set(&records));
    }
    if let Some(count) = strike_bytes(faults, FaultKind::CutHeadFilled) {
        prepared = Prepared::whole(cut(&whole, count, count));
    }
    if let Some(count) = strike_bytes(faults, FaultKind::TrailingGarbage) {
        prepared = Prepared::whole(with_stray(&prepared.data, count, terminal.seed));
    }
    if let Some(count) = strike_bytes(faults, FaultKind::CountedGarbage) {
        let data = with_stray(&prepared.data, count, terminal.seed);
        prepared = Prepared::whole(data_set(&data.slice(4..)));
    }
    if let Some(more) = faults.strike(FaultKind::LongWord).and_then(|more| u32::try_from(more).ok()) {
        let records = prepared.claimed.saturating_sub(4);
        prepared.data = with_word(&prepared.data, records.saturating_add(more));
    }
    if faults.strike(FaultKind::ZeroWord).is_some() {
        prepared.data = with_word(&prepared.data, 0);
    }
    if let Some(claim) = faults.strike(FaultKind::AbsurdLength).and_then(|claim| u32::try_from(claim).ok()) {
        prepared.data = with_word(&prepared.data, claim.saturating_sub(4));
        prepared.claimed = claim;
    }
    prepared
}

/// The data set with stray bytes after it.
fn with_stray(data: &Bytes, count: usize, seed: u64) -> Bytes {
    let mut random = Random::new(seed);
    let mut out = BytesMut::from(&data[..]);
    out.extend((0..count).map(|_| random.next() as u8));
    out.freeze()
}

/// The data set with noise in place of some records in a row: the same noise each time.
fn patched(data: &Bytes, width: usize, sound: u64, noisy: i64, seed: u64) -> Bytes {
    let bytes = |records: Option<usize>| records.and_then(|records| records.checked_mul(width)).unwrap_or(usize::MAX);
    let (after, length) = (bytes(usize::try_from(sound).ok()), bytes(usize::try_from(noisy).ok()));
    let mut out = BytesMut::from(&data[..]);
    let mut random = Random::new(seed);
    out.iter_mut().skip(after.saturating_add(4)).take(length).for_each(|byte| *byte = random.next() as u8);
    out.freeze()
}

fn strike_bytes(faults: &mut Faults, kind: FaultKind) -> Option<usize> {
    faults.strike(kind).and_then(|value| usize::try_from(value).ok())
}

/// The data set without the first `count` bytes of its records, and with `filled` zeros after them. The length word
/// stays.
fn cut(data: &Bytes, count: usize, filled: usize) -> Bytes {
    let mut records = data.clone();
    let word = records.split_to(records.len().min(4));
    records.advance(count.min(records.len()));
    let filled = filled.min(data.len() - word.len() - records.len());
    let mut out = BytesMut::with_capacity(data.len());
    out.put(word);
    out.put(records);
    out.put_bytes(0, filled);
    out.freeze()
}

fn with_word(data: &Bytes, word: u32) -> Bytes {
    let mut out = BytesMut::from(&data[..]);
    if let Some(slot) = out.first_chunk_mut::<4>() {
        *slot = word.to_le_bytes();
    }
    out.freeze()
}

impl Prepared {
    pub(crate) fn whole(data: Bytes) -> Self {
        let claimed = data.len() as u32;
        Self { data, claimed, is_log: false }
    }

    /// Returns true for the attendance log.
    pub(crate) fn is_log(&self) -> bool {
        self.is_log
    }

    /// Returns true if the data fit into the answer to 1503.
    pub(crate) fn fits_inline(&self, terminal: &mut Terminal, transport: Transport) -> bool {
        let forced = terminal.faults.strike(FaultKind::Inline).is_some();
        let possible = transport == Transport::Tcp || self.data.len() <= MAX_DATAGRAM;
        possible && (forced || self.claimed as usize <= terminal.profile.inline_limit)
    }

    /// The whole set in one packet.
    pub(crate) fn inline(&self) -> Vec<Reply> {
        vec![Reply::data(0, self.data.clone())]
    }

    /// The answer to 1503 with the size.
    pub(crate) fn announcement(&self) -> Reply {
        let mut data = BytesMut::with_capacity(13);
        data.put_u8(0);
        for word in [self.claimed, self.claimed, UNKNOWN_WORD] {
            data.put_u32_le(word);
        }
        Reply::ok_with(data.freeze())
    }

    /// A range of the set as packets, or a refusal if it is outside of the announced size.
    pub(crate) fn range(&self, terminal: &mut Terminal, transport: Transport, offset: u32, length: u32) -> Vec<Reply> {
        let refused = offset > 0 && terminal.faults.strike(FaultKind::RefuseOffsets).is_some();
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.claimed);
        if refused || !inside || length == 0 {
            return vec![Reply::error()];
        }
        if terminal.faults.strike(FaultKind::NotReady).is_some() {
            return vec![Reply::ok()];
        }
        let endless = terminal.faults.strike(FaultKind::IgnoreLength).is_some();
        let length = if endless { self.claimed - offset } else { length };
        let from = self.data.len().min(offset as usize);
        let to = self.data.len().min(from + length as usize);
        let mut part = self.data.slice(from..to);
        let mut length = length;
        if let Some(more) = strike_bytes(&mut terminal.faults, FaultKind::LongChunks) {
            part = [&part[..], &vec![0xEE; more]].concat().into();
            length = part.len() as u32;
        }
        if let Some(less) = strike_bytes(&mut terminal.faults, FaultKind::ShortChunks) {
            part.truncate(part.len().saturating_sub(less));
        }
        if terminal.faults.strike(FaultKind::BareData).is_some() {
            return vec![Reply::data(0, part)];
        }
        stream(terminal, transport, length, part)
    }

    /// The same set with noise for records.
    pub(crate) fn garbled(mut self, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut data = BytesMut::from(self.data.get(..4).unwrap_or_default());
        data.extend((data.len()..self.data.len()).map(|_| random.next() as u8));
        self.data = data.freeze();
        self
    }

    /// The whole set as packets, for direct reads and for firmware that starts at 1503.
    pub(crate) fn streamed(&self, terminal: &mut Terminal, transport: Transport) -> Vec<Reply> {
        let mut replies = stream(terminal, transport, self.claimed, self.data.clone());
        if let Some(packets) = strike_bytes(&mut terminal.faults, FaultKind::ShortStream) {
            replies.truncate(1 + packets);
        }
        replies
    }
}

/// A transfer: its size, the data in packets, the end.
fn stream(terminal: &mut Terminal, transport: Transport, claimed: u32, mut data: Bytes) -> Vec<Reply> {
    let packet = match transport {
        Transport::Tcp => terminal.profile.tcp_packet,
        Transport::Udp => terminal.profile.udp_packet,
    };
    let smaller = match transport {
        Transport::Udp => strike_bytes(&mut terminal.faults, FaultKind::UdpPart),
        Transport::Tcp => None,
    };
    let size = smaller.unwrap_or(packet as usize).max(1);
    let mut replies = Vec::with_capacity(data.len() / size + 3);
    if terminal.faults.strike(FaultKind::AckBeforeData).is_some() {
        replies.push(Reply::ok());
    }
    replies.push(Reply::prepare(claimed, packet));
    let numbered = terminal.faults.strike(FaultKind::DataSession).is_none();
    let mut index = 0u16;
    let mut event = terminal.faults.strike(FaultKind::EventMidTransfer).map(|_| live_event(terminal));
    while !data.is_empty() {
        let packet = Reply::data(index, data.split_to(size.min(data.len())));
        replies.push(if numbered { packet } else { Reply { field: None, ..packet } });
        replies.extend(event.take());
        index = index.wrapping_add(1);
    }
    if terminal.faults.strike(FaultKind::NoFinalAck).is_none() {
        replies.insert(end(terminal, transport, replies.len()), Reply::end(claimed));
    }
    replies
}

/// The position of a transfer's end among its packets: after them, unless it overtakes some.
fn end(terminal: &mut Terminal, transport: Transport, packets: usize) -> usize {
    let overtaken = match transport {
        Transport::Udp => strike_bytes(&mut terminal.faults, FaultKind::EarlyAck).unwrap_or(0),
        Transport::Tcp => 0,
    };
    // Never before the announcement.
    packets.saturating_sub(overtaken).max(1)
}

/// The last punch as a live event, or a finger on the sensor when there is none.
fn live_event(terminal: &Terminal) -> Reply {
    match terminal.log.shown().last() {
        Some(punch) => Reply::event(EVENT_PUNCH, encode_event(&terminal.profile, punch)),
        None => Reply::event(EVENT_FINGER, Bytes::new()),
    }
}

/// Event code of a punch, and its bit in the mask that clients register.
pub(crate) const EVENT_PUNCH: u16 = 1;
/// Event code of a finger on the sensor.
const EVENT_FINGER: u16 = 2;
