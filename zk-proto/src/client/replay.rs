//! A transcript in place of a terminal.

use std::io;
use std::string::String;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec::Vec;

use bytes::Bytes;

use super::recorder::transport_name;
use super::tape::error_of;
use super::{ClientError, ConnectOptions, Transport};
use crate::CommKey;
use crate::encoding::TextEncoding;
use crate::frame::PREFIX_LEN;
use crate::session::{ChecksumPolicy, Limits};
use crate::transcript::{Failure, Line, Stage, Transcript, What, mask_request};

/// Plays a transcript back: [`ConnectOptions::replay`] makes one. Clones share the place in it.
#[derive(Clone, Debug)]
pub struct Replay(Arc<Mutex<Playing>>);

#[derive(Debug)]
struct Playing {
    lines: Vec<Line>,
    next: usize,
    clock: Duration,
    datagrams: bool,
}

/// What ended a wait.
#[derive(Debug)]
pub(super) enum Came {
    Bytes(Duration, Bytes),
    Idle(Duration),
    /// The call was given up from outside.
    Cut,
}

/// What went wrong: then as recorded, or now.
#[derive(Debug)]
pub(super) enum Trip {
    Line(io::Error),
    TimedOut,
    Diverged(ClientError),
}

impl ConnectOptions {
    /// Options whose terminal is a transcript: [`Client::connect`](super::Client::connect) and every call after it give what
    /// they gave then, result or error, without a socket and without waiting.
    ///
    /// The same has to be called in the same order; where a client does something else than it did then, the call ends with
    /// [`ClientError::Replay`]. A call that the caller had dropped ends so too.
    #[must_use]
    pub fn replay(transcript: &Transcript) -> Self {
        let text = |name| transcript.setting(name);
        let number = |name| text(name).and_then(|value| value.parse::<u64>().ok());
        let defaults = Limits::default();
        let size = |name, default| number(name).and_then(|value| usize::try_from(value).ok()).unwrap_or(default);
        let short = |name, default| number(name).and_then(|value| u32::try_from(value).ok()).unwrap_or(default);
        let mut options = Self::new(text("host").unwrap_or_default());
        options.port = number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(options.port);
        options.transport = [Transport::Tcp, Transport::Udp]
            .into_iter()
            .find(|transport| text("transport") == Some(transport_name(*transport)))
            .unwrap_or(Transport::Auto);
        options.timeout = number("timeout_us").map_or(options.timeout, Duration::from_micros);
        // Which one it was is not in the transcript; the answer to the demand is compared without it.
        options.comm_key = (text("key") == Some("yes")).then_some(CommKey::new(0));
        if text("checksums") == Some("tolerate") {
            options.checksums = ChecksumPolicy::Tolerate;
        }
        options.limits = Limits {
            max_packet: size("max_packet", defaults.max_packet),
            max_transfer: number("max_transfer").unwrap_or(defaults.max_transfer),
            max_answer: number("max_answer").unwrap_or(defaults.max_answer),
            chunk: Some(short("chunk", 0)).filter(|chunk| *chunk > 0),
            slowest_rate: short("slowest_rate", defaults.slowest_rate),
        };
        options.encoding = encoding(text("encoding").unwrap_or_default());
        options.replay = Some(Replay::new(transcript));
        options
    }
}

#[cfg(feature = "encoding")]
fn encoding(label: &str) -> TextEncoding {
    TextEncoding::named(label).unwrap_or_default()
}

#[cfg(not(feature = "encoding"))]
fn encoding(_label: &str) -> TextEncoding {
    TextEncoding::default()
}

impl Replay {
    fn new(transcript: &Transcript) -> Self {
        let lines = transcript.lines().to_vec();
        Self(Arc::new(Mutex::new(Playing { lines, next: 0, clock: Duration::ZERO, datagrams: false })))
    }

