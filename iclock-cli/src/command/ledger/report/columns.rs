//! The rows of a report as a table, CSV, JSON or a workbook.

use attendance_model::day::Punch;
use chrono::{NaiveDate, TimeDelta};
use iclock_sync::timesheet::{Person, Totals, WorkDay};

use super::{Rows, Sheet};
use crate::error::CliError;
use crate::output::sheet::{Cell, Column, Format};

const PEOPLE: [Column; 14] = [
    Column::detail("month", "month"),
    Column::new("user_id", "id"),
    Column::new("name", "name"),
    Column::new("department", "department"),
    Column::new("days", "days"),
    Column::new("absent", "absent"),
    Column::new("worked_minutes", "hours"),
    Column::new("late", "late"),
    Column::new("late_minutes", "late by"),
    Column::detail("left_early", "left early"),
    Column::detail("overtime_minutes", "overtime"),
    Column::detail("missing_in", "no way in"),
    Column::detail("missing_out", "no way out"),
    Column::new("missing_punches", "missing"),
];

const DAYS: [Column; 13] = [
    Column::new("date", "date"),
    Column::new("user_id", "id"),
    Column::new("name", "name"),
    Column::new("department", "department"),
    Column::new("first_in", "in"),
    Column::new("last_out", "out"),
    Column::new("worked_minutes", "hours"),
    Column::new("late_minutes", "late by"),
    Column::detail("left_early_minutes", "left early by"),
    Column::detail("overtime_minutes", "overtime"),
    Column::detail("punches", "punches"),
    Column::detail("missing_punches", "missing punches"),
    Column::new("remark", "remark"),
];

const DEPARTMENTS: [Column; 11] = [
    Column::new("department", "department"),
    Column::new("people", "people"),
    Column::new("days", "days"),
    Column::new("absent", "absent"),
    Column::new("worked_minutes", "hours"),
    Column::new("late", "late"),
    Column::new("late_minutes", "late by"),
    Column::detail("left_early", "left early"),
    Column::new("overtime_minutes", "overtime"),
    Column::new("missing_in", "no way in"),
    Column::new("missing_out", "no way out"),
];

/// Prints the rows.
pub(super) fn print(sheet: &Sheet, rows: &Rows, format: &Format) -> Result<(), CliError> {
    let (columns, all): (&'static [Column], Vec<Vec<Cell>>) = match rows {
        Rows::People => (&PEOPLE, sheet.timesheet.people.iter().map(|person| of_person(sheet, person)).collect()),
        Rows::Days => (&DAYS, days(sheet)),
        Rows::Departments => (&DEPARTMENTS, departments(sheet)),
    };
    if format.is_table() && !all.is_empty() {
        crate::output::line(&sheet.title);
    }
    let mut out = format.begin("Report", columns)?;
    for row in all {
        if !out.row(row)? {
            return Ok(());
        }
    }
    out.finish(&format!("{}: nobody has punched", sheet.title))
}

fn of_person(sheet: &Sheet, person: &Person) -> Vec<Cell> {
    let totals = person.totals();
    let mut row = vec![Cell::text(sheet.timesheet.period.from.format("%Y-%m").to_string())];
    row.extend(who(sheet, person));
    row.extend([count(totals.days), some(totals.absent), Cell::Span(totals.worked)]);
    row.extend(judged(&totals));
    row.push(some(totals.missing_in + totals.missing_out));
    row
}

/// Late days and their time, early ends, overtime, missing punches. An empty cell is none.
fn judged(totals: &Totals) -> [Cell; 6] {
    [
        some(totals.late),
        span(Some(totals.late_time)),
        some(totals.left_early),
        span(Some(totals.overtime)),
        some(totals.missing_in),
        some(totals.missing_out),
    ]
}

fn departments(sheet: &Sheet) -> Vec<Vec<Cell>> {
    let row = |(number, totals): (Option<u8>, Totals)| {
        let mut row = vec![Cell::text(sheet.departments.name(number)), count(totals.people), count(totals.days)];
        row.extend([some(totals.absent), Cell::Span(totals.worked)]);
        row.extend(judged(&totals));
        row
    };
    sheet.timesheet.departments().into_iter().map(row).collect()
}

fn days(sheet: &Sheet) -> Vec<Vec<Cell>> {
    let period = sheet.timesheet.period;
    let people = &sheet.timesheet.people;
    let on = |date: NaiveDate| people.iter().filter_map(move |person| of_day(sheet, person, date));
    period.dates().flat_map(on).collect()
}

/// A day of a person; `None` if they had none and are not missed.
fn of_day(sheet: &Sheet, person: &Person, date: NaiveDate) -> Option<Vec<Cell>> {
    let day = person.on(date);
    let remark = remark(sheet, person, date);
    if day.is_none() && remark.is_empty() {
        return None;
    }
    let mut row = vec![Cell::Date(date)];
    row.extend(who(sheet, person));
    let punch = |punch: Option<Punch>| punch.map_or(Cell::Empty, |punch| Cell::Clock(punch.local.time()));
    row.extend(match day {
        None => vec![Cell::Empty; 8],
        Some(WorkDay { day, late, left_early, overtime, missing_in, missing_out, .. }) => vec![
            punch(day.first_in()),
            punch(day.last_out()),
            Cell::Span(day.worked()),
            span(*late),
            span(*left_early),
            span(*overtime),
            count(day.punches as u64),
            some(u64::from(missing_in + missing_out)),
        ],
    });
    row.push(Cell::text(remark));
    Some(row)
}

/// What is to say about a person's day.
pub(super) fn remark(sheet: &Sheet, person: &Person, date: NaiveDate) -> &'static str {
    match person.on(date) {
        None if person.absent.binary_search(&date).is_ok() => "absent",
        None if sheet.is_today(date) => "not here yet",
        None => "",
        Some(day) => match (day.missing_in > 0, day.missing_out > 0) {
            (true, true) => "no punch in and out",
            (true, false) => "no punch in",
            (false, true) => "no punch out",
            (false, false) if day.day.last_out().is_none() => "still in",
            _ => "",
        },
    }
}

fn who(sheet: &Sheet, person: &Person) -> [Cell; 3] {
    [Cell::text(&person.user_id), Cell::text(&person.name), Cell::text(sheet.departments.name(person.department))]
}

fn count(number: u64) -> Cell {
    Cell::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The number; empty for 0.
fn some(number: u64) -> Cell {
    if number == 0 { Cell::Empty } else { count(number) }
}

/// The span; empty for less than a minute.
fn span(span: Option<TimeDelta>) -> Cell {
    span.filter(|span| span.num_minutes() != 0).map_or(Cell::Empty, Cell::Span)
}
