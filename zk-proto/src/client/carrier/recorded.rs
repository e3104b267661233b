//! A connection whose packets are written down: the flight recorder.

use std::boxed::Box;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::string::String;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec::Vec;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::cause::cause_of;
use super::network::{Network, whole};
use super::{Input, LineError, OpenError, Settings, Target};
use crate::transcript::{Cause, Failure, HEADER, Scribe, Stage};

/// A connection and its recorder.
#[derive(Debug)]
pub(in crate::client) struct Recorded {
    network: Network,
    recorder: Recorder,
}

impl Recorded {
    pub(super) async fn open(recorder: &Recorder, target: Target<'_>, settings: Settings) -> Result<Self, OpenError> {
        recorder.begin(settings);
        recorder.write(|scribe, at| scribe.open(at, target.datagrams));
        let network = Network::open(target, recorder.origin()).await;
        let network = network.inspect_err(|failed| recorder.failed(failed.stage, &failed.error))?;
        recorder.write(|scribe, at| scribe.opened(at));
        Ok(Self { network, recorder: recorder.clone() })
    }

    pub(super) fn clock(&self) -> Duration {
        self.network.clock()
    }

    pub(super) fn call(&self) -> Duration {
        self.recorder.write(|scribe, at| scribe.call(at))
    }

    pub(super) async fn send(&mut self, packet: Option<Bytes>, until: Duration) -> Result<(), LineError> {
        if let Some(packet) = &packet {
            self.recorder.write(|scribe, at| scribe.sent(at, packet));
        }
        let sent = self.network.send(packet, until).await;
        sent.inspect_err(|error| self.recorder.failed(Stage::Send, error))
    }

    pub(super) async fn receive(
        &mut self,
        mut buffer: Option<&mut BytesMut>,
        until: Duration,
    ) -> Result<Input<'_>, LineError> {
        let before = buffer.as_ref().map_or(0, |buffer| buffer.len());
        let recorder = &self.recorder;
        let input = self.network.receive(buffer.as_deref_mut(), until).await;
        let input = input.inspect_err(|error| recorder.failed(Stage::Receive, error))?;
        Ok(match input {
            Input::Stream(_) => {
                let fresh = buffer.as_ref().and_then(|buffer| buffer.get(before..)).unwrap_or_default();
                Input::Stream(recorder.write(|scribe, at| scribe.received(at, fresh)))
            }
            Input::Datagram(_, datagram) => {
                Input::Datagram(recorder.write(|scribe, at| scribe.received(at, datagram)), datagram)
            }
            Input::Idle(_) => Input::Idle(recorder.write(|scribe, at| scribe.idle(at))),
            Input::Cut => Input::Cut,
        })
    }

    pub(super) fn cut(&self) {
        self.recorder.write(|scribe, at| scribe.cut(at));
    }

    pub(super) fn overdue(&self) {
        self.recorder.write(|scribe, at| scribe.overdue(at));
    }

    pub(super) fn close(&mut self) {
        self.network.close();
        self.recorder.write(|scribe, at| scribe.closed(at));
    }
}

/// Writes what a client sends and receives, without its secrets: see [`transcript`](crate::transcript).
///
/// One recorder is for one client at a time, with all its connections. Clones write to the same transcript. Everything
/// is written at once, on the thread of the client.
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
    /// Notes from before the first connection.
    notes: Vec<String>,
    sink: Sink,
    /// The heading was written when the file was created, and the scribe's own is left out.
    has_heading: bool,
    failed: Option<io::Error>,
}

enum Sink {
    Memory(String),
    Writer(Box<dyn Write + Send>),
    File(WholeLines),
}

/// A file that ends with a whole line, also when it could not take all of them.
struct WholeLines {
    file: File,
    len: u64,
}

impl WholeLines {
    fn write(&mut self, lines: &str) -> io::Result<()> {
        let written = self.file.write_all(lines.as_bytes());
        match &written {
            Ok(()) => self.len += lines.len() as u64,
            // If this fails too, the last line is half a line, which a reader leaves out.
            Err(_) => _ = self.file.set_len(self.len),
        }
        written
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder(..)")
    }
}

/// Two are equal if they write the same transcript.
impl PartialEq for Recorder {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Recorder {}

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

    /// Writes to a new file, or over an old one, and begins with the heading. On Unix only the owner may read a new
    /// one: it shows who punched when.
    ///
    /// # Errors
    /// When the file cannot be opened for writing, or has no room for the heading.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = WholeLines { file: options.open(path)?, len: 0 };
        file.write(&std::format!("{HEADER}\n"))?;
        let recorder = Self::new(Sink::File(file));
        recorder.lock().has_heading = true;
        Ok(recorder)
    }

    fn new(sink: Sink) -> Self {
        let (scribe, notes) = (None, Vec::new());
        let recording = Recording { origin: Instant::now(), scribe, notes, sink, has_heading: false, failed: None };
        Self(Arc::new(Mutex::new(recording)))
    }

    /// Adds a note, such as what was asked for. It must contain no secret.
    pub fn note(&self, text: &str) {
        let mut recording = self.lock();
        match &mut recording.scribe {
            Some(scribe) => scribe.note(text),
            None => recording.notes.push(text.into()),
        }
        recording.drain();
    }

    /// Returns the text so far of a recorder in memory; empty for other recorders. Incomplete packets and a user table
    /// that is still arriving are missing until [`Recorder::finish`].
    #[must_use]
    pub fn text(&self) -> String {
        match &self.lock().sink {
            Sink::Memory(text) => text.clone(),
            Sink::Writer(_) | Sink::File(_) => String::new(),
        }
    }

    /// Writes what is still held. Dropping the last clone does the same.
    ///
    /// # Errors
    /// The first error of the writer. The transcript ends there; the conversation went on.
    pub fn finish(&self) -> io::Result<()> {
        let mut recording = self.lock();
        recording.finish();
        recording.failed.take().map_or(Ok(()), Err)
    }

    fn origin(&self) -> Instant {
        self.lock().origin
    }

    /// Begins the transcript, unless an earlier connection did.
    fn begin(&self, settings: Settings) {
        let mut recording = self.lock();
        if recording.scribe.is_none() {
            let mut scribe = Scribe::new(settings);
            recording.notes.drain(..).for_each(|note| scribe.note(&note));
            recording.scribe = Some(scribe);
        }
    }

    fn failed(&self, stage: Stage, error: &LineError) {
        let cause = match error {
            LineError::Io(error) => cause_of(error),
            _ => Cause::TimedOut,
        };
        self.write(|scribe, at| scribe.failed(at, Failure { stage, cause }));
    }

    /// Lets the scribe write something that happens now, and returns that time.
    fn write(&self, what: impl FnOnce(&mut Scribe, Duration)) -> Duration {
        let mut recording = self.lock();
        let now = whole(recording.origin.elapsed());
        if let Some(scribe) = &mut recording.scribe {
            what(scribe, now);
        }
        recording.drain();
        now
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        // A panic while it was held leaves a truncated text, and nothing worse.
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
        let written = if std::mem::take(&mut self.has_heading) { HEADER.len() + 1 } else { 0 };
        let ready = ready.get(written..).unwrap_or_default();
        match &mut self.sink {
            Sink::Memory(text) => text.push_str(ready),
            Sink::Writer(writer) => self.failed = writer.write_all(ready.as_bytes()).err(),
            Sink::File(file) => self.failed = file.write(ready).err(),
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
