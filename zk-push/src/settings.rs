//! The settings that a server gives a terminal at its handshake.

use crate::time::ZoneOffset;
use crate::{Fields, OptionBlock, SerialNumber, Text};

/// The settings of a terminal. They take effect at its next handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Seconds between two polls: 2 to 60. Some firmware polls more often than it is told. 10 by default.
    pub delay: u16,
    /// Seconds that a terminal waits after a failed request: 30 to 300. 30 by default.
    pub error_delay: u16,
    /// What the terminal uploads by itself, in the names of the option `TransFlag`. By default attendance records,
    /// operations and changes of users, without templates and photos.
    pub transfers: Vec<&'static str>,
    /// The tables that an access control terminal uploads by itself, in the names of the option `TransTables`. By
    /// default users and the log; users bring passwords.
    pub tables: Vec<&'static str>,
    /// The zone that the terminal applies to the header `Date`. `None` leaves the terminal's own zone alone. A wrong
    /// zone moves the terminal's clock.
    pub zone: Option<ZoneOffset>,
    /// The stamp for a table that has sent none: `None` asks for everything, `9999` for what is new.
    pub first_stamp: Text,
    /// Tells an access control terminal at its first contact that it is registered, so that it skips the registration.
    /// Its capabilities are then not known. Off by default.
    pub registers_at_once: bool,
    /// Answers packets of `querydata` with `OK` instead of `table=n`, which one terminal needs. Off by default.
    pub bare_query_answers: bool,
    /// Wraps commands in the form that controllers need that registered with `CmdFormat=1`. Off by default.
    pub wraps_commands: bool,
    /// Further options, which replace those of the same name.
    pub more: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delay: 10,
            error_delay: 30,
            transfers: vec!["AttLog", "OpLog", "EnrollUser", "ChgUser"],
            tables: vec!["User", "Transaction"],
            zone: None,
            first_stamp: "None".into(),
            registers_at_once: false,
            bare_query_answers: false,
            wraps_commands: false,
            more: Vec::new(),
        }
    }
}

/// The registration of an access control terminal: texts that the server chose, and keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    code: String,
    session: String,
}

impl Registration {
    /// A registration. `None` unless both texts have 1 to 32 printable ASCII characters without blanks.
    #[must_use]
    pub fn new(code: &str, session: &str) -> Option<Self> {
        let fits = |text: &str| (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        (fits(code) && fits(session)).then(|| Self { code: code.into(), session: session.into() })
    }

    /// The code, `RegistryCode`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The session, `SessionID`.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }
}

/// The version of the attendance dialect that is spoken, without encryption.
const ATTENDANCE_VERSION: &str = "2.4.1";
/// The version of the access control dialect.
const ACCESS_VERSION: &str = "3.1.2";
/// The tables with stamps that every handshake names.
const STAMPED: [&str; 3] = ["ATTLOG", "OPERLOG", "ATTPHOTO"];

impl Settings {
    /// The block for the attendance dialect. `stamp` gives the last stamp of a table.
    pub(crate) fn attendance_block(&self, serial: &SerialNumber, stamp: impl Fn(&str) -> Option<Text>) -> OptionBlock {
        let mut options = Fields::default();
        for table in STAMPED {
            let value = stamp(table).unwrap_or_else(|| self.first_stamp.clone());
            options = options.with(&format!("{table}Stamp"), value);
        }
        let transfers = format!("TransData {}", self.transfers.join("\t"));
        options = options
            .with("ErrorDelay", self.error_delay.to_string())
            .with("Delay", self.delay.to_string())
            .with("TransTimes", "00:00;14:05")
            .with("TransInterval", "1")
            .with("TransFlag", transfers);
        if let Some(zone) = self.zone.and_then(ZoneOffset::option) {
            options = options.with("TimeZone", zone);
        }
        options = options
            .with("Realtime", "1")
            .with("Encrypt", "0")
            .with("ServerVer", ATTENDANCE_VERSION)
            .with("PushProtVer", ATTENDANCE_VERSION);
        OptionBlock { serial: Some(serial.clone()), options: self.replaced(options) }
    }

    /// The block for a terminal that is registered.
    pub(crate) fn registered_block(&self, registration: &Registration) -> OptionBlock {
        let first = Fields::default().with("registry", "ok").with("RegistryCode", registration.code());
        OptionBlock { serial: None, options: self.access(first, registration) }
    }

    /// The block for the request `push`.
    pub(crate) fn access_block(&self, registration: &Registration) -> OptionBlock {
        OptionBlock { serial: None, options: self.access(Fields::default(), registration) }
    }

    fn access(&self, first: Fields, registration: &Registration) -> Fields {
        let options = first
            .with("ServerVersion", ACCESS_VERSION)
            .with("ServerName", "iclock")
            // Two names of the same option on different machines.
            .with("PushVersion", ACCESS_VERSION)
            .with("PushProtVer", ACCESS_VERSION)
            .with("ErrorDelay", self.error_delay.to_string())
            .with("RequestDelay", self.delay.to_string())
            .with("TransTimes", "12:30;14:30")
            .with("TransInterval", "2")
            .with("TransTables", self.tables.join(" "))
            .with("Realtime", "1")
            .with("SessionID", registration.session())
            .with("TimeoutSec", "10");
        self.replaced(options)
    }

    fn replaced(&self, options: Fields) -> Fields {
        let kept = options.iter().filter(|field| !self.more.iter().any(|(key, _)| field.is(key))).cloned();
        let more = self.more.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        more.fold(kept.collect(), |fields: Fields, (key, value)| fields.with(key, value))
    }
}
