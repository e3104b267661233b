//! Options of a connection.

use std::string::String;
use std::time::Duration;

use super::carrier::{Recorder, Route};
use crate::CommKey;
use crate::encoding::TextEncoding;
use crate::session::{ChecksumPolicy, Limits};

/// The default port of terminals, for TCP and for UDP.
pub const DEFAULT_PORT: u16 = 4370;

/// The carrier of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// TCP alone.
    Tcp,
    /// UDP alone, for old firmware.
    Udp,
    /// TCP, then UDP when it is refused, times out or leaves the handshake unanswered.
    #[default]
    Auto,
}

/// The address of a terminal and how to talk to it. `Debug` prints no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// Name or address.
    pub host: String,
    /// Port, default 4370.
    pub port: u16,
    /// Carrier, default [`Transport::Auto`].
    pub transport: Transport,
    /// How long to wait for the connection and for the answer to a simple request, default 5 s. A transfer allows up to
    /// three times as long between its packets. Ending the session never takes longer than 3 s. A pull gives up on a
    /// terminal that stopped answering after seven times as long, over all its sessions.
    pub timeout: Duration,
    /// The terminal's communication key, if it demands one. Without it, key 0 is tried once.
    pub comm_key: Option<CommKey>,
    /// Caps on sizes and on the duration of a transfer.
    pub limits: Limits,
    /// How to treat data with a wrong checksum, default [`ChecksumPolicy::Enforce`].
    pub checksums: ChecksumPolicy,
    /// The code page of the terminal's names and other texts, default UTF-8.
    pub encoding: TextEncoding,
    /// The network, the network with a recorder, or a transcript.
    pub(super) route: Route,
}

impl ConnectOptions {
    /// Options for a terminal at `host`, all others with their defaults.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: DEFAULT_PORT,
            transport: Transport::default(),
            timeout: Duration::from_secs(5),
            comm_key: None,
            limits: Limits::default(),
            checksums: ChecksumPolicy::default(),
            encoding: TextEncoding::default(),
            route: Route::default(),
        }
    }

    /// Sets the port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the carrier.
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Sets how long to wait for the connection and for an answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the communication key.
    #[must_use]
    pub fn comm_key(mut self, key: CommKey) -> Self {
        self.comm_key = Some(key);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how to treat data with a wrong checksum.
    #[must_use]
    pub fn checksums(mut self, policy: ChecksumPolicy) -> Self {
        self.checksums = policy;
        self
    }

    /// Sets the code page of the terminal's texts.
    #[must_use]
    pub fn encoding(mut self, encoding: TextEncoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sets the recorder, which writes what is sent and received, without secrets; default none.
    #[must_use]
    pub fn recorder(mut self, recorder: Recorder) -> Self {
        self.route = Route::Recorded(recorder);
        self
    }

    /// Host and port, as errors show them: an IPv6 address is in brackets.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            std::format!("[{}]:{}", self.host, self.port)
        } else {
            std::format!("{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_shown_in_brackets() {
        let address = |host: &str| ConnectOptions::new(host).address();
        assert_eq!(address("2001:db8::1"), "[2001:db8::1]:4370");
        assert_eq!(address("gate.example"), "gate.example:4370");
    }
}