    fn lock(&self) -> MutexGuard<'_, Playing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn clock(&self) -> Duration {
        self.lock().clock
    }

    pub(super) fn open(&self, datagrams: bool) -> Result<(), ClientError> {
        let mut playing = self.lock();
        playing.datagrams = datagrams;
        match playing.take_if(|what| *what == What::Open { datagrams }) {
            Some(_) => Ok(()),
            None => Err(playing.diverged("a connection")),
        }
    }

    /// Whether the connection came about, and what became of it if not.
    pub(super) fn connected(&self) -> Result<Result<(), (Stage, Option<io::Error>)>, ClientError> {
        let mut playing = self.lock();
        if playing.take_if(|what| *what == What::Opened).is_some() {
            return Ok(Ok(()));
        }
        match playing.take_failure(|stage| matches!(stage, Stage::Resolve | Stage::Connect)) {
            Some(Failure { stage, fault }) => Ok(Err((stage, error_of(&fault)))),
            None => Err(playing.diverged("the end of a connection attempt")),
        }
    }

    pub(super) fn call(&self) -> Duration {
        let mut playing = self.lock();
        playing.take_if(|what| *what == What::Call);
        playing.clock
    }

    pub(super) fn sent(&self, packet: Option<&Bytes>) -> Result<(), Trip> {
        let mut playing = self.lock();
        if let Some(packet) = packet {
            let mut wire = packet.to_vec();
            mask_request(wire.get_mut(if playing.datagrams { 0 } else { PREFIX_LEN }..).unwrap_or_default());
            let same = |what: &What| matches!(what, What::Sent(sent) if *sent == wire);
            if playing.take_if(same).is_none() {
                return Err(Trip::Diverged(playing.diverged("what is sent now")));
            }
        }
        match playing.take_failure(|stage| stage == Stage::Send) {
            Some(failure) => Err(error_of(&failure.fault).map_or(Trip::TimedOut, Trip::Line)),
            None => Ok(()),
        }
    }

    pub(super) fn wait(&self) -> Result<Came, Trip> {
        let mut playing = self.lock();
        if let Some(Failure { fault, .. }) = playing.take_failure(|stage| stage == Stage::Receive) {
            return Err(error_of(&fault).map_or(Trip::TimedOut, Trip::Line));
        }
        let came = |what: &What| matches!(what, What::Received(_) | What::Idle | What::Cut);
        match playing.take_if(came) {
            Some(What::Received(bytes)) => Ok(Came::Bytes(playing.clock, bytes)),
            Some(What::Idle) => Ok(Came::Idle(playing.clock)),
            Some(_) => Ok(Came::Cut),
            None => Err(Trip::Diverged(playing.diverged("something that came, or a silence"))),
        }
    }

    pub(super) fn closed(&self) {
        self.lock().take_if(|what| *what == What::Closed);
    }
}

impl Playing {
    /// Takes the next line when it is of this kind; the clock goes with it.
    fn take_if(&mut self, wanted: impl FnOnce(&What) -> bool) -> Option<What> {
        let line = self.lines.get(self.next).filter(|line| wanted(&line.what))?;
        self.clock = line.at;
        self.next += 1;
        Some(line.what.clone())
    }

    fn take_failure(&mut self, wanted: impl FnOnce(Stage) -> bool) -> Option<Failure> {
        match self.take_if(|what| matches!(what, What::Failed(failure) if wanted(failure.stage))) {
            Some(What::Failed(failure)) => Some(failure),
            _ => None,
        }
    }

    fn diverged(&self, wanted: &'static str) -> ClientError {
        let found = self.lines.get(self.next).map_or_else(|| String::from("its end"), |line| describe(&line.what));
        ClientError::Replay { entry: self.next, wanted, found }
    }
}

/// In a word, without its bytes.
fn describe(what: &What) -> String {
    match what {
        What::Sent(bytes) => std::format!("{} bytes sent", bytes.len()),
        What::Received(bytes) => std::format!("{} bytes received", bytes.len()),
        other => std::format!("{other:?}"),
    }
}
