//! One line of a terminal becomes a punch, a bad line, or nothing that attendance needs.

use attendance_model::validate::MAX_RAW_BYTES;
use attendance_model::{LocalTime, PunchState, RawPunch, Reason, Source, VerifyMode};
use zk_push::line::{Line, LineError};
use zk_push::record::{AccessEvent, AttendanceRecord, Band, Columns, KeyedRecord, VerifyStyle};
use zk_push::{Record, Text, WallTime};

use crate::ledger::NO_NUMBER;

/// The most bytes of a bad line that are kept. No line of a punch is as long.
const MAX_KEPT: usize = 64 << 10;

/// The punch state of terminals that ask for none.
const NO_STATE: PunchState = PunchState(255);

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A punch. The terminal and the way are filled in later.
    Punch(Box<RawPunch>),
    /// A line that should be a punch, and is none. The user id is empty if none can be read.
    Bad(Reason, String),
    /// An event at a door without a person, or one that was refused; a row of another table.
    NoPunch,
}

/// Reads a line of a table that has punches.
pub(super) fn read(line: &Line<Record>) -> Meaning {
    let (user_id, punch) = match &line.record {
        Ok(Record::Attendance(record)) if is_check_of_a_card(record) => return Meaning::NoPunch,
        Ok(Record::Attendance(record)) => (visible(record.user_id.as_bytes()), of_attendance(record)),
        Ok(Record::Keyed(record)) => match of_event(record) {
            Some(read) => read,
            None => return Meaning::NoPunch,
        },
        Ok(_) => return Meaning::NoPunch,
        Err(LineError::NoUserId) => (String::new(), Err(Reason::EmptyUserId)),
        // What precedes the number was read.
        Err(LineError::NotANumber { .. }) => (first_column(&line.raw), Err(Reason::Undecodable)),
        Err(_) => (String::new(), Err(Reason::Undecodable)),
    };
    match punch {
        Ok(mut punch) => {
            punch.raw = line.raw.iter().copied().take(MAX_RAW_BYTES).collect();
            Meaning::Punch(Box::new(punch))
        }
        Err(reason) => Meaning::Bad(reason, user_id),
    }
}

/// The first column of a line in columns.
fn first_column(line: &[u8]) -> String {
    let separator = if line.contains(&b'\t') { b'\t' } else { b' ' };
    let first = line.split(|byte| *byte == separator).next().unwrap_or_default();
    let is_id = first.len() <= AttendanceRecord::MAX_USER_ID && !first.contains(&b'=');
    if is_id { visible(first) } else { String::new() }
}

/// The bytes of a bad line that are kept.
pub(super) fn kept(line: &[u8]) -> Vec<u8> {
    line.get(..MAX_KEPT).unwrap_or(line).to_vec()
}

/// Somebody's identity card was compared with its holder, which some terminals log among the punches.
fn is_check_of_a_card(record: &AttendanceRecord) -> bool {
    matches!(record.columns, Columns::IdentityCard { kind: Some(1), .. })
}

fn of_attendance(record: &AttendanceRecord) -> Result<RawPunch, Reason> {
    let mut punch = punch(&record.user_id, time_of(&record.time));
    punch.punch_state = record.state.map_or(Ok(NO_STATE), |state| byte(state).map(PunchState))?;
    if let Some(mode) = record.verify_mode {
        punch.verify_mode = VerifyMode(byte(mode)?);
    }
    // A work code that is no number stays in the line.
    punch.work_code = record.work_code.as_ref().and_then(Text::number).and_then(|code| u32::try_from(code).ok());
    Ok(punch)
}

/// `None` for a row that tells of no punch; else the user id in it, and the punch.
fn of_event(record: &KeyedRecord) -> Option<(String, Result<RawPunch, Reason>)> {
    let event = AccessEvent::read(record)?;
    let user_id = event.user_id.as_ref()?;
    match event.code.map(Band::of) {
        Some(Band::Error | Band::Alarm | Band::Warning) => None,
        // A person did something, and nothing says what: somebody should look.
        Some(Band::Unknown) | None => Some((visible(user_id.as_bytes()), Err(Reason::Undecodable))),
        Some(Band::Normal) => Some((visible(user_id.as_bytes()), of_person(user_id, &event))),
    }
}

