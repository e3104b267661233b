//! `CONTROL DEVICE`: doors, alarms and the restart of access control terminals.

use super::{Command, CommandError};

/// An act of `CONTROL DEVICE`: four bytes in hexadecimal.
///
/// A door is 1 to 16. Door 0 stands for all doors and 255 seconds for forever, so both are refused here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Control {
    /// Opens a door for some seconds.
    Open {
        /// The door, from 1.
        door: u8,
        /// 1 to 254 seconds.
        seconds: u8,
    },
    /// Closes a door that was opened.
    Close {
        /// The door, from 1.
        door: u8,
    },
    /// Ends a door's alarm.
    CancelAlarm {
        /// The door, from 1.
        door: u8,
    },
    /// Restarts the terminal.
    Restart,
}

impl Control {
    /// Builds the command.
    ///
    /// # Errors
    /// [`CommandError::OutOfRange`]: no door, all doors, or a door that would stay open.
    pub fn command(self) -> Result<Command, CommandError> {
        let [what, door, kind, value] = match self {
            Self::Open { seconds: 0 | 255, .. } => {
                return Err(CommandError::OutOfRange { what: "time of an open door", range: "1 to 254 seconds" });
            }
            Self::Open { door, seconds } => [1, checked(door)?, 1, seconds],
            Self::Close { door } => [1, checked(door)?, 1, 0],
            Self::CancelAlarm { door } => [2, checked(door)?, 0, 0],
            Self::Restart => [3, 0, 0, 0],
        };
        Command::new(format!("CONTROL DEVICE {what:02X}{door:02X}{kind:02X}{value:02X}"))
    }

    /// Reads the command, for a terminal.
    #[must_use]
    pub fn parse(command: &Command) -> Option<Self> {
        let code = crate::record::hex(command.as_str().strip_prefix("CONTROL DEVICE ")?.trim().as_bytes())?;
        match *code.get(..4)? {
            [1, door, 1, 0] => Some(Self::Close { door }),
            [1, door, 1, seconds] => Some(Self::Open { door, seconds }),
            [2, door, ..] => Some(Self::CancelAlarm { door }),
            [3, ..] => Some(Self::Restart),
            _ => None,
        }
    }
}

fn checked(door: u8) -> Result<u8, CommandError> {
    let fits = (1..=16).contains(&door);
    if fits { Ok(door) } else { Err(CommandError::OutOfRange { what: "door", range: "1 to 16" }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_read_as_it_was_written() {
        let acts =
            [Control::Open { door: 1, seconds: 5 }, Control::Close { door: 16 }, Control::CancelAlarm { door: 1 }];
        for act in acts.into_iter().chain([Control::Restart]) {
            assert_eq!(Control::parse(&act.command().unwrap()), Some(act));
        }
        assert_eq!(Control::CancelAlarm { door: 1 }.command().unwrap().as_str(), "CONTROL DEVICE 02010000");
    }

    #[test]
    fn all_doors_and_forever_are_refused() {
        let refused = [
            Control::Open { door: 0, seconds: 5 },
            Control::Open { door: 1, seconds: 255 },
            Control::Open { door: 1, seconds: 0 },
            Control::Close { door: 17 },
            Control::CancelAlarm { door: 0 },
        ];
        assert!(refused.into_iter().all(|act| act.command().is_err()));
    }
}
