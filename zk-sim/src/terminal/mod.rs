//! A terminal and its data.

mod builder;

use std::time::Duration;

use bytes::Bytes;
use chrono::{Local, NaiveDateTime, TimeDelta};
use zk_proto::record::{AccessZones, FingerTemplate, OperationCode, OperationRecord, User, UserLayout, UserZones};
use zk_proto::{CommKey, DeviceTime};

use crate::access::Access;
use crate::biometrics::Biometrics;
use crate::data::held;
use crate::faults::{Fault, FaultKind, Faults};
use crate::lockout::Lockout;
use crate::log::Log;
use crate::messages::Messages;
use crate::operations::Operations;
use crate::options::Options;
use crate::panel::Panel;
use crate::profile::Profile;
use crate::punch::Punch;
use crate::users::Users;

pub use builder::TerminalBuilder;

/// A terminal: users, log, options, clock, key. Clients reach it through a
/// [`Device`](crate::Device) or a [`Server`](crate::Server).
#[derive(Debug)]
pub struct Terminal {
    pub(crate) profile: Profile,
    pub(crate) options: Options,
    pub(crate) users: Users,
    pub(crate) biometrics: Biometrics,
    pub(crate) log: Log,
    pub(crate) key: u32,
    pub(crate) lockout: Lockout,
    pub(crate) attendance_photos: u32,
    pub(crate) panel: Panel,
    pub(crate) access: Access,
    pub(crate) messages: Messages,
    pub(crate) operations: Operations,
    pub(crate) faults: Faults,
    pub(crate) seed: u64,
    pub(crate) first_session: u16,
    /// The least time between the end of a session over TCP and the next CONNECT.
    pub(crate) session_rest: Duration,
    /// The log is refused in a session that is registered for events.
    pub(crate) events_alone: bool,
    serial: String,
    fixed_now: Option<NaiveDateTime>,
    /// The offset of the clock, from a client's SET_TIME.
    offset: TimeDelta,
}

impl Terminal {
    /// Begins to build a terminal.
    #[must_use]
    pub fn builder() -> TerminalBuilder {
        TerminalBuilder::default()
    }

    /// The serial number that it was built with.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The time of its clock.
    #[must_use]
    pub fn now(&self) -> DeviceTime {
        let fault = self.faults.standing(FaultKind::ClockOff).map_or(TimeDelta::zero(), TimeDelta::milliseconds);
        let shown = self.host_now().checked_add_signed(self.offset).and_then(|now| now.checked_add_signed(fault));
        // A clock outside 2000-2099 has lost its battery.
        shown.and_then(DeviceTime::from_naive).unwrap_or(DeviceTime::RESET)
    }

    /// The users as stored, by uid.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        self.users.iter().cloned().collect()
    }

    /// The user table as clients read it, with its length word.
    #[must_use]
    pub fn user_records(&self) -> Bytes {
        self.users.encoded(0)
    }

    /// The user in a slot.
    #[must_use]
    pub fn user(&self, uid: u16) -> Option<&User> {
        self.users.get(uid)
    }

    /// The fingerprints as stored, by uid and finger.
    #[must_use]
    pub fn fingers(&self) -> Vec<FingerTemplate> {
        self.biometrics.fingers().cloned().collect()
    }

    /// The front of the terminal.
    #[must_use]
    pub fn panel(&self) -> &Panel {
        &self.panel
    }

    /// Access control: groups, zones, combinations.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Short messages, and whom they are for.
    #[must_use]
    pub fn messages(&self) -> &Messages {
        &self.messages
    }

    /// The operation log, oldest first. It has at least the entry that the terminal was switched on.
    #[must_use]
    pub fn operations(&self) -> &[OperationRecord] {
        self.operations.entries()
    }

    /// When a user may enter, from the user record if it has a place for it. `None` when there is no such user.
    #[must_use]
    pub fn user_zones(&self, uid: u16) -> Option<UserZones> {
        Some(match self.users.get(uid)?.zones {
            AccessZones::Listed { flag, zones } => UserZones { own: flag == 1, zones },
            _ => self.access.user_zones(uid),
        })
    }

    pub(crate) fn set_user_zones(&mut self, uid: u16, zones: UserZones) -> bool {
        if self.profile.users == UserLayout::SeventyTwo {
            let listed = AccessZones::Listed { flag: zones.own.into(), zones: zones.zones };
            return self.users.change(uid, |user| user.zones = listed);
        }
        self.access.set_user_zones(uid, zones);
        self.users.contains(uid)
    }

    /// Adds an entry to the operation log.
    pub(crate) fn note(&mut self, operation: OperationCode, parameters: [u16; 4]) {
        self.operations.note(self.now(), operation, parameters);
    }

    /// An option's value.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name)
    }

    /// Returns true if clients have written options and not refreshed them.
    #[must_use]
    pub fn has_stale_options(&self) -> bool {
        self.options.stale
    }

    pub(crate) fn set_time(&mut self, time: DeviceTime) {
        if let Some(wanted) = time.to_naive() {
            self.offset = wanted - self.host_now();
        }
    }

    pub(crate) fn move_clock(&mut self, by: TimeDelta) {
        self.offset = self.offset.checked_add(&by).unwrap_or(self.offset);
    }

    fn host_now(&self) -> NaiveDateTime {
        self.fixed_now.unwrap_or_else(|| Local::now().naive_local())
    }

    pub(crate) fn comm_key(&self) -> CommKey {
        CommKey::new(self.key)
    }

    /// Stores a punch, reduced to the layout. A full log loses its oldest record.
    pub(crate) fn store(&mut self, punch: Punch) -> Punch {
        let punch = held(self.profile.log, punch);
        if self.log.shown().len() >= self.profile.log_capacity as usize {
            self.log.drop_oldest(1, self.profile.log, &mut self.faults);
        }
        self.log.push(punch.clone(), self.profile.log, &mut self.faults);
        punch
    }

    /// Stores a punch of the last person in place of the oldest record.
    pub(crate) fn store_over_the_oldest(&mut self) {
        let Some(last) = self.log.shown().last().cloned() else { return };
        self.log.drop_oldest(1, self.profile.log, &mut self.faults);
        let punch = Punch { time: DeviceTime(last.time.0 + 1), ..last };
        self.log.push(punch, self.profile.log, &mut self.faults);
    }

    pub(crate) fn set_faults(&mut self, faults: &[Fault]) {
        self.faults = Faults::new(faults);
        self.log.refresh(self.profile.log, &mut self.faults);
    }
}
