//! Commands for a terminal that calls by itself: what it was given, and what it answered.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{NaiveDate, TimeDelta};

use super::page::Page;
use crate::api::ask::Named;
use crate::api::commands::{Command, recent};
use crate::problem::Problem;
use crate::server::Server;

/// Commands on the page.
const ROWS: usize = 100;

#[derive(Template)]
#[template(path = "commands.html")]
struct Commands {
    page: Page,
    serial: String,
    /// The address to which a command is given.
    order: String,
    /// The period that the form begins with: yesterday and today.
    from: NaiveDate,
    to: NaiveDate,
    rows: Vec<Command>,
}

/// The page.
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    page: Page,
    Named(serial): Named,
) -> Result<Response, Problem> {
    let page = page.at("pushing");
    let rows = recent(&server, &serial, ROWS).await?;
    let order = format!("{}/commands", page.under("/api/v1/pushing", &serial));
    let to = (server.options.local_now)().date();
    let from = to - TimeDelta::days(1);
    Page::show(&Commands { page, serial, order, from, to, rows })
}
