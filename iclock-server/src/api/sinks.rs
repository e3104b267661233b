//! Sinks: what waits for each, and orders to leave it alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use iclock_sync::Service;
use iclock_sync::service::NotFound;
use iclock_sync::service::status::SinkState;
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::Named;
use super::terminals::Trouble;
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
    fn of(name: &str, state: &SinkState, now: DateTime<Utc>) -> Self {
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
pub(super) async fn pause(State(server): State<Arc<Server>>, Named(name): Named) -> Result<StatusCode, Problem> {
    let done = known(&server, &name)?.pause(&name).await;
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
pub(super) async fn resume(State(server): State<Arc<Server>>, Named(name): Named) -> Result<StatusCode, Problem> {
    let done = known(&server, &name)?.resume(&name).await;
    done.map(|()| StatusCode::NO_CONTENT).map_err(|NotFound(name)| none(&name))
}

fn none(name: &str) -> Problem {
    Problem::not_found(format!("there is no sink {name:?}")).hint("/api/v1/sinks lists them")
}

/// The service, if it has a sink of this name: terminals take the same orders.
fn known(server: &Server, name: &str) -> Result<Arc<Service>, Problem> {
    let service = server.service()?;
    if service.status().sinks.contains_key(name) { Ok(service) } else { Err(none(name)) }
}
