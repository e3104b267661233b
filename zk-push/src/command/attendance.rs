//! Commands on the log, on options, and on the terminal as a whole.

use chrono::NaiveDateTime;

use super::{Builder, Command, CommandError, checked_user_id};
use crate::Dialect;
use crate::time::FORM;

impl Command {
    /// Asks for the attendance records of a period, in the terminal's local time. They come as ordinary uploads.
    ///
    /// # Errors
    /// [`CommandError::OutOfRange`] if the period ends before it begins.
    pub fn query_attendance(dialect: Dialect, from: NaiveDateTime, to: NaiveDateTime) -> Result<Self, CommandError> {
        let (from, to) = period(from, to)?;
        match dialect {
            Dialect::Attendance => {
                Builder::new("DATA QUERY ATTLOG").field("StartTime", &from)?.field("EndTime", &to)?.build()
            }
            Dialect::Access => {
                Self::new(format!("DATA QUERY tablename=transaction,fielddesc=*,filter=starttime={from}\tendtime={to}"))
            }
        }
    }

    /// Counts the attendance records of a period. Only the attendance dialect has this.
    ///
    /// # Errors
    /// [`CommandError::OutOfRange`] if the period ends before it begins.
    pub fn count_attendance(from: NaiveDateTime, to: NaiveDateTime) -> Result<Self, CommandError> {
        let (from, to) = period(from, to)?;
        Builder::new("VERIFY SUM ATTLOG").field("StartTime", &from)?.field("EndTime", &to)?.build()
    }

    /// Asks for the parameters.
    #[must_use]
    pub fn info() -> Self {
        Self("INFO".into())
    }

    /// Lets the terminal read its options again. It uploads the tables whose stamp became 0.
    #[must_use]
    pub fn check() -> Self {
        Self("CHECK".into())
    }

    /// Lets the terminal upload what is new.
    #[must_use]
    pub fn upload_new() -> Self {
        Self("LOG".into())
    }

    /// Restarts the terminal. It drops the commands that come after this one.
    #[must_use]
    pub fn restart(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Attendance => Self("REBOOT".into()),
            Dialect::Access => Self("CONTROL DEVICE 03000000".into()),
        }
    }

    /// Sets an option.
    ///
    /// # Errors
    /// [`CommandError`]: a key that is none, or a value that would be another option.
    pub fn set_option(dialect: Dialect, key: &str, value: &str) -> Result<Self, CommandError> {
        let is_key =
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'_'));
        if !is_key {
            return Err(CommandError::OutOfRange { what: "option", range: "letters, digits, ~ and _" });
        }
        if value.chars().any(char::is_control) {
            return Err(CommandError::ControlCharacter { what: "value of the option" });
        }
        match dialect {
            Dialect::Attendance => Self::new(format!("SET OPTION {key}={value}")),
            Dialect::Access if value.contains(',') => {
                Err(CommandError::OutOfRange { what: "value of the option", range: "without commas" })
            }
            Dialect::Access => Self::new(format!("SET OPTIONS {key}={value}")),
        }
    }

    /// Starts the enrolment of a finger at the terminal. The result may take minutes.
    ///
    /// # Errors
    /// [`CommandError`]: a user id that is none, or a finger beyond 9.
    pub fn enroll_finger(user_id: &str, finger: u8, tries: u8) -> Result<Self, CommandError> {
        if finger > 9 {
            return Err(CommandError::OutOfRange { what: "finger", range: "0 to 9" });
        }
        let built = Builder::new("ENROLL_FP").field("PIN", checked_user_id(user_id)?)?;
        built.field("FID", &finger.to_string())?.field("RETRY", &tries.to_string())?.field("OVERWRITE", "1")?.build()
    }
}

fn period(from: NaiveDateTime, to: NaiveDateTime) -> Result<(String, String), CommandError> {
    if to < from {
        return Err(CommandError::OutOfRange { what: "end of the period", range: "after its beginning" });
    }
    Ok((from.format(FORM).to_string(), to.format(FORM).to_string()))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn a_period_is_written_in_local_time() {
        let at = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap().and_hms_opt(8, 0, 0).unwrap();
        let query = Command::query_attendance(Dialect::Attendance, at(1), at(2)).unwrap();
        assert_eq!(query.as_str(), "DATA QUERY ATTLOG StartTime=2026-03-01 08:00:00\tEndTime=2026-03-02 08:00:00");
        assert!(Command::count_attendance(at(2), at(1)).is_err());
    }

    #[test]
    fn an_option_cannot_be_two() {
        assert_eq!(Command::set_option(Dialect::Access, "VOLUME", "5").unwrap().as_str(), "SET OPTIONS VOLUME=5");
        assert!(Command::set_option(Dialect::Access, "VOLUME", "5,ComPwd=1").is_err());
        assert!(Command::set_option(Dialect::Attendance, "VOLUME", "5\nC:2:REBOOT").is_err());
        assert!(Command::set_option(Dialect::Attendance, "VOLUME=5\t", "5").is_err());
    }
}
