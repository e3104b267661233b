//! Copies of the ledger's file, with a checksum: one to keep, and one to begin with.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::Backup;
use sha2::{Digest, Sha256};

use super::{FILE, lock, schema, sqlite};
use crate::{Ledger, LedgerError, private, trail};

/// A copy of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// Its events, those included that have shrunk.
    pub events: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of the file, in hex. It is also in a file of the same name with the ending `.sha256`.
    pub checksum: String,
}

/// Copies the ledger of a state directory to a file, as it is at one moment; a service may run meanwhile. Next to the
/// copy is its checksum, as `sha256sum` writes it. The bytes of unproven logs are files of their own and are not
/// copied.
///
/// # Errors
/// [`LedgerError::Exists`] if the file exists; as [`Ledger::open_read_only`]; or when the copy cannot be written.
pub fn export(dir: &Path, to: &Path) -> Result<Exported, LedgerError> {
    if to.exists() {
        return Err(LedgerError::Exists { path: to.to_owned() });
    }
    let missing = || LedgerError::Io { path: dir.join(FILE), source: io::ErrorKind::NotFound.into() };
    let ledger = Ledger::open_read_only(dir)?.ok_or_else(missing)?;
    let part = to.with_extension("part");
    let copied = write_copy(&ledger, &part).and_then(|events| {
        let (checksum, bytes) = checksum_of(&part).map_err(io(&part))?;
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let beside = checksum_file(to);
        private::create(&beside)
            .and_then(|mut file| writeln!(file, "{checksum}  {name}").and_then(|()| file.sync_all()))
            .map_err(io(&beside))?;
        fs::rename(&part, to).map_err(io(to))?;
        let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        private::sync_dir(dir).map_err(io(dir))?;
        Ok(Exported { events, bytes, checksum })
    });
    copied.map_err(|error| {
        let _ = fs::remove_file(&part);
        match error {
            // Nobody knows the name of the part.
            LedgerError::Io { path, source } if path == part => LedgerError::Io { path: to.to_owned(), source },
            error => error,
        }
    })
}

fn write_copy(ledger: &Ledger, part: &Path) -> Result<u64, LedgerError> {
    private::create(part).map_err(io(part))?;
    let mut copy = Connection::open(part).map_err(|error| schema::opening(part, error))?;
    ledger.read("copy", |original| Backup::new(original, &mut copy)?.step(-1).map(|_| ()))?;
    // One file, complete in itself.
    let events = copy
        .execute_batch("PRAGMA journal_mode = DELETE;")
        .and_then(|()| super::events::count(&copy))
        .map_err(sqlite("copy"))?;
    drop(copy);
    private::options().truncate(false).open(part).and_then(|file| file.sync_all()).map_err(io(part))?;
    Ok(events)
}

/// Begins a state directory with a copy. The directory must not have a ledger yet.
///
/// # Errors
/// [`LedgerError::Exists`] if it has one; [`LedgerError::Damaged`] if the copy is not as it was written, which its
/// checksum tells, or is no sound ledger; [`LedgerError::Copy`] if it cannot be read; as [`Ledger::open`]. Then the
/// directory has no ledger still.
pub fn import(from: &Path, dir: &Path) -> Result<Ledger, LedgerError> {
    let damaged = |problem: String| LedgerError::Damaged { path: from.to_owned(), problem };
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| LedgerError::Copy { path, source }
    };
    let (checksum, _) = checksum_of(from).map_err(unreadable(from))?;
    match fs::read_to_string(checksum_file(from)) {
        Ok(text) if text.split_whitespace().next() != Some(checksum.as_str()) => {
            return Err(damaged("its checksum is another one than was noted when it was made".to_owned()));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(&checksum_file(from))(error)),
    }
    check_sound(from)?;
    private::create_dir_all(dir).map_err(io(dir))?;
    let path = dir.join(FILE);
    let taken = lock::WriterLock::take(dir)?;
    // Parts of another ledger: SQLite would write them into this one, and the audit would be that of other events.
    for other in ["", "-wal", "-shm"].map(|end| dir.join(format!("{FILE}{end}"))).into_iter().chain([dir.join("audit")])
    {
        if other.exists() {
            return Err(LedgerError::Exists { path: other });
        }
    }
    let part = path.with_extension("part");
    let copied = fs::copy(from, &part)
        .and_then(|_| private::protect(&part))
        .and_then(|()| private::options().truncate(false).open(&part)?.sync_all())
        .and_then(|()| fs::rename(&part, &path))
        .and_then(|()| private::sync_dir(dir));
    if let Err(error) = copied {
        let _ = fs::remove_file(&part);
        return Err(io(&path)(error));
    }
    drop(taken);
    let ledger = Ledger::open(dir)?;
    // Its audit is not part of a copy: a new one begins.
    ledger.keep_setting(trail::HEAD, None)?;
    Ok(ledger)
}

fn check_sound(file: &Path) -> Result<(), LedgerError> {
    let connection =
        super::read::open_uri(file, "mode=ro&immutable=1").map_err(|error| schema::opening(file, error))?;
    schema::readable_version(&connection, file)?;
    let first: String = connection
        .query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))
        .map_err(|error| schema::opening(file, error))?;
    if first == "ok" { Ok(()) } else { Err(LedgerError::Damaged { path: file.to_owned(), problem: first }) }
}

fn checksum_file(of: &Path) -> PathBuf {
    let mut name = of.as_os_str().to_owned();
    name.push(".sha256");
    PathBuf::from(name)
}

fn checksum_of(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let (mut hash, mut bytes, mut block) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        let read = file.read(&mut block)?;
        let Some(part) = block.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes += part.len() as u64;
    }
    let text = hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok((text, bytes))
}

fn io(path: &Path) -> impl Fn(io::Error) -> LedgerError {
    move |source| LedgerError::Io { path: path.to_owned(), source }
}
