//! Punches from a file.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDateTime;
use serde::Deserialize;
use zk_proto::DeviceTime;

use crate::punch::Punch;

/// The content of a file.
#[derive(Clone, Debug)]
pub(crate) enum FileData {
    Punches(Vec<Punch>),
    /// A captured data set, including its length word, in the profile's layout.
    Raw(Bytes),
}

/// Why a file cannot be used as a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file itself cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The file name has no known extension.
    #[error("{path} is none of .jsonl, .csv, .hex, .bin")]
    Format {
        /// The file.
        path: String,
    },
    /// A captured data set is not one.
    #[error("{path} is no data set: {reason}")]
    DataSet {
        /// The file.
        path: String,
        /// The mistake.
        reason: String,
    },
    /// A line is not a punch.
    #[error("line {line} of {path} is no punch: {reason}")]
    Line {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The mistake, and the expected form.
        reason: String,
    },
}

/// Reads a file by its extension, see [`TerminalBuilder::data_file`](crate::TerminalBuilder::data_file).
pub(crate) fn read(path: &Path) -> Result<FileData, DataError> {
    let shown = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| DataError::Read { path: shown.clone(), source })?;
    let wrong = |reason: &str| DataError::DataSet { path: shown.clone(), reason: reason.to_owned() };
    let raw =
        |bytes: Vec<u8>| if bytes.len() < 4 { Err(wrong("the length word is missing")) } else { Ok(bytes.into()) };
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl") => Ok(FileData::Punches(lines(&shown, &bytes, false)?)),
        Some("csv") => Ok(FileData::Punches(lines(&shown, &bytes, true)?)),
        Some("hex") => {
            let digits: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
            raw(hex::decode(digits).map_err(|error| wrong(&error.to_string()))?).map(FileData::Raw)
        }
        Some("bin") => raw(bytes).map(FileData::Raw),
        _ => Err(DataError::Format { path: shown }),
    }
}

fn lines(path: &str, bytes: &[u8], csv: bool) -> Result<Vec<Punch>, DataError> {
    let text = String::from_utf8_lossy(bytes);
    let mut uids = HashMap::new();
    let mut punches = Vec::new();
    // The first line of a CSV file names the columns.
    let columns = text.lines().next().filter(|_| csv).and_then(Columns::of_sink);
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || (csv && number == 0) {
            continue;
        }
        let parsed = match (csv, &columns) {
            (false, _) => serde_json::from_str(line).map_err(|error| error.to_string()),
            (true, None) => csv_line(line),
            (true, Some(columns)) => columns.line(line),
        };
        let punch = parsed.and_then(|line| to_punch(line, &mut uids));
        punches.push(punch.map_err(|reason| DataError::Line { path: path.to_owned(), line: number + 1, reason })?);
    }
    Ok(punches)
}

/// A line of a punch file, or of a file that a sink wrote.
#[derive(Debug, Deserialize)]
struct Line {
    user_id: String,
    #[serde(alias = "local_time")]
    time: String,
    #[serde(default, alias = "punch_state")]
    state: u8,
    #[serde(default = "finger", alias = "verify_mode")]
    mode: u8,
    #[serde(default)]
    work_code: Option<u32>,
}

/// The places of the columns in a CSV file that a sink wrote.
struct Columns {
    user_id: usize,
    time: usize,
    state: usize,
    mode: usize,
    work_code: usize,
}

impl Columns {
    /// `None` if the file is not one of a sink.
    fn of_sink(header: &str) -> Option<Self> {
        let names = quoted_fields(header);
        let place = |name: &str| names.iter().position(|field| field == name);
        Some(Self {
            user_id: place("user_id")?,
            time: place("local_time")?,
            state: place("punch_state")?,
            mode: place("verify_mode")?,
            work_code: place("work_code")?,
        })
    }

    fn line(&self, line: &str) -> Result<Line, String> {
        let fields = quoted_fields(line);
        let field =
            |at: usize| fields.get(at).map(String::as_str).ok_or_else(|| format!("field {} is missing", at + 1));
        let number = |at: usize| {
            let text = field(at)?;
            text.parse().map_err(|_| format!("{text:?} is no number from 0 to 255"))
        };
        Ok(Line {
            user_id: field(self.user_id)?.to_owned(),
            time: field(self.time)?.to_owned(),
            state: number(self.state)?,
            mode: number(self.mode)?,
            work_code: field(self.work_code)?.parse().ok(),
        })
    }
}

/// The fields of a line in which a field with a comma or a quote is in quotes.
fn quoted_fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    fields.push(field);
    fields
}

fn finger() -> u8 {
    1
}

/// No field of a punch contains a comma or a quote, so there is no quoting.
fn csv_line(line: &str) -> Result<Line, String> {
    let mut fields = line.split(',').map(str::trim);
    let mut next = |name: &str| fields.next().ok_or_else(|| format!("{name} is missing"));
    let user_id = next("user_id")?.to_owned();
    let time = next("time")?.to_owned();
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number from 0 to 255"));
    let state = next("state").map_or(Ok(0), number)?;
    let mode = next("mode").map_or(Ok(1), number)?;
    Ok(Line { user_id, time, state, mode, work_code: None })
}

/// A time as people write it.
pub(crate) fn device_time_of(text: &str) -> Result<DeviceTime, String> {
    NaiveDateTime::parse_from_str(&text.replace('T', " "), "%Y-%m-%d %H:%M:%S")
        .ok()
        .and_then(DeviceTime::from_naive)
        .ok_or_else(|| format!("{text:?} is no time such as 2025-05-18 07:01:09"))
}

fn to_punch(line: Line, uids: &mut HashMap<Arc<str>, u16>) -> Result<Punch, String> {
    let time = device_time_of(&line.time)?;
    let user_id: Arc<str> = line.user_id.into();
    let next = u16::try_from(uids.len() + 1).map_err(|_| "more than 65535 people".to_owned())?;
    // A punch without a user id has no slot.
    let uid = if user_id.is_empty() { 0 } else { *uids.entry(Arc::clone(&user_id)).or_insert(next) };
    Ok(Punch { uid, user_id, time, state: line.state, mode: line.mode, work_code: line.work_code.unwrap_or(0) })
}
