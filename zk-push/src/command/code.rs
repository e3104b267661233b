//! The codes of results. The same number means different things in the two dialects.

use super::Verb;
use crate::Dialect;

/// The meaning of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReturnCode {
    /// A name of the meaning, `unknown` for a code that no document lists.
    pub name: &'static str,
    /// The same for people: what happened, and what to try.
    pub about: &'static str,
}

/// What a result means for its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The terminal has processed the command. That is no proof that a value was sensible.
    Done,
    /// A master controller has queued it for another one. The final result follows.
    Pending,
    /// It failed, and may succeed later.
    FailedForNow,
    /// It failed, and will fail again.
    Failed,
}

const ATTENDANCE: [(i64, &str, &str); 17] = [
    (-1, "bad_parameter", "a parameter is wrong, or there is nothing to report"),
    (-2, "photo_size_mismatch", "the photo has another size than the command says"),
    (-3, "io_error", "reading or writing failed, or the user is missing; send the user first"),
    (-9, "template_size_mismatch", "the template has another size than the command says"),
    (-10, "pin_not_on_device", "the terminal has no such user; send the user first"),
    (-11, "illegal_template_format", "the template has the wrong format"),
    (-12, "illegal_template", "the template is invalid"),
    (-22, "unknown_command", "the terminal does not know the command"),
    (-30, "biodata_refused", "the template's kind was not negotiated at the handshake"),
    (-1001, "capacity", "the terminal is full, or the photo is too large"),
    (-1002, "unsupported", "the terminal does not support the command, or its syntax is wrong"),
    (-1003, "timeout", "the terminal took too long; try again"),
    (-1004, "config_mismatch", "the table is one of the other dialect"),
    (-1005, "busy", "the terminal is busy; try again"),
    (-1006, "too_long", "the command is too long"),
    (-1007, "memory", "the terminal has too little memory"),
    (-1008, "server_data", "the terminal could not fetch the data from the server"),
];

/// Positive codes of an enrolment at an attendance terminal.
const ENROLMENT: [(i64, &str, &str); 5] = [
    (2, "already_enrolled", "the finger is enrolled already"),
    (4, "poor_quality", "the enrolment failed; try again with a clean finger"),
    (5, "duplicate", "another user has this finger"),
    (6, "cancelled", "the enrolment was cancelled at the terminal"),
    (7, "busy", "the terminal is busy; try again"),
];

const ACCESS: [(i64, &str, &str); 31] = [
    (-1, "send_failed", "the command could not be sent on; try again"),
    (-2, "no_response", "the controller does not answer; try again"),
    (-3, "cache", "the terminal's buffer is too small; try again"),
    (-4, "decompress", "unpacking failed"),
    (-7, "repeated", "the command came twice"),
    (-8, "unauthorised", "the command is not permitted"),
    (-9, "crc", "a checksum is wrong"),
    (-10, "unparseable_data", "the data cannot be read"),
    (-11, "bad_parameter", "a parameter is wrong"),
    (-12, "execution_error", "the command failed"),
    (-13, "unknown_command", "the terminal does not know the command"),
    (-14, "bad_password", "the communication password is wrong"),
    (-15, "file_write", "a file could not be written"),
    (-16, "file_read", "a file could not be read"),
    (-17, "file_missing", "a file is missing"),
    (-18, "no_space", "the terminal is full"),
    (-19, "checksum", "a checksum is wrong"),
    (-20, "length", "a length is wrong"),
    (-26, "empty_template", "the template is empty"),
    (-27, "template_pin_unknown", "the template's user is missing; send the user first"),
    (-28, "door_already_open_period", "the door is in a period in which it stays open"),
    (-100, "no_such_table", "the table does not exist"),
    (-101, "no_such_field", "a field does not exist"),
    (-106, "over_4mb", "the command has more than 4 MB"),
    (-108, "bad_options", "an option is wrong"),
    (-629, "wrong_table_name", "the table is one of the other dialect, or does not exist"),
    (-631, "bad_base64_length", "base64 has a wrong length"),
    (-708, "unsupported", "the terminal does not support the command"),
    (-725, "timeout", "the terminal took too long; try again"),
    (-730, "no_server_reply", "the server did not answer the terminal; try again"),
    (-5000, "pending", "a master controller has queued the command for another one"),
];

