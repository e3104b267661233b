//! CSV, JSON and JSON Lines, as text on stdout.

use attendance_model::flat::defused;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{Cell, Column, Rows};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

/// Bytes that are written at once.
const BLOCK: usize = 64 << 10;

/// Comma-separated values.
pub(super) struct Csv {
    writer: csv::Writer<Vec<u8>>,
}

impl Csv {
    pub(super) fn new(columns: &[Column]) -> Result<Self, CliError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(columns.iter().map(|column| column.name)).map_err(|error| unwritten(&error))?;
        Ok(Self { writer })
    }

    fn print(&mut self) -> Result<bool, CliError> {
        self.writer.flush().map_err(|error| unwritten(&error))?;
        let fresh = csv::Writer::from_writer(Vec::new());
        let written =
            std::mem::replace(&mut self.writer, fresh).into_inner().map_err(|error| unwritten(error.error()))?;
        Ok(output::text(String::from_utf8_lossy(&written)))
    }
}

impl Rows for Csv {
    fn row(&mut self, cells: Vec<Cell>) -> Result<bool, CliError> {
        let texts = cells.iter().map(|cell| match cell {
            Cell::Text(text) => defused(text).into_owned(),
            other => other.plain(),
        });
        self.writer.write_record(texts).map_err(|error| unwritten(&error))?;
        if self.writer.get_ref().len() >= BLOCK { self.print() } else { Ok(true) }
    }

    fn finish(&mut self) -> Result<(), CliError> {
        self.print().map(|_| ())
    }
}

/// JSON, as one array or an object a line.
pub(super) struct Json {
    columns: &'static [Column],
    is_array: bool,
    block: String,
    is_later: bool,
}

impl Json {
    pub(super) fn array(columns: &'static [Column]) -> Self {
        Self { columns, is_array: true, block: "[".to_owned(), is_later: false }
    }

    pub(super) fn lines(columns: &'static [Column]) -> Self {
        Self { columns, is_array: false, block: String::new(), is_later: false }
    }
}

impl Rows for Json {
    fn row(&mut self, cells: Vec<Cell>) -> Result<bool, CliError> {
        let json = serde_json::to_string(&Object { columns: self.columns, cells: &cells })
            .map_err(|error| unwritten(&error))?;
        if self.is_array {
            self.block.push_str(if self.is_later { ",\n" } else { "\n" });
        }
        self.is_later = true;
        self.block.push_str(&json);
        if !self.is_array {
            self.block.push('\n');
        }
        Ok(self.block.len() < BLOCK || output::text(std::mem::take(&mut self.block)))
    }

    fn finish(&mut self) -> Result<(), CliError> {
        if self.is_array {
            self.block.push_str(if self.is_later { "\n]\n" } else { "]\n" });
        }
        output::text(std::mem::take(&mut self.block));
        Ok(())
    }
}

/// A row as an object, in the order of its columns.
struct Object<'a> {
    columns: &'a [Column],
    cells: &'a [Cell],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for (column, cell) in self.columns.iter().zip(self.cells) {
            match cell {
                Cell::Empty => map.serialize_entry(column.name, &())?,
                Cell::Number(number) => map.serialize_entry(column.name, number)?,
                Cell::Span(span) => map.serialize_entry(column.name, &span.num_minutes())?,
                other => map.serialize_entry(column.name, &other.plain())?,
            }
        }
        map.end()
    }
}

fn unwritten(error: &dyn std::error::Error) -> CliError {
    CliError::because(ExitCode::Fault, "cannot write a row", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_no_formula() {
        assert_eq!(Cell::Number(-1500).plain(), "-1500");
    }
}
