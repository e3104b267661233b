//! Where a driver's time comes from and what becomes of what it does: nothing, a recording, or a replay.

use std::io;
use std::string::String;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::recorder::Recorder;
use super::replay::{Came, Replay, Trip};
use super::{ClientError, ConnectOptions};
use crate::transcript::{Failure, Fault, Stage};

/// A driver's time and its witness.
#[derive(Debug)]
pub(super) enum Tape {
    Off { origin: Instant },
    Recording(Recorder),
    Replaying(Replay),
}

impl Tape {
    /// The tape of a driver that is to connect over this carrier.
    pub(super) fn open(options: &ConnectOptions, datagrams: bool) -> Result<Self, ClientError> {
        if let Some(player) = &options.replay {
            player.open(datagrams)?;
            return Ok(Self::Replaying(player.clone()));
        }
        Ok(match &options.recorder {
            Some(recorder) => {
                recorder.open(options, datagrams);
                Self::Recording(recorder.clone())
            }
            None => Self::Off { origin: Instant::now() },
        })
    }

    /// The time, in whole microseconds so that a replay has the same.
    pub(super) fn clock(&self) -> Duration {
        match self {
            Self::Off { origin } => whole(origin.elapsed()),
            Self::Recording(recorder) => recorder.clock(),
            Self::Replaying(player) => player.clock(),
        }
    }

    /// The time at which a session is given something to do.
    pub(super) fn call(&self) -> Duration {
        match self {
            Self::Replaying(player) => player.call(),
            Self::Recording(recorder) => recorder.write(|scribe, at| scribe.call(at)),
            Self::Off { .. } => self.clock(),
        }
    }

    /// The moment of the runtime's clock that is meant by a time.
    pub(super) fn instant(&self, at: Duration) -> Instant {
        let origin = match self {
            Self::Off { origin } => *origin,
            Self::Recording(recorder) => recorder.origin(),
            Self::Replaying(_) => Instant::now(),
        };
        origin + at
    }

    pub(super) fn opened(&self) {
        self.write(|scribe, at| scribe.opened(at));
    }

    /// Notes a packet that goes out; the replay's verdict where there is one.
    pub(super) fn sent(&self, packet: Option<&Bytes>) -> Option<Result<(), Trip>> {
        match (self, packet) {
            (Self::Replaying(player), packet) => return Some(player.sent(packet)),
            (Self::Recording(recorder), Some(packet)) => {
                recorder.write(|scribe, at| scribe.sent(at, packet));
            }
            _ => {}
        }
        None
    }

    /// Notes what came, and says when.
    pub(super) fn received(&self, bytes: &[u8]) -> Duration {
        self.write(|scribe, at| scribe.received(at, bytes))
    }

    /// Notes that a deadline passed, and says when.
    pub(super) fn idle(&self) -> Duration {
        self.write(|scribe, at| scribe.idle(at))
    }

    pub(super) fn cut(&self) {
        self.write(|scribe, at| scribe.cut(at));
    }

    pub(super) fn failed(&self, stage: Stage, error: Option<&io::Error>) {
        let fault = error.map_or(Fault::TimedOut, fault_of);
        self.write(|scribe, at| scribe.failed(at, Failure { stage, fault }));
    }

    pub(super) fn closed(&self) {
        match self {
            Self::Replaying(player) => player.closed(),
            _ => {
                self.write(|scribe, at| scribe.closed(at));
            }
        }
    }

    /// What the transcript says that came; `None` where there is a line to wait on.
    pub(super) fn played(&self) -> Option<Result<Came, Trip>> {
        match self {
            Self::Replaying(player) => Some(player.wait()),
            _ => None,
        }
    }

    fn write(&self, what: impl FnOnce(&mut crate::transcript::Scribe, Duration)) -> Duration {
        match self {
            Self::Recording(recorder) => recorder.write(what),
            _ => self.clock(),
        }
    }
}

/// A duration in whole microseconds.
pub(super) fn whole(time: Duration) -> Duration {
    Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

fn fault_of(error: &io::Error) -> Fault {
    let kind = std::format!("{:?}", error.kind());
    match (error.raw_os_error(), error.get_ref()) {
        (Some(code), _) => Fault::Os { code, kind },
        (None, Some(inner)) => Fault::Text { kind, text: std::format!("{inner}") },
        (None, None) => Fault::Kind(kind),
    }
}

/// The error that a recorded one stands for. `None`: it took too long.
pub(super) fn error_of(fault: &Fault) -> Option<io::Error> {
    Some(match fault {
        Fault::TimedOut => return None,
        Fault::Os { code, kind } => {
            // Numbers differ from system to system; where this one means something else by it, the kind counts.
            let here = io::Error::from_raw_os_error(*code);
            let same = std::format!("{:?}", here.kind()) == *kind;
            if same { here } else { kind_of(kind).into() }
        }
        Fault::Kind(kind) => kind_of(kind).into(),
        Fault::Text { kind, text } => io::Error::new(kind_of(kind), String::clone(text)),
    })
}

fn kind_of(name: &str) -> io::ErrorKind {
    use io::ErrorKind as Kind;
    [
        Kind::NotFound,
        Kind::PermissionDenied,
        Kind::ConnectionRefused,
        Kind::ConnectionReset,
        Kind::ConnectionAborted,
        Kind::HostUnreachable,
        Kind::NetworkUnreachable,
        Kind::NetworkDown,
        Kind::NotConnected,
        Kind::AddrInUse,
        Kind::AddrNotAvailable,
        Kind::BrokenPipe,
        Kind::WouldBlock,
        Kind::InvalidInput,
        Kind::InvalidData,
        Kind::TimedOut,
        Kind::WriteZero,
        Kind::Interrupted,
        Kind::Unsupported,
        Kind::UnexpectedEof,
        Kind::OutOfMemory,
    ]
    .into_iter()
    .find(|kind| std::format!("{kind:?}") == name)
    .unwrap_or(Kind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_back_as_they_were() {
        let errors = [
            io::Error::from_raw_os_error(104),
            io::Error::from(io::ErrorKind::UnexpectedEof),
            io::Error::new(io::ErrorKind::NotFound, "no such host"),
        ];
        for error in errors {
            let back = error_of(&fault_of(&error)).unwrap();
            assert_eq!((back.to_string(), back.kind()), (error.to_string(), error.kind()));
        }
        assert!(error_of(&Fault::TimedOut).is_none());
    }

    #[test]
    fn a_number_of_another_system_gives_way_to_the_kind() {
        let foreign = Fault::Os { code: 10_054, kind: "ConnectionReset".into() };
        assert_eq!(error_of(&foreign).unwrap().kind(), io::ErrorKind::ConnectionReset);
    }
}
