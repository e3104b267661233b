//! People by name, in a file next to the events: a line each, with the newest name.
//!
//! The file is small, and a name changes in place, so all of it is written again: beside itself, then renamed over the
//! old one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use attendance_model::{NamedPerson, SinkError};
use serde::{Deserialize, Serialize};

use crate::Format;
use crate::append::sync_directory;
use crate::error::{failed, foreign};

/// The most bytes of such a file: far more than all people of a large company.
const MOST: u64 = 256 << 20;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    device_serial: String,
    user_id: String,
    device_name: String,
    name: String,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    seen_at: String,
}

/// People by serial number and user id.
type Rows = BTreeMap<(String, String), Row>;

impl From<&NamedPerson> for Row {
    fn from(person: &NamedPerson) -> Self {
        Self {
            device_serial: person.device_serial.clone(),
            user_id: person.user_id.clone(),
            device_name: person.device_name.clone(),
            name: person.name.clone(),
            seen_at: person.seen_at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

/// The file of people next to one of events: `attendance.people.csv` next to `attendance.csv`.
pub(crate) fn path_of(events: &Path) -> PathBuf {
    let mut name = events.file_stem().unwrap_or_default().to_owned();
    name.push(".people");
    if let Some(extension) = events.extension() {
        name.push(".");
        name.push(extension);
    }
    events.with_file_name(name)
}

/// Puts people into the file, each unless a newer name is there. The caller holds the lock of the file of events.
pub(crate) fn put(format: Format, path: &Path, people: &[NamedPerson]) -> Result<(), SinkError> {
    let before = read(format, path)?;
    let mut rows = before.clone();
    for person in people.iter().map(Row::from) {
        let known =
            rows.entry((person.device_serial.clone(), person.user_id.clone())).or_insert_with(|| person.clone());
        // Times in UTC of one form sort as text.
        if known.seen_at < person.seen_at {
            *known = person;
        }
    }
    if rows == before {
        return Ok(());
    }
    replace(format, path, &rows).map_err(|error| failed("write", path, error))
}

fn read(format: Format, path: &Path) -> Result<Rows, SinkError> {
    let text = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Rows::new()),
        Ok(found) if found.len() > MOST => return Err(foreign(path, "it is far too long for a list of people")),
        _ => fs::read(path).map_err(|error| failed("read", path, error))?,
    };
    let rows: Result<Vec<Row>, String> = match format {
        Format::JsonLines => {
            let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| serde_json::from_slice(line).map_err(|error| error.to_string())).collect()
        }
        Format::Csv => {
            let rows = csv::Reader::from_reader(text.as_slice()).into_deserialize();
            rows.map(|row| row.map_err(|error: csv::Error| error.to_string())).collect()
        }
    };
    let rows = rows.map_err(|why| foreign(path, &format!("it is no list of people: {why}")))?;
    Ok(rows.into_iter().map(|row| ((row.device_serial.clone(), row.user_id.clone()), row)).collect())
}

fn replace(format: Format, path: &Path, rows: &Rows) -> io::Result<()> {
    let bytes = match format {
        Format::JsonLines => {
            let mut bytes = Vec::new();
            for row in rows.values() {
                serde_json::to_writer(&mut bytes, row)?;
                bytes.push(b'\n');
            }
            bytes
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in rows.values() {
                writer.serialize(row).map_err(io::Error::other)?;
            }
            writer.into_inner().map_err(|error| error.into_error())?
        }
    };
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, path)?;
    sync_directory(path)
}

#[cfg(test)]
mod tests {
    use attendance_model::SinkErrorKind;
    use chrono::DateTime;

    use super::*;

    #[test]
    fn the_file_of_people_is_named_after_that_of_the_events() {
        for (events, people) in [
            ("/a/att.csv", "/a/att.people.csv"),
            ("/a/events", "/a/events.people"),
            ("/a/x.y.jsonl", "/a/x.y.people.jsonl"),
        ] {
            assert_eq!(path_of(Path::new(events)), Path::new(people));
        }
    }

    #[test]
    fn a_file_of_somebody_else_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let person = NamedPerson::new(("A1", "gate"), "7", "Ahmed", DateTime::UNIX_EPOCH);
        for (format, text) in [(Format::Csv, "a,b\n1,2\n"), (Format::JsonLines, "{\"a\":1}\n")] {
            let path = directory.path().join("people");
            fs::write(&path, text).unwrap();
            let error = put(format, &path, std::slice::from_ref(&person)).unwrap_err();
            assert_eq!(error.kind, SinkErrorKind::Schema, "{error:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn what_a_crash_left_half_written_is_in_nobody_s_way() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("att.people.csv");
        fs::write(directory.path().join("att.people.csv.new"), "device_se").unwrap();
        let person = NamedPerson::new(("A1", "gate"), "7", "Ahmed, \"the\" first", DateTime::UNIX_EPOCH);
        put(Format::Csv, &path, &[person]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let expected = "device_serial,user_id,device_name,name,seen_at\n\
                        A1,7,gate,\"Ahmed, \"\"the\"\" first\",1970-01-01T00:00:00Z\n";
        assert_eq!(text, expected);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
