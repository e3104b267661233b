//! The operation log: lines `OPLOG` of `OPERLOG`.

use bytes::{BufMut, Bytes, BytesMut};

use crate::Text;
use crate::line::{LineError, MAX_LINE};
use crate::time::WallTime;

/// What somebody did at the terminal's menus, or what happened to it.
///
/// The columns are code, operator, time and up to four values. Codes: 0 start, 1 power off, 4 menu, 6 enrolment, 9 user
/// deleted, 30 new user, 70 name changed, and many more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRecord {
    /// What happened.
    pub code: i32,
    /// The user id of the administrator, or 0.
    pub operator: Text,
    /// The local time of the terminal.
    pub time: WallTime,
    /// The values, whose meaning depends on the code.
    pub values: Vec<Text>,
}

impl OperationRecord {
    /// The tag of the lines.
    pub const TAG: &str = "OPLOG";
    const MAX_VALUES: usize = 16;

    /// Reads the columns after the tag.
    ///
    /// # Errors
    /// [`LineError`] says what is missing.
    pub fn parse(columns: &Bytes) -> Result<Self, LineError> {
        if columns.len() > MAX_LINE {
            return Err(LineError::TooLong);
        }
        let mut pieces = columns.split(|byte| *byte == b'\t').map(|piece| Text::from(columns.slice_ref(piece)));
        let [Some(code), Some(operator), Some(time)] = [pieces.next(), pieces.next(), pieces.next()] else {
            let have = columns.split(|byte| *byte == b'\t').count();
            return Err(LineError::TooFewColumns { have, need: 3 });
        };
        let code = code.number().and_then(|code| i32::try_from(code).ok());
        let mut values: Vec<Text> = pieces.take(Self::MAX_VALUES + 1).collect();
        if values.len() > Self::MAX_VALUES {
            return Err(LineError::TooManyFields { max: Self::MAX_VALUES });
        }
        // One more tab at the end, as in attendance records.
        if values.len() > 4 && values.last().is_some_and(Text::is_empty) {
            values.pop();
        }
        Ok(Self {
            code: code.ok_or(LineError::NotANumber { column: "operation code" })?,
            operator,
            time: WallTime::parse(&time).ok_or(LineError::NoTime)?,
            values,
        })
    }

    /// Writes the line with its tag, without its end.
    pub fn write(&self, out: &mut BytesMut) {
        out.extend_from_slice(format!("{} {}\t", Self::TAG, self.code).as_bytes());
        out.extend_from_slice(self.operator.as_bytes());
        for column in std::iter::once(&self.time.text).chain(&self.values) {
            out.put_u8(b'\t');
            out.extend_from_slice(column.as_bytes());
        }
    }
}
