//! Saves what can be read of a damaged ledger into a new one.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::{FILE, ShrunkEvents, read, schema, shrunk};
use crate::{Ledger, LedgerError, trail};

/// The outcome of saving a damaged ledger, and the consequences of what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged {
    /// Events that were saved.
    pub events: u64,
    /// Tables of which not all could be read, in order.
    pub damaged: Vec<&'static str>,
    /// Every terminal's log is read whole again, because events are missing.
    pub reads_again: bool,
    /// Every sink gets its events again, because it is not known which it has. None stores an event twice.
    pub delivers_again: bool,
}

/// Numbers after damage that are tried one by one.
const ONE_BY_ONE: i64 = 10_000;
/// So many more are tried one by one if something can be read after them.
const WIDE: i64 = 1_000_000;

/// The tables with their columns, those first to which others refer.
const TABLES: [(&str, &str); 24] = [
    ("settings", ""),
    ("terminals", "id"),
    ("readings", "id"),
    ("shrunk", ""),
    ("events", "seq"),
    ("sinks", "id"),
    ("exceptions", ""),
    ("imported", ""),
    ("budgets", "sink"),
    ("quarantine", "id"),
    ("unproven", "id"),
    ("runs", ""),
    ("quarantine_sizes", ""),
    ("people", ""),
    ("people_readings", ""),
    ("people_sent", ""),
    ("forgotten", ""),
    ("push_stamps", ""),
    ("push_terminals", ""),
    ("push_admissions", ""),
    ("push_commands", "id"),
    ("push_calls", ""),
    ("push_gaps", ""),
    ("push_keys", ""),
];

/// Copies every row that can be read into a new ledger.
///
/// If events are missing, every terminal is read whole once more: what its log still holds enters again under the same
/// keys. If it is not known what a sink has, the sink gets all events again. The damaged file is not changed.
///
/// # Errors
/// [`LedgerError::Exists`] if `into` has a ledger; [`LedgerError::Damaged`] if the file's beginning is unreadable or
/// of an earlier version, so that nothing can be saved; as [`Ledger::open`].
pub fn salvage(dir: &Path, into: &Path) -> Result<Salvaged, LedgerError> {
    let (from, to) = (dir.join(FILE), into.join(FILE));
    if to.exists() {
        return Err(LedgerError::Exists { path: to });
    }
    let original = read::open_uri(&from, "mode=ro").map_err(|error| schema::opening(&from, error))?;
    if schema::readable_version(&original, &from)? != schema::KNOWN {
        let problem = "it was written by an earlier version, from which nothing can be saved".to_owned();
        return Err(LedgerError::Damaged { path: from, problem });
    }
    let ledger = Ledger::open(into)?;
    let salvaged = copy_all(&original, &ledger).and_then(|salvaged| {
        ledger.keep_setting(trail::HEAD, None)?;
        Ok(salvaged)
    });
    if salvaged.is_err() {
        // An empty ledger would be in the way of the next attempt.
        drop(ledger);
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(into.join(format!("{FILE}{end}")));
        }
    }
    salvaged
}

fn copy_all(original: &Connection, ledger: &Ledger) -> Result<Salvaged, LedgerError> {
    ledger.write("salvage", |transaction| {
        // A row whose terminal or poll is lost is left out.
        let mut salvaged = Salvaged::default();
        for (table, key) in TABLES {
            let columns = columns_of(transaction, table)?;
            let whole = match table {
                // The triggers count again.
                "quarantine_sizes" => true,
                "events" => copy_events(original, transaction, &columns)?,
                "exceptions" => copy_exceptions(original, transaction, &columns)?,
                _ => copy(original, transaction, table, key, &columns)?,
            };
            if !whole {
                salvaged.damaged.push(table);
            }
        }
        let damaged = |table| salvaged.damaged.contains(&table);
        salvaged.reads_again = ["terminals", "readings", "shrunk", "events", "quarantine"].into_iter().any(damaged);
        salvaged.delivers_again = damaged("sinks") || damaged("exceptions");
        finish(transaction, &salvaged)?;
        salvaged.events = super::events::last_seq(transaction)?.cast_unsigned();
        Ok(salvaged)
    })
}

