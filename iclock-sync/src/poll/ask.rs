//! A question of a person to a terminal, on a session of its own between two polls.

use chrono::{DateTime, NaiveDateTime, Timelike as _, Utc};
use zk_proto::client::{SessionRest, UserError};
use zk_proto::op::SetTime;
use zk_proto::{Client, DeviceTime};

use super::{Failure, Visit};
use crate::error::chain;
use crate::{SyncError, TerminalError, wall};

/// The question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Clock,
    SetClock,
    Capacity,
    Users,
}

/// The answer.
#[derive(Debug)]
pub(crate) enum Answer {
    Clock(Clock),
    ClockSet(ClockSet),
    Capacity(Capacity),
    Users(Vec<TerminalUser>),
}

/// The clock of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Clock {
    /// The time that it shows; `None` if that is no time that exists.
    pub shows: Option<NaiveDateTime>,
    /// The time that it shows less the right one, in milliseconds.
    pub drift_ms: Option<i64>,
    /// The moment at which it was read.
    pub read_at: DateTime<Utc>,
}

/// The clock of a terminal before and after it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockSet {
    /// Before.
    pub before: Clock,
    /// After, as it was read back.
    pub after: Clock,
    /// True if it is right now.
    pub is_right: bool,
}

/// How much a terminal holds, and how much it can hold; `None` if it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capacity {
    /// Users.
    pub users: Option<u32>,
    /// The most users.
    pub user_capacity: Option<u32>,
    /// Fingerprints.
    pub fingers: Option<u32>,
    /// The most fingerprints.
    pub finger_capacity: Option<u32>,
    /// Faces.
    pub faces: Option<u32>,
    /// The most faces.
    pub face_capacity: Option<u32>,
    /// Attendance records.
    pub records: Option<u32>,
    /// The most attendance records.
    pub record_capacity: Option<u32>,
}

/// A user of a terminal. Passwords, card numbers and templates are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TerminalUser {
    /// The slot in the terminal's table.
    pub uid: u16,
    /// The id that the person keys in.
    pub user_id: String,
    /// The name as the terminal has it.
    pub name: String,
    /// The rights at the terminal: 0 for a user, 14 for an administrator of the terminal.
    pub privilege: u8,
    /// The access group.
    pub group: u8,
}

impl Visit {
    /// Asks the terminal, and ends the session on every path.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) async fn ask(&self, question: Ask) -> Result<Result<Answer, TerminalError>, SyncError> {
        match self.ask_within(question).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(Failure::Terminal(error)) => Ok(Err(error)),
            Err(Failure::Engine(error)) => Err(error),
        }
    }

    async fn ask_within(&self, question: Ask) -> Result<Answer, Failure> {
        let options = self.connect_options().await?;
        let (limit, rest) = (self.engine.device_deadline, self.habits.rest().left());
        let connect = async {
            tokio::time::sleep(rest).await;
            Ok(Client::connect(&options).await?)
        };
        let mut client = self.within(limit, connect).await?;
        client.limit_silence(self.for_an_attempt());
        let answer = self.within(limit, self.ask_on(&mut client, question)).await;
        client.exit().await;
        self.habits.change_rest(SessionRest::ended);
        answer
    }

    async fn ask_on(&self, client: &mut Client, question: Ask) -> Result<Answer, Failure> {
        self.require_serial(client).await?;
        Ok(match question {
            Ask::Clock => Answer::Clock(self.read_clock(client).await?),
            Ask::SetClock => {
                let before = self.read_clock(client).await?;
                // To the nearest second: the terminal has no others.
                let now = self.right_now() + chrono::TimeDelta::milliseconds(500);
                let is_lost = self.clock.utc_now().timestamp() < super::set_clock::HOST_LOST;
                let right = now.with_nanosecond(0).filter(|_| !is_lost).and_then(DeviceTime::from_naive);
                let right = right.ok_or(TerminalError::HostClock)?;
                client.call(&SetTime(right)).await?;
                let after = self.read_clock(client).await?;
                let is_right =
                    after.drift_ms.is_some_and(|drift| drift.unsigned_abs() <= super::set_clock::READ_BACK_MS);
                Answer::ClockSet(ClockSet { before, after, is_right })
            }
            Ask::Capacity => {
                let sizes = client.free_sizes().await?;
                Answer::Capacity(Capacity {
                    users: sizes.users(),
                    user_capacity: sizes.user_capacity(),
                    fingers: sizes.fingers(),
                    finger_capacity: sizes.finger_capacity(),
                    faces: sizes.faces(),
                    face_capacity: sizes.face_capacity(),
                    records: sizes.records(),
                    record_capacity: sizes.record_capacity(),
                })
            }
            Ask::Users => {
                let table = client.user_table().await.map_err(|error| match error {
                    UserError::Pull(zk_proto::client::PullError::Client(error)) => Failure::from(error),
                    other => TerminalError::Users { problem: chain(&other) }.into(),
                })?;
                let users = table.users().iter().filter(|user| !user.is_vacant()).map(|user| TerminalUser {
                    uid: user.uid.0,
                    user_id: user.user_id.as_str().to_owned(),
                    name: user.name_text(self.device.encoding),
                    privilege: user.privilege.0,
                    group: user.group,
                });
                Answer::Users(users.collect())
            }
        })
    }

    /// Now, as a right clock on the terminal's wall shows it.
    fn right_now(&self) -> NaiveDateTime {
        wall::wall_now(self.device.zone, self.clock.utc_now(), self.clock.local_now())
    }

    async fn read_clock(&self, client: &mut Client) -> Result<Clock, Failure> {
        let time = client.time().await?;
        let (utc_now, local_now) = (self.clock.utc_now(), self.clock.local_now());
        let drift_ms = wall::drift_ms(time, self.device.zone, utc_now, local_now);
        Ok(Clock { shows: time.to_naive(), drift_ms, read_at: utc_now })
    }

    /// Another terminal may have the address by now.
    async fn require_serial(&self, client: &mut Client) -> Result<(), Failure> {
        let name = self.device.name.clone();
        let known = self.look_up(move |ledger| ledger.serial_of_name(&name)).await?;
        let Some(expected) = self.device.serial.clone().or(known) else { return Ok(()) };
        let found = client.identity().await?.serial.unwrap_or_default();
        if found.is_empty() || found == expected {
            return Ok(());
        }
        let problem = format!("its serial number is {found}, not {expected}");
        Err(TerminalError::Identity { problem }.into())
    }
}
