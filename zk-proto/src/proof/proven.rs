//! A proven transfer, the only source of attendance records.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::record::{AttendanceLayout, AttendanceRecord, FieldOrder};
use crate::spool::{Spool, SpoolError};

use super::region::Region;
use super::{Begin, ByteSet, Fingerprint, Tally, WORD_LEN, Witnesses};

/// The records of a proven transfer, in the order in which the terminal stores them. Only [`super::prove`] and
/// [`super::prove_tail`] make one.
#[derive(Debug)]
pub struct Proven {
    spool: Spool,
    /// `None` for an empty log.
    region: Option<Region>,
    order: FieldOrder,
    first_index: u64,
    skipped: u64,
    next: u64,
    trailing: u64,
    witnesses: Witnesses,
    tally: Tally,
    vague: bool,
    states: ByteSet,
    modes: ByteSet,
    confirmed: Option<Fingerprint>,
    people_would_help: bool,
}

/// The results of a proof, from which a [`Proven`] is made.
pub(super) struct Findings {
    pub(super) region: Option<Region>,
    pub(super) order: FieldOrder,
    /// Position of the region's first record in the terminal's log.
    pub(super) first_index: u64,
    /// Known records at the start of the region, which are not returned.
    pub(super) skipped: u64,
    pub(super) trailing: u64,
    pub(super) witnesses: Witnesses,
    pub(super) tally: Tally,
    /// No record supports the alignment.
    pub(super) vague: bool,
    pub(super) states: ByteSet,
    pub(super) modes: ByteSet,
    /// Records that were accepted because they were the same twice.
    pub(super) confirmed: Option<Fingerprint>,
    /// There are so few records that the user table should confirm the people they name.
    pub(super) people_wanted: bool,
}

impl Proven {
    pub(super) fn new(spool: Spool, findings: Findings) -> Self {
        let Findings { region, order, first_index, skipped, trailing, witnesses, tally, vague, .. } = findings;
        let Findings { states, modes, confirmed, .. } = findings;
        Self {
            spool,
            region,
            order,
            first_index,
            skipped,
            next: skipped,
            trailing,
            witnesses,
            tally,
            vague,
            states,
            modes,
            confirmed,
            people_would_help: findings.people_wanted,
        }
    }

    /// The layout of the records; `None` for an empty log.
    #[must_use]
    pub fn layout(&self) -> Option<AttendanceLayout> {
        self.region.map(|region| region.layout)
    }

    /// Number of records that it returns.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.region.map_or(0, |region| region.records - self.skipped)
    }

    /// Number of records in the terminal's log, including those before these.
    #[must_use]
    pub fn records_on_device(&self) -> u64 {
        self.first_index + self.region.map_or(0, |region| region.records)
    }

    /// Position of the first returned record in the terminal's log, from 0.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.first_index + self.skipped
    }

    /// Bytes after the last record, which belong to none.
    #[must_use]
    pub fn trailing(&self) -> u64 {
        self.trailing
    }

    /// The witnesses that held. For a tail, the overlap is not among them.
    #[must_use]
    pub fn witnesses(&self) -> Witnesses {
        self.witnesses
    }

    /// Number of believable and unbelievable records.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Returns true if every record has an empty id, or a date in the first years after a reset clock. Such records
    /// are aligned by all sizes, but none of them confirms it: put them in quarantine.
    #[must_use]
    pub fn is_neutral(&self) -> bool {
        self.vague
    }

    /// Undocumented punch states that recur among the records. Remember them for the terminal.
    #[must_use]
    pub fn learned_states(&self) -> ByteSet {
        self.states
    }

    /// Undocumented verify modes that recur among the records. Remember them for the terminal.
    #[must_use]
    pub fn learned_modes(&self) -> ByteSet {
        self.modes
    }

    /// Records that are accepted because two readings of them were the same, although many in a row are bad. Remember
    /// them, so that they need not be read twice again.
    #[must_use]
    pub fn confirmed(&self) -> Option<Fingerprint> {
        self.confirmed
    }

    /// Returns true if there are so few records that the proven user table should confirm them
    /// ([`super::Evidence::people`]). If it can be read, prove the same bytes again with it.
    #[must_use]
    pub fn people_would_help(&self) -> bool {
        self.people_would_help
    }

    /// Returns the next records, at most `most`; none at the end. They share one buffer.
    ///
    /// # Errors
    /// [`SpoolError::File`] when the temporary file cannot be read back.
    pub fn next_batch(&mut self, most: usize) -> Result<Vec<AttendanceRecord>, SpoolError> {
        let Some(region) = self.region else { return Ok(Vec::new()) };
        let records = (region.records - self.next).min(most as u64);
        let width = region.layout.width();
        let mut bytes = Bytes::copy_from_slice(region.read(&mut self.spool, self.next, records)?);
        self.next += records;
        let mut batch = Vec::with_capacity(bytes.len() / width);
        while bytes.len() >= width {
            batch.extend(AttendanceRecord::decode(region.layout, self.order, bytes.split_to(width)));
        }
        Ok(batch)
    }

    /// Starts again with the first record.
    pub fn rewind(&mut self) {
        self.next = self.skipped;
    }

    /// Returns the size of the whole set, and the position in it at which the spool begins.
    pub(super) fn origin(&self) -> (u64, Begin) {
        let Some(region) = self.region else { return (WORD_LEN, Begin::Word) };
        let width = region.layout.width() as u64;
        let body = self.records_on_device() * width;
        let begin = match (region.at, u32::try_from(body)) {
            (0, Ok(word)) => Begin::Record { at: WORD_LEN + self.first_index * width, word },
            _ => Begin::Word,
        };
        (WORD_LEN + body + self.trailing, begin)
    }

    pub(crate) fn into_spool(self) -> Spool {
        self.spool
    }

    /// Returns the last records of the log, raw, at most `most`: the overlap of a later tail.
    ///
    /// # Errors
    /// [`SpoolError::File`] when the temporary file cannot be read back.
    pub fn overlap(&mut self, most: u64) -> Result<Vec<u8>, SpoolError> {
        let Some(region) = self.region else { return Ok(Vec::new()) };
        region.last(&mut self.spool, most).map(<[u8]>::to_vec)
    }
}
