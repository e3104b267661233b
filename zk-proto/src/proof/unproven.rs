//! Transfers that could not be proven, and the reasons in words for people.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::record::{AttendanceLayout, UserLayout};
use crate::spool::Spool;

use super::{Begin, Counts, Fingerprint, Rival, Tally, Witnesses};

/// A reason why a transfer is not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// Fewer bytes arrived than were announced, or some in the middle are missing.
    Incomplete {
        /// Bytes that arrived without a gap.
        have: u64,
        /// Bytes that were announced.
        announced: u64,
    },
    /// Packets had a wrong checksum.
    Damaged {
        /// Number of packets.
        packets: u64,
    },
    /// No records arrived, but the terminal does not count 0.
    Empty,
    /// The sizes support no layout.
    NoLayout,
    /// Too few witnesses, or the wrong ones.
    Witnesses {
        /// The layout.
        layout: Shape,
        /// The witnesses that hold.
        witnesses: Witnesses,
    },
    /// Too many records are not believable.
    Implausible {
        /// The layout.
        layout: Shape,
        /// Number of records of each class.
        tally: Tally,
    },
    /// Of some 64 records in a row, more are bad than good.
    BadRun {
        /// The layout.
        layout: Shape,
        /// The first of them, from 0.
        first: u64,
    },
    /// Another interpretation of the bytes makes better records.
    Misaligned {
        /// The layout.
        layout: AttendanceLayout,
        /// The better interpretation.
        rival: Rival,
    },
    /// More than one layout explains the bytes.
    Ambiguous {
        /// One.
        first: AttendanceLayout,
        /// Another.
        second: AttendanceLayout,
    },
    /// Only the count disagrees. A second, identical reading in a new session settles it.
    CountFails {
        /// The layout.
        layout: Shape,
        /// Records that came.
        records: u64,
    },
    /// Many records in a row are bad or out of order, as after damage on the way. A second, identical reading in a new
    /// session shows that the log itself is like that.
    BadOnes {
        /// The layout.
        layout: Shape,
        /// The first of them, from 0.
        first: u64,
        /// Records from the first to the last of them, including good ones in between.
        records: u64,
    },
    /// A row of records has the ids and the times of an earlier row, in its order: an answer to another question, or a
    /// packet that came twice.
    Repeated {
        /// The layout.
        layout: Shape,
        /// The first of them, from 0.
        first: u64,
    },
    /// Records stand after later ones, and begin and end where packets do: two parts of the log changed places.
    Swapped {
        /// The layout.
        layout: Shape,
        /// The first of them, from 0.
        first: u64,
        /// How many there are.
        records: u64,
    },
    /// The length word includes bytes after the last record, so that only the count shows where the records end. A
    /// second, identical reading in a new session settles it.
    Remainder {
        /// The layout.
        layout: Shape,
        /// Bytes after the last record.
        trailing: u64,
    },
    /// The second reading differs from the first.
    ReadingsDiffer,
    /// The records before the known end differ from the stored ones.
    OverlapDiffers,
    /// The set ends before the end of the known records.
    ShorterThanKnown,
    /// The records name people by slots of the user table, and too many of these slots are vacant.
    NamesNobody {
        /// Number of the last records with a vacant slot.
        records: u64,
        /// Number of the last records with any slot.
        of: u64,
    },
    /// The temporary file of the transfer could not be read back.
    Unreadable,
}

