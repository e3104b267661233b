//! The logs file: the events that a run stored, in the Python tool's shape. One file `logs_<time>.json` a run, a JSON
//! array.
//!
//! Rows are on the disk before the ledger records that they were stored. The next file completes those that a crash has
//! left behind.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use attendance_model::AttendanceEvent;
use attendance_model::legacy::{Export, LegacyDocument, export_file_name, write_array};
use chrono::NaiveDateTime;
use fs4::fs_std::FileExt;

/// The end of a row. Text has no line feed, because JSON escapes it.
const END_OF_ROW: &[u8] = b"\n    }";

/// The logs file of one run. The first event makes it. Until it is whole, its name ends in `.part`.
#[derive(Debug)]
pub(crate) struct LogsFile {
    dir: PathBuf,
    started: NaiveDateTime,
    open: Option<(PathBuf, BufWriter<File>)>,
    failed: Option<io::Error>,
}

impl LogsFile {
    /// The file of a run that began at `started`, the host's wall clock, in `dir`.
    pub(crate) fn new(dir: PathBuf, started: NaiveDateTime) -> Self {
        Self { dir, started, open: None, failed: None }
    }

    /// The directory of the files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns true if it could not be written.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Adds events. [`LogsFile::finish`] reports an error, because the events are stored in any case.
    pub(crate) fn add<'a>(&mut self, events: impl IntoIterator<Item = &'a AttendanceEvent>) {
        if self.failed.is_none() {
            self.failed = self.try_add(events).err();
        }
    }

    fn try_add<'a>(&mut self, events: impl IntoIterator<Item = &'a AttendanceEvent>) -> io::Result<()> {
        for event in events {
            let (separator, out) = match &mut self.open {
                Some((_, out)) => (",\n", out),
                None => ("[\n", &mut self.open.insert(begin(&self.dir, self.started)?).1),
            };
            out.write_all(separator.as_bytes())?;
            write_row(out, &LegacyDocument::from(event))?;
        }
        if let Some((_, out)) = &mut self.open {
            out.flush()?;
            out.get_ref().sync_data()?;
        }
        Ok(())
    }

    /// Completes the file and gives it its name; `None` if nothing was stored.
    pub(crate) fn finish(self) -> io::Result<Option<PathBuf>> {
        let Self { dir, started, open, failed } = self;
        let (part, out) = match (open, failed) {
            (None, Some(error)) => return Err(error),
            (None, None) => return Ok(None),
            (Some((part, out)), failed) => (part, failed.map_or(Ok(out), Err)),
        };
        let named = out.and_then(complete).and_then(|()| name(&part, &dir, started));
        if named.is_err() {
            // Half of it helps nobody, and the disk may be full.
            let _ = fs::remove_file(&part);
        }
        named.map(Some)
    }
}

