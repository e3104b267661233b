//! Limits against requests that are too large or too slow.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Refusal;

/// The limits of a server. The defaults fit terminals on slow lines.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The largest body, in bytes. 16 MiB by default.
    pub body: usize,
    /// The bytes of all bodies that are in memory at once, until they are stored. 64 MiB by default. Further bytes wait
    /// for room, [`Limits::body_time`] at most, and are then answered with 503.
    pub bodies: usize,
    /// The time for the head of a request, and between two requests of a connection. 10 s by default.
    pub head_time: Duration,
    /// The time for any body, and between two pieces of it; each [`Limits::slowest`] bytes add a second to the
    /// whole. 30 s by default.
    pub body_time: Duration,
    /// The lowest rate of a body, in bytes per second. 1 KiB by default.
    pub slowest: u32,
    /// The time for the last answers when a connection or the server ends. 30 s by default.
    pub answer_time: Duration,
    /// The life of a connection; the terminal then opens another one. 10 minutes by default.
    pub connection_time: Duration,
    /// The most connections at once. 2,048 by default; further ones wait.
    pub connections: usize,
    /// The most connections from one address. 64 by default, because many terminals may share a router; further ones
    /// are closed. Through a proxy, the most requests at once of one address; further ones are answered with 503.
    pub connections_per_address: usize,
    /// The proxies in front of the server: all terminals call from their addresses. None by default.
    pub proxies: Proxies,
    /// Hears of each connection that was refused. Nobody by default.
    pub refusals: Refusals,
    /// The most requests of one terminal at once. 8 by default; further ones are answered with 503, unread. A terminal
    /// has two or three: it polls while it uploads.
    pub requests_per_terminal: usize,
    /// The most requests of one terminal in a second, over ten seconds. 50 by default; further ones are answered with
    /// 503, unread. A terminal that catches up sends about 20.
    pub requests_per_second: u32,
}

/// The addresses of proxies. By default there are none.
#[derive(Clone, Default)]
pub struct Proxies(Option<Arc<IsProxy>>);

type IsProxy = dyn Fn(IpAddr) -> bool + Send + Sync;

impl Proxies {
    /// The addresses for which a function returns true. It is asked for each connection.
    #[must_use]
    pub fn new(is_proxy: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_proxy)))
    }

    pub(super) fn have(&self, address: IpAddr) -> bool {
        self.0.as_ref().is_some_and(|is_proxy| is_proxy(address))
    }
}

/// Hears of connections that were refused, so that somebody can count them: there is no request yet for the receiver.
#[derive(Clone, Default)]
pub struct Refusals(Option<Arc<Hears>>);

type Hears = dyn Fn(Refusal) + Send + Sync;

impl Refusals {
    /// Calls a function for each.
    #[must_use]
    pub fn new(hears: impl Fn(Refusal) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hears)))
    }

    pub(super) fn tell(&self, why: Refusal) {
        self.0.iter().for_each(|hears| hears(why));
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refusals").finish_non_exhaustive()
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxies").finish_non_exhaustive()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 16 << 20,
            bodies: 64 << 20,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            slowest: 1 << 10,
            answer_time: Duration::from_secs(30),
            connection_time: Duration::from_secs(600),
            connections: 2048,
            connections_per_address: 64,
            proxies: Proxies::default(),
            refusals: Refusals::default(),
            requests_per_terminal: 8,
            requests_per_second: 50,
        }
    }
}

impl Limits {
    /// The largest head, in bytes: the request line and all headers.
    pub(super) const HEAD: usize = 24 << 10;
    /// The most headers.
    pub(super) const HEADERS: usize = 64;

    /// The time for a body of this length.
    pub(super) fn time_for(&self, length: u64) -> Duration {
        let most = u64::try_from(self.body).unwrap_or(u64::MAX);
        self.body_time + Duration::from_secs(length.min(most) / u64::from(self.slowest.max(1)))
    }

    /// The time for the largest body.
    pub(super) fn longest(&self) -> Duration {
        self.time_for(u64::MAX)
    }
}
