//! The packets that a device received, and its counts.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use zk_proto::{Command, Packet};

use crate::line::Action;
use crate::link::LinkId;

/// Received packets that are kept; older ones are forgotten.
const KEPT: usize = 100_000;
/// Bytes of each packet's data that are kept.
const KEPT_DATA: usize = 64;

/// One packet that a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The connection.
    pub link: LinkId,
    /// The command.
    pub command: Command,
    /// The first bytes of its data, 64 at most.
    pub data: Bytes,
}

impl Received {
    pub(crate) fn new(link: LinkId, packet: &Packet) -> Self {
        let kept = packet.data.len().min(KEPT_DATA);
        // A copy: a slice would keep the whole receive buffer alive.
        Self { link, command: packet.command, data: Bytes::copy_from_slice(&packet.data[..kept]) }
    }
}

#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<Received>);

impl History {
    pub(crate) fn add(&mut self, received: Received) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(received);
    }

    pub(crate) fn entries(&self) -> Vec<Received> {
        self.0.iter().cloned().collect()
    }
}

/// Counts of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections, including refused ones; over UDP, source addresses.
    pub connections: u64,
    /// Connections that were refused.
    pub refused: u64,
    /// Bytes handed to the line, framing included.
    pub bytes_sent: u64,
    /// Bytes of packets received, without framing.
    pub bytes_received: u64,
    /// Repeated datagrams that were answered from memory.
    pub repeats: u64,
    /// Packets received, by command.
    pub commands: BTreeMap<Command, u64>,
}

impl Stats {
    pub(crate) fn count_command(&mut self, command: Command) {
        *self.commands.entry(command).or_default() += 1;
    }

    pub(crate) fn count_out(&mut self, actions: &[Action]) {
        for action in actions {
            if let Action::Write(frame) = action {
                self.bytes_sent += frame.len() as u64;
            }
        }
    }
}
