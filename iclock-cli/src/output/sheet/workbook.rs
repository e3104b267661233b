//! A workbook for Excel or LibreOffice, written row by row: its memory does not grow with the rows.
//!
//! Texts are written as texts, never as formulas, whatever they begin with.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _};
use rust_xlsxwriter::{ExcelDateTime, Format, FormatBorder, Workbook as Book, Worksheet, XlsxError};

use super::{Cell, Column, Rows};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, counted};

/// The rows that a sheet can hold, less its header.
const ROWS: u32 = if cfg!(test) { 3 } else { 1_048_575 };
/// The most letters that a cell can hold.
const LETTERS: usize = 32_767;

pub(super) struct Workbook {
    path: PathBuf,
    title: String,
    columns: &'static [Column],
    book: Book,
    styles: Styles,
    /// Rows of the current sheet.
    rows: u32,
    sheets: u32,
    all: u64,
}

struct Styles {
    header: Format,
    time: Format,
    date: Format,
    clock: Format,
    span: Format,
}

impl Workbook {
    pub(super) fn new(path: &Path, title: &str, columns: &'static [Column]) -> Result<Self, CliError> {
        let styles = Styles {
            header: Format::new().set_bold().set_border_bottom(FormatBorder::Thin),
            time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            date: Format::new().set_num_format("yyyy-mm-dd"),
            clock: Format::new().set_num_format("hh:mm"),
            span: Format::new().set_num_format("[h]:mm"),
        };
        let book = Book::new();
        let mut workbook =
            Self { path: path.to_owned(), title: title.to_owned(), columns, book, styles, rows: 0, sheets: 0, all: 0 };
        workbook.next_sheet().map_err(|error| workbook.failed(&error))?;
        Ok(workbook)
    }

    /// Begins a sheet with its header.
    fn next_sheet(&mut self) -> Result<(), XlsxError> {
        self.end_sheet()?;
        (self.rows, self.sheets) = (0, self.sheets + 1);
        let name = if self.sheets == 1 { self.title.clone() } else { format!("{} {}", self.title, self.sheets) };
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        sheet.set_repeat_rows(0, 0)?;
        sheet.set_landscape();
        sheet.set_print_fit_to_pages(1, 0);
        for (at, column) in (0u16..).zip(self.columns) {
            // The widths come before the rows, which are not known yet.
            let width = match column.name {
                "name" | "device_name" | "department" => 24,
                name if name.ends_with("_time") => 20,
                name => name.len().clamp(10, 20),
            };
            sheet.set_column_width(at, f64::from(u8::try_from(width).unwrap_or(u8::MAX)))?;
            sheet.write_string_with_format(0, at, column.label, &self.styles.header)?;
        }
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), XlsxError> {
        let last = u16::try_from(self.columns.len().saturating_sub(1)).unwrap_or(0);
        let (rows, sheets) = (self.rows, self.sheets);
        if sheets > 0 && rows > 0 {
            self.sheet()?.autofilter(0, 0, rows, last)?;
        }
        Ok(())
    }

    fn sheet(&mut self) -> Result<&mut Worksheet, XlsxError> {
        self.book.worksheet_from_index((self.sheets as usize).saturating_sub(1))
    }

    fn write(&mut self, cells: &[Cell]) -> Result<(), XlsxError> {
        if self.rows == ROWS {
            self.next_sheet()?;
        }
        self.rows += 1;
        let row = self.rows;
        let Self { book, styles, sheets, .. } = self;
        let sheet = book.worksheet_from_index((*sheets as usize).saturating_sub(1))?;
        for (at, cell) in (0u16..).zip(cells) {
            match cell {
                Cell::Empty => {}
                Cell::Text(text) => {
                    let text: String = text.chars().take(LETTERS).collect();
                    sheet.write_string(row, at, text)?;
                }
                // Every integer of ours is far below 2^53.
                Cell::Number(number) => {
                    sheet.write_number(row, at, *number as f64)?;
                }
                Cell::Time(time) => match moment(*time) {
                    Some(moment) => drop(sheet.write_datetime_with_format(row, at, &moment, &styles.time)?),
                    None => drop(sheet.write_string(row, at, cell.plain())?),
                },
                Cell::Date(date) => match day(*date) {
                    Some(day) => drop(sheet.write_datetime_with_format(row, at, &day, &styles.date)?),
                    None => drop(sheet.write_string(row, at, cell.plain())?),
                },
                Cell::Clock(time) => {
                    sheet.write_number_with_format(row, at, share_of_day(*time - NaiveTime::MIN), &styles.clock)?;
                }
                Cell::Span(span) => {
                    sheet.write_number_with_format(row, at, share_of_day(*span), &styles.span)?;
                }
            }
        }
        Ok(())
    }

    fn failed(&self, error: &XlsxError) -> CliError {
        CliError::because(ExitCode::Fault, format!("cannot write {}", self.path.display()), error)
            .hint("check that the directory exists, has room, and that no program has the file open")
    }
}

impl Rows for Workbook {
    fn row(&mut self, cells: Vec<Cell>) -> Result<bool, CliError> {
        self.all += 1;
        self.write(&cells).map_err(|error| self.failed(&error))?;
        Ok(true)
    }

    fn finish(&mut self) -> Result<(), CliError> {
        // A reader never finds half a file.
        let part = self.path.with_extension("xlsx.part");
        let saved = self.end_sheet().and_then(|()| self.book.save(&part));
        let saved = saved.and_then(|()| fs::rename(&part, &self.path).map_err(XlsxError::IoError));
        if let Err(error) = saved {
            let _ = fs::remove_file(&part);
            return Err(self.failed(&error));
        }
        output::line(format_args!("{} written to {}", counted(self.all, "row", "rows"), self.path.display()));
        Ok(())
    }
}

/// A date that a spreadsheet can hold: from 1900 on.
fn day(date: NaiveDate) -> Option<ExcelDateTime> {
    let year = u16::try_from(date.year()).ok().filter(|year| *year >= 1900)?;
    ExcelDateTime::from_ymd(year, u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?).ok()
}

fn moment(time: NaiveDateTime) -> Option<ExcelDateTime> {
    let seconds = u8::try_from(time.second()).ok()?;
    let (hour, minute) = (u16::try_from(time.hour()).ok()?, u8::try_from(time.minute()).ok()?);
    day(time.date())?.and_hms(hour, minute, seconds).ok()
}

/// A span as a spreadsheet counts it: in days.
fn share_of_day(span: TimeDelta) -> f64 {
    span.num_seconds() as f64 / 86_400.0
}
