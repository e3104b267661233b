//! `quarantine export`: all records that wait, for a spreadsheet or a program.

use attendance_model::flat::defused;
use clap::ValueEnum;
use iclock_sync::Ledger;
use iclock_sync::quarantine::{QuarantineFilter, QuarantinedRecord};

use super::{as_json, hex};
use crate::context::Outcome;
use crate::exit_code::ExitCode;
use crate::output;

/// The number of records that are read at once.
const PAGE: u32 = 1_000;

const COLUMNS: &str = "id,serial,device,reason,user_id,local_time,verify_mode,punch_state,occurrence,times_seen,\
                       first_seen,last_seen,raw";

/// The format of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values, with a line of names
    #[default]
    Csv,
    /// JSON Lines: an object a line
    Jsonl,
}

pub(super) fn run(ledger: &Ledger, mut filter: QuarantineFilter, format: Format) -> Outcome {
    if format == Format::Csv {
        output::line(COLUMNS);
    }
    loop {
        let page = ledger.quarantine(&filter, PAGE)?;
        let Some(last) = page.last() else { return Ok(ExitCode::Done) };
        filter.after = last.id;
        for record in &page {
            match format {
                Format::Csv => output::line(as_csv(record)),
                Format::Jsonl => output::line(as_json(record)),
            }
        }
    }
}

fn as_csv(record: &QuarantinedRecord) -> String {
    let cells = [
        record.id.to_string(),
        cell(&record.serial),
        cell(&record.device_name),
        record.reason.to_string(),
        cell(&record.user_id),
        record.local_time.to_string(),
        record.verify_mode.0.to_string(),
        record.punch_state.0.to_string(),
        record.occurrence.to_string(),
        record.times_seen.to_string(),
        record.first_seen.to_rfc3339(),
        record.last_seen.to_rfc3339(),
        hex(&record.raw),
    ];
    cells.join(",")
}

/// A text in a cell. Control characters are shown escaped, so that a record is one line. A text that a spreadsheet
/// would take for a formula gets an apostrophe in front: damaged user ids may begin with anything.
fn cell(text: &str) -> String {
    let shown: String = text
        .chars()
        .flat_map(|char| if char.is_control() { char.escape_debug().collect() } else { vec![char] })
        .collect();
    let defused = defused(&shown);
    if *defused == shown && !shown.contains([',', '"']) && shown.trim() == shown {
        return shown;
    }
    format!("\"{}\"", defused.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_user_id_holds_is_one_cell_of_text() {
        assert_eq!(cell("1042"), "1042");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell("=1+2"), "\"'=1+2\"");
        assert_eq!(cell("7\r\n8"), "7\\r\\n8");
        assert_eq!(cell(" 7"), "\" 7\"");
    }
}
