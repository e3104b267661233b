//! Sinks: what each has, and how far behind it is.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::page::Page;
use crate::api::sinks::Sink;
use crate::problem::Problem;
use crate::server::Server;

/// A sink in a table, or as a tile.
#[derive(Clone, Debug)]
pub(super) struct SinkRow {
    pub(super) name: String,
    pub(super) is_well: bool,
    pub(super) is_paused: bool,
    pub(super) pending: u64,
    pub(super) lag: String,
    pub(super) fresh: String,
    pub(super) held: u64,
    pub(super) stored: u64,
    pub(super) rejected: u64,
    pub(super) error: String,
    pub(super) failing_since: String,
    pub(super) order: String,
}

impl SinkRow {
    pub(super) fn of(page: &Page, sink: &Sink) -> Self {
        Self {
            name: sink.name.clone(),
            is_well: sink.error.is_none(),
            is_paused: sink.paused,
            pending: sink.pending,
            lag: format!("{} s", sink.lag_seconds),
            fresh: page.ago(sink.last_success),
            held: sink.held,
            stored: sink.stored + sink.already_stored,
            rejected: sink.rejected,
            error: sink.error.as_ref().map(|error| error.text.clone()).unwrap_or_default(),
            failing_since: page.ago(sink.error.as_ref().map(|error| error.since)),
            order: page.under("/api/v1/sinks", &sink.name),
        }
    }
}

#[derive(Template)]
#[template(path = "sinks.html")]
struct Sinks {
    page: Page,
    rows: Vec<SinkRow>,
}

/// The page.
pub(super) async fn show(State(server): State<Arc<Server>>, page: Page) -> Result<Response, Problem> {
    let page = page.at("sinks");
    let status = server.status()?;
    let rows = status.sinks.iter().map(|(name, state)| SinkRow::of(&page, &Sink::of(name, state, status.at))).collect();
    Page::show(&Sinks { page, rows })
}
