//! The file: one writer at a time, whole lines only, on the disk before success.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attendance_model::{EventId, Outcome, SinkError, SinkErrorKind};
use chrono::{DateTime, Local, NaiveDate};
use same_file::Handle;

use crate::Format;
use crate::error::{failed, foreign};
use crate::index::IdIndex;
use crate::rotation::{self, Rotation};

/// The longest that another process may hold the file.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(5);
/// The most bytes of one line, or of the rest that an interrupted write of a whole batch left after the last one.
const LINE_LIMIT: usize = 4 << 20;
/// Ids that go into the index together, in its order: a MiB of memory.
const INDEXED_TOGETHER: usize = 1 << 16;

/// A file that only grows by whole lines, the files that were rotated out of it, and the ids of all their lines.
///
/// It is opened for each call, so that a file that somebody moved away or deleted is noticed, and locked
/// meanwhile, so that several processes may write to it.
#[derive(Debug)]
pub(crate) struct AppendFile {
    format: Format,
    path: PathBuf,
    rotation: Rotation,
    index: IdIndex,
    /// The file as it was last opened. Its lines up to `end` are in the index, and so are the rotated files. `None` if
    /// nothing is known of them.
    known: Option<Handle>,
    /// The end of the last whole line that is in the index.
    end: u64,
}

/// The lines of a batch that are new, and each event's outcome once they are written.
struct Selection {
    outcomes: Vec<Outcome>,
    bytes: Vec<u8>,
    new: Vec<EventId>,
}

impl AppendFile {
    /// Opens nothing yet.
    pub(crate) fn new(format: Format, path: PathBuf, rotation: Rotation) -> Self {
        let index = IdIndex::new(directory_of(&path));
        Self { format, path, rotation, index, known: None, end: 0 }
    }

    /// Creates the file if it is missing, and reads it.
    pub(crate) fn prepare(&mut self) -> Result<(), SinkError> {
        let file = self.open(true)?;
        self.catch_up(&file)?;
        self.append(&file, &[])
    }

    /// Does something while no other process writes to the file, which is created if it is missing.
    pub(crate) fn alone<T>(&self, work: impl FnOnce() -> Result<T, SinkError>) -> Result<T, SinkError> {
        let _held = self.open(true)?;
        work()
    }

    /// Tells for each of these ids, in order, if the files hold it. Creates no file.
    pub(crate) fn lookup(&mut self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        if matches!(self.path.try_exists(), Ok(false)) {
            self.meet(None)?;
        } else {
            let file = self.open(false)?;
            self.catch_up(&file)?;
        }
        self.indexed(|index| index.contains_all(ids))
    }

    /// Appends the lines whose ids are not there.
    pub(crate) fn write(&mut self, lines: &[(EventId, Vec<u8>)]) -> Result<Vec<Outcome>, SinkError> {
        let mut rotated = false;
        loop {
            let file = self.open(true)?;
            let day = last_written(&file).map_err(|error| failed("read", &self.path, error))?;
            self.catch_up(&file)?;
            let Selection { outcomes, bytes, mut new } = self.select(lines)?;
            let more = bytes.len() as u64;
            let holds_lines = self.end > self.format.header().len() as u64;
            if more > 0 && holds_lines && !rotated && self.rotation.is_due(self.end, day, more, today()) {
                self.rotate(day)?;
                rotated = true;
                // Another process may write to the new file before we hold it: select again.
                continue;
            }
            self.append(&file, &bytes)?;
            self.indexed(|index| index.insert_all(&mut new))?;
            return Ok(outcomes);
        }
    }

    fn select(&mut self, lines: &[(EventId, Vec<u8>)]) -> Result<Selection, SinkError> {
        let ids: Vec<EventId> = lines.iter().map(|(id, _)| *id).collect();
        let known = self.indexed(|index| index.contains_all(&ids))?;
        let mut selection = Selection { outcomes: Vec::with_capacity(lines.len()), bytes: Vec::new(), new: Vec::new() };
        let mut seen = HashSet::new();
        for ((id, line), known) in lines.iter().zip(known) {
            selection.outcomes.push(if known || !seen.insert(*id) {
                Outcome::AlreadyStored
            } else {
                selection.bytes.extend(line);
                selection.new.push(*id);
                Outcome::Stored
            });
        }
        Ok(selection)
    }

