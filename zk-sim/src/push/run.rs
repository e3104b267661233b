//! A pushing terminal over TCP.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::device::{Outgoing, PushDevice};
use super::http::{self, HttpAnswer, HttpFault, MAX_ANSWER};

/// Runs a [`PushDevice`] against a server: one connection for each request, as most terminals do.
#[derive(Debug)]
pub struct Pusher {
    device: PushDevice,
    server: SocketAddr,
    faults: Vec<HttpFault>,
    random: StdRng,
    /// How much faster than a real terminal's the waits pass.
    speed: u32,
    stats: PushStats,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushStats {
    /// Requests that were sent.
    pub requests: u64,
    /// Requests without a whole answer.
    pub failures: u64,
    /// The longest time to an answer.
    pub slowest: Duration,
}

/// The reason why a server is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The address is neither of this machine nor of a private network.
    #[error("{server} is not on this machine or a private network; a simulated terminal does not call others")]
    Public {
        /// The address.
        server: SocketAddr,
    },
}

impl Pusher {
    const TIMEOUT: Duration = Duration::from_secs(30);

    /// A terminal that calls a server.
    ///
    /// # Errors
    /// [`PushError::Public`] for an address outside this machine and private networks.
    pub fn new(device: PushDevice, server: SocketAddr) -> Result<Self, PushError> {
        let is_near = match server.ip() {
            std::net::IpAddr::V4(address) => address.is_loopback() || address.is_private(),
            std::net::IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
        };
        if !is_near {
            return Err(PushError::Public { server });
        }
        let random = StdRng::seed_from_u64(0);
        Ok(Self { device, server, faults: Vec::new(), random, speed: 1, stats: PushStats::default() })
    }

    /// Strikes half of the requests with one of these faults, chosen by the seed.
    #[must_use]
    pub fn faults(mut self, faults: impl Into<Vec<HttpFault>>, seed: u64) -> Self {
        self.faults = faults.into();
        self.random = StdRng::seed_from_u64(seed);
        self
    }

    /// Lets the waits of the terminal pass faster, for tests.
    #[must_use]
    pub fn speed(mut self, speed: u32) -> Self {
        self.speed = speed.max(1);
        self
    }

    /// The terminal.
    pub fn device(&mut self) -> &mut PushDevice {
        &mut self.device
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> PushStats {
        self.stats
    }

    /// Sends requests until the server knows everything, and the terminal has polled after that.
    pub async fn run_until_idle(&mut self) {
        let start = Instant::now();
        loop {
            let now = start.elapsed() * self.speed;
            let has_polled = self.device.is_idle();
            if let Some(outgoing) = self.device.poll_request(now) {
                match self.exchange(&outgoing).await {
                    Some(answer) => self.device.handle_answer(now, answer.status, answer.date, &answer.body),
                    None => self.device.handle_failure(now),
                }
                if has_polled && self.device.is_idle() {
                    return;
                }
            } else if let Some(due) = self.device.poll_timeout() {
                sleep_until(start + due / self.speed + Duration::from_millis(1)).await;
            }
        }
    }

    async fn exchange(&mut self, outgoing: &Outgoing) -> Option<HttpAnswer> {
        let fault = self.draw();
        let started = Instant::now();
        self.stats.requests += 1;
        if fault == Some(HttpFault::Twice) {
            let _ = timeout(Self::TIMEOUT, self.send(http::write(outgoing, fault), fault)).await;
        }
        let answer = timeout(Self::TIMEOUT, self.send(http::write(outgoing, fault), fault)).await.ok().flatten();
        self.stats.slowest = self.stats.slowest.max(started.elapsed());
        self.stats.failures += u64::from(answer.is_none());
        answer
    }

    fn draw(&mut self) -> Option<HttpFault> {
        if self.faults.is_empty() || self.random.random_bool(0.5) {
            return None;
        }
        let at = self.random.random_range(0..self.faults.len());
        self.faults.get(at).copied()
    }

    async fn send(&self, request: Bytes, fault: Option<HttpFault>) -> Option<HttpAnswer> {
        let mut stream = TcpStream::connect(self.server).await.ok()?;
        stream.write_all(&request).await.ok()?;
        match fault {
            Some(HttpFault::CutBody) => return None,
            Some(HttpFault::LoseAnswer) => {
                // The server has the whole request by the time it answers.
                let _ = stream.read(&mut [0; 1]).await;
                return None;
            }
            _ => {}
        }
        let mut answer = BytesMut::new();
        loop {
            let ended = stream.read_buf(&mut answer).await.ok()? == 0;
            if let Some(read) = http::read(&answer, ended) {
                return Some(read);
            }
            if ended || answer.len() > MAX_ANSWER {
                return None;
            }
        }
    }
}
