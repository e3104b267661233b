//! Building a terminal.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{Local, NaiveDateTime, TimeDelta};
use zk_proto::encoding::TextEncoding;
use zk_proto::op::DeviceState;
use zk_proto::record::{FaceTemplate, FingerTemplate, OperationCode};

use super::Terminal;
use crate::access::Access;
use crate::biometrics::{Biometrics, Given};
use crate::data::{Person, Random, held, people, punches};
use crate::faults::{Fault, Faults};
use crate::file::{self, DataError, FileData};
use crate::layout::decode_log;
use crate::lockout::Lockout;
use crate::log::Log;
use crate::messages::Messages;
use crate::operations::Operations;
use crate::options::Options;
use crate::panel::Panel;
use crate::profile::Profile;
use crate::punch::Punch;
use crate::users::Users;

/// Builds a [`Terminal`]. Everything has a sensible default.
#[derive(Clone, Debug, Default)]
pub struct TerminalBuilder {
    profile: Profile,
    serial: Option<String>,
    records: usize,
    users: Option<u16>,
    seed: u64,
    key: u32,
    faults: Vec<Fault>,
    now: Option<NaiveDateTime>,
    people: Option<Vec<Person>>,
    user_records: Vec<Bytes>,
    encoding: TextEncoding,
    biometrics: Vec<Given>,
    attendance_photos: u32,
    punches: Option<Vec<Punch>>,
    captured: Option<Bytes>,
    options: Vec<(String, Option<String>)>,
    state: DeviceState,
    first_session: Option<u16>,
    first_number: Option<u16>,
    session_rest: Duration,
    events_alone: bool,
}

impl TerminalBuilder {
    /// The family; `tft40` by default.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The serial number; generated from the seed by default. With an empty one, the terminal has no such option.
    #[must_use]
    pub fn serial(mut self, serial: &str) -> Self {
        self.serial = Some(serial.to_owned());
        self
    }

    /// How many punches to generate; none by default.
    #[must_use]
    pub fn records(mut self, records: usize) -> Self {
        self.records = records;
        self
    }

    /// How many users to generate; by default 20, or none when there are no punches.
    #[must_use]
    pub fn users(mut self, users: u16) -> Self {
        self.users = Some(users);
        self
    }

    /// The seed for data, session ids and faults; 0 by default.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The comm key that it demands; 0, the default, means none.
    #[must_use]
    pub fn key(mut self, key: u32) -> Self {
        self.key = key;
        self
    }

    /// Adds a fault.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// The rest that it needs between two sessions over TCP: it ends a connection that comes earlier at CONNECT. None
    /// by default.
    #[must_use]
    pub fn session_rest(mut self, rest: Duration) -> Self {
        self.session_rest = rest;
        self
    }

    /// Refuses to send its log in a session that is registered for events.
    #[must_use]
    pub fn events_alone(mut self) -> Self {
        self.events_alone = true;
        self
    }

    /// Stops the host's clock at this time; by default it runs.
    #[must_use]
    pub fn now(mut self, now: NaiveDateTime) -> Self {
        self.now = Some(now);
        self
    }

    /// Uses these people instead of generated ones.
    #[must_use]
    pub fn people(mut self, people: Vec<Person>) -> Self {
        self.people = Some(people);
        self
    }

    /// Adds a user record in the terminal's own layout, as read from another one.
    #[must_use]
    pub fn user_record(mut self, record: &[u8]) -> Self {
        self.user_records.push(Bytes::copy_from_slice(record));
        self
    }

    /// The number of attendance photos that it reports, if the family has photos. It serves none: the layout is not
    /// known.
    #[must_use]
    pub fn attendance_photos(mut self, count: u32) -> Self {
        self.attendance_photos = count;
        self
    }

