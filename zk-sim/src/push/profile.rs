//! Families of pushing terminals.

use zk_push::record::{self, AttendanceRecord, Form};
use zk_push::time::ZoneOffset;
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
    /// Shakes hands when it starts. Off: it goes on as it did before the server was there.
    pub shakes_hands: bool,
    /// Reports the result of a query, next to the rows that answer it. On by default.
    pub reports_queries: bool,
    /// Access control: the most rows in a packet that answers a query.
    pub packet: usize,
    /// Access control: stops in the middle of an answer unless each packet gets a bare `OK`. Off by default.
    pub wants_bare_answers: bool,
    /// Access control: says the verify mode as sixteen bits. Off by default.
    pub says_bits: bool,
    /// The parameter `language`: 69 for English, 83 for Chinese, whose names are in GBK.
    pub language: u8,
    /// Uploads what is new at once if the options say so (`Realtime=1`), or nothing. On by default. Off: in batches at
    /// the times of the options, `TransTimes` and `TransInterval`, whatever they say of `Realtime`.
    pub uploads_at_once: bool,
    /// Polls every two seconds for half a minute after a command or an upload, and every half minute otherwise,
    /// whatever delay the options say. Off by default.
    pub adapts_polls: bool,
    /// The seconds that its clock gains in a day. 0 by default.
    pub drift: i32,
    /// The zone in its menu, in which it sets its clock by the header `Date`. The option `TimeZone` comes first. By
    /// default there is none; without either, the header changes nothing.
    pub zone: Option<ZoneOffset>,
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
            shakes_hands: true,
            reports_queries: true,
            packet: 100,
            wants_bare_answers: false,
            says_bits: false,
            language: 69,
            uploads_at_once: true,
            adapts_polls: false,
            drift: 0,
            zone: None,
        }
    }

    /// The names of the families, and what each is.
    pub const FAMILIES: [(&str, &str); 5] = [
        ("att-old", "attendance, 4 columns, content with any answer: black-and-white terminals"),
        ("att-21", "attendance, 10 columns"),
        ("att-21-tab", "attendance, 10 columns and a tab at the end, as most terminals of today"),
        ("att-us", "attendance, 16 columns: terminals for the United States"),
        ("acc", "access control: registers, and sends events one by one"),
    ];

    /// A terminal of a family.
    #[must_use]
    pub fn named(name: &str, serial: SerialNumber) -> Option<Self> {
        let attendance = |columns, strictness, serial| Self { columns, strictness, ..Self::attendance(serial) };
        Some(match name {
            "att-old" => attendance(Columns::Four, Strictness::Lenient, serial),
            "att-21" => attendance(Columns::Ten, Strictness::OkCount, serial),
            "att-21-tab" => attendance(Columns::TenAndTab, Strictness::OkCount, serial),
            "att-us" => attendance(Columns::Sixteen, Strictness::OkPrefix, serial),
            "acc" => Self::access(serial),
            _ => return None,
        })
    }

    /// A terminal for access control: it registers, sends events one by one, and wants `table=n` for rows.
    #[must_use]
    pub fn access(serial: SerialNumber) -> Self {
        Self { dialect: Dialect::Access, strictness: Strictness::TableCount, batch: 1, ..Self::attendance(serial) }
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