    /// Asks the index. After a failure it is built again.
    fn indexed<T>(&mut self, ask: impl FnOnce(&mut IdIndex) -> io::Result<T>) -> Result<T, SinkError> {
        ask(&mut self.index).map_err(|error| {
            self.forget();
            failed("keep the index of ids beside", &self.path, error)
        })
    }

    fn forget(&mut self) {
        self.index = IdIndex::new(directory_of(&self.path));
        (self.known, self.end) = (None, 0);
    }

    /// The file, locked until it is closed.
    fn open(&self, create: bool) -> Result<File, SinkError> {
        let failed = |what, error| failed(what, &self.path, error);
        loop {
            // Opening a pipe would wait for its reader.
            match fs::metadata(&self.path) {
                Ok(found) if !found.is_file() => return Err(foreign(&self.path, "it is a directory or a device")),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed("open", error)),
            }
            // Not `append`: on Windows such a handle cannot cut off a torn line.
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(create)
                .truncate(false)
                .open(&self.path)
                .map_err(|error| failed("open", error))?;
            lock(&file, &self.path)?;
            // While we waited, another process may have rotated it away.
            match Handle::from_path(&self.path) {
                Ok(there) if is_same(&there, &file).map_err(|error| failed("open", error))? => return Ok(file),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed("open", error)),
            }
        }
    }

    /// Renames the file, which we hold; the next opening creates a new one.
    fn rotate(&self, day: NaiveDate) -> Result<(), SinkError> {
        rotation::next_name(&self.path, day)
            .and_then(|name| fs::rename(&self.path, name))
            .and_then(|()| sync_directory(&self.path))
            .map_err(|error| failed("rotate", &self.path, error))
    }

    /// Reads what was written since, by us or another process, and cuts off a line that a crash or a full disk left
    /// torn.
    fn catch_up(&mut self, file: &File) -> Result<(), SinkError> {
        let path = self.path.clone();
        let reading = |error| failed("read", &path, error);
        // Opened by itself: a copy of the file in hand would keep its lock.
        let handle = Handle::from_path(&path).map_err(reading)?;
        let length = file.metadata().map_err(reading)?.len();
        if self.known.as_ref() != Some(&handle) || length < self.end {
            // Another file is in its place, or somebody emptied it.
            if self.known.as_ref() == Some(&handle) {
                self.forget();
            }
            self.meet(Some(handle))?;
        }
        if length == self.end {
            return Ok(());
        }
        // What another process wrote may not be on the disk yet, and is about to be called stored.
        file.sync_all().map_err(|error| failed("write", &self.path, error))?;
        let (end, rest) = self.read_lines(file, &path, self.end, length)?;
        self.end = end;
        if !rest.is_empty() {
            if rest.len() >= LINE_LIMIT || !self.format.is_torn(&rest, end == 0) {
                return Err(foreign(&self.path, "its last line is not ours"));
            }
            file.set_len(end).map_err(|error| failed("cut a torn line off", &self.path, error))?;
        }
        Ok(())
    }

    /// Changes to another file: to the one that followed the known one, if that was rotated, else to an unknown one.
    fn meet(&mut self, live: Option<Handle>) -> Result<(), SinkError> {
        let path = self.path.clone();
        let mut rotated = rotation::rotated(&path).map_err(|error| failed("look for files beside", &path, error))?;
        let is_known = |path: &PathBuf| self.known.is_some() && Handle::from_path(path).ok() == self.known;
        let mut from = self.end;
        match rotated.iter().position(is_known) {
            Some(place) => drop(rotated.drain(..place)),
            None => {
                self.forget();
                from = 0;
            }
        }
        for path in rotated {
            let reading = |error| failed("read", &path, error);
            let file = File::open(&path).map_err(reading)?;
            let length = file.metadata().map_err(reading)?.len();
            // A torn line of such a file does not count, and stays.
            self.read_lines(&file, &path, from, length)?;
            from = 0;
        }
        (self.known, self.end) = (live, 0);
        Ok(())
    }

    /// Takes the ids of whole lines into the index; returns the end of these, and the rest after it.
    fn read_lines(&mut self, file: &File, path: &Path, from: u64, length: u64) -> Result<(u64, Vec<u8>), SinkError> {
        let reading = |error| failed("read", path, error);
        let mut reader = BufReader::with_capacity(1 << 16, file);
        reader.seek(SeekFrom::Start(from)).map_err(reading)?;
        let mut reader = reader.take(length.saturating_sub(from));
        let (mut end, mut line, mut ids) = (from, Vec::new(), Vec::new());
        loop {
            line.clear();
            let whole = read_line(&mut reader, self.format, &mut line).map_err(reading)?;
            if whole {
                ids.extend(self.id_of(&line, path, end)?);
                end += line.len() as u64;
            }
            if !whole || ids.len() >= INDEXED_TOGETHER {
                self.indexed(|index| index.insert_all(&mut ids))?;
            }
            if !whole {
                return Ok((end, line));
            }
        }
    }

    /// The id of a whole line that begins at byte `start`; `None` of the header.
    fn id_of(&self, line: &[u8], path: &Path, start: u64) -> Result<Option<EventId>, SinkError> {
        let header = self.format.header();
        if start == 0 && !header.is_empty() {
            if line.trim_ascii_end() == header.trim_ascii_end() {
                return Ok(None);
            }
            return Err(foreign(path, "its first line does not hold the names of the columns"));
        }
        match self.format.id_of(line) {
            None => Err(foreign(path, &format!("the line at byte {start} has no event id"))),
            id => Ok(id),
        }
    }

    /// Appends bytes, after the header if the file is new, and waits for the disk.
    fn append(&mut self, mut file: &File, bytes: &[u8]) -> Result<(), SinkError> {
        let is_new = self.end == 0;
        let header = if is_new { self.format.header() } else { b"" };
        let length = (header.len() + bytes.len()) as u64;
        if length == 0 && !is_new {
            return Ok(());
        }
        let written = file
            .seek(SeekFrom::Start(self.end))
            .and_then(|_| file.write_all(header))
            .and_then(|()| file.write_all(bytes))
            .and_then(|()| file.sync_all())
            .and_then(|()| if is_new { sync_directory(&self.path) } else { Ok(()) });
        if let Err(error) = written {
            // If this fails too, the next call reads the rest and cuts it off.
            let _ = file.set_len(self.end);
            return Err(failed("write", &self.path, error));
        }
        self.end += length;
        Ok(())
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

fn is_same(there: &Handle, file: &File) -> io::Result<bool> {
    Ok(*there == Handle::from_file(file.try_clone()?)?)
}

/// The host's day on which the file was last written.
fn last_written(file: &File) -> io::Result<NaiveDate> {
    Ok(DateTime::<Local>::from(file.metadata()?.modified()?).date_naive())
}

fn today() -> NaiveDate {
    Local::now().date_naive()
}

/// Appends a line to `line`, its line feed included. Returns false if there is none up to the end of the file or the
/// limit; `line` then holds the rest.
fn read_line(reader: &mut impl BufRead, format: Format, line: &mut Vec<u8>) -> io::Result<bool> {
    let mut quotes = 0;
    loop {
        let start = line.len();
        let room = LINE_LIMIT.saturating_sub(start) as u64;
        reader.by_ref().take(room).read_until(b'\n', line)?;
        let part = line.get(start..).unwrap_or_default();
        if !part.ends_with(b"\n") {
            return Ok(false);
        }
        quotes += part.iter().filter(|byte| **byte == b'"').count();
        if !format.quotes_line_feeds() || quotes.is_multiple_of(2) {
            return Ok(true);
        }
    }
}

/// Waits for other writers, for a while.
fn lock(file: &File, path: &Path) -> Result<(), SinkError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            // A file system without locks is assumed to have one writer.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(failed("lock", path, error)),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_WAIT => std::thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(SinkError::new(
                    SinkErrorKind::Busy,
                    format!("another process has held {} for {} s", path.display(), LOCK_WAIT.as_secs()),
                )
                .hint("end the other program that writes to it"));
            }
        }
    }
}

/// A new file's name is durable with its directory. Windows has no such call and needs none.
#[cfg(unix)]
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(not(unix))]
pub(crate) fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that is always full.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_a_transient_failure_and_nothing_counts_as_stored() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut file = AppendFile::new(Format::JsonLines, "/dev/full".into(), Rotation::Never);
        let error = file.append(&full, b"{}\n").unwrap_err();
        assert_eq!((error.kind, file.end), (SinkErrorKind::Full, 0));
    }
}
