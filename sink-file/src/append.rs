//! The file: one writer at a time, whole lines only, on the disk before success.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attendance_model::{EventId, Outcome, SinkError, SinkErrorKind};

use crate::Format;
use crate::error::{failed, foreign};

/// How long another process may hold the file.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(5);
/// Most bytes that are taken for one line, or for what an interrupted write of a whole batch left behind the last one.
const LINE_LIMIT: usize = 4 << 20;

/// A file that only grows by whole lines, with the ids of the lines that were read or written so far.
///
/// It is opened anew for each call, so that a file that somebody moved away or deleted is noticed, and locked meanwhile, so that
/// several processes may write to it.
#[derive(Debug)]
pub(crate) struct AppendFile {
    format: Format,
    path: PathBuf,
    ids: HashSet<EventId>,
    /// Where the last whole line ended that is in `ids`.
    end: u64,
}

impl AppendFile {
    /// Opens nothing yet.
    pub(crate) fn new(format: Format, path: PathBuf) -> Self {
        Self { format, path, ids: HashSet::new(), end: 0 }
    }

    /// Creates the file where it is missing, and reads it.
    pub(crate) fn prepare(&mut self) -> Result<(), SinkError> {
        let file = self.open(true)?;
        self.catch_up(&file)?;
        self.append(&file, &[])
    }

    /// Which ids the file holds. One that is missing holds none.
    pub(crate) fn lookup(&mut self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        if matches!(self.path.try_exists(), Ok(false)) {
            return Ok(vec![false; ids.len()]);
        }
        let file = self.open(false)?;
        self.catch_up(&file)?;
        Ok(ids.iter().map(|id| self.ids.contains(id)).collect())
    }

    /// Appends the lines whose ids are not there.
    pub(crate) fn write(&mut self, lines: Vec<(EventId, Vec<u8>)>) -> Result<Vec<Outcome>, SinkError> {
        let file = self.open(true)?;
        self.catch_up(&file)?;
        let (mut outcomes, mut bytes, mut new) = (Vec::with_capacity(lines.len()), Vec::new(), HashSet::new());
        for (id, line) in lines {
            if self.ids.contains(&id) || !new.insert(id) {
                outcomes.push(Outcome::AlreadyStored);
            } else {
                bytes.extend(line);
                outcomes.push(Outcome::Stored);
            }
        }
        self.append(&file, &bytes)?;
        self.ids.extend(new);
        Ok(outcomes)
    }

    /// The file, locked until it is closed.
    fn open(&self, create: bool) -> Result<File, SinkError> {
        // Opening a pipe would wait for its reader.
        match fs::metadata(&self.path) {
            Ok(found) if !found.is_file() => return Err(foreign(&self.path, "it is a directory or a device")),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed("open", &self.path, error)),
        }
        // Not `append`: on Windows such a handle cannot cut off a torn line.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .open(&self.path)
            .map_err(|error| failed("open", &self.path, error))?;
        lock(&file, &self.path)?;
        Ok(file)
    }

    /// Reads what was written since, by us or another process, and cuts off a line that a crash or a full disk left torn.
    fn catch_up(&mut self, file: &File) -> Result<(), SinkError> {
        let path = self.path.clone();
        let reading = |error| failed("read", &path, error);
        let length = file.metadata().map_err(reading)?.len();
        if length == self.end {
            return Ok(());
        }
        if length < self.end {
            // Somebody put another file in its place, or emptied it.
            self.ids.clear();
            self.end = 0;
        }
        // What another process wrote may not be on the disk yet, and is about to be called stored.
        file.sync_all().map_err(|error| failed("write", &self.path, error))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        reader.seek(SeekFrom::Start(self.end)).map_err(reading)?;
        let mut reader = reader.take(length - self.end);
        let mut line = Vec::new();
        loop {
            line.clear();
            if !read_line(&mut reader, self.format, &mut line).map_err(reading)? {
                break;
            }
            self.take_line(&line)?;
            self.end += line.len() as u64;
        }
        if !line.is_empty() {
            if line.len() >= LINE_LIMIT || !self.format.is_torn(&line, self.end == 0) {
                return Err(foreign(&self.path, "its last line is not ours"));
            }
            file.set_len(self.end).map_err(|error| failed("cut a torn line off", &self.path, error))?;
        }
        Ok(())
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), SinkError> {
        let header = self.format.header();
        if self.end == 0 && !header.is_empty() {
            if line.trim_ascii_end() == header.trim_ascii_end() {
                return Ok(());
            }
            return Err(foreign(&self.path, "its first line does not hold the names of the columns"));
        }
        match self.format.id_of(line) {
            Some(id) => {
                self.ids.insert(id);
                Ok(())
            }
            None => Err(foreign(&self.path, &format!("the line at byte {} has no event id", self.end))),
        }
    }

    /// Puts bytes at the end, below the header where the file is new, and waits for the disk.
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
            // Where this fails too, the next call reads what was left and cuts it off.
            let _ = file.set_len(self.end);
            return Err(failed("write", &self.path, error));
        }
        self.end += length;
        Ok(())
    }
}

/// Appends a line to `line`, its line feed included. `false` where there is none up to the end of the file or the limit; `line` then
/// holds what there is.
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
            // A file system without locks is taken to have one writer.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(failed("lock", path, error)),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_WAIT => std::thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(SinkError::new(
                    SinkErrorKind::Busy,
                    format!("another process has held {} for {} s", path.display(), LOCK_WAIT.as_secs()),
                )
                .mend("end the other program that writes to it"));
            }
        }
    }
}

/// A new file's name is durable with its directory. Windows has no such call and needs none.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> io::Result<()> {
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
        let mut file = AppendFile::new(Format::JsonLines, "/dev/full".into());
        let error = file.append(&full, b"{}\n").unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Full);
        assert_eq!((file.end, file.ids.len()), (0, 0));
    }
}
