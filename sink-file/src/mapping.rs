//! An event as a line, and the id of a line.

use std::io;

use attendance_model::flat::FlatEvent;
use attendance_model::{AttendanceEvent, EventId};
use serde::{Deserialize, Serialize};

use crate::Format;

/// The line of names that heads a CSV file, its line feed included.
pub(crate) const CSV_HEADER: &str = "event_id,device_serial,device_name,user_id,local_time,utc_time,zone,verify_mode,\
     punch_state,work_code,source,flags,clock_drift_ms,raw,stored_at\n";

/// The beginning of every line of JSON; the id follows.
const JSON_START: &[u8] = b"{\"event_id\":\"";

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    event: FlatEvent<'a>,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    stored_at: &'a str,
}

#[derive(Deserialize)]
struct IdOfRow {
    event_id: EventId,
}

impl Format {
    /// The line of an event, its line feed included.
    pub(crate) fn line(self, id: EventId, event: &AttendanceEvent, stored_at: &str) -> io::Result<Vec<u8>> {
        let event = FlatEvent::new(id, event);
        match self {
            Self::JsonLines => {
                let mut line = serde_json::to_vec(&Row { event, stored_at })?;
                line.push(b'\n');
                Ok(line)
            }
            Self::Csv => {
                let mut writer =
                    csv::WriterBuilder::new().has_headers(false).buffer_capacity(512).from_writer(Vec::new());
                writer.serialize((event, stored_at)).map_err(io::Error::other)?;
                writer.into_inner().map_err(|error| error.into_error())
            }
        }
    }

    /// The beginning of a new file.
    pub(crate) fn header(self) -> &'static [u8] {
        match self {
            Self::JsonLines => b"",
            Self::Csv => CSV_HEADER.as_bytes(),
        }
    }

    /// The id of a line; `None` if the line is not ours. Other spacing or order is read too.
    pub(crate) fn id_of(self, line: &[u8]) -> Option<EventId> {
        match self {
            Self::JsonLines => serde_json::from_slice::<IdOfRow>(line).ok().map(|row| row.event_id),
            Self::Csv => {
                let (id, rest) = line.split_at_checked(32)?;
                rest.starts_with(b",").then(|| std::str::from_utf8(id).ok()?.parse().ok())?
            }
        }
    }

    /// Returns true if the rest of a file after its last whole line is the remains of an interrupted write of ours: the
    /// beginning of a line, or the zeros that some file systems show after a power cut.
    pub(crate) fn is_torn(self, rest: &[u8], first: bool) -> bool {
        let begins_as = |start: &[u8]| rest.iter().zip(start).all(|(a, b)| a == b);
        rest.iter().all(|byte| *byte == 0)
            || match self {
                Self::JsonLines => begins_as(JSON_START),
                Self::Csv if first => rest.len() < CSV_HEADER.len() && begins_as(CSV_HEADER.as_bytes()),
                Self::Csv => rest.iter().take(32).all(u8::is_ascii_hexdigit),
            }
    }

    /// Returns true if a line may contain a line feed, between quotes.
    pub(crate) fn quotes_line_feeds(self) -> bool {
        self == Self::Csv
    }
}

#[cfg(test)]
mod tests {
    use attendance_model::conformance::sample;

    use super::*;

    const STORED_AT: &str = "2025-05-18T02:05:00Z";

    fn event() -> AttendanceEvent {
        let mut event = sample(1).remove(0);
        event.device_name = "a,\"b\"\nc".to_owned();
        event
    }

    #[test]
    fn a_line_of_json_has_the_names_of_the_table() {
        let line = Format::JsonLines.line(event().id, &event(), STORED_AT).unwrap();
        let expected = format!(
            "{{\"event_id\":\"{}\",\"device_serial\":\"OID7040067012100054\",\
             \"device_name\":\"a,\\\"b\\\"\\nc\",\"user_id\":\"1\",\
             \"local_time\":\"2025-05-18 07:01:09\",\"utc_time\":null,\"zone\":null,\
             \"verify_mode\":1,\"punch_state\":0,\
             \"work_code\":null,\"source\":\"pull\",\"flags\":\"\",\"clock_drift_ms\":-1500,\
             \"raw\":\"0000000000000000\",\
             \"stored_at\":\"2025-05-18T02:05:00Z\"}}\n",
            event().id
        );
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }

    #[test]
    fn a_line_of_csv_has_a_field_for_each_name() {
        let line = Format::Csv.line(event().id, &event(), STORED_AT).unwrap();
        let expected = format!(
            "{},OID7040067012100054,\"a,\"\"b\"\"\nc\",1,2025-05-18 07:01:09,,,1,0,,pull,,-1500,\
             0000000000000000,{STORED_AT}\n",
            event().id
        );
        assert_eq!(String::from_utf8(line).unwrap(), expected);
        assert_eq!(CSV_HEADER.split(',').count(), 15);
    }

    #[test]
    fn the_id_of_a_line_is_read_back() {
        for format in [Format::JsonLines, Format::Csv] {
            let line = format.line(event().id, &event(), STORED_AT).unwrap();
            assert_eq!(format.id_of(&line), Some(event().id));
            assert_eq!(format.id_of(b"something else, of a length that would do"), None);
            assert_eq!(format.id_of(b""), None);
        }
    }

    #[test]
    fn every_beginning_of_a_line_is_torn_and_other_text_is_not() {
        for format in [Format::JsonLines, Format::Csv] {
            let line = format.line(event().id, &event(), STORED_AT).unwrap();
            for length in 0..line.len() {
                assert!(format.is_torn(&line[..length], false), "{format:?} cut to {length}");
            }
            assert!(format.is_torn(&[0; 100], true));
            assert!(!format.is_torn(b"my diary", true) && !format.is_torn(b"my diary", false));
        }
    }
}
