//! Terminals: all of them, and one.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{TimeDelta, Utc};
use iclock_sync::query::Filter;
use serde::Deserialize;

use super::chart::Chart;
use super::events::EventRow;
use super::form::{Fields, filled, silence};
use super::page::Page;
use crate::api::ask::Named;
use crate::api::readings::Reading;
use crate::api::silence::Silence;
use crate::api::terminals::{Terminal, all, none};
use crate::problem::Problem;
use crate::server::Server;

/// Terminals on a page.
const ROWS: usize = 100;
/// Days in the chart of a terminal.
const DAYS: i64 = 30;
/// Readings on the page of a terminal.
const READINGS: u32 = 10;
/// Punches on the page of a terminal.
const PUNCHES: usize = 20;

/// A terminal in a table, or as a tile.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) serial: String,
    pub(super) address: String,
    pub(super) is_well: bool,
    /// What it is doing, in one word of the catalogue.
    pub(super) activity: String,
    pub(super) fresh: String,
    pub(super) last_punch: String,
    pub(super) error: String,
    pub(super) log: String,
    pub(super) drift: String,
    pub(super) waiting: u64,
}

impl Row {
    pub(super) fn of(page: &Page, terminal: &Terminal) -> Self {
        Self {
            name: terminal.name.clone(),
            url: page.under("/terminals", &terminal.name),
            serial: terminal.serial.clone().unwrap_or_default(),
            address: terminal.address.clone(),
            is_well: terminal.trouble().is_none(),
            activity: page.t(&format!("activity-{}", terminal.activity)),
            fresh: page.ago(terminal.heard()),
            last_punch: terminal.last_punch.clone().unwrap_or_else(|| page.t("never")),
            error: terminal.trouble().unwrap_or_default().to_owned(),
            log: match (terminal.records, terminal.capacity) {
                (Some(has), Some(most)) => format!("{has} / {most}"),
                (Some(has), None) => has.to_string(),
                _ => "–".to_owned(),
            },
            drift: terminal.clock_drift_ms.map_or_else(|| "–".to_owned(), |ms| format!("{:+} s", ms / 1_000)),
            waiting: terminal.quarantined + terminal.unproven,
        }
    }
}

#[derive(Template)]
#[template(path = "terminals.html")]
struct All {
    page: Page,
    rows: Vec<Row>,
    search: String,
    only_bad: bool,
    /// The times of silence to choose from: as a query has them, in words, and chosen or not.
    silences: Vec<(String, String, bool)>,
    count: usize,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "terminal.html")]
struct One {
    page: Page,
    row: Row,
    is_paused: bool,
    /// It calls by itself.
    is_pushing: bool,
    failing_since: String,
    failures: u64,
    chart: Chart,
    events: Vec<EventRow>,
    events_url: String,
    readings: Vec<Reading>,
    order: String,
}

/// Which terminals.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default, deserialize_with = "filled")]
    search: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    only: Option<String>,
    #[serde(default, deserialize_with = "silence")]
    silent_for: Option<Silence>,
    #[serde(default, deserialize_with = "filled")]
    after: Option<String>,
}

/// The table.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    page: Page,
    Fields(Which { search, only, silent_for, after }): Fields<Which>,
) -> Result<Response, Problem> {
    let page = page.at("terminals");
    let (search, only_bad) = (search.unwrap_or_default(), only.as_deref() == Some("bad"));
    let wanted = search.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&wanted);
    let (terminals, now) = (all(&server).await?, Utc::now());
    let mut found: Vec<Row> = terminals
        .iter()
        .filter(|one| !only_bad || one.trouble().is_some())
        .filter(|one| silent_for.is_none_or(|silence| silence.is_of(one, now)))
        .filter(|one| has(&one.name) || has(&one.address) || one.serial.as_deref().is_some_and(has))
        .map(|one| Row::of(&page, one))
        .collect();
    let count = found.len();
    found.retain(|row| after.as_ref().is_none_or(|after| row.name > *after));
    let is_more = found.len() > ROWS;
    found.truncate(ROWS);
    let next = found.last().filter(|_| is_more).map(|row| {
        let (only, silent) = (if only_bad { "bad" } else { "" }, silent_for.map(|silence| silence.to_string()));
        let silent = silent.unwrap_or_default();
        let query = [("search", search.as_str()), ("only", only), ("silent_for", &silent), ("after", &row.name)];
        page.url(format!("/terminals?{}", serialized(&query)))
    });
    let silences = silences(&page, silent_for);
    Page::show(&All { page, rows: found, search, only_bad, silences, count, next })
}

/// The times of silence to choose from, and the one that was chosen.
fn silences(page: &Page, chosen: Option<Silence>) -> Vec<(String, String, bool)> {
    let hours: [u32; 3] = [1, 2, 24];
    let usual = hours.map(|hours| (format!("{hours}h"), page.count("silent-hours", hours)));
    let is_it = |text: &str| chosen.is_some() && Silence::parse(text) == chosen;
    let other = chosen.filter(|_| !usual.iter().any(|(text, _)| is_it(text))).map(|chosen| chosen.to_string());
    let other = other.map(|text| (text.clone(), text, true));
    usual.into_iter().map(|(text, words)| (text.clone(), words, is_it(&text))).chain(other).collect()
}

/// A query with those fields that have something.
pub(super) fn serialized(fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The page of one.
pub(super) async fn one(
    State(server): State<Arc<Server>>,
    page: Page,
    Named(name): Named,
) -> Result<Response, Problem> {
    let page = page.at("terminals");
    let is_it = |terminal: &Terminal| terminal.name == name || terminal.serial.as_ref() == Some(&name);
    let terminal = all(&server).await?.into_iter().find(is_it).ok_or_else(|| none(&name))?;
    let now = (server.options.local_now)();
    let since = now - TimeDelta::days(DAYS - 1);
    let key = terminal.serial.clone().unwrap_or_else(|| terminal.name.clone());
    let filter = Filter::default().terminal(key.clone());
    let asked = key.clone();
    let (days, events, readings, names) = server
        .ask(move |query| {
            let readings = query.ask(|ledger| ledger.readings(&asked, None, READINGS))?;
            let month =
                filter.clone().between(since.date().and_time(chrono::NaiveTime::MIN), chrono::NaiveDateTime::MAX);
            Ok((query.days(&month)?, query.latest(&filter, PUNCHES)?, readings, query.names()?))
        })
        .await?;
    let bars = since.date().iter_days().take(DAYS.unsigned_abs() as usize).map(|date| {
        let of_day = days.iter().find(|day| day.date == date).map_or(0, |day| day.events);
        (date.format("%m-%d").to_string(), of_day)
    });
    let shown = One {
        row: Row::of(&page, &terminal),
        is_paused: terminal.activity == "paused",
        is_pushing: terminal.activity == "pushing",
        failing_since: page.ago(terminal.error.as_ref().map(|error| error.since)),
        failures: terminal.failures,
        chart: Chart::of(bars.collect(), 5),
        events: events.iter().map(|event| EventRow::of(&page, event, &names)).collect(),
        events_url: page.url(format!("/events?{}", serialized(&[("terminal", &key)]))),
        readings: readings.into_iter().map(Reading::from).collect(),
        order: page.under("/api/v1/terminals", &terminal.name),
        page,
    };
    Page::show(&shown)
}
