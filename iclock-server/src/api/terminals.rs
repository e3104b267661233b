//! Terminals: what each was doing last, and orders to poll or leave it alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use iclock_sync::ledger::TerminalOverview;
use iclock_sync::service::NotFound;
use iclock_sync::service::status::{Activity, Failure, TerminalState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Asked, Named};
use super::silence::Silence;
use crate::by::By;
use crate::problem::Problem;
use crate::server::Server;

/// A terminal of the service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Terminal {
    /// The configured name.
    pub(crate) name: String,
    /// The serial number, once it is known.
    pub(crate) serial: Option<String>,
    /// `HOST:PORT`, or `push:SERIAL` of one that calls.
    pub(crate) address: String,
    /// What it does now: `waiting`, `connecting`, `reading`, `recording`, `resting`, `listening`, `down`, `paused`, or
    /// `pushing` if it is never called.
    pub(crate) activity: &'static str,
    /// The next poll, if one is planned.
    pub(crate) next_poll: Option<DateTime<Utc>>,
    /// The end of the last poll.
    pub(crate) last_poll: Option<DateTime<Utc>>,
    /// The end of the last poll that went well.
    pub(crate) last_success: Option<DateTime<Utc>>,
    /// The last time at which punches came by another way than a poll.
    pub(crate) last_push: Option<DateTime<Utc>>,
    /// The last call of a terminal that pushes.
    pub(crate) last_call: Option<DateTime<Utc>>,
    /// The last poll that brought records.
    pub(crate) last_records: Option<DateTime<Utc>>,
    /// The latest punch, by the terminal's clock.
    pub(crate) last_punch: Option<String>,
    /// The last failure, if nothing has gone well since.
    pub(crate) error: Option<Trouble>,
    /// What is missing although nothing has failed: a terminal that pushes does not call, or has not answered.
    pub(crate) missing: Option<String>,
    /// Polls in a row that failed.
    pub(crate) failures: u64,
    /// Records that it holds.
    pub(crate) records: Option<u64>,
    /// Records that it can hold.
    pub(crate) capacity: Option<u64>,
    /// Its clock less the true time, in milliseconds.
    pub(crate) clock_drift_ms: Option<i64>,
    /// Records that wait in the quarantine.
    pub(crate) quarantined: u64,
    /// Logs that could not be proven, and wait.
    pub(crate) unproven: u64,
}

/// A failure.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Trouble {
    /// Its kind, in one word.
    pub(crate) kind: String,
    /// The failure, its cause, and what to try.
    pub(crate) text: String,
    /// The time.
    pub(crate) at: DateTime<Utc>,
    /// The time of the first of the failures in a row.
    pub(crate) since: DateTime<Utc>,
}

impl From<&Failure> for Trouble {
    fn from(failure: &Failure) -> Self {
        let Failure { kind, text, at, since, .. } = failure;
        Self { kind: kind.as_str().to_owned(), text: text.clone(), at: *at, since: *since }
    }
}

/// All terminals.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Terminals {
    /// The terminals, by name.
    pub(crate) terminals: Vec<Terminal>,
}

/// Which terminals.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only those of which nothing was heard for so long, or never since the service began.
    #[param(value_type = Option<String>, example = "2h")]
    silent_for: Option<Silence>,
}

impl Terminal {
    /// What is wrong with it, if anything is.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.error.as_ref().map(|error| error.text.as_str()).or(self.missing.as_deref())
    }

    /// The last time at which anything was heard of it.
    pub(crate) fn heard(&self) -> Option<DateTime<Utc>> {
        [self.last_success, self.last_push, self.last_call].into_iter().flatten().max()
    }

    fn of(name: &str, state: &TerminalState, kept: Option<&TerminalOverview>) -> Self {
        let (activity, next_poll) = activity(state.activity);
        Self {
            name: name.to_owned(),
            serial: state.serial.clone().or_else(|| kept.map(|kept| kept.serial.clone())),
            address: state.address.clone(),
            activity,
            next_poll,
            last_poll: state.last_poll,
            last_success: state.last_success,
            last_push: state.last_push,
            last_call: state.last_call.or_else(|| kept?.last_call),
            last_records: kept.and_then(|kept| kept.last_records),
            last_punch: kept.and_then(|kept| kept.last_punch).map(|time| time.to_string()),
            error: state.error.as_ref().map(Trouble::from),
            missing: state.missing(Utc::now(), TimeDelta::zero()),
            failures: state.failures,
            records: state.records,
            capacity: state.capacity,
            clock_drift_ms: state.clock_drift_ms,
            quarantined: kept.map_or(0, |kept| kept.quarantined),
            unproven: kept.map_or(0, |kept| kept.unproven),
        }
    }
}

