//! The requests of a pushing terminal.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use zk_push::command::CommandResult;
use zk_push::record::{AttendanceRecord, KeyedRecord};
use zk_push::request::{Endpoint, Info, Method};
use zk_push::{Dialect, Fields, Head, Text, WallTime};

use super::{Outgoing, PushDevice, Sent, Stage};
use crate::Punch;

impl PushDevice {
    pub(super) fn next(&self, now: Duration) -> (Sent, Outgoing) {
        match self.stage {
            Stage::Connect => (Sent::Connect, self.request(Method::Get, Endpoint::Cdata, Self::connect, Bytes::new())),
            Stage::Register => {
                let body = format!("DeviceType={},~DeviceName=Simulated,MachineType=101", self.profile.dialect);
                (Sent::Register, self.request(Method::Post, Endpoint::Registry, |_, head| head, body.into()))
            }
            Stage::Configure => {
                (Sent::Configure, self.request(Method::Post, Endpoint::Push, |_, head| head, Bytes::new()))
            }
            Stage::Ready if !self.results.is_empty() => self.next_results(),
            // A poll that is overdue does not wait for a long log, nor an upload for polls.
            Stage::Ready if self.polls <= now && !(self.polled_last && self.has_uploads()) => {
                (Sent::Poll(self.log.len(), self.users.len()), self.poll())
            }
            Stage::Ready if !self.users_waiting.is_empty() => self.next_users(),
            Stage::Ready => match self.answers.first() {
                Some(packet) => self.next_packet(packet),
                None => self.next_records(),
            },
        }
    }

    /// A poll. It tells how much the terminal has, when that has changed.
    pub(super) fn poll(&self) -> Outgoing {
        let facts = |device: &Self, head: Head| {
            if device.told == Some((device.log.len(), device.users.len())) {
                return head;
            }
            let number = |count: usize| u32::try_from(count).ok();
            let mut info = Info::default();
            info.firmware = Some("Ver 2.4.1-simulated".into());
            (info.users, info.records) = (number(device.users.len()), number(device.log.len()));
            (info.fingerprints, info.functions) = (Some(0), Some("101".into()));
            head.with("INFO", info.to_string())
        };
        self.request(Method::Get, Endpoint::GetRequest, facts, Bytes::new())
    }

    fn connect(&self, head: Head) -> Head {
        let version = if self.profile.dialect == Dialect::Access { "3.1.2" } else { "2.4.1" };
        let kind = self.profile.dialect.to_string();
        let language = self.profile.language.to_string();
        head.with("options", "all").with("pushver", version).with("language", language).with("DeviceType", kind)
    }

    pub(in crate::push) fn request(
        &self,
        method: Method,
        endpoint: Endpoint,
        parameters: impl Fn(&Self, Head) -> Head,
        body: Bytes,
    ) -> Outgoing {
        let endpoint = if self.profile.has_suffix { Endpoint::Other(format!("{endpoint}.aspx")) } else { endpoint };
        Outgoing { head: parameters(self, Head::new(method, endpoint, self.profile.serial.clone())), body }
    }

    fn next_results(&self) -> (Sent, Outgoing) {
        let most = if self.profile.batches_results { self.results.len() } else { 1 };
        // The parameters of INFO are lines, so that a result after them would be one of them. Output takes the body.
        let is_last = |result: &CommandResult| !result.details.is_empty() || result.content.is_some();
        let count = match self.results.iter().take(most).position(is_last) {
            Some(at) if self.results.get(at).is_some_and(|result| result.content.is_some()) => at.max(1),
            Some(at) => at + 1,
            None => most,
        };
        let mut body = BytesMut::new();
        for result in self.results.iter().take(count) {
            result.write(&mut body);
            body.put_u8(b'\n');
        }
        let request = self.request(Method::Post, Endpoint::DeviceCommand, |_, head| head, body.freeze());
        (Sent::Results(count), request)
    }

    fn next_users(&self) -> (Sent, Outgoing) {
        let count = self.users_waiting.len().min(self.profile.batch);
        let tag = if self.profile.dialect == Dialect::Access { "user" } else { "USER" };
        let mut body = BytesMut::new();
        for fields in self.users_waiting.iter().take(count).filter_map(|user_id| self.users.get(user_id)) {
            KeyedRecord::new(tag, fields.clone()).write(&mut body);
            body.put_u8(b'\n');
        }
        let parameters = move |device: &Self, head: Head| match device.profile.dialect {
            Dialect::Access => {
                head.with("table", "tabledata").with("tablename", "user").with("count", count.to_string())
            }
            Dialect::Attendance => head.with("table", "OPERLOG").with("Stamp", "9999"),
        };
        (Sent::Users(count), self.request(Method::Post, Endpoint::Cdata, parameters, body.freeze()))
    }

    fn next_records(&self) -> (Sent, Outgoing) {
        let places: Vec<usize> = match self.again.is_empty() {
            false => self.again.iter().copied().take(self.profile.batch).collect(),
            true => (self.cursor..self.log.len()).take(self.profile.batch).collect(),
        };
        let count = places.len();
        let mut body = BytesMut::new();
        for (place, punch) in places.iter().filter_map(|place| Some((*place, self.log.get(*place)?))) {
            match self.profile.dialect {
                Dialect::Attendance => self.profile.columns.shape(record(punch)).write(&mut body),
                Dialect::Access => event(place, punch, self.profile.says_bits).write(b'\t', &mut body),
            }
            body.put_u8(b'\n');
        }
        let parameters = |device: &Self, head: Head| match device.profile.dialect {
            Dialect::Access => head.with("table", "rtlog"),
            Dialect::Attendance => head.with("table", "ATTLOG").with("Stamp", "9999"),
        };
        (Sent::Records(count), self.request(Method::Post, Endpoint::Cdata, parameters, body.freeze()))
    }
}

/// A punch as an attendance record.
fn record(punch: &Punch) -> AttendanceRecord {
    let text = Text::from(punch.time.to_string());
    let at = WallTime::parse(&text).and_then(|time| time.at);
    let time = WallTime { text, at, is_epoch: false };
    let mut record = AttendanceRecord::new(&*punch.user_id, time, punch.state.into(), punch.mode.into());
    record.work_code = Some(punch.work_code.to_string().into());
    record
}

/// A punch as an event at a door. As bits, the verify mode is that of a face.
fn event(place: usize, punch: &Punch, says_bits: bool) -> Fields {
    let mode = if says_bits { "0000000000000010".to_owned() } else { punch.mode.to_string() };
    Fields::default()
        .with("time", punch.time.to_string())
        .with("pin", &*punch.user_id)
        .with("cardno", "0")
        .with("eventaddr", "1")
        .with("event", "0")
        .with("inoutstatus", punch.state.to_string())
        .with("verifytype", mode)
        .with("index", (place + 1).to_string())
}
