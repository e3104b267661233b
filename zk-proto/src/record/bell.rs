//! Bells: the times at which a terminal rings, which are options.

use alloc::format;
use alloc::string::{String, ToString};

use crate::ProtoError;

/// The value of an option whose bell does not ring.
const OFF: u16 = 65_535;

/// A time at which the terminal rings every day. Source: the options of black-and-white terminals. Other terminals
/// keep bells in undocumented tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bell {
    hour: u8,
    minute: u8,
}

impl Bell {
    /// Number of bells.
    pub const COUNT: u8 = 6;

    /// A bell at a time of the terminal's clock. `None` if that time does not exist.
    #[must_use]
    pub const fn new(hour: u8, minute: u8) -> Option<Self> {
        if hour < 24 && minute < 60 { Some(Self { hour, minute }) } else { None }
    }

    /// Hour, 0-23.
    #[must_use]
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// Minute, 0-59.
    #[must_use]
    pub const fn minute(self) -> u8 {
        self.minute
    }

    /// The option of a bell, `AutoAlarm1` to `AutoAlarm6`.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if the number is not 1-6.
    pub fn option(number: u8) -> Result<String, ProtoError> {
        match number {
            1..=Self::COUNT => Ok(format!("AutoAlarm{number}")),
            _ => Err(ProtoError::Invalid { what: "number of a bell" }),
        }
    }

    /// Reads an option's value: 65535 for none, else hour times 256 plus minute.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if it is neither.
    pub fn parse(value: &str) -> Result<Option<Self>, ProtoError> {
        let invalid = ProtoError::Invalid { what: "time of a bell" };
        match value.trim().parse() {
            Ok(OFF) => Ok(None),
            Ok(packed) => {
                let [hour, minute] = u16::to_be_bytes(packed);
                Self::new(hour, minute).map(Some).ok_or(invalid)
            }
            Err(_) => Err(invalid),
        }
    }

    /// The option's value for a bell, or for none.
    #[must_use]
    pub fn value(bell: Option<Self>) -> String {
        bell.map_or(OFF, |bell| u16::from_be_bytes([bell.hour, bell.minute])).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_is_an_hour_and_a_minute_in_one_number() {
        let bell = Bell::new(8, 15);
        assert_eq!((Bell::value(bell).as_str(), Bell::parse("2063")), ("2063", Ok(bell)));
        assert_eq!((Bell::value(None).as_str(), Bell::parse("65535")), ("65535", Ok(None)));
        assert_eq!((Bell::new(24, 0), Bell::new(0, 60)), (None, None));
        for value in ["", "6144", "60", "-1", "65536", "noon"] {
            assert!(Bell::parse(value).is_err(), "{value}");
        }
    }

    #[test]
    fn there_are_six_bells() {
        assert_eq!(Bell::option(6).as_deref(), Ok("AutoAlarm6"));
        assert!(Bell::option(0).is_err() && Bell::option(7).is_err());
    }
}