/// The word for an activity, and its end.
fn activity(activity: Activity) -> (&'static str, Option<DateTime<Utc>>) {
    match activity {
        Activity::Waiting => ("waiting", None),
        Activity::Connecting => ("connecting", None),
        Activity::Reading => ("reading", None),
        Activity::Recording => ("recording", None),
        Activity::Resting { until } => ("resting", Some(until)),
        Activity::Listening { until } => ("listening", Some(until)),
        Activity::Down { until } => ("down", Some(until)),
        Activity::Paused => ("paused", None),
        Activity::Pushing => ("pushing", None),
        _ => ("busy", None),
    }
}

pub(crate) async fn all(server: &Server) -> Result<Vec<Terminal>, Problem> {
    let (status, now) = (server.status()?, (server.options.local_now)());
    let overview = server.ask(move |query| query.ask(|ledger| ledger.overview(now))).await?;
    let terminals = status.terminals.iter().map(|(name, state)| {
        // The serial number decides: the name may have been another terminal's.
        let by_serial = |serial: &String| overview.terminals.iter().find(|kept| kept.serial == *serial);
        let by_name = || overview.terminals.iter().rfind(|kept| kept.name == *name);
        let kept = state.serial.as_ref().map_or_else(by_name, by_serial);
        Terminal::of(name, state, kept)
    });
    Ok(terminals.collect())
}

/// Lists the terminals of the service.
#[utoipa::path(
    get, path = "/terminals", tag = "terminals", params(Which), responses((status = OK, body = Terminals))
)]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    Asked(Which { silent_for }): Asked<Which>,
) -> Result<Json<Terminals>, Problem> {
    let (mut terminals, now) = (all(&server).await?, Utc::now());
    terminals.retain(|terminal| silent_for.is_none_or(|silence| silence.is_of(terminal, now)));
    Ok(Json(Terminals { terminals }))
}

/// Returns one terminal.
#[utoipa::path(
    get, path = "/terminals/{name}", tag = "terminals",
    params(("name" = String, Path, description = "Its configured name, or its serial number.")),
    responses(
        (status = OK, body = Terminal),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem, description = "There is none."),
    )
)]
pub(super) async fn one(State(server): State<Arc<Server>>, Named(name): Named) -> Result<Json<Terminal>, Problem> {
    let is_it = |terminal: &Terminal| terminal.name == name || terminal.serial.as_ref() == Some(&name);
    all(&server).await?.into_iter().find(is_it).map(Json).ok_or_else(|| none(&name))
}

pub(crate) fn none(name: &str) -> Problem {
    Problem::not_found(format!("there is no terminal {name:?}")).hint("/api/v1/terminals lists them")
}

/// Polls a terminal as soon as it is free.
#[utoipa::path(
    post, path = "/terminals/{name}/poll", tag = "terminals",
    params(("name" = String, Path, description = "Its configured name.")),
    responses(
        (status = ACCEPTED, description = "It will be polled."),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem,
         description = "There is none, or it is never called."),
    )
)]
pub(super) async fn poll(State(server): State<Arc<Server>>, Named(name): Named, by: By) -> Result<StatusCode, Problem> {
    known(&server, &name)?;
    let done = server.ordered(&by, "poll terminal", &name).await?.poll_now(&name).await;
    done.map(|()| StatusCode::ACCEPTED).map_err(|NotFound(name)| {
        let what = format!("there is no terminal {name:?} that is called");
        Problem::not_found(what).hint("/api/v1/terminals lists them; one that pushes calls by itself")
    })
}

/// Leaves a terminal alone until it is resumed, or the service starts again. What is under way ends as usual.
#[utoipa::path(
    post, path = "/terminals/{name}/pause", tag = "terminals",
    params(("name" = String, Path, description = "Its configured name.")),
    responses(
        (status = NO_CONTENT, description = "It is paused."),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem, description = "There is none."),
    )
)]
pub(super) async fn pause(
    State(server): State<Arc<Server>>,
    Named(name): Named,
    by: By,
) -> Result<StatusCode, Problem> {
    known(&server, &name)?;
    let done = server.ordered(&by, "pause terminal", &name).await?.pause(&name).await;
    done.map(|()| StatusCode::NO_CONTENT).map_err(|NotFound(name)| none(&name))
}

/// Ends the pause of a terminal.
#[utoipa::path(
    post, path = "/terminals/{name}/resume", tag = "terminals",
    params(("name" = String, Path, description = "Its configured name.")),
    responses(
        (status = NO_CONTENT, description = "It goes on."),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem, description = "There is none."),
    )
)]
pub(super) async fn resume(
    State(server): State<Arc<Server>>,
    Named(name): Named,
    by: By,
) -> Result<StatusCode, Problem> {
    known(&server, &name)?;
    let done = server.ordered(&by, "resume terminal", &name).await?.resume(&name).await;
    done.map(|()| StatusCode::NO_CONTENT).map_err(|NotFound(name)| none(&name))
}

/// Refuses a name that no terminal has: sinks take the same orders.
pub(super) fn known(server: &Server, name: &str) -> Result<(), Problem> {
    if server.status()?.terminals.contains_key(name) { Ok(()) } else { Err(none(name)) }
}
