//! The options as a transcript keeps them, and back.

use std::string::ToString;
use std::time::Duration;

use super::carrier::{Route, Settings};
use super::{ConnectOptions, Transport};
use crate::CommKey;
use crate::encoding::TextEncoding;
use crate::session::{ChecksumPolicy, Limits};
use crate::transcript::Transcript;

/// The options that change what happens on the wire.
pub(super) fn settings(options: &ConnectOptions) -> Settings {
    let limits = options.limits;
    [
        ("host", options.host.clone()),
        ("port", options.port.to_string()),
        ("transport", transport_name(options.transport).into()),
        ("timeout_us", options.timeout.as_micros().to_string()),
        ("key", if options.comm_key.is_some() { "yes" } else { "no" }.into()),
        ("checksums", if options.checksums == ChecksumPolicy::Tolerate { "tolerate" } else { "enforce" }.into()),
        ("max_packet", limits.max_packet.to_string()),
        ("max_held", limits.max_held.to_string()),
        ("max_transfer", limits.max_transfer.to_string()),
        ("max_answer", limits.max_answer.to_string()),
        ("chunk", limits.chunk.unwrap_or(0).to_string()),
        ("slowest_rate", limits.slowest_rate.to_string()),
        ("encoding", options.encoding.label().into()),
    ]
}

impl ConnectOptions {
    /// Options whose terminal is a transcript. [`Client::connect`](super::Client::connect) and every call after it
    /// return what they returned then, result or error, without a socket and without waiting.
    ///
    /// Make the same calls in the same order. A call that does something else than its transcript ends with
    /// [`ClientError::Replay`](super::ClientError::Replay), and so does one whose future the caller had dropped.
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
            max_held: number("max_held").unwrap_or(defaults.max_held),
            max_transfer: number("max_transfer").unwrap_or(defaults.max_transfer),
            max_answer: number("max_answer").unwrap_or(defaults.max_answer),
            chunk: Some(short("chunk", 0)).filter(|chunk| *chunk > 0),
            slowest_rate: short("slowest_rate", defaults.slowest_rate),
        };
        options.encoding = encoding(text("encoding").unwrap_or_default());
        options.route = Route::replay(transcript);
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

fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Auto => "auto",
    }
}
