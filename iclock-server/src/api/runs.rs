//! Past runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Asked, Limit};
use crate::problem::Problem;
use crate::server::Server;

/// A past run, or what a service did until it made a report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Run {
    /// Its id, as in its report.
    pub(crate) id: String,
    /// Its start.
    pub(crate) started_at: DateTime<Utc>,
    /// Its duration in milliseconds.
    pub(crate) duration_ms: u64,
    /// Its exit code.
    pub(crate) exit_code: u8,
    /// Events that entered.
    pub(crate) new: u64,
    /// Events stored, over all sinks.
    pub(crate) stored: u64,
}

/// The last runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Runs {
    /// The runs, the latest first.
    pub(crate) runs: Vec<Run>,
}

/// How many runs.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The most runs.
    #[serde(default)]
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
}

/// Lists the last runs.
#[utoipa::path(get, path = "/runs", tag = "records", params(Which), responses((status = OK, body = Runs)))]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    Asked(Which { limit }): Asked<Which>,
) -> Result<Json<Runs>, Problem> {
    let most = u32::try_from(limit.get()).unwrap_or(u32::MAX);
    let runs = server.ask(move |query| query.ask(|ledger| ledger.runs(most))).await?;
    let runs = runs.into_iter().map(|run| Run {
        id: run.id,
        started_at: run.started_at,
        duration_ms: run.duration_ms,
        exit_code: run.exit_code,
        new: run.new,
        stored: run.stored,
    });
    Ok(Json(Runs { runs: runs.collect() }))
}
