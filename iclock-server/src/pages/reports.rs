//! The report of a month: a line for each person, made to be printed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{Datelike as _, NaiveDate};
use iclock_sync::query::Filter;
use iclock_sync::timesheet::{Period, Timesheet};
use serde::Deserialize;

use super::calendar;
use super::form::{Fields, filled, month};
use super::page::Page;
use super::terminals::serialized;
use crate::api::reports::PersonDays;
use crate::problem::Problem;
use crate::server::Server;

#[derive(Template)]
#[template(path = "reports.html")]
struct Report {
    page: Page,
    month: String,
    terminal: String,
    rows: Vec<(String, PersonDays)>,
    export: String,
}

/// Which report.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default, deserialize_with = "month")]
    month: Option<NaiveDate>,
    #[serde(default, deserialize_with = "filled")]
    terminal: Option<String>,
}

/// The page.
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    page: Page,
    Fields(Which { month, terminal }): Fields<Which>,
) -> Result<Response, Problem> {
    let page = page.at("reports");
    let today = (server.options.local_now)().date();
    let first = month.unwrap_or(today).with_day(1).unwrap_or(today);
    let period = Period::new(first, calendar::last(first)).today(today);
    let mut filter = Filter::default();
    filter.terminal.clone_from(&terminal);
    let rules = server.options.timesheet.clone();
    let sheet = server.ask(move |query| Timesheet::read(query, &filter, period, &rules)).await?;
    let month = first.format("%Y-%m").to_string();
    let rows = sheet.people.iter().map(|person| {
        let url = format!("{}?{}", page.under("/people", &person.user_id), serialized(&[("month", &month)]));
        (url, PersonDays::of(person))
    });
    let rows = rows.collect();
    let terminal = terminal.unwrap_or_default();
    let (from, to) = (first.to_string(), calendar::last(first).to_string());
    let query = serialized(&[("format", "csv"), ("terminal", &terminal), ("from", &from), ("to", &to)]);
    let export = page.url(format!("/api/v1/events/export?{query}"));
    Page::show(&Report { page, month, terminal, rows, export })
}