fn of_person(user_id: &Text, event: &AccessEvent) -> Result<RawPunch, Reason> {
    let mut punch = punch(user_id, event.time.ok_or(Reason::ImpossibleTime)?.into());
    // 2 is "neither" at a door, where it would be "break" in attendance.
    punch.punch_state = match event.direction {
        None | Some(2) => NO_STATE,
        Some(direction) => PunchState(byte(direction)?),
    };
    let number = |mode: &Text| mode.number().and_then(|number| u8::try_from(number).ok());
    punch.verify_mode = match &event.verify_mode {
        None => VerifyMode(0),
        Some(mode) if VerifyStyle::parse(mode).is_some() => NO_NUMBER,
        Some(mode) => VerifyMode(number(mode).ok_or(Reason::Undecodable)?),
    };
    Ok(punch)
}

fn punch(user_id: &Text, time: LocalTime) -> RawPunch {
    RawPunch::new("", "", visible(user_id.as_bytes()), time, Source::Push)
}

fn time_of(time: &WallTime) -> LocalTime {
    time.at.map_or_else(|| LocalTime::Impossible(time.text.to_string()), LocalTime::Real)
}

/// No terminal has a number that is no byte: the line is damaged.
fn byte(number: i32) -> Result<u8, Reason> {
    u8::try_from(number).map_err(|_| Reason::Undecodable)
}

