//! The side of the server that decides and stores.

use std::net::{IpAddr, SocketAddr};

use crate::command::{CommandId, Numbered};
use crate::exchange::Exchange;
use crate::terminal::{Batch, Manner, Terminal};
use crate::{Head, SerialNumber};

/// Decides who may call, and stores what terminals send. One request runs each method at most once.
pub trait Receiver: Send + Sync + 'static {
    /// Decides about a request before its body is read. The serial number alone proves nothing: compare a secret in
    /// [`Head::prefix`] in constant time, and answer an unknown terminal as one with a wrong secret.
    fn admit(&self, visitor: &Visitor<'_>) -> impl Future<Output = Admission> + Send;

    /// Hears that a request was refused, so that somebody can count them. Nothing by default.
    fn refused(&self, why: Refusal) {
        let _ = why;
    }

    /// Returns true if [`Receiver::exchanged`] wants to see what a terminal sends, and what it is answered. False by
    /// default.
    fn watches(&self, serial: &SerialNumber) -> bool {
        let _ = serial;
        false
    }

    /// Sees a request of an admitted terminal that it watches, and the answer that follows. It must not take long.
    fn exchanged(&self, exchange: &Exchange<'_>) {
        let _ = exchange;
    }

    /// The address of a terminal whose request a known proxy has passed on; `None`, by default, for a terminal that
    /// calls by itself. Each address may have [`Limits::connections_per_address`](super::Limits) requests at once.
    fn forwarded(&self, visitor: &Visitor<'_>) -> Option<IpAddr> {
        let _ = visitor;
        None
    }

    /// Stores a batch: good lines, duplicates, bad lines and the stamp, in one transaction.
    ///
    /// # Errors
    /// [`NotStored`]: the terminal then keeps the batch. Return `Ok` only once all of it is on disk.
    fn store(&self, terminal: &Terminal, batch: &Batch) -> impl Future<Output = Result<(), NotStored>> + Send;

    /// Returns the commands that wait for a terminal, oldest first. It has none by default.
    ///
    /// # Errors
    /// [`NotStored`]: the terminal then asks again.
    fn commands(&self, terminal: &Terminal) -> impl Future<Output = Result<Vec<Numbered>, NotStored>> + Send {
        let _ = terminal;
        async { Ok(Vec::new()) }
    }

    /// Records that commands go out with the answer that follows.
    ///
    /// # Errors
    /// [`NotStored`]: then they do not go out.
    fn sent(&self, serial: &SerialNumber, ids: &[CommandId]) -> impl Future<Output = Result<(), NotStored>> + Send {
        let _ = (serial, ids);
        async { Ok(()) }
    }
}

/// The reason why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Refusal {
    /// Its connection was closed, because its address has as many as it may have.
    Connections,
    /// Its connection spoke no TLS, or took too long for the handshake.
    Tls,
    /// It is no request of a terminal.
    NoTerminal,
    /// Its terminal is not admitted.
    NotAdmitted,
    /// Its terminal, or its address behind a proxy, has used up its share.
    TooMany,
    /// Its body is too large, too slow, cut off, or packed in an unknown way.
    Body,
    /// It is not what the protocol says.
    Protocol,
    /// The receiver could not store it, or had no commands for it.
    NotStored,
}

impl Refusal {
    /// The name, such as `not_admitted`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Tls => "tls",
            Self::NoTerminal => "no_terminal",
            Self::NotAdmitted => "not_admitted",
            Self::TooMany => "too_many",
            Self::Body => "body",
            Self::Protocol => "protocol",
            Self::NotStored => "not_stored",
        }
    }
}

/// A request whose terminal is not admitted yet.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Visitor<'a> {
    /// The request without its body.
    pub head: &'a Head,
    /// The address that called. `None` if the router was mounted without [`Peer`].
    pub peer: Option<SocketAddr>,
    /// The header `X-Forwarded-For`. Believe it only from a proxy that you know.
    pub forwarded_for: Option<&'a str>,
    /// The terminal, or its proxy, speaks TLS to this server: the request has the extension [`OverTls`].
    pub over_tls: bool,
}

/// The address that called, as an extension of a request. [`listen`](super::listen()) sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Says that a request came over TLS, as an extension of it. [`listen_tls`](super::listen_tls()) sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverTls;

/// The decision about a terminal.
#[derive(Clone, Debug)]
pub enum Admission {
    /// Admitted, with what is stored about it.
    Admitted(Box<Terminal>),
    /// Not admitted: unknown, not yet approved, or a wrong secret.
    Refused(Manner),
}

/// A batch that is not stored. The receiver knows why and says so in its own log; a terminal learns only that it has to
/// keep its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("not stored")]
pub struct NotStored;
