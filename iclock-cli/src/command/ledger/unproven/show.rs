//! `unproven show`: explains why a log was refused, and shows its records in each layout.

use std::fmt::Write as _;

use iclock_sync::unproven::{OpenBuffer, UnprovenBuffer, UnprovenEvidence, UnprovenKind, open};
use serde_json::json;
use zk_proto::DeviceTime;
use zk_proto::proof::{Forced, Grade};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, Who};

use crate::context::Outcome;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, counted, grouped, human, printed};

use super::decode::{self, COLUMNS};
use super::{as_json, what};

/// The number of records shown at the start and at the end of a layout.
const SHOWN: usize = 3;
/// The number of layouts shown in full.
const IN_FULL: usize = 3;
/// The number of damaged patches listed.
const PATCHES: usize = 8;

pub(crate) fn run(buffer: &UnprovenBuffer, json: bool) -> Outcome {
    if buffer.kind == UnprovenKind::Users {
        return show_users(buffer, json);
    }
    let mut bytes = open(buffer)?;
    let (all, possible) = readings(&mut bytes, buffer)?;
    if json {
        let mut value = as_json(buffer);
        let each: Vec<_> = all.iter().map(|reading| reading_as_json(reading, &possible)).collect();
        if let Some(object) = value.as_object_mut() {
            object.insert("length_word".to_owned(), bytes.length_word().into());
            object.insert("readings".to_owned(), each.into());
        }
        output::line(value);
        return Ok(ExitCode::Done);
    }
    head(buffer);
    refusals(buffer);
    known(buffer, bytes.length_word());
    let mut full: Vec<&Forced> = all.iter().filter(|reading| possible.contains(&reading.layout())).collect();
    let none = full.is_empty();
    if none {
        full = all.iter().collect();
    }
    full.sort_by_key(|reading| {
        let place = possible.iter().position(|layout| *layout == reading.layout());
        (place.unwrap_or(usize::MAX), std::cmp::Reverse(reading.tally().good))
    });
    full.truncate(if none { 1 } else { IN_FULL });
    let in_full: Vec<AttendanceLayout> = full.iter().map(|reading| reading.layout()).collect();
    for layout in &in_full {
        if let Some(mut reading) = bytes.forced(*layout)? {
            reading_in_full(&mut bytes, &mut reading, buffer)?;
        }
    }
    let others: Vec<String> =
        all.iter().filter(|reading| !in_full.contains(&reading.layout())).map(in_one_line).collect();
    if !others.is_empty() {
        output::line("\nIn other layouts");
        others.iter().for_each(|line| output::line(human::wrap(line)));
    }
    next_steps(buffer, &possible);
    Ok(ExitCode::Done)
}

/// Reads the buffer in each layout in which a record fits. Returns the possible layouts, too, the best first.
fn readings(bytes: &mut OpenBuffer, buffer: &UnprovenBuffer) -> Result<(Vec<Forced>, Vec<AttendanceLayout>), CliError> {
    let mut all = bytes.possible()?;
    let possible: Vec<AttendanceLayout> = all.iter().map(Forced::layout).collect();
    let remembered = buffer.evidence.as_ref().and_then(|known| known.layout.as_deref()?.parse().ok());
    for layout in remembered.into_iter().chain(AttendanceLayout::known()) {
        if !all.iter().any(|reading| reading.layout() == layout) {
            all.extend(bytes.forced(layout)?);
        }
    }
    Ok((all, possible))
}

fn head(buffer: &UnprovenBuffer) {
    let polls = match buffer.times_seen {
        1 => String::new(),
        times => format!("; {} polls brought the same bytes, the last on {}", grouped(times), when(buffer.last_seen)),
    };
    let accepted = buffer.accepted_at.map_or_else(String::new, |at| format!(" It was accepted on {}.", when(at)));
    output::line(format_args!("{} {} of {} ({})", what(buffer), buffer.id, buffer.device_name, buffer.serial));
    output::line(human::wrap(&format!("{}.{accepted}", buffer.reason)));
    output::line(human::wrap(&format!("read on {}{polls}", when(buffer.seen_at))));
    output::line(format_args!("  {} in {}", counted(buffer.bytes, "byte", "bytes"), buffer.file.display()));
}

