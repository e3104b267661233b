//! Asks a terminal for its identity, its clock and its counts. Only the identity has to be answered.

use std::sync::Arc;
use std::time::Duration;

use zk_proto::{Client, ClientError, FreeSizes};

use super::plan::{self, LogSize, NAME_PREFIX};
use super::{Failure, Found, Seen, Visit};
use crate::TerminalError;
use crate::error::blocking;
use crate::ledger::{Ledger, TerminalState};
use crate::report::DeviceReport;
use crate::wall;

/// The time for which an unanswered question is not asked again.
const SPARED: Duration = Duration::from_secs(24 * 3600);
/// Attempts to get a new session. A terminal with a single session needs a moment.
const SESSIONS: u32 = 3;
/// The wait between these attempts.
const SESSION_AFTER: Duration = Duration::from_millis(300);

/// A question that is asked in addition to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    Serial,
    Clock,
    Counts,
}

impl Question {
    /// Its name for people and in the ledger.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial number",
            Self::Clock => "clock",
            Self::Counts => "counts",
        }
    }

    fn is_spared(self, state: &TerminalState, now: i64) -> bool {
        self.was_unanswered(state).is_some_and(|at| plan::is_recent(at, now, SPARED))
    }

    /// The last time it was not answered.
    fn was_unanswered(self, state: &TerminalState) -> Option<i64> {
        state.learned.unanswered.get(self.name()).copied()
    }
}

/// Questions that were not answered in this run, with the time. Later attempts do not ask them.
pub(super) type Unanswered = std::collections::BTreeMap<String, i64>;

/// A terminal's answers about itself.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) seen: Seen,
    pub(super) size: LogSize,
    pub(super) state: TerminalState,
    /// True if something was learned that is not in the ledger yet.
    pub(super) is_news: bool,
    /// Questions that are asked again once the log has been read.
    pub(super) later: Vec<Question>,
}

impl Visit {
    /// Asks the terminal for its identity, its clock and its counts.
    pub(super) async fn meet(
        &self,
        client: &mut Client,
        spared: &mut Unanswered,
        report: &mut DeviceReport,
    ) -> Result<Met, Failure> {
        let before = self.recognize(client, spared, report).await?;
        let mut state = TerminalState { name: self.device.name.clone(), ..before.clone() };
        state.learned.unanswered.extend(spared.clone());
        self.habits.add_to(&mut state.learned);
        let now = self.clock.utc_now().timestamp();
        let mut later = Vec::new();
        let mut clock = None;
        if self.asks(Question::Clock, &state, now, &mut later, report) {
            let answer = client.time().await;
            clock = self.heard(Question::Clock, answer, client, (&mut state, spared), report).await?;
        }
        // The answer is as old as the next question.
        let (utc_now, local_now) = (self.clock.utc_now(), self.clock.local_now());
        let (mut size, mut users) = (LogSize { count: None, capacity: None }, None);
        if self.asks(Question::Counts, &state, now, &mut later, report) {
            let answer = client.free_sizes().await;
            let sizes = self.heard(Question::Counts, answer, client, (&mut state, spared), report).await?;
            size.count = sizes.as_ref().and_then(FreeSizes::records).map(u64::from);
            size.capacity = sizes.as_ref().and_then(FreeSizes::record_capacity).map(u64::from);
            users = sizes.as_ref().and_then(FreeSizes::users);
        }
        (report.records_on_device, report.record_capacity) = (size.count, size.capacity);
        let drift_ms = clock.and_then(|time| wall::drift_ms(time, self.device.zone, utc_now, local_now));
        report.clock_drift_ms = drift_ms;
        let wall_now = wall::wall_now(self.device.zone, utc_now, local_now);
        let is_news = (&state.learned, &state.alias) != (&before.learned, &before.alias);
        Ok(Met {
            seen: Seen { serial: state.serial.clone(), drift_ms, clock, users, utc_now, wall_now },
            size,
            state,
            is_news,
            later,
        })
    }

    /// Finds the terminal in the ledger, or begins a new one.
    async fn recognize(
        &self,
        client: &mut Client,
        spared: &mut Unanswered,
        report: &mut DeviceReport,
    ) -> Result<TerminalState, Failure> {
        let name = self.device.name.clone();
        let nameless = self.look_up(move |ledger| ledger.terminal(&format!("{NAME_PREFIX}{name}"))).await?;
        let now = self.clock.utc_now().timestamp();
        let given = match &nameless {
            // It never gave a serial number, and did not answer within the last day.
            Some(state) if state.alias.is_none() && Question::Serial.is_spared(state, now) => None,
            _ => self.serial(client, nameless.is_some(), spared, report).await?,
        };
        if let Some(given) = &given {
            plan::check_printable(given).map_err(identity)?;
        }
        let name = self.device.name.clone();
        let known = self.look_up(move |ledger| ledger.serial_of_name(&name)).await?;
        let serial = plan::identify(&self.device, given.as_deref(), known.as_deref()).map_err(identity)?;
        let (name, wanted) = (self.device.name.clone(), serial.clone());
        let found = self.look_up(move |ledger| ledger.terminal_that_gives(&wanted, &name)).await?;
        let mut state = found.unwrap_or_else(|| TerminalState { serial: serial.clone(), ..TerminalState::default() });
        if state.serial != serial {
            // The keys of its events hold the name, and stay as they are.
            state.alias = Some(serial);
        }
        let known_as = if state.name.is_empty() { &self.device.name } else { &state.name };
        self.claim(&state.serial, known_as).await?;
        report.serial = Some(state.alias.as_ref().unwrap_or(&state.serial).clone());
        Ok(state)
    }

