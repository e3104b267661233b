//! Terminals that push: who knocks, and who may come in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use iclock_sync::chain;
use iclock_sync::ledger::PushAdmission;
use iclock_sync::receive::Decision;
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::Named;
use crate::by::By;
use crate::problem::Problem;
use crate::server::Server;

/// A serial number that called, or about which somebody decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Admission {
    /// The serial number.
    pub(crate) serial: String,
    /// `pending`, `approved` or `denied`.
    pub(crate) state: &'static str,
    /// The name that it was given with the decision.
    pub(crate) name: Option<String>,
    /// The address from which it called last.
    pub(crate) address: Option<String>,
    /// The first time it called.
    pub(crate) first_seen: DateTime<Utc>,
    /// The last time it called without being admitted, to the minute.
    pub(crate) last_seen: DateTime<Utc>,
    /// The time of the decision.
    pub(crate) decided_at: Option<DateTime<Utc>>,
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Admissions {
    /// The serial numbers, those that called last first.
    pub(crate) pushing: Vec<Admission>,
}

impl From<PushAdmission> for Admission {
    fn from(admission: PushAdmission) -> Self {
        Self {
            serial: admission.serial,
            state: admission.state.as_str(),
            name: admission.name,
            address: admission.address,
            first_seen: admission.first_seen,
            last_seen: admission.last_seen,
            decided_at: admission.decided_at,
        }
    }
}

/// Lists the serial numbers that called or were decided about.
#[utoipa::path(get, path = "/pushing", tag = "terminals", responses((status = OK, body = Admissions)))]
pub(super) async fn list(State(server): State<Arc<Server>>) -> Result<Json<Admissions>, Problem> {
    let admissions = server.ask(|query| query.ask(|ledger| ledger.push_admissions())).await?;
    Ok(Json(Admissions { pushing: admissions.into_iter().map(Admission::from).collect() }))
}

/// Admits a terminal: what it pushes is stored. The receiver takes the decision within a second.
#[utoipa::path(
    post, path = "/pushing/{serial}/approve", tag = "terminals",
    params(("serial" = String, Path, description = "Its serial number.")),
    responses((status = ACCEPTED, description = "It will be admitted."))
)]
pub(super) async fn approve(
    State(server): State<Arc<Server>>,
    Named(serial): Named,
    by: By,
) -> Result<StatusCode, Problem> {
    leave(&server, Decision::approve(&serial, None), &serial, "approve terminal", &by).await
}

/// Refuses a terminal: it keeps what it has. The receiver takes the decision within a second.
#[utoipa::path(
    post, path = "/pushing/{serial}/deny", tag = "terminals",
    params(("serial" = String, Path, description = "Its serial number.")),
    responses((status = ACCEPTED, description = "It will be refused."))
)]
pub(super) async fn deny(
    State(server): State<Arc<Server>>,
    Named(serial): Named,
    by: By,
) -> Result<StatusCode, Problem> {
    leave(&server, Decision::deny(&serial), &serial, "deny terminal", &by).await
}

/// Leaves a decision where the receiver looks for those of other processes.
async fn leave(
    server: &Server,
    decision: Option<Decision>,
    serial: &str,
    what: &str,
    by: &By,
) -> Result<StatusCode, Problem> {
    let wrong = || {
        let hint = "it has 1 to 64 letters, digits, - and _, as the terminal shows them";
        Problem::bad_request(format!("{serial:?} is no serial number")).hint(hint)
    };
    let decision = decision.ok_or_else(wrong)?;
    let dir = server.ordered(by, what, serial).await?.state_dir().to_owned();
    server.blocking(move || decision.leave(&dir)).await?.map_err(|error| {
        tracing::warn!("a decision could not be left: {}", chain(&error));
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the decision cannot be written to the state directory")
            .hint("check that its disk has room")
    })?;
    Ok(StatusCode::ACCEPTED)
}
