//! The flight recorder of a client.

use std::boxed::Box;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::string::{String, ToString};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::tape::whole;
use super::{ConnectOptions, Transport};
use crate::session::ChecksumPolicy;
use crate::transcript::Scribe;

/// Writes what a client says and hears, without its secrets: see [`transcript`](crate::transcript).
///
/// One recorder is for one client at a time, with all its connections. Clones write to the same transcript. What is written
/// goes out at once, on the thread that talks.
///
/// ```no_run
/// use zk_proto::client::{ConnectOptions, Recorder};
/// use zk_proto::transcript::Transcript;
/// use zk_proto::Client;
///
/// # async fn record() -> Result<(), Box<dyn std::error::Error>> {
/// let recorder = Recorder::create("failure.zkt")?;
/// let options = ConnectOptions::new("192.0.2.10").recorder(recorder.clone());
/// let mut client = Client::connect(&options).await?;
/// let then = client.identity().await?;
/// client.exit().await;
/// recorder.finish()?;
///
/// // Elsewhere, without the terminal:
/// let transcript = Transcript::parse(&std::fs::read_to_string("failure.zkt")?)?;
/// let mut client = Client::connect(&ConnectOptions::replay(&transcript)).await?;
/// assert_eq!(client.identity().await?, then);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Recording>>);

struct Recording {
    origin: Instant,
    scribe: Option<Scribe>,
    /// Noted before the first connection.
    notes: std::vec::Vec<String>,
    sink: Sink,
    failed: Option<io::Error>,
}

enum Sink {
    Memory(String),
    Writer(Box<dyn Write + Send>),
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder(..)")
    }
}

impl Recorder {
    /// Writes into memory, for [`Recorder::text`].
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(Sink::Memory(String::new()))
    }

    /// Writes to anything that can be written to.
    #[must_use]
    pub fn to_writer(writer: impl Write + Send + 'static) -> Self {
        Self::new(Sink::Writer(Box::new(writer)))
    }

    /// Writes to a new file, or over an old one. On Unix nobody else may read a new one: it tells who punched when.
    ///
    /// # Errors
    /// When the file cannot be opened for writing.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self::to_writer(options.open(path)?))
    }

    fn new(sink: Sink) -> Self {
        let recording =
            Recording { origin: Instant::now(), scribe: None, notes: std::vec::Vec::new(), sink, failed: None };
        Self(Arc::new(Mutex::new(recording)))
    }

    /// Notes something beside the conversation, such as what was asked for. It must hold no secret.
    pub fn note(&self, text: &str) {
        let mut recording = self.lock();
        match &mut recording.scribe {
            Some(scribe) => scribe.note(text),
            None => recording.notes.push(text.into()),
        }
        recording.drain();
    }

    /// What was written into memory so far; empty for other recorders. Packets that are not whole yet, and a user table that is
    /// under way, are not in it before [`Recorder::finish`].
    #[must_use]
    pub fn text(&self) -> String {
        match &self.lock().sink {
            Sink::Memory(text) => text.clone(),
            Sink::Writer(_) => String::new(),
        }
    }

    /// Writes what is still held. The last clone does that too when it is dropped.
    ///
    /// # Errors
    /// The first error of the writer: the transcript ends there. The conversation went on all the same.
    pub fn finish(&self) -> io::Result<()> {
        let mut recording = self.lock();
        recording.finish();
        recording.failed.take().map_or(Ok(()), Err)
    }

    pub(super) fn origin(&self) -> Instant {
        self.lock().origin
    }

    pub(super) fn clock(&self) -> Duration {
        whole(self.lock().origin.elapsed())
    }

    pub(super) fn open(&self, options: &ConnectOptions, datagrams: bool) {
        let mut recording = self.lock();
        if recording.scribe.is_none() {
            let mut scribe = Scribe::new(settings(options));
            recording.notes.drain(..).for_each(|note| scribe.note(&note));
            recording.scribe = Some(scribe);
        }
        drop(recording);
        self.write(|scribe, at| scribe.open(at, datagrams));
    }

    /// Lets the scribe write something that happens now, and says when that is.
    pub(super) fn write(&self, what: impl FnOnce(&mut Scribe, Duration)) -> Duration {
        let mut recording = self.lock();
        let now = whole(recording.origin.elapsed());
        if let Some(scribe) = &mut recording.scribe {
            what(scribe, now);
        }
        recording.drain();
        now
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        // A panic while it was held leaves a text that is cut, and nothing worse.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    fn drain(&mut self) {
        let Some(scribe) = &mut self.scribe else { return };
        let ready = scribe.take();
        if ready.is_empty() || self.failed.is_some() {
            return;
        }
        match &mut self.sink {
            Sink::Memory(text) => text.push_str(&ready),
            Sink::Writer(writer) => self.failed = writer.write_all(ready.as_bytes()).err(),
        }
    }

    fn finish(&mut self) {
        if let Some(scribe) = &mut self.scribe {
            scribe.finish();
        }
        self.drain();
        if let (Sink::Writer(writer), None) = (&mut self.sink, &self.failed) {
            self.failed = writer.flush().err();
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The settings that matter for what happens.
fn settings(options: &ConnectOptions) -> [(&'static str, String); 12] {
    let limits = options.limits;
    [
        ("host", options.host.clone()),
        ("port", options.port.to_string()),
        ("transport", transport_name(options.transport).into()),
        ("timeout_us", options.timeout.as_micros().to_string()),
        ("key", if options.comm_key.is_some() { "yes" } else { "no" }.into()),
        ("checksums", if options.checksums == ChecksumPolicy::Tolerate { "tolerate" } else { "enforce" }.into()),
        ("max_packet", limits.max_packet.to_string()),
        ("max_transfer", limits.max_transfer.to_string()),
        ("max_answer", limits.max_answer.to_string()),
        ("chunk", limits.chunk.unwrap_or(0).to_string()),
        ("slowest_rate", limits.slowest_rate.to_string()),
        ("encoding", options.encoding.label().into()),
    ]
}

pub(super) fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Auto => "auto",
    }
}
