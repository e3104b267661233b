//! The carriers of packets: a network connection, one that is recorded, or a transcript in its place.
//!
//! All three keep the time, in whole microseconds, so that a replay sees the times that were recorded.

mod cause;
mod network;
mod recorded;
mod replay;
mod tcp;
mod udp;

use std::future::pending;
use std::io;
use std::string::String;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

pub use recorded::Recorder;

use crate::transcript::{Stage, Transcript};
use network::Network;
use recorded::Recorded;
use replay::{Replay, Replayed};

/// The target of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) datagrams: bool,
    pub(super) timeout: Duration,
}

/// The settings that a transcript begins with.
pub(super) type Settings = [(&'static str, String); 13];

/// The way to a terminal. Clones of one share its recorder, or its place in a transcript.
#[derive(Clone, Debug, Default)]
pub(super) enum Route {
    #[default]
    Network,
    Recorded(Recorder),
    Replay(Replay),
}

impl Route {
    pub(super) fn replay(transcript: &Transcript) -> Self {
        Self::Replay(Replay::new(transcript))
    }

    /// Writes a note into the transcript, if one is written.
    pub(super) fn note(&self, text: impl FnOnce() -> String) {
        if let Self::Recorded(recorder) = self {
            recorder.note(&text());
        }
    }

    /// Runs a pull until its deadline. `None`: the deadline passed, now or when the transcript was recorded.
    pub(super) async fn until<T>(&self, deadline: Option<Duration>, pull: impl Future<Output = T>) -> Option<T> {
        match (self, deadline) {
            (Self::Replay(replay), _) => replay.until_overdue(pull).await,
            (_, Some(deadline)) => tokio::time::timeout(deadline, pull).await.ok(),
            (_, None) => Some(pull.await),
        }
    }

    /// Opens a connection.
    pub(super) async fn open(
        &self,
        target: Target<'_>,
        settings: impl FnOnce() -> Settings,
    ) -> Result<Carrier, OpenError> {
        Ok(match self {
            Self::Network => Carrier::Network(Network::open(target, Instant::now()).await?),
            Self::Recorded(recorder) => Carrier::Recorded(Recorded::open(recorder, target, settings()).await?),
            Self::Replay(replay) => match Replayed::open(replay, target.datagrams) {
                Err(OpenError { error: LineError::Overdue, .. }) => pending().await,
                opened => Carrier::Replayed(opened?),
            },
        })
    }
}

/// Why no connection could be opened.
#[derive(Debug)]
pub(super) struct OpenError {
    pub(super) stage: Stage,
    pub(super) error: LineError,
}

/// The failures of a carrier.
#[derive(Debug)]
pub(super) enum LineError {
    Io(io::Error),
    TooLate,
    /// A replay reached the deadline of its pull, which is dropped here as it was then.
    Overdue,
    /// A replay does something else than what its transcript recorded.
    Diverged(Divergence),
}

/// The place at which a replay left its transcript.
#[derive(Debug)]
pub(super) struct Divergence {
    /// The number of the thing that happened, from 0.
    pub(super) entry: usize,
    pub(super) wanted: &'static str,
    pub(super) found: String,
}

/// The end of a wait, and its time.
#[derive(Debug)]
pub(super) enum Input<'a> {
    /// Bytes of a stream came, and are in its buffer.
    Stream(Duration),
    Datagram(Duration, &'a [u8]),
    /// The deadline passed.
    Idle(Duration),
    /// The caller had given the call up at this point of the transcript.
    Cut,
}

/// An open connection.
#[derive(Debug)]
pub(super) enum Carrier {
    Network(Network),
    Recorded(Recorded),
    Replayed(Replayed),
}

impl Carrier {
    /// The time since an origin that all connections of one recording share.
    pub(super) fn clock(&self) -> Duration {
        match self {
            Self::Network(network) => network.clock(),
            Self::Recorded(recorded) => recorded.clock(),
            Self::Replayed(replayed) => replayed.clock(),
        }
    }

    /// The time at which a session is given something to do. A recording remembers it.
    pub(super) fn call(&self) -> Duration {
        match self {
            Self::Network(network) => network.clock(),
            Self::Recorded(recorded) => recorded.call(),
            Self::Replayed(replayed) => replayed.call(),
        }
    }

    /// Sends a packet, or without one the rest of a packet whose sending was dropped half-way.
    pub(super) async fn send(&mut self, packet: Option<Bytes>, until: Duration) -> Result<(), LineError> {
        match self {
            Self::Network(network) => network.send(packet, until).await,
            Self::Recorded(recorded) => recorded.send(packet, until).await,
            Self::Replayed(replayed) => match replayed.send(packet.as_ref()) {
                Err(LineError::Overdue) => pending().await,
                sent => sent,
            },
        }
    }

    /// Waits for bytes until a deadline. Those of a stream are appended to `buffer`.
    pub(super) async fn receive(
        &mut self,
        buffer: Option<&mut BytesMut>,
        until: Duration,
    ) -> Result<Input<'_>, LineError> {
        match self {
            Self::Network(network) => network.receive(buffer, until).await,
            Self::Recorded(recorded) => recorded.receive(buffer, until).await,
            Self::Replayed(replayed) => match replayed.receive(buffer) {
                Err(LineError::Overdue) => pending().await,
                received => received,
            },
        }
    }

    /// Lets some time pass. A replay does not wait.
    pub(super) async fn pause(&self, time: Duration) {
        if !matches!(self, Self::Replayed(_)) {
            tokio::time::sleep(time).await;
        }
    }

    /// The caller gave a call up.
    pub(super) fn cut(&self) {
        if let Self::Recorded(recorded) = self {
            recorded.cut();
        }
    }

    /// The deadline of a pull passed, and the pull was given up.
    pub(super) fn overdue(&self) {
        if let Self::Recorded(recorded) = self {
            recorded.overdue();
        }
    }

    pub(super) fn close(&mut self) {
        match self {
            Self::Network(network) => network.close(),
            Self::Recorded(recorded) => recorded.close(),
            Self::Replayed(replayed) => replayed.close(),
        }
    }
}