fn refusals(buffer: &UnprovenBuffer) {
    let Some(known) = &buffer.evidence else { return };
    for (number, reasons) in known.readings.iter().enumerate() {
        output::line(format_args!("\nWhy reading {} was refused", number + 1));
        reasons.iter().for_each(|reason| output::line(human::wrap(reason)));
    }
}

fn known(buffer: &UnprovenBuffer, word: u32) {
    output::line("\nWhat else is known");
    let Some(known) = &buffer.evidence else {
        output::line(human::wrap("nothing: an earlier version of this program kept it"));
        return;
    };
    for line in facts(buffer, known, word) {
        output::line(human::wrap(&line));
    }
}

fn facts(buffer: &UnprovenBuffer, known: &UnprovenEvidence, word: u32) -> Vec<String> {
    let count = |count: Option<u32>| {
        count.map_or_else(|| "no records".to_owned(), |count| counted(count.into(), "record", "records"))
    };
    let mut lines = Vec::new();
    if let Some(announced) = known.announced {
        lines.push(format!("the terminal announced {} for the whole log", counted(announced, "byte", "bytes")));
    }
    if known.offset > 0 {
        let offset = grouped(known.offset);
        let records = counted(known.records, "record was", "records were");
        lines.push(format!("this is its end, from byte {offset} on; {records} known"));
    }
    let follow = counted(word.into(), "byte of records follows", "bytes of records follow");
    lines.push(format!("its length word says that {follow}"));
    let (before, after) = (count(known.count_before), count(known.count_after));
    lines.push(format!("the terminal counted {before} before the transfer and {after} after it"));
    lines.push(match known.terminal_now {
        Some(time) => format!("its clock showed {}, a right one {}", DeviceTime(time), DeviceTime(known.host_now)),
        None => format!("its clock was not read; a right one showed {}", DeviceTime(known.host_now)),
    });
    if let Some(layout) = &known.layout {
        lines.push(format!("its records had the layout {layout} before, or are configured so"));
    }
    if let Some(users) = &known.users {
        lines.push(format!("its user table was read: {}", counted(users.len() as u64, "person", "people")));
    }
    if known.readings.is_empty() {
        lines.push(buffer.reason.clone());
    }
    lines
}

fn reading_in_full(bytes: &mut OpenBuffer, reading: &mut Forced, buffer: &UnprovenBuffer) -> Result<(), CliError> {
    output::line(format_args!("\nAs {0:#} records (--layout {0})", reading.layout()));
    let tally = reading.tally();
    output::line(human::wrap(&format!(
        "{}: {} good, {} neutral (no id, or a clock that was reset), {} bad",
        counted(reading.records(), "record", "records"),
        grouped(tally.good),
        grouped(tally.neutral),
        grouped(tally.bad)
    )));
    output::line(human::wrap(&reading.witnesses().to_string()));
    if reading.trailing() > 0 {
        output::line(human::wrap(&format!(
            "{} after the last record, of none",
            counted(reading.trailing(), "byte", "bytes")
        )));
    }
    if let Some((first, last)) = reading.dates() {
        output::line(human::wrap(&format!("good ones are dated {first} to {last}")));
    }
    if !reading.patches().is_empty() {
        output::line(human::wrap(&format!("damaged: {}", patches(reading))));
    }
    if let Some(line) = people(bytes, reading, buffer)? {
        output::line(human::wrap(&line));
    }
    reading.seek(0);
    let mut rows = decode::rows(bytes, reading, buffer, SHOWN as u64)?;
    let rest = reading.records().saturating_sub(SHOWN as u64);
    let last = rest.min(SHOWN as u64);
    if rest > last {
        rows.push(COLUMNS.iter().map(|_| "...".to_owned()).collect());
    }
    reading.seek(reading.records() - last);
    rows.extend(decode::rows(bytes, reading, buffer, last)?);
    output::line(human::table(&COLUMNS, rows));
    Ok(())
}

