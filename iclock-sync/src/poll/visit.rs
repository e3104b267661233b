//! Connects to a terminal and asks it, and retries if that may help.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use zk_proto::client::SessionRest;
use zk_proto::session::ChecksumPolicy;
use zk_proto::{Client, ClientError, ConnectOptions};

use super::meet::{Met, Unanswered};
use super::{Failure, Found, Seen, Visit, Visited, plan};
use crate::TerminalError;
use crate::error::chain;
use crate::observer::DeviceProgress;
use crate::random::share;
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
    /// Time in which other terminals were read.
    crowded: Duration,
}

/// The terminal's place among those of which a long part of the log is kept at once.
#[derive(Debug)]
pub(super) struct Place {
    held: Option<OwnedSemaphorePermit>,
    /// The session is open in any case, so that the place can be waited for in it.
    is_resident: bool,
}

impl Place {
    /// The place of a session that stays open; not taken yet.
    pub(super) fn of_resident() -> Self {
        Self { held: None, is_resident: true }
    }
}

impl Visit {
    /// Visits the terminal until it works, cannot work, or has been tried often enough.
    pub(super) async fn visit(&self, report: &mut DeviceReport) -> Result<Visited, Failure> {
        let began = self.clock.monotonic();
        let mut backoff = Backoff::new(self.engine.attempts, self.engine.backoff);
        let mut attempts = Attempts::default();
        loop {
            let took = self.clock.monotonic().saturating_sub(began).saturating_sub(attempts.crowded);
            let left = self.engine.device_deadline.saturating_sub(took);
            let failure = match self.attempt(left, &mut attempts, report).await {
                Ok(visited) => return Ok(visited),
                Err(failure) => failure,
            };
            let Failure::Terminal(error) = &failure else { return Err(failure) };
            let may_help = error.is_transient() && !error.is_given_up();
            let Some(wait) = backoff.wait(None, share(&*self.random)).filter(|_| may_help) else { return Err(failure) };
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

    /// The time for which it may be silent in one attempt.
    pub(super) fn for_an_attempt(&self) -> Duration {
        self.device.timeout.saturating_mul(IN_AN_ATTEMPT)
    }

    /// Makes one attempt. If there is no place for a long log, it ends the session, waits, and begins again.
    async fn attempt(
        &self,
        left: Duration,
        attempts: &mut Attempts,
        report: &mut DeviceReport,
    ) -> Result<Visited, Failure> {
        let mut held = None;
        loop {
            let place = Place { held, is_resident: false };
            if let Some(visited) = self.session(left, place, attempts, report).await? {
                return Ok(visited);
            }
            let began = self.clock.monotonic();
            held = tokio::select! {
                // The semaphore is never closed.
                held = self.gates.places().acquire_owned() => held.ok(),
                () = self.stop.cancelled() => return Err(TerminalError::Stopped.into()),
            };
            attempts.crowded += self.clock.monotonic().saturating_sub(began);
        }
    }

    /// Reads the terminal on a session of its own. Returns `None` if there is no place for a long log.
    async fn session(
        &self,
        left: Duration,
        mut place: Place,
        Attempts { spared, silent, .. }: &mut Attempts,
        report: &mut DeviceReport,
    ) -> Result<Option<Visited>, Failure> {
        let options = self.connect_options().await?;
        self.observer.device(&self.device.name, DeviceProgress::Connecting);
        tracing::debug!(terminal = %self.device.name, address = %self.device.address(), "connects");
        let rest = self.habits.rest().left();
        let connect = async {
            // By the client's clock, which the rest was measured with.
            tokio::time::sleep(rest).await;
            let began = self.clock.monotonic();
            let connected = Client::connect(&options).await;
            Ok((connected, self.clock.monotonic().saturating_sub(began)))
        };
        let (connected, took) = self.within(left, connect).await?;
        if connected.as_ref().is_err_and(ClientError::is_silence) {
            *silent += took;
        }
        self.habits.change_rest(|rest| match &connected {
            Ok(_) => rest.began(),
            Err(why) => rest.failed(why),
        });
        let mut client = connected?;
        client.limit_silence(self.patience().saturating_sub(*silent).min(self.for_an_attempt()));
        let found = self.within(left, self.talk(&mut client, &mut place, spared, report)).await;
        *silent += client.silence();
        // In any case: the terminal keeps a session that nobody ends, and some have only one.
        client.exit().await;
        self.habits.change_rest(SessionRest::ended);
        Ok(found?.map(|(seen, found)| Visited { seen, found, place }))
    }

    /// The options of the connection, with what is known of the terminal.
    pub(super) async fn connect_options(&self) -> Result<ConnectOptions, Failure> {
        let options = self.device.connect_options();
        let name = self.device.name.clone();
        let Some(known) = self.look_up(move |ledger| ledger.terminal_of_name(&name)).await? else { return Ok(options) };
        self.habits.recall(&known.learned);
        Ok(if known.bad_checksums { options.checksums(ChecksumPolicy::Tolerate) } else { options })
    }

    /// Ends work that takes too long, or that is to stop.
    pub(super) async fn within<T>(
        &self,
        left: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            outcome = work => outcome,
            () = self.stop.cancelled() => Err(TerminalError::Stopped.into()),
            () = self.clock.sleep(left) => {
                Err(TerminalError::Deadline { limit: self.engine.device_deadline }.into())
            }
        }
    }

    /// Asks the terminal, and pulls what is new. Returns `None` if that is much and there is no place for it: then the
    /// terminal must not sit with an open session.
    pub(super) async fn talk(
        &self,
        client: &mut Client,
        place: &mut Place,
        spared: &mut Unanswered,
        report: &mut DeviceReport,
    ) -> Result<Option<(Seen, Found)>, Failure> {
        report.notes.clear();
        let sessions = client.sessions();
        let Met { seen, size, state, is_news, later } = self.meet(client, spared, report).await?;
        let name = &self.device.name;
        tracing::debug!(terminal = %name, serial = %seen.serial, "identity");
        tracing::debug!(terminal = %name, records = ?size.count, capacity = ?size.capacity, "counts");
        let unchanged = !self.full && plan::is_unchanged(&state, size, seen.utc_now.timestamp(), &self.engine);
        let mut found = if unchanged {
            report.mode = Some(ReadMode::Unchanged);
            Found::Nothing((is_news || !later.is_empty()).then(|| Box::new(state)))
        } else {
            if (self.full || !plan::is_short(&state, size)) && !self.take(place).await {
                return Ok(None);
            }
            self.pull(client, &seen, state, size, report).await?
        };
        self.ask_later(client, &later, &mut found).await;
        if client.sessions() > sessions {
            self.is_still_there(client, report).await?;
        }
        self.correct_clock(client, &seen, report).await;
        if self.engine.names {
            self.learn_names(client, &seen, report).await;
        }
        Ok(Some((seen, found)))
    }

    /// Takes a place among those of which a long part of the log is kept at once. Returns false if there is none.
    async fn take(&self, place: &mut Place) -> bool {
        if place.held.is_none() {
            let places = self.gates.places();
            let taken = Arc::clone(&places).try_acquire_owned().ok();
            place.held = if taken.is_none() && place.is_resident { places.acquire_owned().await.ok() } else { taken };
        }
        place.held.is_some()
    }
}
