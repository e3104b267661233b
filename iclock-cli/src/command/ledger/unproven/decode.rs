//! `unproven decode`: every record of a kept log in a layout, without the terminal.

use attendance_model::LocalTime;
use clap::ValueEnum;
use iclock_sync::unproven::{OpenBuffer, UnprovenBuffer, UnprovenKind, open};
use serde_json::json;
use zk_proto::proof::{Forced, Grade};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, Who};

use crate::context::Outcome;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, human};

pub(super) const COLUMNS: [&str; 7] = ["No", "", "user id", "time on the terminal", "state", "mode", "work code"];
/// Records decoded at once; a table is as wide as its first page.
const PAGE: u64 = 1_000;

/// How records are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Csv,
    /// JSON lines
    Json,
}

pub(crate) fn run(buffer: &UnprovenBuffer, layout: AttendanceLayout, format: Format) -> Outcome {
    if buffer.kind == UnprovenKind::Users {
        return Err(CliError::new(ExitCode::Usage, format!("buffer {} is a user table, not a log", buffer.id))
            .hint("iclock-cli unproven list shows which are logs"));
    }
    let mut bytes = open(buffer)?;
    let Some(mut reading) = bytes.forced(layout)? else {
        return Err(CliError::new(ExitCode::Usage, format!("not one {layout:#} record fits into it"))
            .hint("iclock-cli unproven show lists the layouts that are possible"));
    };
    if format == Format::Csv {
        output::line("number,grade,user_id,local_time,punch_state,verify_mode,work_code,raw");
    }
    let mut left = reading.records();
    while left > 0 {
        let page = left.min(PAGE);
        match format {
            Format::Table => output::line(human::table(&COLUMNS, rows(&mut bytes, &mut reading, buffer, page)?)),
            Format::Csv => for_each(&mut bytes, &mut reading, page, |number, grade, record| {
                output::line(csv(number, grade, record, buffer));
            })?,
            Format::Json => for_each(&mut bytes, &mut reading, page, |number, grade, record| {
                output::line(as_json(number, grade, record, buffer));
            })?,
        }
        left -= page;
    }
    Ok(ExitCode::Done)
}

/// Calls `each` with the next records: their number in the terminal's log from 1 on, and how believable they are.
fn for_each(
    bytes: &mut OpenBuffer,
    reading: &mut Forced,
    most: u64,
    mut each: impl FnMut(u64, Grade, &AttendanceRecord),
) -> Result<(), CliError> {
    let first = reading.first_index() + reading.place() + 1;
    let batch = reading.next_batch(bytes.spool(), usize::try_from(most).unwrap_or(usize::MAX))?;
    for (number, (grade, record)) in (first..).zip(&batch) {
        each(number, *grade, record);
    }
    Ok(())
}

/// The next records as rows of a table.
pub(super) fn rows(
    bytes: &mut OpenBuffer,
    reading: &mut Forced,
    buffer: &UnprovenBuffer,
    most: u64,
) -> Result<Vec<Vec<String>>, CliError> {
    let mut rows = Vec::new();
    for_each(bytes, reading, most, |number, grade, record| {
        rows.push(vec![
            number.to_string(),
            word(grade).to_owned(),
            user_id(record, buffer).escape_debug().to_string(),
            LocalTime::from(record.time).to_string(),
            record.punch_state.0.to_string(),
            record.verify_mode.0.to_string(),
            record.work_code.map_or_else(String::new, |code| code.to_string()),
        ]);
    })?;
    Ok(rows)
}

/// The user id; for a record that names a slot, that of the user table where it was read, else the slot.
fn user_id(record: &AttendanceRecord, buffer: &UnprovenBuffer) -> String {
    match &record.who {
        Who::UserId(id) => id.0.clone(),
        Who::Uid(uid) => {
            let users = buffer.evidence.as_ref().and_then(|known| known.users.as_ref());
            let named = users.and_then(|users| users.get(&uid.0));
            named.cloned().unwrap_or_else(|| format!("slot {}", uid.0))
        }
    }
}

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Good => "good",
        Grade::Neutral => "neutral",
        Grade::Bad => "bad",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn csv(number: u64, grade: Grade, record: &AttendanceRecord, buffer: &UnprovenBuffer) -> String {
    let fields = [
        number.to_string(),
        word(grade).to_owned(),
        quoted(&user_id(record, buffer)),
        LocalTime::from(record.time).to_string(),
        record.punch_state.0.to_string(),
        record.verify_mode.0.to_string(),
        record.work_code.map_or_else(String::new, |code| code.to_string()),
        hex(&record.raw),
    ];
    fields.join(",")
}

/// A field of a CSV line; control characters, which noise is full of, as escapes.
fn quoted(text: &str) -> String {
    let text: String =
        text.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] }).collect();
    if text.contains([',', '"', ';']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn as_json(number: u64, grade: Grade, record: &AttendanceRecord, buffer: &UnprovenBuffer) -> serde_json::Value {
    json!({
        "number": number,
        "grade": word(grade),
        "user_id": user_id(record, buffer),
        "local_time": LocalTime::from(record.time).to_string(),
        "punch_state": record.punch_state.0,
        "verify_mode": record.verify_mode.0,
        "work_code": record.work_code,
        "raw": hex(&record.raw),
    })
}
