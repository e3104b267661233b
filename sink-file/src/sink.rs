//! The contract, on a blocking thread.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attendance_model::{
    AttendanceEvent, Capabilities, EventId, IdScheme, NamedPerson, Notice, Outcome, Sink, SinkError, SinkErrorKind,
};
use chrono::Utc;
use tokio::sync::Mutex;

use crate::append::AppendFile;
use crate::error::failed;
use crate::people;
use crate::{FileOptions, Format};

/// Each write waits for the disk once: many events share the wait.
const BATCH: usize = 5_000;
/// The limit for one call. The first one reads the whole file; after a timeout the next try continues there.
const LIMIT: Duration = Duration::from_secs(60);

/// Appends events to a file. Several may write to one file, also from several processes.
///
/// The ids of its lines are kept in a temporary file next to it, so that memory does not grow with them.
#[derive(Debug)]
pub struct FileSink {
    options: FileOptions,
    file: Arc<Mutex<AppendFile>>,
}

impl FileSink {
    /// Opens nothing: the first probe or write does.
    #[must_use]
    pub fn open(options: FileOptions) -> Self {
        let file = AppendFile::new(options.format, options.path.clone(), options.rotation);
        Self { options, file: Arc::new(Mutex::new(file)) }
    }

    /// Runs blocking work on the file, within the time limit.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AppendFile) -> Result<T, SinkError> + Send + 'static,
    ) -> Result<T, SinkError> {
        let done = async {
            // Locked before the thread is taken: calls that wait for a stuck disk do not pile up threads.
            let mut file = Arc::clone(&self.file).lock_owned().await;
            tokio::task::spawn_blocking(move || work(&mut file)).await
        };
        let path = self.options.path.display();
        match tokio::time::timeout(LIMIT, done).await {
            Ok(Ok(result)) => result,
            Ok(Err(stopped)) => {
                Err(SinkError::new(SinkErrorKind::Unreachable, format!("the work on {path} was stopped"))
                    .because(stopped))
            }
            Err(_) => Err(SinkError::new(
                SinkErrorKind::TimedOut,
                format!("the disk did not finish with {path} within {} s", LIMIT.as_secs()),
            )
            .hint("check the disk or the network drive that the file is on")),
        }
    }
}

#[async_trait]
impl Sink for FileSink {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn target(&self) -> String {
        format!("{}:{}", self.options.format.as_str(), self.options.path.display())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(BATCH, self.options.ids).local().names(self.options.names)
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        self.blocking(AppendFile::prepare).await.map(|()| Vec::new())
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let lines = lines(self.options.format, self.options.ids, batch)
            .map_err(|error| failed("put an event in the form of", &self.options.path, error))?;
        self.blocking(move |file| file.write(&lines)).await
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        let ids = ids.to_vec();
        self.blocking(move |file| file.lookup(&ids)).await
    }

    async fn write_names(&self, people: &[NamedPerson]) -> Result<usize, SinkError> {
        if !self.options.names {
            let problem = format!("{} keeps no names", self.target());
            return Err(SinkError::new(SinkErrorKind::Invalid, problem).hint("set names = true for this sink"));
        }
        let (format, path, people) = (self.options.format, people::path_of(&self.options.path), people.to_vec());
        self.blocking(move |file| file.alone(|| people::put(format, &path, &people)).map(|()| people.len())).await
    }
}

fn lines(format: Format, ids: IdScheme, batch: &[AttendanceEvent]) -> std::io::Result<Vec<(EventId, Vec<u8>)>> {
    let stored_at = Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    batch
        .iter()
        .map(|event| {
            let id = ids.id_of(event);
            Ok((id, format.line(id, event, &stored_at)?))
        })
        .collect()
}