fn finish(transaction: &Connection, salvaged: &Salvaged) -> rusqlite::Result<()> {
    if salvaged.reads_again {
        transaction.execute_batch(
            "UPDATE terminals SET records = 0, overlap = x'', count = NULL, verified_at = NULL, learned = NULL;
             DELETE FROM push_stamps;",
        )?;
    }
    if salvaged.delivers_again {
        transaction.execute_batch(
            "DELETE FROM exceptions;
             UPDATE sinks SET windowed = 0, admitted = 0, delivered = 0, window = NULL;",
        )?;
    } else {
        // Events are numbered without gaps: a watermark is the number of saved events up to it.
        for watermark in ["windowed", "admitted", "delivered"] {
            transaction.execute_batch(&format!(
                "UPDATE sinks SET {watermark} = (SELECT count(*) FROM salvaged WHERE old <= sinks.{watermark});"
            ))?;
        }
        transaction.execute_batch(
            "INSERT INTO exceptions (sink, seq, state, reason)
                 SELECT x.sink, s.new, x.state, x.reason FROM salvaged_exceptions x JOIN salvaged s ON s.old = x.seq
                 WHERE x.sink IN (SELECT id FROM sinks);",
        )?;
    }
    // The events are numbered from 1 again.
    transaction.execute_batch("UPDATE shrunk SET seq = 0; UPDATE sinks SET begins = -1;")?;
    if let Some(sum) = shrunk::shrunk(transaction)? {
        shrunk::set_shrunk(transaction, &ShrunkEvents { through: 0, ..sum })?;
    }
    transaction.execute_batch("DROP TABLE salvaged_exceptions; DROP TABLE salvaged;")
}

fn columns_of(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare(&format!("PRAGMA table_info({table})"))?.query_map((), |row| row.get(1))?.collect()
}