fn complete(mut out: BufWriter<File>) -> io::Result<()> {
    out.write_all(b"\n]")?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Gives the file the first name that is free.
fn name(part: &Path, dir: &Path, started: NaiveDateTime) -> io::Result<PathBuf> {
    for number in 1.. {
        let path = dir.join(export_file_name(Export::Audit, started, number));
        // Claims the name first: a rename would replace a file that another run has just made.
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => return fs::rename(part, &path).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn begin(dir: &Path, started: NaiveDateTime) -> io::Result<(PathBuf, BufWriter<File>)> {
    crate::private::create_dir_all(dir)?;
    complete_others(dir)?;
    for number in 1.. {
        let name = export_file_name(Export::Audit, started, 1);
        let part = dir.join(format!("{name}.{}-{number}.part", std::process::id()));
        match crate::private::options().create_new(true).open(&part) {
            Ok(file) => {
                crate::private::protect(&part)?;
                // Tells others that it is being written.
                file.try_lock_exclusive()?;
                return Ok((part, BufWriter::new(file)));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Completes the files that nobody writes any more.
fn complete_others(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let part = entry?.path();
        let Some(started) = part.file_name().and_then(|name| name.to_str()).and_then(started_at) else { continue };
        let mut file = OpenOptions::new().read(true).write(true).open(&part)?;
        if !file.try_lock_exclusive()? {
            continue;
        }
        let mut rows = Vec::new();
        file.read_to_end(&mut rows)?;
        let Some(end) = rows.windows(END_OF_ROW.len()).rposition(|window| window == END_OF_ROW) else {
            drop(file);
            fs::remove_file(&part)?;
            continue;
        };
        let end = (end + END_OF_ROW.len()) as u64;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        complete(BufWriter::new(file))?;
        let path = name(&part, dir, started)?;
        tracing::warn!("completed {}, which a run had left half-written", path.display());
    }
    Ok(())
}

/// The start of the run that writes a file with this name, if it is one.
fn started_at(part: &str) -> Option<NaiveDateTime> {
    let (name, _) = part.strip_suffix(".part")?.split_once(".json.")?;
    NaiveDateTime::parse_from_str(name.strip_prefix("logs_")?, "%Y-%m-%d_%H-%M-%S").ok()
}

/// Writes one row as part of an array.
fn write_row(out: &mut impl Write, row: &LegacyDocument) -> io::Result<()> {
    let mut text = Vec::with_capacity(192);
    write_array(&mut text, [row])?;
    let inside = text.strip_prefix(b"[\n").and_then(|text| text.strip_suffix(b"\n]"));
    out.write_all(inside.unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use attendance_model::{EventId, PunchState, Source, VerifyMode};

    use super::*;

    fn event(second: u32) -> AttendanceEvent {
        let local_time = started().date().and_hms_opt(7, 1, second).unwrap();
        let id = EventId::full("A", "42", local_time, PunchState(0), VerifyMode(1));
        let mut event = AttendanceEvent::new(id, "A", "gate", "42", local_time, Source::Pull);
        (event.verify_mode, event.punch_state) = (VerifyMode(1), PunchState(0));
        event
    }

    fn started() -> NaiveDateTime {
        NaiveDateTime::parse_from_str("2025-05-18 08:00:00", "%Y-%m-%d %H:%M:%S").unwrap()
    }

    #[test]
    fn the_file_is_the_array_that_the_python_tool_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = LogsFile::new(dir.path().to_owned(), started());
        file.add(&[event(1), event(2)]);
        file.add(&[event(3)]);
        let path = file.finish().unwrap().unwrap();
        assert_eq!(path.file_name().unwrap(), "logs_2025-05-18_08-00-00.json");
        let mut whole = Vec::new();
        write_array(&mut whole, [1, 2, 3].map(|second| LegacyDocument::from(&event(second)))).unwrap();
        assert_eq!(fs::read(path).unwrap(), whole);
    }

    #[test]
    fn the_second_file_of_a_second_has_a_number_and_none_is_left_half_written() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let mut file = LogsFile::new(dir.path().to_owned(), started());
            file.add(&[event(1)]);
            file.finish().unwrap().unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["logs_2025-05-18_08-00-00-2.json", "logs_2025-05-18_08-00-00.json"]);
    }

    #[test]
    fn rows_that_a_crash_left_behind_are_in_a_whole_file_after_the_next_run() {
        let dir = tempfile::tempdir().unwrap();
        let names = || {
            let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            names
        };
        let mut crashed = LogsFile::new(dir.path().to_owned(), started());
        crashed.add(&[event(1), event(2)]);
        let part = dir.path().join(names().remove(0));
        let on_disk = fs::read(&part).unwrap();
        let mut running = LogsFile::new(dir.path().to_owned(), started());
        running.add(&[event(4)]);
        assert_eq!(names().len(), 2, "what is being written is left alone");
        running.finish().unwrap().unwrap();
        drop(crashed);
        // A third row was under way.
        fs::write(&part, [&on_disk[..], b",\n    {\n        \"doc_id\": \"1"].concat()).unwrap();
        let mut next = LogsFile::new(dir.path().to_owned(), started());
        next.add(&[event(3)]);
        next.finish().unwrap().unwrap();
        let rows = |name: &String| {
            let rows: Vec<serde_json::Value> =
                serde_json::from_slice(&fs::read(dir.path().join(name)).unwrap()).unwrap();
            rows.len()
        };
        let mut counts: Vec<_> = names().iter().map(rows).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 2], "{:?}", names());
    }

    #[test]
    fn a_run_that_stored_nothing_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(LogsFile::new(dir.path().join("output"), started()).finish().unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
