//! The answers of the server, and what a pushing terminal does after each.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use zk_push::{Dialect, OptionBlock, Text, ZoneOffset, command};

use super::{PushDevice, Sent, Stage};
use crate::push::Strictness;
use crate::push::execute::{Then, execute};

/// Terminals that poll by their own mind: how often while something happens, for how long, and how often otherwise.
/// Reports say 1 to 3 s and 30 s.
const BUSY_EVERY: Duration = Duration::from_secs(2);
const BUSY_FOR: Duration = Duration::from_secs(30);
const IDLE_EVERY: Duration = Duration::from_secs(30);

impl PushDevice {
    /// Takes the answer to the request that is on its way. `date` is the header `Date`.
    pub fn handle_answer(&mut self, now: Duration, status: u16, date: Option<DateTime<Utc>>, body: &Bytes) {
        let Some(sent) = self.on_its_way.take() else { return };
        self.now = now;
        let is_taken = match sent {
            Sent::Connect => status == 200 && self.connected(now, body),
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
        let says_time = matches!(sent, Sent::Connect | Sent::Poll(..) | Sent::Results(_));
        if says_time && (self.profile.dialect == Dialect::Attendance || sent == Sent::Connect) {
            self.set_clock_by(now, date);
        }
        match sent {
            Sent::Connect => {}
            Sent::Register => self.stage = Stage::Configure,
            Sent::Configure => {
                self.configure(now, OptionBlock::parse(body));
                self.stage = Stage::Ready;
            }
            Sent::Packet => self.answers.next(),
            Sent::Poll(records, users) => {
                self.told = Some((records, users));
                self.polls = now + self.pause(now);
                self.execute_all(body);
            }
            Sent::Results(count) => drop(self.results.drain(..count)),
            Sent::Users(count) => drop(self.users_waiting.drain(..count)),
            Sent::Records(count) if !self.again.is_empty() => drop(self.again.drain(..count)),
            Sent::Records(count) => {
                self.cursor += count;
                if !self.has_news() {
                    self.rhythm.end();
                }
            }
        }
        if matches!(sent, Sent::Packet | Sent::Users(_) | Sent::Records(_)) {
            self.stir();
        }
    }

    fn configure(&mut self, now: Duration, options: OptionBlock) {
        self.rhythm.configure(&options, self.profile.uploads_at_once, now);
        self.options = options;
    }

    /// Sets the clock by the header `Date`, if the terminal has a zone.
    fn set_clock_by(&mut self, now: Duration, date: Option<DateTime<Utc>>) {
        let told = self.options.get("TimeZone").and_then(|zone| ZoneOffset::parse_option(&zone.to_string()));
        if let (Some(date), Some(zone)) = (date, told.or(self.profile.zone)) {
            self.clock.tell(now, date.naive_utc() + TimeDelta::minutes(zone.minutes().into()));
        }
    }

    /// The time to the next poll.
    fn pause(&self, now: Duration) -> Duration {
        match self.profile.adapts_polls {
            true if now < self.busy_until => BUSY_EVERY,
            true => IDLE_EVERY,
            false => self.delay(&["Delay", "RequestDelay"], 30),
        }
    }

    /// Something has happened: a terminal that polls by its own mind polls more often for a while.
    fn stir(&mut self) {
        if self.profile.adapts_polls {
            self.busy_until = self.now + BUSY_FOR;
            self.polls = self.polls.min(self.now + BUSY_EVERY);
        }
    }

    /// Takes the news that the request on its way got no whole answer.
    pub fn handle_failure(&mut self, now: Duration) {
        self.on_its_way = None;
        self.now = now;
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
    fn connected(&mut self, now: Duration, body: &Bytes) -> bool {
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
        self.configure(now, block);
        self.stage = Stage::Ready;
        self.polls = now;
        true
    }

    pub(super) fn execute_all(&mut self, body: &Bytes) {
        for received in command::read(body) {
            self.stir();
            if execute(self, &received) == Then::Restart {
                // What comes after a restart is dropped.
                self.stage = Stage::Connect;
                break;
            }
        }
    }
}
