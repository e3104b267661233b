//! A pushing terminal without a network.

mod answer;
mod answers;
mod clock;
mod model;
mod request;
mod rhythm;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use chrono::NaiveDateTime;
use zk_push::command::CommandResult;
use zk_push::{Dialect, Fields, Head, OptionBlock, Text};

use self::answers::Answers;
use self::clock::WallClock;
use self::rhythm::Rhythm;
use super::profile::PushProfile;
use crate::Punch;

/// A request that the terminal sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The line.
    pub head: Head,
    /// The body.
    pub body: Bytes,
}

/// What a request is about, to know its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Connect,
    Register,
    Configure,
    /// With the numbers of records and users that it tells.
    Poll(usize, usize),
    Results(usize),
    Records(usize),
    Users(usize),
    Packet,
}

/// How far the terminal is with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connect,
    Register,
    Configure,
    Ready,
}

/// A pushing terminal: its log, its users, and what its server knows of them. Records are uploaded in their order, and
/// one that was not acknowledged goes again after the error delay. Time is an argument.
#[derive(Clone, Debug)]
pub struct PushDevice {
    profile: PushProfile,
    log: Vec<Punch>,
    users: BTreeMap<String, Fields>,
    /// The records before it are acknowledged.
    cursor: usize,
    users_waiting: VecDeque<String>,
    /// Uploaded again because a query asked: places in the log.
    again: VecDeque<usize>,
    /// Packets that answer queries.
    answers: Answers,
    options: OptionBlock,
    stage: Stage,
    results: VecDeque<CommandResult>,
    executed: Vec<String>,
    on_its_way: Option<Sent>,
    /// Nothing is sent before.
    resumes: Duration,
    /// The next poll.
    polls: Duration,
    /// The last request was a poll.
    polled_last: bool,
    /// The numbers of records and users that the server was told.
    told: Option<(usize, usize)>,
    clock: WallClock,
    /// When new records go out.
    rhythm: Rhythm,
    /// It polls often before this time, because something has happened.
    busy_until: Duration,
    /// The time of the last request or answer.
    now: Duration,
}

impl PushDevice {
    /// A terminal without records and users.
    #[must_use]
    pub fn new(profile: PushProfile) -> Self {
        let stage = if profile.shakes_hands { Stage::Connect } else { Stage::Ready };
        let clock = WallClock::new(profile.drift);
        Self {
            profile,
            log: Vec::new(),
            users: BTreeMap::new(),
            cursor: 0,
            users_waiting: VecDeque::new(),
            again: VecDeque::new(),
            answers: Answers::default(),
            options: OptionBlock::default(),
            stage,
            results: VecDeque::new(),
            executed: Vec::new(),
            on_its_way: None,
            resumes: Duration::ZERO,
            polls: Duration::ZERO,
            polled_last: false,
            told: None,
            clock,
            rhythm: Rhythm::default(),
            busy_until: Duration::ZERO,
            now: Duration::ZERO,
        }
    }

    /// Records a punch. It is uploaded with the next request, or at the next time of the options.
    pub fn punch(&mut self, punch: &Punch) {
        self.log.push(punch.clone());
    }

    /// Gives the terminal a user. It uploads its users when it is asked.
    pub fn add_user(&mut self, user_id: &str, name: impl Into<Text>) {
        let key = if self.profile.dialect == Dialect::Access { "pin" } else { "PIN" };
        let fields = Fields::default().with(key, user_id).with("Name", name);
        self.users.insert(user_id.into(), fields);
    }

    /// How the terminal pushes.
    #[must_use]
    pub fn profile(&self) -> &PushProfile {
        &self.profile
    }

    /// The punches that it has recorded.
    #[must_use]
    pub fn log(&self) -> &[Punch] {
        &self.log
    }

    /// The number of records that the server has acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.cursor
    }

    /// The commands that were carried out.
    #[must_use]
    pub fn executed(&self) -> &[String] {
        &self.executed
    }

    /// The results that wait for their request.
    pub fn results(&self) -> impl Iterator<Item = &CommandResult> {
        self.results.iter()
    }

    /// The options of the last handshake.
    #[must_use]
    pub fn options(&self) -> &OptionBlock {
        &self.options
    }

    /// The local time that the server set last.
    #[must_use]
    pub fn clock(&self) -> Option<NaiveDateTime> {
        self.clock.told
    }

    /// The local time that its clock shows. It begins with the year 2000, and drifts as the profile says.
    #[must_use]
    pub fn shows(&self, now: Duration) -> NaiveDateTime {
        self.clock.shows(now)
    }

    /// Sets the clock at its menu.
    pub fn set_clock(&mut self, now: Duration, shows: NaiveDateTime) {
        self.clock.set(now, shows);
    }

    /// Returns true if the server knows everything, and no result waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.has_news() && self.is_quiet() && self.on_its_way.is_none()
    }

    /// Returns true if nothing is to be sent now, besides polls.
    fn is_quiet(&self) -> bool {
        self.stage == Stage::Ready && self.results.is_empty() && !self.has_uploads()
    }

    /// Returns true if there are records that the server does not know.
    fn has_news(&self) -> bool {
        self.cursor < self.log.len() && self.uploads_log()
    }

    fn has_uploads(&self) -> bool {
        let has_batch = self.has_news() && self.rhythm.is_on();
        has_batch || !self.again.is_empty() || !self.users_waiting.is_empty() || !self.answers.is_empty()
    }

    /// Returns true if the server wants attendance records without asking, by its option `TransFlag`: names, or a digit
    /// for each table.
    fn uploads_log(&self) -> bool {
        let Some(flag) = self.options.get("TransFlag").map(Text::to_string) else { return true };
        match flag.strip_prefix("TransData ") {
            Some(names) => names.split('\t').any(|name| name == "AttLog"),
            None => !flag.starts_with('0'),
        }
    }

    /// Starts the terminal again: it shakes hands with the next request.
    pub fn restart(&mut self) {
        self.stage = Stage::Connect;
        self.told = None;
        self.on_its_way = None;
        self.resumes = Duration::ZERO;
    }

    /// The time at which the next request may be due. `None` while one is on its way.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.on_its_way.is_some() {
            return None;
        }
        let due = if self.is_quiet() {
            self.rhythm.next(&self.clock).map_or(self.polls, |looks| looks.min(self.polls))
        } else {
            Duration::ZERO
        };
        Some(due.max(self.resumes))
    }

    /// Returns the next request that is due.
    pub fn poll_request(&mut self, now: Duration) -> Option<Outgoing> {
        self.now = now;
        self.rhythm.look(now, self.clock.shows(now));
        if !self.has_news() {
            self.rhythm.end();
        }
        if self.poll_timeout()? > now {
            return None;
        }
        let (sent, outgoing) = self.next(now);
        self.polled_last = matches!(sent, Sent::Poll(..));
        self.on_its_way = Some(sent);
        Some(outgoing)
    }

    /// Returns a poll that may be sent while another request is on its way. Hand its answer to
    /// [`PushDevice::take_commands`].
    #[must_use]
    pub fn poll_meanwhile(&self) -> Outgoing {
        self.poll()
    }

    /// Carries out the commands in the answer to a poll.
    pub fn take_commands(&mut self, body: &Bytes) {
        self.execute_all(body);
    }
}
