//! Uploads: a body into records, by the grammar of its table.

mod glued;

use std::fmt;

use bytes::Bytes;

use crate::Text;
use crate::line::{Line, LineError, Lines, lines};
use crate::record::{AttendanceRecord, KeyedRecord, Kind, OperationRecord, Record};
use crate::table::Table;

/// An upload of lines. Reading it makes one record at a time, so that its memory is that of its body.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    table: Table,
    table_name: Option<Text>,
    grammar: Grammar,
    body: Bytes,
}

/// How the lines of a table are read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Grammar {
    /// Attendance records in columns.
    Columns,
    /// Lines with a tag: operations in columns, and keyed records.
    Tagged,
    /// Keyed records; a line without a tag is of this kind.
    Keyed(Kind),
    /// Nothing is known. Each line is kept as a bad one.
    Unknown,
}

impl Upload {
    /// An upload to a table. `table_name` is the parameter `tablename`, which `tabledata` needs.
    #[must_use]
    pub fn new(table: Table, table_name: Option<Text>, body: Bytes) -> Self {
        let kind = || Kind::parse(table_name.as_ref()?.as_bytes());
        let grammar = match &table {
            Table::AttLog => Grammar::Columns,
            Table::OperLog => Grammar::Tagged,
            Table::ErrorLog => Grammar::Keyed(Kind::ERROR),
            Table::RtLog => Grammar::Keyed(Kind::EVENT),
            Table::RtState => Grammar::Keyed(Kind::STATE),
            Table::TableData => kind().map_or(Grammar::Unknown, Grammar::Keyed),
            Table::Keyed(_, kind) => Grammar::Keyed(Kind::known(kind)),
            Table::AttPhoto | Table::Options | Table::Other(_) => Grammar::Unknown,
        };
        Self { table, table_name, grammar, body }
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The parameter `tablename`, as it came.
    #[must_use]
    pub fn table_name(&self) -> Option<&Text> {
        self.table_name.as_ref()
    }

    /// The body as it came.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Reads the lines, good and bad ones.
    #[must_use]
    pub fn records(&self) -> Records {
        Records { lines: lines(&self.body), rest: None, grammar: self.grammar.clone() }
    }

    /// The number of lines: the records that the terminal must be told are safe, bad ones included.
    #[must_use]
    pub fn count(&self) -> usize {
        Records { grammar: self.grammar.clone(), ..self.records() }.raw().count()
    }

    /// Returns true if the body looks encrypted: no line is a record, and many bytes are no text. A terminal that
    /// encrypts must not be acknowledged, because nobody can read what it sends.
    #[must_use]
    pub fn looks_encrypted(&self) -> bool {
        let controls = self.body.iter().filter(|byte| matches!(byte, 1..=8 | 11 | 12 | 14..=31 | 127)).count();
        self.body.len() >= 16 && controls * 20 >= self.body.len() && self.records().all(|line| line.record.is_err())
    }
}

/// Shows the size of the body, which may contain passwords and templates.
impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("table", &self.table)
            .field("table_name", &self.table_name)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The iterator of [`Upload::records`].
#[derive(Clone, Debug)]
pub struct Records {
    lines: Lines,
    rest: Option<Bytes>,
    grammar: Grammar,
}

impl Records {
    /// The bytes of each record. Some firmware writes several records of `OPERLOG` without a line end between them.
    fn raw(mut self) -> impl Iterator<Item = Bytes> {
        std::iter::from_fn(move || self.next_raw())
    }

    fn next_raw(&mut self) -> Option<Bytes> {
        let mut line = match self.rest.take() {
            Some(rest) => rest,
            None => self.lines.next()?,
        };
        if self.grammar == Grammar::Tagged
            && let Some(at) = glued::next_record(&line)
        {
            self.rest = Some(line.split_off(at));
        }
        Some(line)
    }
}

impl Iterator for Records {
    type Item = Line<Record>;

    fn next(&mut self) -> Option<Line<Record>> {
        let raw = self.next_raw()?;
        let record = match &self.grammar {
            Grammar::Columns => AttendanceRecord::parse(&raw).map(|record| Record::Attendance(Box::new(record))),
            Grammar::Tagged => tagged(&raw),
            Grammar::Keyed(kind) => KeyedRecord::parse(&raw, Some(kind.clone())).map(Record::Keyed),
            Grammar::Unknown => Err(LineError::UnknownTable),
        };
        Some(Line { raw, record })
    }
}

fn tagged(line: &Bytes) -> Result<Record, LineError> {
    let tag = OperationRecord::TAG.len();
    match line.get(..tag + 1) {
        Some(start) if start.eq_ignore_ascii_case(b"OPLOG ") => {
            OperationRecord::parse(&line.slice(tag + 1..)).map(Record::Operation)
        }
        _ => KeyedRecord::parse(line, None).map(Record::Keyed),
    }
}
