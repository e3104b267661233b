//! The requests of a pushing terminal.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use zk_push::record::{AttendanceRecord, KeyedRecord};
use zk_push::request::{Endpoint, Method};
use zk_push::{Dialect, Fields, Head};

use super::{Outgoing, PushDevice, Sent, Stage};

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
                (Sent::Poll, self.request(Method::Get, Endpoint::GetRequest, |_, head| head, Bytes::new()))
            }
            Stage::Ready if !self.users_waiting.is_empty() => self.next_users(),
            Stage::Ready => self.next_records(),
        }
    }

    fn connect(&self, head: Head) -> Head {
        let version = if self.profile.dialect == Dialect::Access { "3.1.2" } else { "2.4.1" };
        let kind = self.profile.dialect.to_string();
        head.with("options", "all").with("pushver", version).with("language", "69").with("DeviceType", kind)
    }

    fn request(
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
        let count = if self.profile.batches_results { self.results.len() } else { 1 };
        // The parameters of INFO are lines, so that a result after them would be one of them.
        let count =
            self.results.iter().take(count).position(|result| !result.details.is_empty()).map_or(count, |at| at + 1);
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
        for (place, record) in places.iter().filter_map(|place| Some((*place, self.log.get(*place)?))) {
            match self.profile.dialect {
                Dialect::Attendance => record.write(&mut body),
                Dialect::Access => event(place, record).write(b'\t', &mut body),
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

/// An attendance record as an event at a door.
fn event(place: usize, record: &AttendanceRecord) -> Fields {
    let number = |value: Option<i32>| value.unwrap_or_default().to_string();
    Fields::default()
        .with("time", record.time.text.clone())
        .with("pin", record.user_id.clone())
        .with("cardno", "0")
        .with("eventaddr", "1")
        .with("event", "0")
        .with("inoutstatus", number(record.state))
        .with("verifytype", number(record.verify_mode))
        .with("index", (place + 1).to_string())
}