/// The layout that a doubt is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Of attendance records.
    Attendance(AttendanceLayout),
    /// Of user records.
    Users(UserLayout),
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attendance(layout) => write!(f, "{layout:#}"),
            Self::Users(layout) => write!(f, "{}-byte", layout.width()),
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete { have, announced } => write!(f, "{have} of {announced} announced bytes came"),
            Self::Damaged { packets } => write!(f, "{packets} packets came with a wrong checksum"),
            Self::Empty => f.write_str("the terminal sent no records, yet does not report an empty log"),
            Self::NoLayout => f.write_str("the size is that of no known record layout"),
            Self::Witnesses { layout, witnesses } => write!(f, "as {layout} records: {witnesses}"),
            Self::Implausible { layout, tally } => write!(f, "as {layout} records they are not believable: {tally}"),
            Self::BadRun { layout, first } => {
                write!(f, "as {layout} records, from number {first} on 64 in a row have more bad than good")
            }
            Self::Misaligned { layout, rival } if rival.layout == *layout => {
                write!(f, "as {layout:#} records they make better sense {} bytes further on", rival.shift)
            }
            Self::Misaligned { layout, rival } => {
                write!(f, "as {layout:#} records they make no better sense than as {:#} ones", rival.layout)
            }
            Self::Ambiguous { first, second } => write!(f, "{first:#} and {second:#} records are both possible"),
            Self::CountFails { layout, records } => {
                write!(f, "{records} {layout} records are not the terminal's count: a second reading must be the same")
            }
            Self::BadOnes { layout, first, records } => {
                write!(
                    f,
                    "as {layout} records, many of the {records} from number {first} on are bad or out of order: "
                )?;
                f.write_str("a second reading must be the same")
            }
            Self::Repeated { layout, first } => {
                write!(f, "as {layout} records, those from about number {first} on came before, in the same order")
            }
            Self::Swapped { layout, first, records } => {
                write!(f, "as {layout} records, the {records} from about number {first} on changed places with others")
            }
            Self::Remainder { layout, trailing } => {
                write!(f, "as {layout} records, {trailing} bytes are left over: a second reading must be the same")
            }
            Self::ReadingsDiffer => f.write_str("two readings of the same log differ"),
            Self::OverlapDiffers => f.write_str("the records before the known end are not those that were stored"),
            Self::ShorterThanKnown => f.write_str("the log is shorter than what is known of it"),
            Self::NamesNobody { records, of } => {
                write!(f, "{records} of the last {of} records that name a place in the user table name nobody")
            }
            Self::Unreadable => f.write_str("the temporary file of the transfer could not be read back"),
        }
    }
}

/// A transfer that is not proven: its bytes, and the doubts. It has no records.
#[derive(Debug)]
pub struct Unproven {
    spool: Box<Spool>,
    doubts: Vec<Doubt>,
    counts: Counts,
    fingerprint: Option<Fingerprint>,
    announced: Option<u64>,
    begin: Begin,
    people_would_help: bool,
}

impl Unproven {
    pub(super) fn new(spool: Spool, doubts: Vec<Doubt>, counts: Counts) -> Self {
        Self {
            spool: Box::new(spool),
            doubts,
            counts,
            fingerprint: None,
            announced: None,
            begin: Begin::Word,
            people_would_help: false,
        }
    }

    pub(super) fn with_fingerprint(self, fingerprint: Option<Fingerprint>) -> Self {
        Self { fingerprint, ..self }
    }

    pub(super) fn with_people_wanted(self, people_would_help: bool) -> Self {
        Self { people_would_help, ..self }
    }

    pub(super) fn announced(mut self, bytes: u64) -> Self {
        self.announced = Some(bytes);
        self
    }

    pub(super) fn beginning(mut self, begin: Begin) -> Self {
        self.begin = begin;
        self
    }

    /// Size of the whole set as the terminal announced it, if known.
    #[must_use]
    pub fn announced_bytes(&self) -> Option<u64> {
        self.announced
    }

    /// The position in the set at which its bytes begin; a tail begins in the middle.
    #[must_use]
    pub fn begin(&self) -> Begin {
        self.begin
    }

    /// The terminal's counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The doubts.
    #[must_use]
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// The fingerprint of this reading, if all that is missing is a second, identical one in a new session
    /// ([`super::Evidence::earlier`]).
    #[must_use]
    pub fn needs_second_reading(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Returns true if a proven user table may settle the doubts ([`super::Evidence::people`]).
    #[must_use]
    pub fn people_would_help(&self) -> bool {
        self.people_would_help
    }

    /// The bytes as they arrived.
    pub fn spool(&mut self) -> &mut Spool {
        &mut self.spool
    }

    /// Returns the bytes as they arrived, to keep them.
    #[must_use]
    pub fn into_spool(self) -> Spool {
        *self.spool
    }
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transfer of {} bytes is not proven ({})", self.spool.len(), self.counts)?;
        for (number, doubt) in self.doubts.iter().enumerate() {
            write!(f, "{} {doubt}", if number == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl core::error::Error for Unproven {}
