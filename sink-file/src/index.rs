//! The ids that are in the files: a temporary SQLite database, so that memory does not grow with them.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use attendance_model::EventId;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempPath;

/// What the names of these databases begin with.
const PREFIX: &str = ".iclock-ids-";
/// A database that nobody has written to for so long has lost its process before the process could delete it.
const ABANDONED: Duration = Duration::from_secs(3_600);

/// A set of ids. It takes about 40 bytes of disk for each, in a file that ends with the process, and about 2 MiB of
/// memory.
#[derive(Debug)]
pub(crate) struct IdIndex {
    /// The directory of the temporary file: that of the data, since /tmp may be in memory.
    directory: PathBuf,
    /// Made with the first id.
    database: Option<Database>,
}

#[derive(Debug)]
struct Database {
    // Closed before its file is deleted.
    connection: Connection,
    _file: Option<TempPath>,
}

impl IdIndex {
    /// An empty set.
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), database: None }
    }

    /// Takes ids in. After an error the set is incomplete.
    pub(crate) fn insert_all(&mut self, ids: &mut Vec<EventId>) -> io::Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        // Neighbours share pages of the database.
        ids.sort_unstable();
        let database = match &mut self.database {
            Some(database) => database,
            empty => empty.insert(Database::create(&self.directory)?),
        };
        database.insert(ids).map_err(as_io)?;
        ids.clear();
        Ok(())
    }

    /// Tells for each of these ids, in order, if it is in the set.
    pub(crate) fn contains_all(&mut self, ids: &[EventId]) -> io::Result<Vec<bool>> {
        match &self.database {
            Some(database) => database.contains(ids).map_err(as_io),
            None => Ok(vec![false; ids.len()]),
        }
    }
}

impl Database {
    fn create(directory: &Path) -> io::Result<Self> {
        sweep(directory);
        let named = |directory: &Path| tempfile::Builder::new().prefix(PREFIX).tempfile_in(directory);
        let file = named(directory).or_else(|_| named(&std::env::temp_dir()))?.into_temp_path();
        // No URI: a directory may be called `file:x`.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&file, flags).map_err(as_io)?;
        // No journal, no waiting for the disk: after a failure or a crash the set is made again from the files.
        connection
            .execute_batch(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
                 PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048;
                 CREATE TABLE ids (id BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID;",
            )
            .map_err(as_io)?;
        // Without its name, the file ends with the process however that ends. Windows keeps the name of an open file.
        let _file = if cfg!(unix) {
            file.close()?;
            None
        } else {
            Some(file)
        };
        Ok(Self { connection, _file })
    }

    fn insert(&mut self, ids: &[EventId]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO ids (id) VALUES (?)")?;
            for id in ids {
                insert.execute([id.as_bytes().as_slice()])?;
            }
        }
        transaction.commit()
    }

    fn contains(&self, ids: &[EventId]) -> rusqlite::Result<Vec<bool>> {
        let mut find = self.connection.prepare_cached("SELECT 1 FROM ids WHERE id = ?")?;
        ids.iter().map(|id| find.exists([id.as_bytes().as_slice()])).collect()
    }
}

/// Deletes the databases that killed processes left: between making a file and taking its name away, a process can end.
/// What cannot be deleted stays; it harms nothing.
fn sweep(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if is_ours && age().is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// An error of the database as one of the file system, which it nearly always is.
fn as_io(error: rusqlite::Error) -> io::Error {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ErrorKind::StorageFull,
        Some(ErrorCode::ReadOnly) => ErrorKind::ReadOnlyFilesystem,
        Some(ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => ErrorKind::PermissionDenied,
        _ => ErrorKind::Other,
    };
    io::Error::new(kind, error)
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
        if cfg!(unix) {
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "the database has no name");
        }
        drop(index);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "and leaves nothing");
    }

    #[test]
    fn what_a_killed_process_left_is_deleted_and_what_is_new_or_not_ours_stays() {
        let directory = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - 2 * ABANDONED;
        for (name, modified) in [(".iclock-ids-a", Some(old)), (".iclock-ids-b", None), (".tmpx", Some(old))] {
            let file = fs::File::create(directory.path().join(name)).unwrap();
            modified.into_iter().for_each(|time| file.set_modified(time).unwrap());
        }
        IdIndex::new(directory.path()).insert_all(&mut vec![id(1)]).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".iclock-ids-b", ".tmpx"]);
    }

    #[test]
    fn a_directory_that_is_gone_moves_the_index_to_the_temporary_one() {
        let mut index = IdIndex::new(Path::new("/no/such/directory"));
        index.insert_all(&mut vec![id(1)]).unwrap();
        assert_eq!(index.contains_all(&[id(1), id(2)]).unwrap(), [true, false]);
    }

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(
            batches in prop::collection::vec(prop::collection::vec(0_u64..3_000, 0..400), 0..12)
        ) {
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
