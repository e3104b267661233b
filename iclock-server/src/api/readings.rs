//! The last readings of a terminal.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use iclock_sync::ledger;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Asked, Limit, Named};
use crate::problem::Problem;
use crate::server::Server;

/// A reading that brought records.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reading {
    /// Its number.
    pub(crate) id: i64,
    /// The terminal's serial number, or `name:NAME`.
    pub(crate) device_serial: String,
    /// The terminal's configured name at that time.
    pub(crate) device_name: String,
    /// The time.
    pub(crate) read_at: DateTime<Utc>,
    /// The way: `pull`, `live`, `push`, or `by_hand`.
    pub(crate) source: String,
    /// The terminal's clock less the true time, in milliseconds.
    pub(crate) clock_drift_ms: Option<i64>,
}

/// A page of readings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readings {
    /// The readings, the last one first.
    readings: Vec<Reading>,
    /// `before` of the next page; null after the last one.
    next: Option<i64>,
}

/// Which readings.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// `next` of the page before.
    before: Option<i64>,
    /// The most readings.
    #[serde(default)]
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
}

impl From<ledger::Reading> for Reading {
    fn from(reading: ledger::Reading) -> Self {
        Self {
            id: reading.id,
            device_serial: reading.serial,
            device_name: reading.device_name,
            read_at: reading.read_at,
            source: reading.source,
            clock_drift_ms: reading.drift_ms,
        }
    }
}

/// Lists the readings of a terminal that brought records. One that is not known has none.
#[utoipa::path(
    get, path = "/terminals/{name}/readings", tag = "terminals",
    params(("name" = String, Path, description = "Its name, or its serial number."), Which),
    responses((status = OK, body = Readings))
)]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    Named(name): Named,
    Asked(Which { before, limit }): Asked<Which>,
) -> Result<Json<Readings>, Problem> {
    let most = u32::try_from(limit.get()).unwrap_or(u32::MAX);
    let readings = server.ask(move |query| query.ask(|ledger| ledger.readings(&name, before, most))).await?;
    let next = readings.last().filter(|_| readings.len() == limit.get()).map(|reading| reading.id);
    Ok(Json(Readings { readings: readings.into_iter().map(Reading::from).collect(), next }))
}
