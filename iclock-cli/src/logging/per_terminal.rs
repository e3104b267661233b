//! A log file for each terminal: the events that name it, next to the file of all.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

use crate::command::terminal::base::file_of;
use crate::config::LogConfig;

/// The field that names the terminal of an event.
const FIELD: &str = "terminal";
/// More files than this are not kept open. Further terminals are in the file of all only.
const MOST: usize = 1_000;

thread_local! {
    /// The terminal of the event that this thread is writing.
    static TERMINAL: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Passes on the events of terminals, and lets [`Files`] know which terminal each is of.
#[derive(Debug)]
pub(super) struct PerTerminal<L>(pub(super) L);

impl<S: Subscriber, L: Layer<S>> Layer<S> for PerTerminal<L> {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut name = Name::default();
        event.record(&mut name);
        if name.0.is_none() {
            return;
        }
        TERMINAL.set(name.0);
        self.0.on_event(event, context);
        TERMINAL.set(None);
    }
}

#[derive(Default)]
struct Name(Option<String>);

impl Visit for Name {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == FIELD {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == FIELD {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

/// The files, opened as terminals appear.
#[derive(Clone)]
pub(super) struct Files(Arc<Opened>);

struct Opened {
    dir: PathBuf,
    size: usize,
    keep: usize,
    files: Mutex<HashMap<String, Option<FileRotate<AppendCount>>>>,
}

impl Files {
    /// For the directory of a log that exists.
    pub(super) fn new(dir: &Path, log: &LogConfig) -> Self {
        let (size, keep) = (log.size, log.keep.max(1));
        Self(Arc::new(Opened { dir: dir.to_owned(), size, keep, files: Mutex::default() }))
    }
}

impl<'a> MakeWriter<'a> for Files {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Files {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(name) = TERMINAL.with_borrow(Clone::clone) else { return Ok(bytes.len()) };
        let Opened { dir, size, keep, files } = &*self.0;
        // No holder of the lock panics half-way.
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.contains_key(&name) && files.len() >= MOST {
            return Ok(bytes.len());
        }
        // A file that cannot be opened is tried once: the file of all has the same lines.
        let file = files
            .entry(name)
            .or_insert_with_key(|name| rotating(file_of(&dir.join("terminal.log"), name), *size, *keep).ok());
        file.as_mut().map_or(Ok(bytes.len()), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a file that is rotated at a size, and keeps so many with it.
fn rotating(path: PathBuf, size: usize, keep: usize) -> io::Result<FileRotate<AppendCount>> {
    // file-rotate panics if it cannot open its file, so try first.
    fs::OpenOptions::new().create(true).append(true).open(&path)?;
    let limit = ContentLimit::BytesSurpassed(size.max(4096));
    Ok(FileRotate::new(
        path,
        // It counts the earlier ones alone.
        AppendCount::new(keep.saturating_sub(1)),
        limit,
        Compression::None,
        None,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_files_of_a_terminal_are_kept_than_wanted() {
        let dir = tempfile::tempdir().unwrap();
        for keep in [1, 3] {
            // A restart continues the file.
            for _ in 0..20 {
                let mut file = rotating(dir.path().join("terminal-gate.log"), 4096, keep).unwrap();
                file.write_all(&[b'x'; 1024]).unwrap();
            }
            let sizes: Vec<u64> =
                fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
            assert!(sizes.len() == keep && sizes.iter().all(|size| *size <= 6144), "{keep}: {sizes:?}");
        }
    }
}