    /// The code page of names; UTF-8 by default. Generated names are in its script.
    #[must_use]
    pub fn encoding(mut self, encoding: TextEncoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// A fingerprint of a user.
    #[must_use]
    pub fn finger(mut self, finger: FingerTemplate) -> Self {
        self.biometrics.push(Given::Finger(finger));
        self
    }

    /// A part of a user's face, if the family has faces ([`Profile::face_capacity`]).
    #[must_use]
    pub fn face(mut self, face: FaceTemplate) -> Self {
        self.biometrics.push(Given::Face(face));
        self
    }

    /// A user's photo, a JPEG file, if the family has photos ([`Profile::user_photos`]).
    #[must_use]
    pub fn photo(mut self, user_id: &str, jpeg: Bytes) -> Self {
        self.biometrics.push(Given::Photo(user_id.to_owned(), jpeg));
        self
    }

    /// Uses these punches instead of generated ones.
    #[must_use]
    pub fn punches(mut self, punches: Vec<Punch>) -> Self {
        self.punches = Some(punches);
        self
    }

    /// Reads the log from a file instead of generating one, by the file's extension: `.jsonl`, lines such as
    /// `{"user_id":"42","time":"2025-05-18 07:01:09","state":0,"mode":1}`; `.csv`, with the heading
    /// `user_id,time,state,mode`; `.hex` or `.bin`, a captured data set in the profile's layout with its length word,
    /// which is sent as it is. For the first two, uids are assigned in the order in which people appear; an empty user
    /// id has uid 0.
    ///
    /// # Errors
    /// [`DataError`] names the file, the line and the expected form.
    pub fn data_file(self, path: &Path) -> Result<Self, DataError> {
        Ok(match file::read(path)? {
            FileData::Punches(punches) => self.punches(punches),
            FileData::Raw(data) => self.captured_log(data),
        })
    }

    /// A captured data set for the log, in the profile's layout and with its length word, sent as it is.
    #[must_use]
    pub fn captured_log(mut self, data: Bytes) -> Self {
        self.captured = Some(data);
        self
    }

    /// Sets an option, in addition to the profile's or instead of it.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Removes an option of the profile.
    #[must_use]
    pub fn without_option(mut self, name: &str) -> Self {
        self.options.push((name.to_owned(), None));
        self
    }

    /// The state that it reports until it restarts; waiting by default.
    #[must_use]
    pub fn state(mut self, state: DeviceState) -> Self {
        self.state = state;
        self
    }

    /// The id of the first session; the next ones count up.
    #[must_use]
    pub fn first_session(mut self, session: u16) -> Self {
        self.first_session = Some(session);
        self
    }

    /// The number of the first record, if the profile has numbers; 1 by default.
    #[must_use]
    pub fn first_number(mut self, number: u16) -> Self {
        self.first_number = Some(number);
        self
    }

    /// Builds the terminal.
    #[must_use]
    pub fn build(self) -> Terminal {
        let mut random = Random::new(self.seed);
        let serial = self.serial.unwrap_or_else(|| format!("OSIM{:09}", random.below(1_000_000_000)));
        let first_session = self.first_session.unwrap_or(1 + random.below(60_000) as u16);
        let layout = self.profile.log;
        let captured = self.captured.map(|data| (decode_log(layout, &data), data));
        let made = self.records > 0 || self.punches.is_some();
        let people = match (self.people, &self.punches) {
            (Some(people), _) => people,
            (None, Some(punches)) if self.users.is_none() => whoever_punched(punches),
            (None, _) => people(self.users.unwrap_or(if made { 20 } else { 0 }), self.encoding),
        };
        let now = self.now.unwrap_or_else(|| Local::now().naive_local());
        let first_number = self.first_number.unwrap_or(1);
        let log = match (captured, self.punches) {
            (Some((punches, data)), _) => Log::captured(data, punches, self.seed),
            (None, Some(punches)) => {
                Log::new(punches.into_iter().map(|punch| held(layout, punch)).collect(), first_number, self.seed)
            }
            (None, None) => Log::new(punches(self.records, &people, now, self.seed, layout), first_number, self.seed),
        };
        let mut options = Options::new(&self.profile, &serial);
        if serial.is_empty() {
            options.remove("~SerialNumber");
        }
        for (name, value) in &self.options {
            match value {
                Some(value) => options.set(name, value),
                None => options.remove(name),
            }
        }
        let mut users = Users::new(self.profile.users, self.profile.user_capacity, self.encoding, &people);
        for record in &self.user_records {
            users.take(record);
        }
        let mut biometrics = Biometrics::new(self.profile.finger_capacity);
        for given in self.biometrics {
            biometrics.take(given);
        }
        let mut panel = Panel::default();
        panel.set_state(self.state);
        let mut terminal = Terminal {
            options,
            users,
            biometrics,
            log,
            key: self.key,
            lockout: Lockout::default(),
            attendance_photos: self.attendance_photos,
            panel,
            access: Access::default(),
            messages: Messages::default(),
            operations: Operations::default(),
            faults: Faults::default(),
            seed: self.seed,
            first_session,
            session_rest: self.session_rest,
            events_alone: self.events_alone,
            serial,
            fixed_now: self.now,
            offset: TimeDelta::zero(),
            profile: self.profile,
        };
        terminal.set_faults(&self.faults);
        terminal.note(OperationCode::POWER_ON, [0; 4]);
        terminal
    }
}

/// A user for every uid of given punches, so that 8-byte logs can be resolved.
fn whoever_punched(punches: &[Punch]) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for punch in punches {
        if punch.uid != 0 && known.insert(punch.uid) {
            let name = format!("Person {}", punch.user_id);
            people.push(Person { uid: punch.uid, user_id: Arc::clone(&punch.user_id), name, privilege: 0 });
        }
    }
    people
}