    /// Asks for the serial number. At first contact, it counts as missing only after two sessions: a single refused,
    /// missing or empty answer must not make another terminal of it.
    async fn serial(
        &self,
        client: &mut Client,
        is_nameless: bool,
        spared: &mut Unanswered,
        report: &mut DeviceReport,
    ) -> Result<Option<String>, Failure> {
        let sessions = if is_nameless { 1 } else { 2 };
        for session in 1..=sessions {
            match client.option("~SerialNumber").await {
                Ok(Some(serial)) => return Ok(Some(serial)),
                Ok(None) if session < sessions => self.fresh(client).await?,
                Ok(None) => {}
                // A terminal that does not answer anything fails at the next question.
                Err(why @ ClientError::TimedOut { .. }) => {
                    client.skip(why).await?;
                    if session == sessions {
                        spared.insert(Question::Serial.name().to_owned(), self.clock.utc_now().timestamp());
                        report.notes.push("it does not answer the question for its serial number".to_owned());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Makes sure that a new session within the visit reached the same terminal. Another one may have its address by
    /// now, and what it sent would enter under the wrong serial number.
    pub(super) async fn is_still_there(&self, client: &mut Client, report: &DeviceReport) -> Result<(), Failure> {
        let known = report.serial.as_deref().filter(|serial| !serial.starts_with(NAME_PREFIX));
        let Some(known) = known else { return Ok(()) };
        match client.option("~SerialNumber").await? {
            Some(found) if found.trim() != known => {
                let known = known.to_owned();
                Err(identity(plan::NotTheTerminal::Swapped { found, known }))
            }
            _ => Ok(()),
        }
    }

    async fn fresh(&self, client: &mut Client) -> Result<(), Failure> {
        for _ in 1..SESSIONS {
            match client.reconnect().await {
                Err(ClientError::Busy { .. } | ClientError::Broken { .. }) => self.clock.sleep(SESSION_AFTER).await,
                outcome => return Ok(outcome?),
            }
        }
        Ok(client.reconnect().await?)
    }

    /// Returns true if a question is asked now. An unanswered one is left out for a day, and then asked last.
    fn asks(
        &self,
        question: Question,
        state: &TerminalState,
        now: i64,
        later: &mut Vec<Question>,
        report: &mut DeviceReport,
    ) -> bool {
        let name = question.name();
        if question.is_spared(state, now) {
            report.notes.push(format!("it was not asked for its {name}, which it did not answer within the last day"));
            return false;
        }
        let waits = question.was_unanswered(state).is_some();
        later.extend(waits.then_some(question));
        !waits
    }

    /// Takes the answer to an optional question. Without an answer the visit continues.
    async fn heard<T>(
        &self,
        question: Question,
        answer: Result<T, ClientError>,
        client: &mut Client,
        (state, spared): (&mut TerminalState, &mut Unanswered),
        report: &mut DeviceReport,
    ) -> Result<Option<T>, Failure> {
        let why = match answer {
            Ok(answer) => return Ok(Some(answer)),
            Err(why) => why,
        };
        let (name, now) = (question.name().to_owned(), self.clock.utc_now().timestamp());
        // A busy terminal may answer the next time.
        let lasts = why.is_about_the_question() && !matches!(why, ClientError::NotNow { .. });
        if lasts {
            spared.insert(name.clone(), now);
        }
        let why = client.skip(why).await?;
        let again = if lasts { "; it is asked again in a day" } else { "" };
        report.notes.push(format!("no answer to the question for its {name} ({why}){again}"));
        if lasts {
            state.learned.unanswered.insert(name, now);
        }
        Ok(None)
    }

    /// Asks the questions that were not answered a day ago, now that the log is here. The log stays read in any case.
    pub(super) async fn ask_later(&self, client: &mut Client, later: &[Question], found: &mut Found) {
        let Some(state) = found.state() else { return };
        let now = self.clock.utc_now().timestamp();
        for question in later {
            let answered = match question {
                Question::Clock => client.time().await.map(drop),
                Question::Counts => client.free_sizes().await.map(drop),
                Question::Serial => return,
            };
            match answered {
                Ok(()) => drop(state.learned.unanswered.remove(question.name())),
                Err(error) => {
                    state.learned.unanswered.insert(question.name().to_owned(), now);
                    if client.skip(error).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    pub(super) async fn look_up<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Ledger) -> Result<T, crate::LedgerError> + Send + 'static,
    ) -> Result<T, Failure> {
        let reader = Arc::clone(&self.reader);
        Ok(blocking("ledger", move || Ok(what(&reader)?)).await?)
    }
}

fn identity(problem: plan::NotTheTerminal) -> Failure {
    TerminalError::Identity { problem: problem.to_string() }.into()
}
