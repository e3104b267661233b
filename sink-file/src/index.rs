//! The ids that are in the files: a hash table in a temporary file, so that memory does not grow with them.
//!
//! Open addressing with linear probing, in pages. The slot is the upper bits of the hash: what is sorted by hash goes through
//! the pages in order, and a page's ids stay together when the table doubles.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use attendance_model::EventId;

const ID_BYTES: usize = 16;
/// Ids to a page of 4 KiB.
const PAGE_SLOTS: u64 = 256;
const PAGE_BYTES: usize = PAGE_SLOTS as usize * ID_BYTES;
/// Pages of an empty table.
const FIRST_PAGES: u64 = 16;
/// An empty slot. The id that looks so is kept apart.
const EMPTY: [u8; ID_BYTES] = [0; ID_BYTES];

/// A set of ids. It takes 32 to 64 bytes of disk for each, in an unnamed file that ends with the process, and some KiB of memory.
#[derive(Debug)]
pub(crate) struct IdIndex {
    /// Where the temporary file is made: beside the data, which is on a disk where /tmp may be memory.
    directory: PathBuf,
    table: Option<Table>,
    /// Whether the id of all zeros is in the set.
    has_zero: bool,
}

#[derive(Debug)]
struct Table {
    file: File,
    pages: u64,
    ids: u64,
    /// The page in hand, and whether it is to be written back.
    number: Option<u64>,
    page: Vec<u8>,
    changed: bool,
}

impl IdIndex {
    /// An empty set.
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), table: None, has_zero: false }
    }

    /// Takes ids in.
    pub(crate) fn insert_all(&mut self, ids: &mut Vec<EventId>) -> io::Result<()> {
        ids.sort_unstable_by_key(|id| hash(*id));
        for id in ids.drain(..) {
            if id.as_bytes() == &EMPTY {
                self.has_zero = true;
                continue;
            }
            let full = self.table.as_ref().is_none_or(|table| table.ids * 2 >= table.pages * PAGE_SLOTS);
            if full {
                self.grow()?;
            }
            if let Some(table) = &mut self.table {
                table.insert(id)?;
            }
        }
        Ok(())
    }

    /// Which of these are in the set, in order.
    pub(crate) fn contains_all(&mut self, ids: &[EventId]) -> io::Result<Vec<bool>> {
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_unstable_by_key(|place| ids.get(*place).map(|id| hash(*id)));
        let mut found = vec![false; ids.len()];
        for place in order {
            if let (Some(id), Some(found)) = (ids.get(place), found.get_mut(place)) {
                *found = match &mut self.table {
                    _ if id.as_bytes() == &EMPTY => self.has_zero,
                    Some(table) => table.find(*id)?.is_ok(),
                    None => false,
                };
            }
        }
        Ok(found)
    }

    /// A table of twice the size, with all ids.
    fn grow(&mut self) -> io::Result<()> {
        let file = tempfile::tempfile_in(&self.directory).or_else(|_| tempfile::tempfile())?;
        let old = self.table.take();
        let mut table = Table::new(file, old.as_ref().map_or(FIRST_PAGES, |old| old.pages * 2))?;
        if let Some(mut old) = old {
            for number in 0..old.pages {
                old.turn_to(number)?;
                for slot in old.page.chunks_exact(ID_BYTES).filter(|slot| *slot != EMPTY) {
                    if let Ok(bytes) = slot.try_into() {
                        table.insert(EventId::from_bytes(bytes))?;
                    }
                }
            }
        }
        self.table = Some(table);
        Ok(())
    }
}

impl Table {
    fn new(file: File, pages: u64) -> io::Result<Self> {
        // Pages that were never written read as zeros, and take no room.
        file.set_len(pages * PAGE_BYTES as u64)?;
        Ok(Self { file, pages, ids: 0, number: None, page: vec![0; PAGE_BYTES], changed: false })
    }

    fn insert(&mut self, id: EventId) -> io::Result<()> {
        if let Err(slot) = self.find(id)?
            && let Some(place) = self.page.get_mut(slot..slot + ID_BYTES)
        {
            place.copy_from_slice(id.as_bytes());
            self.changed = true;
            self.ids += 1;
        }
        Ok(())
    }

    /// Turns to the page where the id is, or would be; `Err` is the place of an empty slot for it there.
    fn find(&mut self, id: EventId) -> io::Result<Result<(), usize>> {
        let slots = self.pages * PAGE_SLOTS;
        // The table is never full: an empty slot ends the search.
        let mut slot = hash(id) >> (u64::BITS - slots.ilog2());
        loop {
            self.turn_to(slot / PAGE_SLOTS)?;
            let start = (slot % PAGE_SLOTS) as usize * ID_BYTES;
            match self.page.get(start..start + ID_BYTES) {
                Some(found) if found == id.as_bytes() => return Ok(Ok(())),
                Some(found) if found == EMPTY => return Ok(Err(start)),
                _ => slot = (slot + 1) % slots,
            }
        }
    }

    fn turn_to(&mut self, number: u64) -> io::Result<()> {
        if self.number == Some(number) {
            return Ok(());
        }
        if let Some(old) = self.number.take().filter(|_| self.changed) {
            self.file.seek(SeekFrom::Start(old * PAGE_BYTES as u64))?;
            self.file.write_all(&self.page)?;
        }
        self.changed = false;
        self.file.seek(SeekFrom::Start(number * PAGE_BYTES as u64))?;
        self.file.read_exact(&mut self.page)?;
        self.number = Some(number);
        Ok(())
    }
}

/// Ids are hashes already, but whoever writes a file may make up others: both halves, mixed by the finalizer of `splitmix64`.
fn hash(id: EventId) -> u64 {
    let [a, b]: [u64; 2] = [0, 8].map(|at| {
        let half = id.as_bytes().get(at..at + 8).and_then(|half| half.try_into().ok());
        u64::from_le_bytes(half.unwrap_or_default())
    });
    let mut mixed = a ^ b.rotate_left(32);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> EventId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        EventId::from_bytes(bytes)
    }

    #[test]
    fn what_was_put_in_is_found_and_nothing_else_while_it_grows() {
        let directory = tempfile::tempdir().unwrap();
        let mut index = IdIndex::new(directory.path());
        let ids: Vec<EventId> = (0..100_000).map(id).collect();
        for part in ids.chunks(7_000) {
            index.insert_all(&mut part.to_vec()).unwrap();
        }
        assert_eq!(index.contains_all(&ids).unwrap(), vec![true; ids.len()]);
        let others: Vec<EventId> = (100_000..200_000).map(id).collect();
        assert_eq!(index.contains_all(&others).unwrap(), vec![false; others.len()]);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "the table has no name");
    }

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(batches in prop::collection::vec(prop::collection::vec(0_u64..3_000, 0..400), 0..12)) {
            let mut index = IdIndex::new(&std::env::temp_dir());
            let mut set = HashSet::new();
            for batch in batches {
                let ids: Vec<EventId> = batch.iter().copied().map(id).collect();
                let expected: Vec<bool> = ids.iter().map(|id| set.contains(id)).collect();
                prop_assert_eq!(index.contains_all(&ids).unwrap(), expected);
                index.insert_all(&mut ids.clone()).unwrap();
                set.extend(ids);
            }
        }
    }
}
