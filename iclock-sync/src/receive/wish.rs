//! What people want of a terminal that pushes, and the commands for it.

use chrono::{NaiveDateTime, TimeDelta};
use zk_push::Dialect;
use zk_push::command::{Command, CommandError, Control, Risk, UserUpdate};

use super::order::SET_TIME;

/// The attempts of a person to give a finger.
const TRIES: u8 = 3;

/// Something that people want of a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wish {
    /// It says its parameters: firmware, counts, settings.
    Info,
    /// It sends what is new now.
    Upload,
    /// It sends the punches of a period again, by its clock.
    Punches {
        /// The beginning.
        from: NaiveDateTime,
        /// The end.
        to: NaiveDateTime,
    },
    /// It starts again.
    Restart,
    /// Its clock is set to the time of its zone.
    SetTime,
    /// A user is written; what is `None` keeps its value.
    SetUser {
        /// The user id.
        id: String,
        /// The name.
        name: Option<String>,
        /// The privilege: 0 for a user, 14 for an administrator of the terminal.
        privilege: Option<u8>,
        /// The number of the card, in decimal digits.
        card: Option<String>,
        /// The group.
        group: Option<String>,
    },
    /// A user is deleted, with all fingerprints and pictures.
    DeleteUser {
        /// The user id.
        id: String,
    },
    /// It asks a person for a finger.
    Enroll {
        /// The user id.
        id: String,
        /// The finger, 0 to 9.
        finger: u8,
    },
    /// Options are set.
    SetOptions {
        /// The names and the new values.
        options: Vec<(String, String)>,
    },
    /// A door is opened.
    OpenDoor {
        /// The door of a terminal for access control, from 1.
        door: u8,
        /// The seconds for which that door is open.
        seconds: u8,
    },
    /// Its attendance records are deleted.
    ClearLog,
    /// Its users, fingerprints and attendance records are deleted.
    ClearData,
    /// A command of the protocol, as it is.
    Raw {
        /// The fields, without the number.
        fields: Vec<String>,
    },
}

/// The reason why there is no command for a wish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WishError {
    /// A value does not fit.
    #[error("there is no such command")]
    Command(#[from] CommandError),
    /// Terminals for access control have no such command.
    #[error("terminals for access control do not know this command")]
    NotForAccess {
        /// What to do instead.
        instead: &'static str,
    },
    /// Terminals for attendance set their clocks by themselves.
    #[error("terminals for attendance have no command for their clocks: the protocol has none")]
    NoClock,
    /// A number is none that a terminal takes.
    #[error("{what} is a number from {least} to {most}")]
    Range {
        /// The value.
        what: &'static str,
        /// The least.
        least: u8,
        /// The most.
        most: u8,
    },
    /// Card and group are numbers.
    #[error("{what} has decimal digits only")]
    Digits {
        /// The value.
        what: &'static str,
    },
    /// A field would be taken for several.
    #[error("a field has a control character, such as a tab")]
    ControlCharacter,
}

impl WishError {
    /// The next thing to try, for people.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Command(_) | Self::Range { .. } | Self::Digits { .. } => None,
            Self::NotForAccess { instead } => Some(instead),
            Self::NoClock => Some(
                "they set them by the time of every answer, in the zone of their menu: keep the clock of this \
                 computer right, and check that zone",
            ),
            Self::ControlCharacter => Some("give each field as an argument of its own"),
        }
    }
}

impl Wish {
    /// Returns the commands, in the order in which they are sent.
    ///
    /// # Errors
    /// [`WishError`].
    pub fn commands(&self, dialect: Dialect) -> Result<Vec<Command>, WishError> {
        self.check()?;
        let is_access = dialect == Dialect::Access;
        let one = |command: Result<Command, CommandError>| Ok(vec![command?]);
        let not_for_access = |instead| Err(WishError::NotForAccess { instead });
        match self {
            Self::Punches { from, to } => one(Command::query_attendance(dialect, *from, *to)),
            Self::Info | Self::Upload if is_access => {
                not_for_access("ask them for a period: query-attlog 2026-03-01 2026-03-02")
            }
            Self::ClearLog | Self::ClearData if is_access => not_for_access("empty it at its menu"),
            Self::SetTime if !is_access => Err(WishError::NoClock),
            Self::Info => Ok(vec![Command::info()]),
            Self::Upload => Ok(vec![Command::upload_new()]),
            Self::Restart => Ok(vec![Command::restart(dialect)]),
            Self::SetTime => one(Command::new(SET_TIME)),
            Self::SetUser { id, name, privilege, card, group } => {
                let update = UserUpdate {
                    user_id: id,
                    name: name.as_deref(),
                    privilege: *privilege,
                    password: None,
                    card: card.as_deref(),
                    group: group.as_deref(),
                };
                one(Command::update_user(dialect, &update))
            }
            Self::DeleteUser { id } => {
                let mut commands = Command::delete_parts_of_user(dialect, id)?;
                commands.push(Command::delete_user(dialect, id)?);
                Ok(commands)
            }
            Self::Enroll { id, finger } => one(Command::enroll_finger(dialect, id, *finger, TRIES)),
            Self::SetOptions { options } => {
                options.iter().map(|(name, value)| Ok(Command::set_option(dialect, name, value)?)).collect()
            }
            Self::OpenDoor { door, seconds } if is_access => {
                one(Control::Open { door: *door, seconds: *seconds }.command())
            }
            Self::OpenDoor { .. } => Ok(vec![Command::unlock()]),
            Self::ClearLog => Ok(vec![Command::clear_log()]),
            Self::ClearData => Ok(vec![Command::clear_data()]),
            Self::Raw { fields } if fields.iter().any(|field| field.contains(char::is_control)) => {
                Err(WishError::ControlCharacter)
            }
            Self::Raw { fields } => one(Command::new(fields.join("\t"))),
        }
    }

    /// Refuses numbers that no terminal takes.
    fn check(&self) -> Result<(), WishError> {
        let range = |what, value: u8, least, most| {
            if (least..=most).contains(&value) { Ok(()) } else { Err(WishError::Range { what, least, most }) }
        };
        let digits = |what, value: &Option<String>| {
            let is_number = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if value.as_ref().is_none_or(is_number) { Ok(()) } else { Err(WishError::Digits { what }) }
        };
        match self {
            Self::SetUser { privilege, card, group, .. } => {
                range("privilege", privilege.unwrap_or(0), 0, 14)?;
                digits("card", card)?;
                digits("group", group)
            }
            Self::Enroll { finger, .. } => range("finger", *finger, 0, 9),
            Self::OpenDoor { door, seconds } => {
                range("door", *door, 1, 16)?;
                range("seconds", *seconds, 1, 254)
            }
            _ => Ok(()),
        }
    }

    /// The time after which it is not sent any more. Nobody expects a door to open an hour later.
    #[must_use]
    pub fn expires_after(&self) -> TimeDelta {
        match self {
            Self::OpenDoor { .. } => TimeDelta::minutes(2),
            Self::Enroll { .. } => TimeDelta::minutes(10),
            Self::Restart | Self::Raw { .. } => TimeDelta::hours(1),
            _ => TimeDelta::hours(24),
        }
    }
}

/// Returns true if commands change nothing at a terminal.
#[must_use]
pub fn only_ask(commands: &[Command]) -> bool {
    commands.iter().all(|command| command.risk() == Risk::Read)
}
