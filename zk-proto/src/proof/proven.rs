//! A proven transfer, the only source of attendance records.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::record::{AttendanceLayout, AttendanceRecord, FieldOrder};
use crate::spool::{Spool, SpoolError};

use super::region::Region;
use super::{Begin, ByteSet, Fingerprint, Tally, WORD_LEN, Witnesses};

/// Records of a transfer that is proven, in the order in which the terminal stores them. There is no other way to make one
/// than [`super::prove`] and [`super::prove_tail`].
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

/// What a proof has found out, to make a [`Proven`] of.
pub(super) struct Findings {
    pub(super) region: Option<Region>,
    pub(super) order: FieldOrder,
    /// Position in the terminal's log of the region's first record.
    pub(super) first_index: u64,
    /// Records at the region's head that are known already and not given out.
    pub(super) skipped: u64,
    pub(super) trailing: u64,
    pub(super) witnesses: Witnesses,
    pub(super) tally: Tally,
    /// Not one record speaks for the place where it was read.
    pub(super) vague: bool,
    pub(super) states: ByteSet,
    pub(super) modes: ByteSet,
    /// Records that were believed since they came twice the same.
    pub(super) confirmed: Option<Fingerprint>,
    /// So few records that who they name should be known.
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

    /// How the records are laid out; `None` for an empty log.
    #[must_use]
    pub fn layout(&self) -> Option<AttendanceLayout> {
        self.region.map(|region| region.layout)
    }

    /// How many records it gives out.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.region.map_or(0, |region| region.records - self.skipped)
    }

    /// How many records the terminal's log has, those before these included.
    #[must_use]
    pub fn records_on_device(&self) -> u64 {
        self.first_index + self.region.map_or(0, |region| region.records)
    }

    /// Position in the terminal's log of the first record that it gives out, from 0.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.first_index + self.skipped
    }

    /// Bytes behind the last record, which belong to none.
    #[must_use]
    pub fn trailing(&self) -> u64 {
        self.trailing
    }

    /// Which witnesses held. For a tail, those of its overlap are not among them.
    #[must_use]
    pub fn witnesses(&self) -> Witnesses {
        self.witnesses
    }

    /// How many records are believable.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether not one record shows more than an empty id, or a date of the first years after the clock's reset. By all sizes
    /// such records are where they belong, but none of them says so by itself: put them in quarantine.
    #[must_use]
    pub fn is_neutral(&self) -> bool {
        self.vague
    }

    /// Punch states that no document names and that recur among the records: to be remembered of the terminal.
    #[must_use]
    pub fn learned_states(&self) -> ByteSet {
        self.states
    }

    /// Verify modes that no document names and that recur among the records: to be remembered of the terminal.
    #[must_use]
    pub fn learned_modes(&self) -> ByteSet {
        self.modes
    }

    /// Records that are believed because two readings of them were the same, although many in a row are bad: to be remembered,
    /// so that they need not come twice again.
    #[must_use]
    pub fn confirmed(&self) -> Option<Fingerprint> {
        self.confirmed
    }

    /// Whether so few records came that the proven user table ([`super::Evidence::people`]) should speak for them too, if it
    /// can be had: then prove the same bytes again with it.
    #[must_use]
    pub fn people_would_help(&self) -> bool {
        self.people_would_help
    }

    /// The next records, at most `most`; none when all were given out. They share one buffer.
    ///
    /// # Errors
    /// [`SpoolError::File`] when the temporary file cannot be read back.
    pub fn next_batch(&mut self, most: usize) -> Result<Vec<AttendanceRecord>, SpoolError> {
        let Some(region) = self.region else { return Ok(Vec::new()) };
        let records = (region.records - self.next).min(most as u64);
        let width = region.layout.width();
        let mut bytes = self.raw(self.next, records)?;
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

    /// Bytes of the whole set, and where in it the spool begins.
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

    /// The last records of the log, raw, at most `most`: the overlap of a later tail.
    ///
    /// # Errors
    /// [`SpoolError::File`] when the temporary file cannot be read back.
    pub fn overlap(&mut self, most: u64) -> Result<Vec<u8>, SpoolError> {
        let Some(region) = self.region else { return Ok(Vec::new()) };
        let records = region.records.min(most);
        Ok(self.raw(region.records - records, records)?.into())
    }

    fn raw(&mut self, first: u64, records: u64) -> Result<Bytes, SpoolError> {
        let Some(region) = self.region else { return Ok(Bytes::new()) };
        let width = region.layout.width() as u64;
        let start = region.at + first * width;
        self.spool.read(start..start + records * width).map(Bytes::copy_from_slice)
    }
}
