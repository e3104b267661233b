//! Commands on the log, on options, and on the terminal as a whole.

use chrono::NaiveDateTime;

use super::{Builder, Command, CommandError, checked_user_id};
use crate::Dialect;
use crate::time::{FORM, PackedTime};

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

    /// Sets the clock of an access control terminal to a time of its place. Terminals of the attendance dialect take
    /// their time from the header `Date` of each answer, and know no such command.
    ///
    /// # Errors
    /// [`CommandError::OutOfRange`] for a year that terminals cannot hold.
    pub fn set_time(at: NaiveDateTime) -> Result<Self, CommandError> {
        let range = "between the years 2000 and 2133";
        let packed = PackedTime::new(at).ok_or(CommandError::OutOfRange { what: "time", range })?;
        Self::new(format!("SET OPTIONS DateTime={}", packed.0))
    }

    /// Opens the door of an attendance terminal. [`Control::Open`](super::Control::Open) is that of access control.
    #[must_use]
    pub fn unlock() -> Self {
        Self("AC_UNLOCK".into())
    }

    /// Deletes the attendance records of an attendance terminal.
    #[must_use]
    pub fn clear_log() -> Self {
        Self("CLEAR LOG".into())
    }

    /// Deletes everything at an attendance terminal: users, templates and records.
    #[must_use]
    pub fn clear_data() -> Self {
        Self("CLEAR DATA".into())
    }

    /// Starts the enrolment of a finger at the terminal. The result may take minutes.
    ///
    /// # Errors
    /// [`CommandError`]: a user id that is none, or a finger beyond 9.
    pub fn enroll_finger(dialect: Dialect, user_id: &str, finger: u8, tries: u8) -> Result<Self, CommandError> {
        if finger > 9 {
            return Err(CommandError::OutOfRange { what: "finger", range: "0 to 9" });
        }
        let (user_id, finger, tries) = (checked_user_id(user_id)?, finger.to_string(), tries.to_string());
        match dialect {
            Dialect::Attendance => Builder::new("ENROLL_FP")
                .field("PIN", user_id)?
                .field("FID", &finger)?
                .field("RETRY", &tries)?
                .field("OVERWRITE", "1")?
                .build(),
            // Type 1 is a fingerprint.
            Dialect::Access => Builder::new("ENROLL_BIO")
                .field("type", "1")?
                .field("no", &finger)?
                .field("pin", user_id)?
                .field("retry", &tries)?
                .field("overwrite", "1")?
                .build(),
        }
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
    fn a_time_is_packed_and_one_that_no_terminal_holds_is_refused() {
        let at = |year| NaiveDate::from_ymd_opt(year, 2, 22).unwrap().and_hms_opt(14, 54, 54).unwrap();
        assert_eq!(Command::set_time(at(2018)).unwrap().as_str(), "SET OPTIONS DateTime=583080894");
        assert!(Command::set_time(at(1999)).is_err() && Command::set_time(at(2200)).is_err());
    }

    #[test]
    fn an_enrolment_has_the_form_of_its_dialect() {
        let enroll = |dialect, user_id, finger| Command::enroll_finger(dialect, user_id, finger, 3);
        let text = |dialect| enroll(dialect, "7", 6).unwrap().as_str().to_owned();
        assert_eq!(text(Dialect::Attendance), "ENROLL_FP PIN=7\tFID=6\tRETRY=3\tOVERWRITE=1");
        assert_eq!(text(Dialect::Access), "ENROLL_BIO type=1\tno=6\tpin=7\tretry=3\toverwrite=1");
        assert!(enroll(Dialect::Access, "7", 10).is_err() && enroll(Dialect::Attendance, "7\t", 1).is_err());
    }

    #[test]
    fn an_option_cannot_be_two() {
        assert_eq!(Command::set_option(Dialect::Access, "VOLUME", "5").unwrap().as_str(), "SET OPTIONS VOLUME=5");
        assert!(Command::set_option(Dialect::Access, "VOLUME", "5,ComPwd=1").is_err());
        assert!(Command::set_option(Dialect::Attendance, "VOLUME", "5\nC:2:REBOOT").is_err());
        assert!(Command::set_option(Dialect::Attendance, "VOLUME=5\t", "5").is_err());
    }
}
