//! What supervisors and Prometheus ask for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use iclock_sync::Ledger;
use iclock_sync::metrics::{Resources, to_text};

use crate::problem::Problem;
use crate::server::Server;

/// The kind of OpenMetrics text.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The program answers.
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// The service runs, and its ledger can be read.
pub(crate) async fn ready(State(server): State<Arc<Server>>) -> Result<&'static str, Problem> {
    server.service()?;
    server.ask(|query| query.last_entered()).await?;
    Ok("ready\n")
}

/// The metrics of the service and its process.
pub(crate) async fn metrics(State(server): State<Arc<Server>>) -> Result<Response, Problem> {
    let status = server.status()?;
    let sizes = server.ask(|query| query.ask(Ledger::quarantine_sizes)).await;
    // A ledger that cannot be read is no reason to hide everything else.
    let sizes = sizes.ok();
    let text = server.blocking(move || to_text(&status, &Resources::of_this_process(), sizes.as_deref())).await?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
