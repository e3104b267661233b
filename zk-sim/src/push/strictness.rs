//! Which answer a terminal takes for the word that its records are safe.

use bytes::Bytes;
use zk_push::Text;
use zk_push::reply::Acknowledgement;

/// How exact an answer to an upload must be. After any other answer the terminal keeps its
/// records and sends them again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Any status 2xx.
    Lenient,
    /// A body that begins with `OK`.
    OkPrefix,
    /// `OK: n`, with the number of records that were sent. One gate sent the same 128 records 220 times without it.
    #[default]
    OkCount,
    /// `table=n` for rows of tables, as the access control dialect has it; `OK` for its events.
    TableCount,
}

impl Strictness {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lenient, Self::OkPrefix, Self::OkCount, Self::TableCount];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lenient => "lenient",
            Self::OkPrefix => "ok-prefix",
            Self::OkCount => "ok-count",
            Self::TableCount => "tablename-count",
        }
    }

    /// The strictness of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strictness| strictness.name() == name)
    }

    /// Returns true if the answer is enough for records of a table.
    #[must_use]
    pub fn accepts(self, status: u16, body: &Bytes, table: &str, records: usize) -> bool {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        match self {
            Self::Lenient => (200..300).contains(&status),
            Self::OkPrefix => status == 200 && body.starts_with(b"OK"),
            Self::OkCount => Acknowledgement::parse(status, body) == Acknowledgement::Count(records),
            Self::TableCount => {
                Acknowledgement::parse(status, body) == Acknowledgement::Table(Text::from(table), records)
            }
        }
    }
}