/// Copies the events, and notes their old and new numbers.
fn copy_events(original: &Connection, to: &Connection, columns: &[String]) -> rusqlite::Result<bool> {
    to.execute_batch("CREATE TEMP TABLE salvaged (old INTEGER PRIMARY KEY, new INTEGER NOT NULL)")?;
    let without: Vec<String> = columns.iter().filter(|column| *column != "seq").cloned().collect();
    let mut insert = insert_into(to, "events", &without)?;
    let (mut next, mut left_out) = (0, false);
    let whole = rows(original, "events", "seq", &without, |seq, values| {
        match insert.execute(params_from_iter(values)) {
            Ok(_) => {
                let new = to.last_insert_rowid();
                to.prepare_cached("INSERT INTO salvaged VALUES (?1, ?2)")?.execute((seq, new))?;
                next = seq;
            }
            Err(error) if is_constraint(&error) => left_out = true,
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    // A page that is gone from the tree leaves no error, but a gap. So do events that have shrunk.
    let shrunk: i64 = to.query_row("SELECT count(*) FROM shrunk", (), |row| row.get(0))?;
    let saved = super::events::last_seq(to)?;
    Ok(whole && !left_out && saved + shrunk == next)
}

/// Copies the exceptions to a table of their own, until it is known what became of their events.
fn copy_exceptions(original: &Connection, to: &Connection, columns: &[String]) -> rusqlite::Result<bool> {
    to.execute_batch("CREATE TEMP TABLE salvaged_exceptions AS SELECT * FROM exceptions WHERE FALSE")?;
    copy(original, to, "exceptions", "", columns)
}

/// Copies a table. Returns false if not all of it could be read.
fn copy(
    original: &Connection,
    to: &Connection,
    table: &'static str,
    key: &str,
    columns: &[String],
) -> rusqlite::Result<bool> {
    let target = if table == "exceptions" { "salvaged_exceptions" } else { table };
    let mut insert = insert_into(to, target, columns)?;
    let mut left_out = false;
    let mut keep = |_: i64, values: Vec<Value>| match insert.execute(params_from_iter(values)) {
        Err(error) if is_constraint(&error) => {
            left_out = true;
            Ok(())
        }
        outcome => outcome.map(|_| ()),
    };
    let whole = if key.is_empty() {
        all(original, table, columns, &mut keep)?
    } else {
        rows(original, table, key, columns, &mut keep)?
    };
    Ok(whole && !left_out)
}

fn insert_into<'a>(to: &'a Connection, table: &str, columns: &[String]) -> rusqlite::Result<rusqlite::Statement<'a>> {
    let places = vec!["?"; columns.len()].join(", ");
    to.prepare(&format!("INSERT INTO {table} ({}) VALUES ({places})", columns.join(", ")))
}

fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// Gives out the rows of a table that has no numbers, up to the first that cannot be read.
fn all(
    original: &Connection,
    table: &str,
    columns: &[String],
    mut keep: impl FnMut(i64, Vec<Value>) -> rusqlite::Result<()>,
) -> rusqlite::Result<bool> {
    let Ok(mut statement) = original.prepare(&format!("SELECT 0, {} FROM {table}", columns.join(", "))) else {
        return Ok(false);
    };
    let Ok(mut found) = statement.query(()) else { return Ok(false) };
    loop {
        match found.next() {
            Ok(Some(row)) => match values(row, columns.len()) {
                Ok((number, values)) => keep(number, values)?,
                Err(_) => return Ok(false),
            },
            Ok(None) => return Ok(true),
            Err(_) => return Ok(false),
        }
    }
}

/// Gives out the rows of a table by their numbers. What cannot be read is skipped. Returns false if anything was.
fn rows(
    original: &Connection,
    table: &str,
    key: &str,
    columns: &[String],
    mut keep: impl FnMut(i64, Vec<Value>) -> rusqlite::Result<()>,
) -> rusqlite::Result<bool> {
    let sql = format!("SELECT {key}, {} FROM {table} WHERE {key} > ?1 ORDER BY {key}", columns.join(", "));
    let Ok(mut statement) = original.prepare(&sql) else { return Ok(false) };
    let (mut after, mut whole) = (i64::MIN, true);
    loop {
        let mut found = statement.query([after])?;
        let failed = loop {
            match found.next() {
                Ok(Some(row)) => match values(row, columns.len()) {
                    Ok((number, values)) => {
                        keep(number, values)?;
                        after = number;
                    }
                    // A value in it is no text any more. Without its number there is no way past it.
                    Err(_) => {
                        let Ok(number) = row.get(0) else { return Ok(false) };
                        (after, whole) = (number, false);
                    }
                },
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        drop(found);
        if !failed {
            return Ok(whole);
        }
        whole = false;
        let readable =
            |from: i64| matches!(statement.query([from]).and_then(|mut rows| rows.next().map(|_| ())), Ok(()));
        let Some(good) = next_readable(after.max(0), readable) else { return Ok(false) };
        after = good;
    }
}

/// Returns the next number after `after` from which something can be read; `None` if there is none.
///
/// Sound pages may be between damaged ones, so each number is tried. Only beyond the numbers of a long stretch of
/// damage, steps double, and a wide gap between two of them is searched by halves.
fn next_readable(after: i64, mut readable: impl FnMut(i64) -> bool) -> Option<i64> {
    let far = after.saturating_add(ONE_BY_ONE);
    if let Some(good) = (after..far).skip(1).find(|number| readable(*number)) {
        return Some(good);
    }
    let (mut bad, mut step) = (far.saturating_sub(1), 1_i64);
    let mut good = loop {
        let next = bad.saturating_add(step);
        if readable(next) {
            break next;
        }
        if next == i64::MAX {
            return None;
        }
        (bad, step) = (next, step.saturating_mul(2));
    };
    if good - far < WIDE {
        return (far..=good).find(|number| readable(*number));
    }
    while good - bad > 1 {
        let middle = bad + (good - bad) / 2;
        if readable(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

fn values(row: &rusqlite::Row<'_>, columns: usize) -> rusqlite::Result<(i64, Vec<Value>)> {
    Ok((row.get(0)?, (1..=columns).map(|column| row.get(column)).collect::<rusqlite::Result<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_rows_between_damaged_pages_are_found() {
        // Rows 101 to 150 and 161 to 400 are lost; the table ends with row 500.
        let lost = |row: i64| (101..=150).contains(&row) || (161..=400).contains(&row);
        let readable = |from: i64| !lost(from + 1);
        assert_eq!(next_readable(100, readable), Some(150));
        assert_eq!(next_readable(160, readable), Some(400));
        // The same far away from the last row that was read.
        let lost = |row: i64| row <= 60_000 || (60_011..=80_000).contains(&row);
        assert_eq!(next_readable(100, |from| !lost(from + 1)), Some(60_000));
        // A gap between the numbers, of which the page is lost.
        let (gap, damaged) = (7_000_000, 7_000_050);
        assert_eq!(next_readable(5, |from| from >= gap + 50), Some(damaged));
        assert_eq!(next_readable(5, |_| false), None);
    }
}