/// The text, in which a byte that is no text stays visible: U+FFFD and two hexadecimal digits, as zk-proto writes it.
/// So no damaged id is somebody else's.
pub(super) fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("{}{byte:02X}", char::REPLACEMENT_CHARACTER));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use zk_push::table::Table;
    use zk_push::upload::Upload;

    use super::*;

    fn read_all(table: Table, body: &'static [u8]) -> Vec<Meaning> {
        Upload::new(table, None, Bytes::from_static(body)).records().map(|line| read(&line)).collect()
    }

    fn punches(table: Table, body: &'static [u8]) -> Vec<RawPunch> {
        let punch = |meaning| match meaning {
            Meaning::Punch(punch) => *punch,
            other => panic!("{other:?}"),
        };
        read_all(table, body).into_iter().map(punch).collect()
    }

    #[test]
    fn a_punch_keeps_the_text_of_its_id_and_its_numbers_and_its_line() {
        let [punch] = punches(Table::AttLog, b"0042\t2026-03-01 08:00:00\t255\t15\t7\t0\n").try_into().unwrap();
        assert_eq!((punch.user_id.as_str(), punch.local_time.to_string().as_str()), ("0042", "2026-03-01 08:00:00"));
        assert_eq!((punch.punch_state, punch.verify_mode), (PunchState(255), VerifyMode(15)));
        assert_eq!(
            (punch.work_code, punch.raw.as_slice()),
            (Some(7), &b"0042\t2026-03-01 08:00:00\t255\t15\t7\t0"[..])
        );
        assert_eq!((punch.uid, punch.id_is_number, punch.source), (None, false, Source::Push));
    }

    #[test]
    fn a_column_that_is_missing_is_no_zero() {
        let [punch] = punches(Table::AttLog, b"7\t2026-03-01 08:00:00\t\t\n").try_into().unwrap();
        assert_eq!((punch.punch_state, punch.verify_mode, punch.work_code), (PunchState(255), VerifyMode(0), None));
    }

    #[test]
    fn a_line_that_is_no_punch_says_why_and_whose_it_is_if_that_can_be_read() {
        let body = [
            "garbage",
            "\t2026-03-01 08:00:00\t0\t1",
            "7\t2026-03-01 08:00:00\t300\t1",
            "7\t2026-03-01 08:00:00\t0\t-1",
            "7\t2026-03-01 08:00:00\tin\t1",
            "7 2026-03-01 08:00:00 in 1",
            "PIN=7\tTime=2026-03-01 08:00:00\tStatus=in",
        ];
        let upload = Upload::new(Table::AttLog, None, Bytes::from(body.join("\n")));
        let expected = [
            (Reason::Undecodable, ""),
            (Reason::EmptyUserId, ""),
            (Reason::Undecodable, "7"),
            (Reason::Undecodable, "7"),
            (Reason::Undecodable, "7"),
            (Reason::Undecodable, "7"),
            (Reason::Undecodable, ""),
        ];
        let read: Vec<Meaning> = upload.records().map(|line| read(&line)).collect();
        assert_eq!(read, expected.map(|(reason, user_id)| Meaning::Bad(reason, user_id.to_owned())));
    }

    #[test]
    fn a_check_of_an_identity_card_is_no_punch() {
        let line = |kind| format!("7\t2026-03-01 08:00:00\t0\t1\t0\t0\t0\t110101199003078515\t{kind}\n");
        let meaning = |kind| {
            let upload = Upload::new(Table::AttLog, None, Bytes::from(line(kind)));
            upload.records().map(|line| read(&line)).next().unwrap()
        };
        assert_eq!(meaning(1), Meaning::NoPunch);
        assert!(matches!(meaning(0), Meaning::Punch(_)));
    }

    #[test]
    fn a_day_that_does_not_exist_stays_as_it_was_written() {
        let [punch] = punches(Table::AttLog, b"7\t2026-02-30 08:00:00\t0\t1\n").try_into().unwrap();
        assert_eq!(punch.local_time, LocalTime::Impossible("2026-02-30 08:00:00".to_owned()));
    }

    #[test]
    fn a_byte_that_is_no_text_makes_no_other_user() {
        let [punch] = punches(Table::AttLog, b"5\xD2\t2026-03-01 08:00:00\t0\t1\n").try_into().unwrap();
        assert_eq!(punch.user_id, "5\u{FFFD}D2");
    }

    #[test]
    fn of_events_at_doors_those_of_a_person_who_came_in_are_punches() {
        let door = "time=2026-03-01 08:00:00\tcardno=0\teventaddr=1\t";
        let meaning = |rest: &str| {
            let body = Bytes::from(format!("{door}{rest}\n"));
            let upload = Upload::new(Table::RtLog, None, body);
            upload.records().map(|line| read(&line)).next().unwrap()
        };
        let Meaning::Punch(punch) = meaning("pin=7\tevent=0\tinoutstatus=1\tverifytype=15\tindex=9") else { panic!() };
        assert_eq!((punch.punch_state, punch.verify_mode), (PunchState(1), VerifyMode(15)));
        let Meaning::Punch(punch) = meaning("pin=7\tevent=0\tinoutstatus=2\tverifytype=0000000000000010") else {
            panic!()
        };
        assert_eq!(
            (punch.punch_state, punch.verify_mode),
            (NO_STATE, NO_NUMBER),
            "neither is no break, and no number is 10"
        );
        // Nobody, a refusal and an alarm.
        for none in ["pin=0\tevent=0", "pin=7\tevent=27", "pin=7\tevent=101"] {
            assert_eq!(meaning(none), Meaning::NoPunch, "{none}");
        }
        for bad in ["pin=7", "pin=7\tevent=300", "pin=7\tevent=0\tverifytype=x"] {
            assert_eq!(meaning(bad), Meaning::Bad(Reason::Undecodable, "7".to_owned()), "{bad}");
        }
        let [timeless] = read_all(Table::RtLog, b"time=soon\tpin=7\tevent=0\n").try_into().unwrap();
        assert_eq!(timeless, Meaning::Bad(Reason::ImpossibleTime, "7".to_owned()));
    }
}
