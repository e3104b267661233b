//! Answers to queries of the access control dialect: packets of rows, with the number of the command that asked.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use zk_push::record::KeyedRecord;
use zk_push::request::{Endpoint, Method};
use zk_push::{Fields, Head, PackedTime, Text};

use super::{Outgoing, PushDevice, Sent};
use crate::Punch;

/// The packets that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(VecDeque<Packet>);

/// A packet of an answer.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    command: Text,
    pub(super) table: &'static str,
    body: Bytes,
    pub(super) rows: usize,
    /// Its place from 1, and the number of packets.
    place: (usize, usize),
}

impl Answers {
    /// Cuts rows into packets. An answer without rows has none.
    pub(super) fn add(&mut self, command: &Text, table: &'static str, rows: &[Fields], most: usize) {
        let of = rows.len().div_ceil(most.max(1));
        self.0.extend(rows.chunks(most.max(1)).enumerate().map(|(at, rows)| {
            let mut body = BytesMut::new();
            for fields in rows {
                KeyedRecord::new(table, fields.clone()).write(&mut body);
                body.put_u8(b'\n');
            }
            Packet { command: command.clone(), table, body: body.freeze(), rows: rows.len(), place: (at + 1, of) }
        }));
    }

    pub(super) fn first(&self) -> Option<&Packet> {
        self.0.front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first packet is safe.
    pub(super) fn next(&mut self) {
        self.0.pop_front();
    }
}

impl PushDevice {
    pub(super) fn next_packet(&self, packet: &Packet) -> (Sent, Outgoing) {
        let parameters = |_: &Self, head: Head| {
            let (index, of) = packet.place;
            let head = head.with("type", "tabledata").with("cmdid", packet.command.clone());
            let head = head.with("tablename", packet.table).with("count", packet.rows.to_string());
            head.with("packcnt", of.to_string()).with("packidx", index.to_string())
        };
        (Sent::Packet, self.request(Method::Post, Endpoint::QueryData, parameters, packet.body.clone()))
    }

    /// Returns true if the server's answer to a packet lets the terminal go on.
    pub(super) fn is_packet_safe(&self, status: u16, body: &Bytes) -> bool {
        match self.answers.first() {
            Some(_) if self.profile.wants_bare_answers => status == 200 && &body[..] == b"OK",
            Some(packet) => self.is_safe(status, body, packet.table, packet.rows),
            None => true,
        }
    }
}

/// A punch as a row of the log of doors.
pub(super) fn transaction(place: usize, punch: &Punch) -> Fields {
    let time = punch.time.to_naive().and_then(PackedTime::new).unwrap_or(PackedTime(0));
    Fields::default()
        .with("cardno", "0")
        .with("pin", &*punch.user_id)
        .with("verified", punch.mode.to_string())
        .with("doorid", "1")
        .with("eventtype", "0")
        .with("inoutstate", punch.state.to_string())
        .with("time_second", time.0.to_string())
        .with("index", (place + 1).to_string())
}
