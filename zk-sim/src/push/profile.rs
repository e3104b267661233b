//! Families of pushing terminals.

use zk_push::record::{self, AttendanceRecord, Form};
use zk_push::{Dialect, SerialNumber, Text};

use super::Strictness;

/// How a terminal pushes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushProfile {
    /// The serial number.
    pub serial: SerialNumber,
    /// The dialect.
    pub dialect: Dialect,
    /// The columns of attendance records.
    pub columns: Columns,
    /// The most records in one upload: 1, 50, 128 and 1,000 occur. 128 by default.
    pub batch: usize,
    /// Which answer is enough.
    pub strictness: Strictness,
    /// Calls paths with `.aspx`. Off by default.
    pub has_suffix: bool,
    /// Reports results of several commands in one request. On by default.
    pub batches_results: bool,
}

/// The columns of attendance records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// Four columns: the oldest terminals.
    Four,
    /// Seven columns.
    Seven,
    /// Ten columns.
    Ten,
    /// Ten columns and a tab at the end, as most terminals of today.
    #[default]
    TenAndTab,
    /// Sixteen columns: terminals for the United States.
    Sixteen,
}

impl PushProfile {
    /// A terminal for attendance that wants `OK: n`, as the strictest do.
    #[must_use]
    pub fn attendance(serial: SerialNumber) -> Self {
        Self {
            serial,
            dialect: Dialect::Attendance,
            columns: Columns::default(),
            batch: 128,
            strictness: Strictness::OkCount,
            has_suffix: false,
            batches_results: true,
        }
    }

    /// A terminal for access control: it registers, sends events one by one, and wants `table=n` for rows.
    #[must_use]
    pub fn access(serial: SerialNumber) -> Self {
        Self { dialect: Dialect::Access, strictness: Strictness::OkPrefix, batch: 1, ..Self::attendance(serial) }
    }
}

impl Columns {
    /// Gives a record of seven columns these columns.
    pub(super) fn shape(self, mut record: AttendanceRecord) -> AttendanceRecord {
        let zero = || Text::from("0");
        let health = || record::Columns::Health { mask: Some(0), temperature: Some(zero()), converted: Some(zero()) };
        match self {
            Self::Four => {
                record.work_code = None;
                record.reserved = [None, None];
            }
            Self::Seven => {}
            Self::Ten => record.columns = health(),
            Self::TenAndTab => {
                record.columns = health();
                record.form = Form::TrailingTab;
            }
            Self::Sixteen => {
                let jobs =
                    record::Jobs { jobs: std::array::from_fn(|_| zero()), tips: std::array::from_fn(|_| zero()) };
                record.columns = record::Columns::Jobs(Box::new(jobs));
            }
        }
        record
    }
}
