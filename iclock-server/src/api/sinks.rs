//! Sinks: what waits for each, and orders to leave it alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDateTime, Utc};
use iclock_sync::service::NotFound;
use iclock_sync::service::status::SinkState;
use iclock_sync::{Bound, Window};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ask::{Named, Sent, Wall};
use super::not_done;
use super::terminals::Trouble;
use crate::by::By;
use crate::problem::Problem;
use crate::server::Server;

/// A sink of the service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sink {
    /// The configured name.
    pub(crate) name: String,
    /// A person has paused it.
    pub(crate) paused: bool,
    /// Events that still have to go out.
    pub(crate) pending: u64,
    /// The seconds for which events have had to go out; 0 if none has to.
    pub(crate) lag_seconds: i64,
    /// Events outside the window.
    pub(crate) held: u64,
    /// The end of the last delivery that went well.
    pub(crate) last_success: Option<DateTime<Utc>>,
    /// The last failure, if nothing has gone well since.
    pub(crate) error: Option<Trouble>,
    /// Deliveries in a row that failed.
    pub(crate) failures: u64,
    /// Events stored since the service began.
    pub(crate) stored: u64,
    /// Events that it had before, since the service began.
    pub(crate) already_stored: u64,
    /// Events that it will never take, since the service began.
    pub(crate) rejected: u64,
}

/// All sinks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sinks {
    /// The sinks, by name.
    pub(crate) sinks: Vec<Sink>,
}

impl Sink {
    pub(crate) fn of(name: &str, state: &SinkState, now: DateTime<Utc>) -> Self {
        let lag = state.pending_since.map_or(0, |since| now.signed_duration_since(since).num_seconds());
        Self {
            name: name.to_owned(),
            paused: state.paused,
            pending: state.pending,
            lag_seconds: lag.max(0),
            held: state.held,
            last_success: state.last_success,
            error: state.error.as_ref().map(Trouble::from),
            failures: state.failures,
            stored: state.stored,
            already_stored: state.already_stored,
            rejected: state.rejected,
        }
    }
}

/// Lists the sinks of the service.
#[utoipa::path(get, path = "/sinks", tag = "sinks", responses((status = OK, body = Sinks)))]
pub(super) async fn list(State(server): State<Arc<Server>>) -> Result<Json<Sinks>, Problem> {
    let status = server.status()?;
    let sinks = status.sinks.iter().map(|(name, state)| Sink::of(name, state, status.at)).collect();
    Ok(Json(Sinks { sinks }))
}

/// Leaves a sink alone until it is resumed, or the service starts again. What is under way ends as usual.
#[utoipa::path(
    post, path = "/sinks/{name}/pause", tag = "sinks",
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
    let done = server.ordered(&by, "pause sink", &name).await?.pause(&name).await;
    done.map(|()| StatusCode::NO_CONTENT).map_err(|NotFound(name)| none(&name))
}

/// Ends the pause of a sink.
#[utoipa::path(
    post, path = "/sinks/{name}/resume", tag = "sinks",
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
    let done = server.ordered(&by, "resume sink", &name).await?.resume(&name).await;
    done.map(|()| StatusCode::NO_CONTENT).map_err(|NotFound(name)| none(&name))
}

/// What to send again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    /// Only punches from then on, by the terminals' clocks: a date or a time.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2026-03-02")]
    from: Option<Wall>,
    /// Only punches before then; a date counts whole.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2026-03-02T18:00:00")]
    to: Option<Wall>,
    /// Those that the sink has refused for good, after the cause was removed, instead of those that it took.
    #[serde(default)]
    refused: bool,
}

/// The events that go out again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GoOut {
    /// Events that are pending again.
    pending: u64,
}

/// Sends again what a sink has lost, or what it had refused. What it still has is stored once all the same.
#[utoipa::path(
    post, path = "/sinks/{name}/replay", tag = "sinks", request_body = Again,
    params(("name" = String, Path, description = "Its configured name.")),
    responses(
        (status = ACCEPTED, body = GoOut),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem, description = "There is none."),
    )
)]
pub(super) async fn replay(
    State(server): State<Arc<Server>>,
    Named(name): Named,
    by: By,
    Sent(Again { from, to, refused }): Sent<Again>,
) -> Result<(StatusCode, Json<GoOut>), Problem> {
    known(&server, &name)?;
    let bound = |time: Option<NaiveDateTime>| time.map(Bound::Wall);
    let window = Window { since: bound(from.map(Wall::begins)), until: bound(to.map(Wall::ends)) };
    let what = if refused { "replay refused events" } else { "replay" };
    let service = server.ordered(&by, what, &name).await?;
    let pending = service.replay(&name, window, refused).await.map_err(|error| not_done(error, none))?;
    Ok((StatusCode::ACCEPTED, Json(GoOut { pending })))
}

fn none(name: &str) -> Problem {
    Problem::not_found(format!("there is no sink {name:?}")).hint("/api/v1/sinks lists them")
}

/// Refuses a name that no sink has: terminals take the same orders.
fn known(server: &Server, name: &str) -> Result<(), Problem> {
    if server.status()?.sinks.contains_key(name) { Ok(()) } else { Err(none(name)) }
}
