//! Bodies into lines, and the outcome of each line.

use std::fmt;

use bytes::Bytes;

/// The longest line that is read, in bytes. Photos in base64 are the longest lines that terminals send.
pub const MAX_LINE: usize = 1 << 20;

/// Splits a body into its lines.
///
/// Lines end with LF, CR LF or a lone CR; the last end may be missing. A byte order mark at the start of the body and
/// NULs at the end of a line are left out. Lines of blanks are skipped.
#[must_use]
pub fn lines(body: &Bytes) -> Lines {
    let start = if body.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    Lines { rest: body.slice(start..) }
}

/// The iterator of [`lines`].
#[derive(Clone, Debug)]
pub struct Lines {
    rest: Bytes,
}

impl Lines {
    /// The bytes after the lines so far, without line ends in front.
    pub(crate) fn rest(&self) -> Bytes {
        let ends = self.rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        self.rest.slice(ends..)
    }
}

impl Iterator for Lines {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let mut line = self.rest.split_to(end.unwrap_or(self.rest.len()));
            if end.is_some() {
                // The end of the line itself. The LF after a CR gives one more, empty line.
                let _ = self.rest.split_to(1);
            }
            let text = line.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            line.truncate(text);
            if line.iter().any(|byte| !matches!(byte, b' ' | b'\t' | 0)) {
                return Some(line);
            }
        }
        None
    }
}

/// One line of a body: what came, and what it means. A bad line never takes a good one with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Line<R> {
    /// The bytes of the line, without its end.
    pub raw: Bytes,
    /// The record, or the reason why there is none.
    pub record: Result<R, LineError>,
}

/// Shows how long the line is, because it may contain a template or a password.
impl<R: fmt::Debug> fmt::Debug for Line<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("bytes", &self.raw.len()).field("record", &self.record).finish()
    }
}

/// The reason why a line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// The line is longer than [`MAX_LINE`].
    #[error("line is longer than {MAX_LINE} bytes")]
    TooLong,
    /// The line has more fields than any record.
    #[error("line has more than {max} fields")]
    TooManyFields {
        /// The largest number of fields.
        max: usize,
    },
    /// The line has fewer columns than the shortest record.
    #[error("line has {have} columns, {need} are needed")]
    TooFewColumns {
        /// The columns that came.
        have: usize,
        /// The columns of the shortest record.
        need: usize,
    },
    /// The line has no time in a place for a time.
    #[error("line has no time")]
    NoTime,
    /// The user id is empty.
    #[error("user id is empty")]
    NoUserId,
    /// The user id is longer than any terminal allows.
    #[error("user id is longer than {max} bytes")]
    LongUserId {
        /// The longest user id, in bytes.
        max: usize,
    },
    /// A column that is a number on all terminals contains something else.
    #[error("{column} is not a number")]
    NotANumber {
        /// The name of the column.
        column: &'static str,
    },
    /// The table's lines begin with a tag, and this one does not.
    #[error("line has no tag")]
    NoTag,
    /// The line has no `key=value`.
    #[error("line has no field key=value")]
    NoFields,
    /// The table has no known form.
    #[error("table is unknown")]
    UnknownTable,
    /// The head of a photo is incomplete.
    #[error("photo has no name, size and NUL before its data")]
    NoPhotoHead,
    /// A result does not name the command.
    #[error("result has no ID")]
    NoCommandId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(body: &'static [u8]) -> Vec<Bytes> {
        lines(&Bytes::from_static(body)).collect()
    }

    #[test]
    fn each_kind_of_line_end_counts_once() {
        assert_eq!(split(b"a\nb\r\nc\rd"), ["a", "b", "c", "d"]);
        assert_eq!(split(b"\n\r\n\ra\r\r\n"), ["a"]);
    }

    #[test]
    fn a_mark_in_front_nuls_behind_and_lines_of_blanks_are_left_out() {
        assert_eq!(split(b"\xEF\xBB\xBFa\t1\n \t \nb\0\0\n\0\0"), ["a\t1", "b"]);
        assert_eq!(split(b"a\0b\n"), ["a\0b"]);
        assert_eq!(split(b""), [""; 0]);
    }
}
