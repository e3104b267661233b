//! A pushing terminal over TCP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use zk_push::request::Method;
use zk_push::table::Table;

use super::device::{Outgoing, PushDevice};
use super::fault::PushFault;
use super::http::HttpAnswer;
use super::meter::{Meter, PushStats};
use super::{companion, odd, wire};
use crate::Punch;

/// Runs a [`PushDevice`] against a server: one connection for each request, as most terminals do.
#[derive(Debug)]
pub struct Pusher {
    device: PushDevice,
    server: SocketAddr,
    path: String,
    faults: Vec<PushFault>,
    /// The share of requests that a fault strikes.
    share: f64,
    random: StdRng,
    /// How much faster than a real terminal's the waits pass.
    speed: u32,
    began: Option<Instant>,
    meter: Arc<Meter>,
    /// The records that the meter has counted as acknowledged.
    counted: usize,
    last_upload: Option<Outgoing>,
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
    /// The part of a wait that is added at most, so that many terminals do not call at the same time.
    const JITTER: f64 = 0.05;

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
        Ok(Self {
            device,
            server,
            path: String::new(),
            faults: Vec::new(),
            share: 0.5,
            random: StdRng::seed_from_u64(0),
            speed: 1,
            began: None,
            meter: Arc::default(),
            counted: 0,
            last_upload: None,
        })
    }

    /// Calls below a path, such as `/t/SECRET`.
    #[must_use]
    pub fn under(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Strikes half of the requests with one of these faults, chosen by the seed.
    #[must_use]
    pub fn faults(self, faults: impl Into<Vec<PushFault>>, seed: u64) -> Self {
        Self { faults: faults.into(), random: StdRng::seed_from_u64(seed), ..self }
    }

    /// Strikes another share of the requests, in percent.
    #[must_use]
    pub fn share(self, percent: u8) -> Self {
        Self { share: f64::from(percent.min(100)) / 100.0, ..self }
    }

    /// Lets the waits of the terminal pass faster, for tests.
    #[must_use]
    pub fn speed(self, speed: u32) -> Self {
        Self { speed: speed.max(1), ..self }
    }

    /// Counts in a meter, which may be that of many terminals.
    #[must_use]
    pub fn meter(self, meter: Arc<Meter>) -> Self {
        Self { meter, ..self }
    }

    /// The terminal.
    pub fn device(&mut self) -> &mut PushDevice {
        &mut self.device
    }

    /// What its meter has counted so far.
    #[must_use]
    pub fn stats(&self) -> PushStats {
        self.meter.stats()
    }

    /// Sends requests until the server knows everything, and the terminal has polled after that.
    pub async fn run_until_idle(&mut self) {
        loop {
            let has_polled = self.device.is_idle();
            if !self.step().await {
                self.wait().await;
            } else if has_polled && self.device.is_idle() {
                return;
            }
        }
    }

    /// Sends requests forever, and takes punches as they are made. They wait in its log, as they do in a terminal.
    pub async fn run(mut self, mut punches: mpsc::UnboundedReceiver<Punch>) {
        loop {
            while let Ok(punch) = punches.try_recv() {
                self.device.punch(&punch);
            }
            if self.step().await {
                continue;
            }
            tokio::select! {
                Some(punch) = punches.recv() => self.device.punch(&punch),
                () = self.wait() => {}
            }
        }
    }

    /// The time of the terminal.
    fn now(&mut self) -> Duration {
        self.began.get_or_insert_with(Instant::now).elapsed() * self.speed
    }

    /// Sends the request that is due. Returns false if none is.
    async fn step(&mut self) -> bool {
        let now = self.now();
        let Some(outgoing) = self.device.poll_request(now) else { return false };
        let answer = self.exchange(outgoing).await;
        let now = self.now();
        match answer {
            Some(answer) => self.device.handle_answer(now, answer.status, answer.date, &answer.body),
            None => self.device.handle_failure(now),
        }
        // A server may ask for everything again.
        let new = self.device.acknowledged().saturating_sub(self.counted);
        self.counted += new;
        self.meter.acknowledged(new);
        true
    }

    /// Waits until the next request is due.
    async fn wait(&mut self) {
        let (now, began) = (self.now(), self.began);
        let (Some(due), Some(began)) = (self.device.poll_timeout(), began) else { return };
        let left = due.saturating_sub(now);
        let jitter = left.mul_f64(self.random.random_range(0.0..Self::JITTER));
        sleep_until(began + (due + jitter) / self.speed + Duration::from_millis(1)).await;
    }

    async fn exchange(&mut self, outgoing: Outgoing) -> Option<HttpAnswer> {
        let records = records(&outgoing);
        let fault = self.draw();
        let mut before = Vec::new();
        if let Some(fault) = fault {
            before = companion::before(&self.device, fault, self.last_upload.as_ref());
        }
        if fault == Some(PushFault::Twice) {
            before.push(outgoing.clone());
        }
        if records > 0 {
            self.last_upload = Some(outgoing.clone());
        }
        for more in before {
            let _ = self.send(more, None).await;
        }
        let outgoing = match fault {
            Some(fault) => odd::strike(self.device.profile().dialect, outgoing, fault),
            None => outgoing,
        };
        self.meter.request(records);
        let answer = if fault == Some(PushFault::PollMeanwhile) {
            let poll = self.device.poll_meanwhile();
            let (answer, polled) = tokio::join!(self.timed(outgoing, records, fault), self.send(poll, None));
            if let Some(polled) = polled.filter(|polled| polled.status == 200) {
                self.device.take_commands(&polled.body);
            }
            answer
        } else {
            self.timed(outgoing, records, fault).await
        };
        if answer.is_none() {
            self.meter.failure();
        }
        answer
    }

    fn draw(&mut self) -> Option<PushFault> {
        if self.faults.is_empty() || !self.random.random_bool(self.share) {
            return None;
        }
        let at = self.random.random_range(0..self.faults.len());
        self.faults.get(at).copied()
    }

    async fn timed(&self, outgoing: Outgoing, records: usize, fault: Option<PushFault>) -> Option<HttpAnswer> {
        let began = Instant::now();
        let answer = self.send(outgoing, fault).await?;
        self.meter.answer(records, began.elapsed());
        Some(answer)
    }

    async fn send(&self, mut outgoing: Outgoing, fault: Option<PushFault>) -> Option<HttpAnswer> {
        outgoing.head = outgoing.head.under(&self.path);
        wire::send(self.server, &outgoing, fault).await
    }
}

/// The attendance records in an upload.
fn records(outgoing: &Outgoing) -> usize {
    let is_log =
        outgoing.head.method == Method::Post && matches!(outgoing.head.table(), Some(Table::AttLog | Table::RtLog));
    if is_log { outgoing.body.iter().filter(|byte| **byte == b'\n').count() } else { 0 }
}
