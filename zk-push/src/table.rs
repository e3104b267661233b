//! The tables of uploads, and what each is answered.

use std::fmt;

use crate::Text;

/// The table of an upload. The set is open; names differ in case between the dialects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Table {
    /// `ATTLOG`: attendance records.
    AttLog,
    /// `OPERLOG`: operations, users, fingerprints and more, each line with a tag.
    OperLog,
    /// `ATTPHOTO`: one photo.
    AttPhoto,
    /// `options`: the terminal's parameters.
    Options,
    /// `ERRORLOG`: errors of the terminal.
    ErrorLog,
    /// `rtlog`: events at doors, as they happen.
    RtLog,
    /// `rtstate`: the state of the doors.
    RtState,
    /// `tabledata`: rows of the table that the parameter `tablename` names.
    TableData,
    /// Another table with lines of keyed fields: its name, and the kind of its records.
    Keyed(&'static str, &'static str),
    /// A table without a known form, by its name.
    Other(Text),
}

const KNOWN: [(&str, Table); 8] = [
    ("ATTLOG", Table::AttLog),
    ("OPERLOG", Table::OperLog),
    ("ATTPHOTO", Table::AttPhoto),
    ("options", Table::Options),
    ("ERRORLOG", Table::ErrorLog),
    ("rtlog", Table::RtLog),
    ("rtstate", Table::RtState),
    ("tabledata", Table::TableData),
];

/// Tables of keyed lines: some firmware answers queries with these names instead of `OPERLOG`.
const KEYED: [(&str, &str); 12] = [
    ("BIODATA", "biodata"),
    ("IDCARD", "idcard"),
    ("USERINFO", "user"),
    ("USER", "user"),
    ("FINGERTMP", "fp"),
    ("FACE", "face"),
    ("FVEIN", "fvein"),
    ("USERPIC", "userpic"),
    ("BIOPHOTO", "biophoto"),
    ("irstate", "irstate"),
    ("testdata", "testdata"),
    ("transaction", "transaction"),
];

impl Table {
    /// Reads the name of a table.
    #[must_use]
    pub fn parse(name: &Text) -> Self {
        let known = KNOWN.into_iter().find(|(known, _)| name.is(known)).map(|(_, table)| table);
        let keyed = || KEYED.into_iter().find(|(known, _)| name.is(known)).map(|(name, kind)| Self::Keyed(name, kind));
        known.or_else(keyed).unwrap_or_else(|| Self::Other(name.clone()))
    }

    /// Returns true if success is answered with the bare `OK`. Other tables are answered with the number of records:
    /// a bare `OK` made one terminal send the same 128 records 220 times.
    #[must_use]
    pub fn is_answered_bare(&self) -> bool {
        match self {
            Self::AttPhoto | Self::Options | Self::ErrorLog | Self::RtLog | Self::RtState => true,
            Self::Keyed(name, _) => matches!(*name, "BIOPHOTO" | "irstate" | "testdata" | "transaction"),
            _ => false,
        }
    }
}

/// Writes the name as terminals write it.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(name) => name.fmt(f),
            Self::Keyed(name, _) => f.write_str(name),
            known => f.write_str(KNOWN.iter().find(|(_, table)| table == known).map_or("", |(name, _)| name)),
        }
    }
}
