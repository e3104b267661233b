//! Rows of data in the format that was asked for: a table for people, CSV, JSON, JSON Lines, or a workbook.
//!
//! Rows pass one by one, so that any number of them fits into memory.

mod table;
mod text;
mod workbook;

use std::path::PathBuf;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use clap::Args;

use crate::error::CliError;

/// The format of the rows. Without a flag it is a table.
#[derive(Clone, Debug, Default, Args)]
#[group(id = "format", multiple = false)]
pub(crate) struct Format {
    /// Print comma-separated values, with a line of names
    #[arg(long)]
    csv: bool,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
    /// Print JSON Lines: an object a line
    #[arg(long)]
    jsonl: bool,
    /// Write a workbook for Excel or LibreOffice
    #[arg(long, value_name = "FILE")]
    xlsx: Option<PathBuf>,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// No value.
    Empty,
    Text(String),
    Number(i64),
    /// A wall clock, in whole seconds.
    Time(NaiveDateTime),
    Date(NaiveDate),
    /// A time of a day, shown to the minute; programs get the seconds too.
    Clock(NaiveTime),
    /// A span in hours and minutes. Programs get it in minutes: the name of such a column ends in `_minutes`.
    Span(TimeDelta),
}

/// A column of all formats, or of all but the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// The name for programs.
    pub(crate) name: &'static str,
    /// The heading for people.
    pub(crate) label: &'static str,
    /// The table shows it, too.
    pub(crate) in_table: bool,
}

impl Column {
    /// A column that every format has. The table leaves it out if all of its values are empty.
    pub(crate) const fn new(name: &'static str, label: &'static str) -> Self {
        Self { name, label, in_table: true }
    }

    /// A column for programs and workbooks.
    pub(crate) const fn detail(name: &'static str, label: &'static str) -> Self {
        Self { name, label, in_table: false }
    }
}

/// Takes rows of one format.
trait Rows {
    /// Takes a row, whose cells are in the order of the columns. Returns false if nobody reads the rest.
    fn row(&mut self, cells: Vec<Cell>) -> Result<bool, CliError>;

    /// Completes the output.
    fn finish(&mut self) -> Result<(), CliError>;
}

/// The rows on their way out.
pub(crate) struct Sheet {
    rows: Box<dyn Rows>,
    count: u64,
    is_table: bool,
}

impl Format {
    /// Returns true if the output is for people.
    pub(crate) fn is_table(&self) -> bool {
        !self.csv && !self.json && !self.jsonl && self.xlsx.is_none()
    }

    /// Begins the output. `title` names a workbook's sheet.
    pub(crate) fn begin(&self, title: &str, columns: &'static [Column]) -> Result<Sheet, CliError> {
        let rows: Box<dyn Rows> = match self {
            Self { csv: true, .. } => Box::new(text::Csv::new(columns)?),
            Self { json: true, .. } => Box::new(text::Json::array(columns)),
            Self { jsonl: true, .. } => Box::new(text::Json::lines(columns)),
            Self { xlsx: Some(path), .. } => Box::new(workbook::Workbook::new(path, title, columns)?),
            _ => Box::new(table::Table::new(columns)),
        };
        Ok(Sheet { rows, count: 0, is_table: self.is_table() })
    }
}

impl Sheet {
    /// Takes a row. Returns false if nobody reads the rest.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) -> Result<bool, CliError> {
        self.count += 1;
        self.rows.row(cells)
    }

    /// Completes the output. A table without rows is this sentence instead, or nothing if it is empty.
    pub(crate) fn finish(mut self, if_empty: &str) -> Result<(), CliError> {
        if self.is_table && self.count == 0 {
            if !if_empty.is_empty() {
                super::line(if_empty);
            }
            return Ok(());
        }
        self.rows.finish()
    }
}

impl Cell {
    /// The text, or an empty cell.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        match text.into() {
            text if text.is_empty() => Self::Empty,
            text => Self::Text(text),
        }
    }

    /// The number, or an empty cell.
    pub(crate) fn number(number: Option<impl Into<i64>>) -> Self {
        number.map_or(Self::Empty, |number| Self::Number(number.into()))
    }

    /// The text that programs read; empty for an empty cell.
    fn plain(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Time(time) => time.format("%Y-%m-%d %H:%M:%S").to_string(),
            Self::Date(date) => date.to_string(),
            Self::Clock(time) => time.format("%H:%M:%S").to_string(),
            Self::Span(span) => span.num_minutes().to_string(),
        }
    }

    /// The text that people read. Characters that would move the cursor or turn the line around are escaped.
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => shown(text),
            Self::Number(number) => number.to_string(),
            Self::Clock(time) => time.format("%H:%M").to_string(),
            Self::Span(span) => hours(*span),
            other => other.plain(),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Span(_))
    }
}

/// A text for a screen.
pub(crate) fn shown(text: &str) -> String {
    let moves =
        |letter: char| letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(moves) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|letter| if moves(letter) { letter.escape_default().collect() } else { vec![letter] })
        .collect()
}

/// Hours and minutes: `8:05`.
pub(crate) fn hours(span: TimeDelta) -> String {
    let minutes = span.num_minutes();
    let sign = if minutes < 0 { "-" } else { "" };
    format!("{sign}{}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_the_cursor_is_shown_escaped_and_letters_of_any_script_are_not() {
        assert_eq!(shown("a\tb\u{1b}[2J\u{202e}c"), "a\\tb\\u{1b}[2J\\u{202e}c");
        for name in ["އަޙްމަދު", "أحمد", "王小明", "O'Brien"] {
            assert_eq!(shown(name), name);
        }
    }

    #[test]
    fn a_span_is_hours_and_minutes() {
        assert_eq!([485, 0, -61].map(|minutes| hours(TimeDelta::minutes(minutes))), ["8:05", "0:00", "-1:01"]);
    }
}
