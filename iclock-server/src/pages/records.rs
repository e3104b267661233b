//! Records that were not believed: the quarantine, and logs that could not be proven.

use std::sync::Arc;

use askama::Template;
use attendance_model::Reason;
use axum::extract::State;
use axum::response::Response;
use iclock_sync::ledger::QuarantineFilter;
use serde::Deserialize;

use super::form::{Fields, filled};
use super::page::Page;
use super::terminals::serialized;
use crate::api::ask::Named;
use crate::api::quarantine::{Refused, Size};
use crate::api::unproven::{Buffer, Looked, look};
use crate::problem::Problem;
use crate::server::Server;

/// Records on a page.
const ROWS: usize = 100;

#[derive(Template)]
#[template(path = "quarantine.html")]
struct Quarantine {
    page: Page,
    terminal: String,
    reason: String,
    reasons: Vec<&'static str>,
    sizes: Vec<Size>,
    rows: Vec<Refused>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "unproven.html")]
struct Unproven {
    page: Page,
    rows: Vec<Buffer>,
}

#[derive(Template)]
#[template(path = "log.html")]
struct Log {
    page: Page,
    log: Looked,
    /// The address to which the decision goes.
    order: String,
}

/// Which records.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default, deserialize_with = "filled")]
    terminal: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    reason: Option<String>,
    after: Option<i64>,
}

/// The records that wait.
pub(super) async fn quarantine(
    State(server): State<Arc<Server>>,
    page: Page,
    Fields(Which { terminal, reason, after }): Fields<Which>,
) -> Result<Response, Problem> {
    let page = page.at("quarantine");
    let mut filter = QuarantineFilter::default();
    filter.terminal.clone_from(&terminal);
    filter.reason = reason.as_deref().and_then(Reason::from_word);
    filter.after = after.unwrap_or(0);
    let (terminal, reason) = (terminal.unwrap_or_default(), filter.reason.map(Reason::as_str).unwrap_or_default());
    let most = u32::try_from(ROWS).unwrap_or(u32::MAX);
    let (records, sizes) = server
        .ask(move |query| query.ask(|ledger| Ok((ledger.quarantine(&filter, most)?, ledger.quarantine_sizes()?))))
        .await?;
    let next = records.last().filter(|_| records.len() == ROWS).map(|record| {
        let after = record.id.to_string();
        page.url(format!(
            "/quarantine?{}",
            serialized(&[("terminal", &terminal), ("reason", reason), ("after", &after)])
        ))
    });
    let shown = Quarantine {
        page,
        terminal,
        reason: reason.to_owned(),
        reasons: Reason::ALL.map(Reason::as_str).to_vec(),
        sizes: sizes.into_iter().map(Size::from).collect(),
        rows: records.into_iter().map(Refused::from).collect(),
        next,
    };
    Page::show(&shown)
}

/// The logs that could not be proven.
pub(super) async fn unproven(State(server): State<Arc<Server>>, page: Page) -> Result<Response, Problem> {
    let page = page.at("unproven");
    let buffers = server.ask(|query| query.ask(|ledger| ledger.unproven())).await?;
    Page::show(&Unproven { page, rows: buffers.into_iter().map(Buffer::from).collect() })
}

/// One of them: what its bytes may mean.
pub(super) async fn log(State(server): State<Arc<Server>>, page: Page, Named(id): Named) -> Result<Response, Problem> {
    let page = page.at("unproven");
    let log = look(&server, &id).await?;
    let order = format!("{}/accept", page.under("/api/v1/unproven", &id));
    Page::show(&Log { page, log, order })
}
