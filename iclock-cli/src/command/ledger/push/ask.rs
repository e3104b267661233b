//! What can be wanted of a terminal, and what each will do.

use chrono::{NaiveDate, NaiveDateTime};
use clap::{Args, Subcommand};
use iclock_sync::receive::{Wish, only_ask};
use zk_push::command::Command;

use crate::command::terminal::base::Consent;
use crate::config::number;

/// A command for a terminal.
#[derive(Debug, Subcommand)]
pub(crate) enum Ask {
    /// Ask for its parameters: firmware, counts, settings
    #[command(after_help = "Examples:\n  iclock-cli push command OID7040067012100054 info")]
    Info,
    /// Let it send what is new now
    #[command(after_help = "Examples:\n  iclock-cli push command OID7040067012100054 upload")]
    Upload,
    /// Ask for the punches of a period again: nothing is stored twice
    #[command(after_help = "Examples:\n  iclock-cli push command SN1 query-attlog 2026-03-01 2026-03-02")]
    QueryAttlog {
        /// The beginning by the terminal's clock: a date, or 2026-03-01T08:00
        #[arg(value_parser = time)]
        from: NaiveDateTime,
        /// The end
        #[arg(value_parser = time)]
        to: NaiveDateTime,
    },
    /// Restart it
    #[command(after_help = "Examples:\n  iclock-cli push command OID7040067012100054 reboot --yes")]
    Reboot {
        #[command(flatten)]
        consent: Consent,
    },
    /// Set the clock of a terminal for access control to the time of its zone
    #[command(after_help = "Examples:\n  iclock-cli push command OID7040067012100054 set-time --yes")]
    SetTime {
        #[command(flatten)]
        consent: Consent,
    },
    /// Write or delete a user
    #[command(subcommand, after_help = "Examples:\n  iclock-cli push command SN1 user set 1042 --name Aminath")]
    User(User),
    /// Let it ask a person for a finger
    #[command(after_help = "Examples:\n  iclock-cli push command SN1 enroll 1042 --finger 6 --yes")]
    Enroll {
        /// The user id
        #[arg(value_name = "ID")]
        id: String,
        /// The finger, 0 to 9, as the terminal numbers them
        #[arg(long, value_name = "N", value_parser = number::within::<u8>(0..=9))]
        finger: u8,
        #[command(flatten)]
        consent: Consent,
    },
    /// Change options
    #[command(subcommand, after_help = "Examples:\n  iclock-cli push command SN1 options set VOLUME=5")]
    Options(Options),
    /// Open the door, with the permission open-door
    #[command(after_help = "Examples:\n  iclock-cli push command SN1 open-door --door 1 --seconds 5 --yes")]
    OpenDoor {
        /// The door of a terminal for access control
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = number::within::<u8>(1..=16))]
        door: u8,
        /// The seconds for which that door is open
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = number::within::<u8>(1..=254))]
        seconds: u8,
        #[command(flatten)]
        consent: Consent,
    },
    /// Delete the log or everything, with the permission clear
    #[command(subcommand, after_help = "Examples:\n  iclock-cli push command SN1 clear log")]
    Clear(Clear),
    /// Send a command of the protocol as it is: the permission depends on it
    #[command(
        after_help = "Examples:\n  iclock-cli push command SN1 raw \"VERIFY SUM ATTLOG StartTime=2026-03-01 00:00:00\""
    )]
    Raw {
        /// The command without its number, one field after the other
        #[arg(value_name = "FIELD", required = true)]
        fields: Vec<String>,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Write a user; what is left out keeps its value
    #[command(after_help = "Examples:\n  iclock-cli push command SN1 user set 1042 --name Aminath --yes")]
    Set {
        #[command(flatten)]
        user: NewUser,
        #[command(flatten)]
        consent: Consent,
    },
    /// Delete a user with all fingerprints and pictures
    #[command(after_help = "Examples:\n  iclock-cli push command SN1 user delete 1042 --yes")]
    Delete {
        /// The user id
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewUser {
    /// The user id
    #[arg(value_name = "ID")]
    id: String,
    /// The name
    #[arg(long)]
    name: Option<String>,
    /// The privilege: 0 for a user, 14 for an administrator of the terminal
    #[arg(long, value_name = "N", value_parser = number::within::<u8>(0..=14))]
    privilege: Option<u8>,
    /// The number of the card, in decimal digits
    #[arg(long, value_name = "NUMBER", value_parser = digits)]
    card: Option<String>,
    /// The group
    #[arg(long, value_name = "N", value_parser = digits)]
    group: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Options {
    /// Set options; those of the network need the permission network
    #[command(after_help = "Examples:\n  iclock-cli push command SN1 options set VOLUME=5 --yes")]
    Set {
        /// Options and their new values
        #[arg(value_name = "NAME=VALUE", required = true, value_parser = pair)]
        pairs: Vec<(String, String)>,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Clear {
    /// Delete its attendance records, whether they were sent or not
    #[command(after_help = "Examples:\n  iclock-cli push command SN1 clear log --yes")]
    Log {
        #[command(flatten)]
        consent: Consent,
    },
    /// Delete its users, fingerprints and attendance records
    #[command(after_help = "Examples:\n  iclock-cli push command SN1 clear data --yes")]
    Data {
        #[command(flatten)]
        consent: Consent,
    },
}

impl Ask {
    /// What is wanted of the terminal.
    pub(super) fn wish(&self) -> Wish {
        match self {
            Self::Info => Wish::Info,
            Self::Upload => Wish::Upload,
            Self::QueryAttlog { from, to } => Wish::Punches { from: *from, to: *to },
            Self::Reboot { .. } => Wish::Restart,
            Self::SetTime { .. } => Wish::SetTime,
            Self::User(User::Set { user, .. }) => user.wish(),
            Self::User(User::Delete { id, .. }) => Wish::DeleteUser { id: id.clone() },
            Self::Enroll { id, finger, .. } => Wish::Enroll { id: id.clone(), finger: *finger },
            Self::Options(Options::Set { pairs, .. }) => Wish::SetOptions { options: pairs.clone() },
            Self::OpenDoor { door, seconds, .. } => Wish::OpenDoor { door: *door, seconds: *seconds },
            Self::Clear(Clear::Log { .. }) => Wish::ClearLog,
            Self::Clear(Clear::Data { .. }) => Wish::ClearData,
            Self::Raw { fields, .. } => Wish::Raw { fields: fields.clone() },
        }
    }

    /// Returns the question to a person, and its answer in advance; `None` if nothing at the terminal changes.
    pub(super) fn plan(&self, name: &str, commands: &[Command]) -> Option<(String, Consent)> {
        let (plan, consent) = match self {
            Self::Info | Self::Upload | Self::QueryAttlog { .. } => return None,
            Self::Reboot { consent } => {
                (format!("Restarts {name}. It takes 30 to 90 seconds, and nobody can punch meanwhile."), consent)
            }
            Self::SetTime { consent } => (format!("Sets the clock of {name} to the time of its zone."), consent),
            Self::User(User::Set { user, consent }) => (user.plan(name), consent),
            Self::User(User::Delete { id, consent }) => {
                (format!("Deletes user {id} of {name}, with all fingerprints and pictures."), consent)
            }
            Self::Enroll { id, finger, consent } => {
                (format!("Asks for finger {finger} of user {id} at {name}. The person has to be there."), consent)
            }
            Self::Options(Options::Set { pairs, consent }) => {
                let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                (format!("Sets options of {name}: {}.", pairs.join(", ")), consent)
            }
            Self::OpenDoor { consent, .. } => (format!("Opens the door of {name}."), consent),
            Self::Clear(Clear::Log { consent }) => {
                (format!("Deletes all attendance records of {name}, whether they were sent or not."), consent)
            }
            Self::Clear(Clear::Data { consent }) => {
                (format!("Deletes all users, fingerprints and attendance records of {name}."), consent)
            }
            Self::Raw { .. } if only_ask(commands) => return None,
            Self::Raw { fields, consent } => (format!("Sends to {name}: {}", fields.join(" ")), consent),
        };
        Some((plan, *consent))
    }
}

impl NewUser {
    fn wish(&self) -> Wish {
        Wish::SetUser {
            id: self.id.clone(),
            name: self.name.clone(),
            privilege: self.privilege,
            card: self.card.clone(),
            group: self.group.clone(),
        }
    }

    fn plan(&self, terminal: &str) -> String {
        let value = |what: &str, value: Option<String>| value.map(|value| format!("{what} {value}"));
        let values = [
            value("name", self.name.clone()),
            value("privilege", self.privilege.map(|privilege| privilege.to_string())),
            value("card", self.card.clone()),
            value("group", self.group.clone()),
        ];
        let values: Vec<String> = values.into_iter().flatten().collect();
        let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
        format!("Writes user {} to {terminal}{values}.", self.id)
    }
}

fn digits(text: &str) -> Result<String, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.to_owned()).ok_or_else(|| "write decimal digits".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    parts
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write NAME=VALUE, such as VOLUME=5".to_owned())
}

/// Reads a time of the terminal's clock.
fn time(text: &str) -> Result<NaiveDateTime, String> {
    let day = || Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.into());
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    let found = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    found.or_else(day).ok_or_else(|| "write it like 2026-03-01 or 2026-03-01T08:00".to_owned())
}