/// Counts the good records of people in the user table, if that was read.
fn people(bytes: &mut OpenBuffer, reading: &mut Forced, buffer: &UnprovenBuffer) -> Result<Option<String>, CliError> {
    let Some(users) = buffer.evidence.as_ref().and_then(|known| known.users.as_ref()) else { return Ok(None) };
    let is_known = |record: &AttendanceRecord| match &record.who {
        Who::Uid(uid) => users.contains_key(&uid.0),
        Who::UserId(id) => users.values().any(|known| *known == id.0),
    };
    let (mut named, mut good) = (0, 0);
    reading.seek(0);
    loop {
        let batch = reading.next_batch(bytes.spool(), 1_000)?;
        if batch.is_empty() {
            break;
        }
        for (_, record) in batch.iter().filter(|(grade, _)| *grade == Grade::Good) {
            good += 1;
            named += u64::from(is_known(record));
        }
    }
    Ok(Some(format!("{} of the {} good ones are of people in the user table", grouped(named), grouped(good))))
}

fn patches(reading: &Forced) -> String {
    let all = reading.patches();
    let mut text = String::new();
    for (number, patch) in all.iter().take(PATCHES).enumerate() {
        let first = reading.first_index() + patch.first + 1;
        let separator = if number == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{} to {}", grouped(first), grouped(first + patch.records - 1));
    }
    if all.len() > PATCHES {
        let _ = write!(text, " and {} more", grouped((all.len() - PATCHES) as u64));
    }
    text
}

fn in_one_line(reading: &Forced) -> String {
    let tally = reading.tally();
    let records = counted(reading.records(), "record", "records");
    let [good, neutral, bad] = [tally.good, tally.neutral, tally.bad].map(grouped);
    format!("{:#}: {records}, {good} good, {neutral} neutral, {bad} bad", reading.layout())
}

fn next_steps(buffer: &UnprovenBuffer, possible: &[AttendanceLayout]) {
    if buffer.accepted_at.is_some() {
        return;
    }
    let id = buffer.id;
    output::line("\nWhat you can do");
    let Some(layout) = possible.first() else {
        output::line(human::wrap(
            "Run sync again, best with --full: most damage happens on the way. If it stays, look at the bytes in \
             another layout with `decode --layout`, and at the terminal's own list of punches.",
        ));
        return;
    };
    output::line("  see every record:");
    output::line(format_args!("    {}", printed::command(&format!("unproven decode {id} --layout {layout}"))));
    output::line("  accept the good records, quarantine the rest, and continue after them:");
    output::line(format_args!("    {}", printed::command(&format!("unproven accept {id} --layout {layout}"))));
}

fn show_users(buffer: &UnprovenBuffer, json: bool) -> Outcome {
    if json {
        output::line(as_json(buffer));
        return Ok(ExitCode::Done);
    }
    head(buffer);
    refusals(buffer);
    output::line("\nWhat you can do");
    output::line(human::wrap(
        "Run sync again: the next run reads the table again. Nothing of the log was used, and nothing is lost.",
    ));
    Ok(ExitCode::Done)
}

fn reading_as_json(reading: &Forced, possible: &[AttendanceLayout]) -> serde_json::Value {
    let (tally, witnesses) = (reading.tally(), reading.witnesses());
    let dates = reading.dates().map(|(first, last)| [first.to_string(), last.to_string()]);
    let patches: Vec<_> = reading
        .patches()
        .iter()
        .map(|patch| json!({ "first": reading.first_index() + patch.first + 1, "records": patch.records }))
        .collect();
    json!({
        "layout": reading.layout().to_string(),
        "possible": possible.contains(&reading.layout()),
        "first": reading.first_index() + 1,
        "records": reading.records(),
        "good": tally.good,
        "neutral": tally.neutral,
        "bad": tally.bad,
        "trailing": reading.trailing(),
        "length_word": witnesses.length_word,
        "size": witnesses.size,
        "count": witnesses.count,
        "dates": dates,
        "patches": patches,
    })
}

fn when(time: chrono::DateTime<chrono::Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}
