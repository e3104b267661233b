//! The sink: what has to be there, and nothing else.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use attendance_model::flat::FlatEvent;
use attendance_model::{
    AttendanceEvent, Capabilities, EventId, IdScheme, Notice, Outcome, Sink, SinkError, SinkErrorKind, async_trait,
};

/// A directory with a file for each event, named by its id.
#[derive(Debug)]
pub(crate) struct FolderSink(PathBuf);

impl FolderSink {
    /// Opens nothing: the first call of the `Sink` looks at the directory.
    pub(crate) fn open(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        // A target is the same wherever the program runs.
        Self(std::path::absolute(&directory).unwrap_or(directory))
    }

    /// Runs blocking work where it holds nobody up.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, SinkError> {
        let directory = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(&directory)).await.map_err(io::Error::other);
        done.and_then(|result| result).map_err(|error| failed(&self.0, error))
    }
}

#[async_trait]
impl Sink for FolderSink {
    fn name(&self) -> &str {
        "folder"
    }

    fn target(&self) -> String {
        format!("folder:{}", self.0.display())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(100, IdScheme::Full).concurrency(4)
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        self.blocking(|directory| tempfile_in(directory).and_then(fs::remove_file)).await?;
        Ok(Vec::new())
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let batch = batch.to_vec();
        self.blocking(move |directory| batch.iter().map(|event| store(directory, event)).collect()).await
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        let ids = ids.to_vec();
        self.blocking(move |directory| ids.iter().map(|id| place(directory, *id).try_exists()).collect()).await
    }
}

fn place(directory: &Path, id: EventId) -> PathBuf {
    directory.join(format!("{id}.json"))
}

/// Create if absent, in one step: the file is whole and on the disk before it gets its name, and a name is given once.
fn store(directory: &Path, event: &AttendanceEvent) -> io::Result<Outcome> {
    let place = place(directory, event.id);
    // Saves the work, and decides nothing.
    if place.try_exists()? {
        return Ok(Outcome::AlreadyStored);
    }
    let unnamed = tempfile_in(directory)?;
    let mut file = File::create(&unnamed)?;
    let named = serde_json::to_vec(&FlatEvent::new(event.id, event))
        .map_err(io::Error::other)
        .and_then(|json| file.write_all(&json))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&unnamed, &place));
    fs::remove_file(&unnamed)?;
    match named {
        Ok(()) => Ok(Outcome::Stored),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Outcome::AlreadyStored),
        Err(error) => Err(error),
    }
}

/// A new file of a name that nobody else has.
fn tempfile_in(directory: &Path) -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("{}-{number}.part", std::process::id()));
        match File::create_new(&path) {
            Ok(_) => return Ok(path),
            // Left by a process that was killed.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// The kind of failure decides whether it is retried; the hint is for people.
fn failed(directory: &Path, error: io::Error) -> SinkError {
    let (kind, hint) = match error.kind() {
        ErrorKind::NotFound => (SinkErrorKind::Missing, "create the directory"),
        ErrorKind::PermissionDenied => (SinkErrorKind::Rights, "let this user write to the directory"),
        ErrorKind::StorageFull => (SinkErrorKind::Full, "make room on the disk"),
        _ => (SinkErrorKind::Unreachable, "check the disk that the directory is on"),
    };
    SinkError::new(kind, format!("cannot use {}", directory.display())).hint(hint).because(error)
}
