//! Connects to a terminal and asks it, and retries if that may help.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use zk_proto::session::ChecksumPolicy;
use zk_proto::{Client, ClientError};

use super::meet::{Met, Unanswered};
use super::{Failure, Found, Seen, Visit, Visited, plan};
use crate::TerminalError;
use crate::error::chain;
use crate::observer::DeviceProgress;
use crate::report::{DeviceReport, ReadMode};
use crate::retry::Backoff;

/// Answer time-outs for which a terminal may be silent in one run, all attempts together.
const IN_A_RUN: u32 = 9;
/// Answer time-outs for which it may be silent in one attempt.
const IN_AN_ATTEMPT: u32 = 7;
/// Answer time-outs that another attempt needs at least.
const FOR_AN_ATTEMPT: u32 = 3;

/// The memory of earlier attempts.
#[derive(Debug, Default)]
struct Attempts {
    /// Questions that stayed unanswered.
    spared: Unanswered,
    /// Time in which nothing was heard.
    silent: Duration,
}

impl Visit {
    /// Visits the terminal until it works, cannot work, or has been tried often enough.
    pub(super) async fn visit(&self, report: &mut DeviceReport) -> Result<Visited, Failure> {
        let began = self.clock.monotonic();
        let mut backoff = Backoff::new(self.engine.attempts, self.engine.backoff);
        let mut attempts = Attempts::default();
        loop {
            let took = self.clock.monotonic().saturating_sub(began);
            let left = self.engine.device_deadline.saturating_sub(took);
            let failure = match self.attempt(left, &mut attempts, report).await {
                Ok(visited) => return Ok(visited),
                Err(failure) => failure,
            };
            let Failure::Terminal(error) = &failure else { return Err(failure) };
            let may_help = error.is_transient() && !error.is_given_up();
            let Some(wait) = backoff.wait(None).filter(|_| may_help) else { return Err(failure) };
            // A silent terminal is not waited for three times over.
            if !attempts.silent.is_zero() {
                attempts.silent += wait;
                if attempts.silent + self.device.timeout.saturating_mul(FOR_AN_ATTEMPT) > self.patience() {
                    return Err(failure);
                }
            }
            tracing::debug!(terminal = %self.device.name, error = %chain(error), ?wait, "visited again");
            tokio::select! {
                () = self.clock.sleep(wait) => {}
                () = self.stop.cancelled() => return Err(failure),
            }
        }
    }

    /// The time for which a terminal may be silent in one run, all attempts together.
    fn patience(&self) -> Duration {
        self.device.timeout.saturating_mul(IN_A_RUN)
    }

    async fn attempt(
        &self,
        left: Duration,
        Attempts { spared, silent }: &mut Attempts,
        report: &mut DeviceReport,
    ) -> Result<Visited, Failure> {
        self.observer.device(&self.device.name, DeviceProgress::Connecting);
        tracing::debug!(terminal = %self.device.name, address = %self.device.address(), "connects");
        let mut options = self.device.connect_options();
        let name = self.device.name.clone();
        if self.look_up(move |ledger| ledger.has_bad_checksums(&name)).await? {
            options = options.checksums(ChecksumPolicy::Tolerate);
        }
        let began = self.clock.monotonic();
        let connected = self.within(left, async { Ok(Client::connect(&options).await) }).await?;
        if connected.as_ref().is_err_and(ClientError::is_silence) {
            *silent += self.clock.monotonic().saturating_sub(began);
        }
        let mut client = connected?;
        let for_this_attempt = self.device.timeout.saturating_mul(IN_AN_ATTEMPT);
        client.limit_silence(self.patience().saturating_sub(*silent).min(for_this_attempt));
        // Taken once connected, so that dead terminals keep nobody waiting. The semaphore is never closed.
        let place = Arc::clone(&self.gates.terminals).acquire_owned().await.ok();
        let found = self.within(left, self.talk(&mut client, spared, report)).await;
        *silent += client.silence();
        // In any case: the terminal keeps a session that nobody ends, and some have only one.
        client.exit().await;
        found.map(|(seen, found)| Visited { seen, found, _place: place })
    }

    /// Ends work that takes too long, or that is to stop.
    async fn within<T>(&self, left: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            outcome = work => outcome,
            () = self.stop.cancelled() => Err(TerminalError::Stopped.into()),
            () = self.clock.sleep(left) => {
                Err(TerminalError::Deadline { limit: self.engine.device_deadline }.into())
            }
        }
    }

    async fn talk(
        &self,
        client: &mut Client,
        spared: &mut Unanswered,
        report: &mut DeviceReport,
    ) -> Result<(Seen, Found), Failure> {
        report.notes.clear();
        let Met { seen, size, state, is_news, later } = self.meet(client, spared, report).await?;
        let name = &self.device.name;
        tracing::debug!(terminal = %name, serial = %seen.serial, "identity");
        tracing::debug!(terminal = %name, records = ?size.count, capacity = ?size.capacity, "counts");
        let unchanged = !self.full && plan::is_unchanged(&state, size, seen.utc_now.timestamp(), &self.engine);
        let mut found = if unchanged {
            report.mode = Some(ReadMode::Unchanged);
            Found::Nothing((is_news || !later.is_empty()).then(|| Box::new(state)))
        } else {
            self.pull(client, &seen, state, size, report).await?
        };
        self.ask_later(client, &later, &mut found).await;
        Ok((seen, found))
    }

    /// Claims a serial number. Two configured terminals with one number would move one cursor from two sides.
    pub(super) fn claim(&self, serial: &str) -> Result<(), Failure> {
        // Nothing between taking and leaving the lock can panic half-way through a change.
        let mut serials = self.gates.serials.lock().unwrap_or_else(PoisonError::into_inner);
        // A terminal that was replaced gives its number free.
        serials.retain(|held, name| *name != self.device.name || held == serial);
        let holder = serials.entry(serial.to_owned()).or_insert_with(|| self.device.name.clone());
        if *holder == self.device.name {
            Ok(())
        } else {
            Err(TerminalError::Twice { serial: serial.to_owned(), other: holder.clone() }.into())
        }
    }
}
