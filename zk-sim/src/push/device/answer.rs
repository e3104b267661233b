//! The answers of the server, and what a pushing terminal does after each.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use zk_push::{Dialect, OptionBlock, Text, ZoneOffset, command};

use super::{PushDevice, Sent, Stage};
use crate::push::Strictness;
use crate::push::execute::{Then, execute};

impl PushDevice {
    /// Takes the answer to the request that is on its way. `date` is the header `Date`.
    pub fn handle_answer(&mut self, now: Duration, status: u16, date: Option<DateTime<Utc>>, body: &Bytes) {
        let Some(sent) = self.on_its_way.take() else { return };
        let is_taken = match sent {
            Sent::Connect => status == 200 && self.connected(now, date, body),
            Sent::Register => status == 200 && body.starts_with(b"RegistryCode="),
            Sent::Configure | Sent::Poll(..) | Sent::Results(_) => status == 200,
            Sent::Records(count) if self.profile.dialect == Dialect::Access => {
                self.is_safe(status, body, "rtlog", count)
            }
            Sent::Records(count) => self.is_safe(status, body, "ATTLOG", count),
            Sent::Users(count) => self.is_safe(status, body, "user", count),
            Sent::Packet => self.is_packet_safe(status, body),
        };
        if !is_taken {
            return self.fail(now);
        }
        match sent {
            Sent::Connect => {}
            Sent::Register => self.stage = Stage::Configure,
            Sent::Configure => {
                self.options = OptionBlock::parse(body);
                self.stage = Stage::Ready;
            }
            Sent::Packet => self.answers.next(),
            Sent::Poll(records, users) => {
                self.told = Some((records, users));
                self.polls = now + self.delay(&["Delay", "RequestDelay"], 30);
                self.execute_all(body);
            }
            Sent::Results(count) => drop(self.results.drain(..count)),
            Sent::Users(count) => drop(self.users_waiting.drain(..count)),
            Sent::Records(count) if !self.again.is_empty() => drop(self.again.drain(..count)),
            Sent::Records(count) => self.cursor += count,
        }
    }

    /// Takes the news that the request on its way got no whole answer.
    pub fn handle_failure(&mut self, now: Duration) {
        self.on_its_way = None;
        self.fail(now);
    }

    pub(super) fn is_safe(&self, status: u16, body: &Bytes, table: &str, count: usize) -> bool {
        // Events of doors are answered with `OK`, and rows of tables with their number.
        let strictness = match self.profile.strictness {
            Strictness::TableCount if table == "rtlog" => Strictness::OkPrefix,
            other => other,
        };
        strictness.accepts(status, body, table, count)
    }

    fn fail(&mut self, now: Duration) {
        // Until a server has said a delay.
        let first = if self.profile.dialect == Dialect::Access { 15 } else { 60 };
        self.resumes = now + self.delay(&["ErrorDelay"], first);
        if self.stage != Stage::Ready {
            self.stage = Stage::Connect;
        }
    }

    fn delay(&self, keys: &[&str], default: u64) -> Duration {
        let seconds = keys.iter().find_map(|key| self.options.get(key)).and_then(Text::number);
        Duration::from_secs(seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(default))
    }

    /// Reads the answer to the handshake. Returns false if it is none.
    fn connected(&mut self, now: Duration, date: Option<DateTime<Utc>>, body: &Bytes) -> bool {
        let block = OptionBlock::parse(body);
        let is_registered = block.get("registry").is_some_and(|registry| registry.is("ok"));
        match self.profile.dialect {
            Dialect::Access if !is_registered => {
                self.stage = Stage::Register;
                return body.starts_with(b"OK");
            }
            Dialect::Attendance if block.serial.is_none() => return false,
            _ => {}
        }
        if block.get("ATTLOGStamp").is_some_and(|stamp| stamp.as_bytes() == b"0") {
            self.cursor = 0;
        }
        let zone = block.get("TimeZone").and_then(|zone| ZoneOffset::parse_option(&zone.to_string()));
        if let (Some(date), Some(zone)) = (date, zone) {
            self.clock = Some(date.naive_utc() + TimeDelta::minutes(zone.minutes().into()));
        }
        self.options = block;
        self.stage = Stage::Ready;
        self.polls = now;
        true
    }

    pub(super) fn execute_all(&mut self, body: &Bytes) {
        for received in command::read(body) {
            if execute(self, &received) == Then::Restart {
                // What comes after a restart is dropped.
                self.stage = Stage::Connect;
                break;
            }
        }
    }
}