impl ReturnCode {
    /// Returns the meaning of a code in a dialect.
    #[must_use]
    pub fn of(dialect: Dialect, code: i64) -> Self {
        let table: &[_] = match dialect {
            Dialect::Attendance => &ATTENDANCE,
            Dialect::Access => &ACCESS,
        };
        Self::find(table, code).unwrap_or(match code {
            0.. => Self { name: "ok", about: "the terminal has processed the command" },
            _ => Self { name: "unknown", about: "no document lists the code" },
        })
    }

    /// Returns the meaning of a code for a command: attendance terminals also answer enrolments with positive codes.
    #[must_use]
    pub fn of_command(dialect: Dialect, verb: Verb, code: i64) -> Self {
        let enrolment = (dialect == Dialect::Attendance && verb == Verb::Enroll).then(|| Self::find(&ENROLMENT, code));
        enrolment.flatten().unwrap_or_else(|| Self::of(dialect, code))
    }

    fn find(table: &[(i64, &'static str, &'static str)], code: i64) -> Option<Self> {
        table.iter().find(|(known, ..)| *known == code).map(|(_, name, about)| Self { name, about })
    }
}

impl Outcome {
    /// Returns what a code means for a command.
    ///
    /// In the access control dialect 0 and more is success. In the attendance dialect that is so where the number is
    /// a count or a size; for all other commands only 0 is success.
    #[must_use]
    pub fn of(dialect: Dialect, verb: Verb, code: i64) -> Self {
        let counts =
            matches!(verb, Verb::Query | Verb::Count | Verb::GetFile | Verb::PutFile | Verb::Account | Verb::VerifySum);
        let for_now: &[i64] = match dialect {
            Dialect::Attendance => &[-1003, -1005, -3],
            Dialect::Access => &[-1, -2, -3, -725, -730],
        };
        match code {
            0 => Self::Done,
            // One terminal sends the number without its sign.
            -5000 | 5000 if dialect == Dialect::Access => Self::Pending,
            1.. if dialect == Dialect::Access || counts => Self::Done,
            code if for_now.contains(&code) => Self::FailedForNow,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_means_something_else_in_the_other_dialect() {
        for (code, attendance, access) in [
            (-1002, "unsupported", "unknown"),
            (-1004, "config_mismatch", "unknown"),
            (-629, "unknown", "wrong_table_name"),
            (-10, "pin_not_on_device", "unparseable_data"),
            (0, "ok", "ok"),
        ] {
            let name = |dialect| ReturnCode::of(dialect, code).name;
            assert_eq!((name(Dialect::Attendance), name(Dialect::Access)), (attendance, access), "{code}");
        }
        assert_eq!(ReturnCode::of_command(Dialect::Attendance, Verb::Enroll, 4).name, "poor_quality");
    }

    #[test]
    fn a_positive_code_is_success_only_where_it_counts() {
        let of = |verb, code| Outcome::of(Dialect::Attendance, verb, code);
        assert_eq!(
            [of(Verb::Query, 3), of(Verb::Enroll, 4), of(Verb::Update, 0)],
            [Outcome::Done, Outcome::Failed, Outcome::Done]
        );
        assert_eq!([of(Verb::Update, -1005), of(Verb::Update, -1002)], [Outcome::FailedForNow, Outcome::Failed]);
        assert_eq!(Outcome::of(Dialect::Access, Verb::Query, 41), Outcome::Done);
        assert_eq!(Outcome::of(Dialect::Access, Verb::Update, -5000), Outcome::Pending);
    }
}
