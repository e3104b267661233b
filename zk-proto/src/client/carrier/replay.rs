//! A transcript in place of a terminal.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::string::String;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use std::vec::Vec;

use bytes::{Bytes, BytesMut};

use super::cause::error_of;
use super::{Divergence, Input, LineError, OpenError};
use crate::frame::PREFIX_LEN;
use crate::transcript::{Failure, Line, Stage, Transcript, What, mask_request};

/// A transcript that is played back. Clones share the place in it.
#[derive(Clone, Debug)]
pub(in crate::client) struct Replay(Arc<Mutex<Playing>>);

#[derive(Debug)]
struct Playing {
    lines: Vec<Line>,
    next: usize,
    clock: Duration,
    /// A pull is under way, whose deadline the transcript may have.
    pulling: bool,
    overdue: bool,
}

impl Replay {
    pub(super) fn new(transcript: &Transcript) -> Self {
        let lines = transcript.lines().to_vec();
        Self(Arc::new(Mutex::new(Playing { lines, next: 0, clock: Duration::ZERO, pulling: false, overdue: false })))
    }

    /// Runs a pull to its end, or to the point at which the transcript says that its deadline passed.
    pub(super) async fn until_overdue<T>(&self, pull: impl Future<Output = T>) -> Option<T> {
        self.lock().pulling = true;
        let mut pull = pin!(pull);
        let outcome = poll_fn(|context| match pull.as_mut().poll(context) {
            Poll::Pending if std::mem::take(&mut self.lock().overdue) => Poll::Ready(None),
            outcome => outcome.map(Some),
        });
        let outcome = outcome.await;
        self.lock().pulling = false;
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Playing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of a transcript.
#[derive(Debug)]
pub(in crate::client) struct Replayed {
    replay: Replay,
    datagrams: bool,
    /// The datagram that came last.
    datagram: Bytes,
    closed: bool,
}

impl Replayed {
    /// Takes up what the transcript has of a connection attempt.
    pub(super) fn open(replay: &Replay, datagrams: bool) -> Result<Self, OpenError> {
        let failed = |error| OpenError { stage: Stage::Connect, error };
        let mut playing = replay.lock();
        if playing.take_if(|what| *what == What::Open { datagrams }).is_none() {
            return Err(failed(playing.lacks("a connection")));
        }
        if playing.take_if(|what| *what == What::Opened).is_none() {
            return match playing.take_failure(|stage| matches!(stage, Stage::Resolve | Stage::Connect)) {
                Some(failure) => Err(OpenError { stage: failure.stage, error: line_error(&failure) }),
                None => Err(failed(playing.lacks("the end of a connection attempt"))),
            };
        }
        drop(playing);
        Ok(Self { replay: replay.clone(), datagrams, datagram: Bytes::new(), closed: false })
    }

    pub(super) fn clock(&self) -> Duration {
        self.replay.lock().clock
    }

    pub(super) fn call(&self) -> Duration {
        let mut playing = self.replay.lock();
        playing.take_if(|what| *what == What::Call);
        playing.clock
    }

    pub(super) fn send(&mut self, packet: Option<&Bytes>) -> Result<(), LineError> {
        let mut playing = self.replay.lock();
        if let Some(packet) = packet {
            let mut wire = packet.to_vec();
            mask_request(wire.get_mut(if self.datagrams { 0 } else { PREFIX_LEN }..).unwrap_or_default());
            let same = |what: &What| matches!(what, What::Sent(sent) if *sent == wire);
            if playing.take_if(same).is_none() {
                return Err(playing.lacks("what is sent now"));
            }
        }
        match playing.take_failure(|stage| stage == Stage::Send) {
            Some(failure) => Err(line_error(&failure)),
            None => Ok(()),
        }
    }

    pub(super) fn receive(&mut self, buffer: Option<&mut BytesMut>) -> Result<Input<'_>, LineError> {
        let mut playing = self.replay.lock();
        let failure = playing.take_failure(|stage| stage == Stage::Receive);
        if self.closed {
            return Err(LineError::Io(io::ErrorKind::NotConnected.into()));
        }
        if let Some(failure) = failure {
            return Err(line_error(&failure));
        }
        let came = playing.take_if(|what| matches!(what, What::Received(_) | What::Idle | What::Cut));
        let now = playing.clock;
        match (came, buffer) {
            (Some(What::Received(bytes)), Some(buffer)) => {
                buffer.extend_from_slice(&bytes);
                Ok(Input::Stream(now))
            }
            (Some(What::Received(bytes)), None) => {
                drop(playing);
                self.datagram = bytes;
                Ok(Input::Datagram(now, &self.datagram))
            }
            (Some(What::Idle), _) => Ok(Input::Idle(now)),
            (Some(_), _) => Ok(Input::Cut),
            (None, _) => Err(playing.lacks("something that came, or a silence")),
        }
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.replay.lock().take_if(|what| *what == What::Closed);
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

    /// The error when the next line is not of the kind that is needed.
    fn lacks(&mut self, wanted: &'static str) -> LineError {
        if self.pulling && self.take_if(|what| *what == What::Overdue).is_some() {
            self.overdue = true;
            return LineError::Overdue;
        }
        let found = self.lines.get(self.next).map_or_else(|| String::from("its end"), |line| describe(&line.what));
        LineError::Diverged(Divergence { entry: self.next, wanted, found })
    }
}

fn line_error(failure: &Failure) -> LineError {
    error_of(&failure.cause).map_or(LineError::TooLate, LineError::Io)
}

/// In a word, without its bytes.
fn describe(what: &What) -> String {
    match what {
        What::Sent(bytes) => std::format!("{} bytes sent", bytes.len()),
        What::Received(bytes) => std::format!("{} bytes received", bytes.len()),
        other => std::format!("{other:?}"),
    }
}
