//! The first page: whether every punch is where it belongs.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _};
use iclock_sync::LedgerError;
use iclock_sync::alert::{DRIFT, FULL};
use iclock_sync::ledger::PushState;
use iclock_sync::query::{Filter, Query};
use iclock_sync::timesheet::{Period, Rules, Timesheet};

use super::chart::Chart;
use super::page::Page;
use super::sinks::SinkRow;
use super::terminals::Row;
use crate::api::sinks::Sink;
use crate::api::terminals::{Terminal, all};
use crate::problem::Problem;
use crate::server::Server;

/// Tiles and names on this page; the other pages have all of them.
const TILES: usize = 60;
const NAMES: usize = 40;

/// Something that needs attention, and where to go about it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attention {
    what: String,
    hint: String,
    url: String,
}

/// What happened today.
struct Today {
    by_hour: Vec<u64>,
    people: usize,
    /// Who came, and has not left.
    inside: Vec<(String, String)>,
    waiting: u64,
    unproven: usize,
    knocking: usize,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    page: Page,
    date: NaiveDate,
    chart: Chart,
    people: usize,
    inside: Vec<(String, String)>,
    inside_more: usize,
    attention: Vec<Attention>,
    terminals: Vec<Row>,
    terminals_more: usize,
    sinks: Vec<SinkRow>,
}

/// The page.
pub(super) async fn show(State(server): State<Arc<Server>>, page: Page) -> Result<Response, Problem> {
    let page = page.at("overview");
    let (status, now) = (server.status()?, (server.options.local_now)());
    let rules = server.options.timesheet.clone();
    let terminals = all(&server).await?;
    let sinks: Vec<Sink> = status.sinks.iter().map(|(name, state)| Sink::of(name, state, status.at)).collect();
    let today = server.ask(move |query| today(query, now, &rules)).await?;
    let mut attention = attention(&page, &terminals, &sinks, &today);
    if let Some(disk) = status.disk.filter(|disk| disk.low) {
        let what = page.count("attention-disk", disk.free >> 20);
        attention.push(Attention { what, hint: page.t("attention-disk-hint"), url: page.url("/settings") });
    }
    let bars = today.by_hour.into_iter().enumerate().map(|(hour, count)| (format!("{hour:02}"), count)).collect();
    let mut rows: Vec<Row> = terminals.iter().map(|terminal| Row::of(&page, terminal)).collect();
    rows.sort_by_key(|row| row.is_well);
    let shown = Overview {
        date: now.date(),
        chart: Chart::of(bars, 3),
        people: today.people,
        inside_more: today.inside.len().saturating_sub(NAMES),
        inside: today.inside.into_iter().take(NAMES).collect(),
        attention,
        terminals_more: rows.len().saturating_sub(TILES),
        terminals: rows.into_iter().take(TILES).collect(),
        sinks: sinks.iter().map(|sink| SinkRow::of(&page, sink)).collect(),
        page,
    };
    Page::show(&shown)
}

fn today(query: &Query, now: NaiveDateTime, rules: &Rules) -> Result<Today, LedgerError> {
    let date = now.date();
    let begins = date.and_time(NaiveTime::MIN);
    let ends = begins.checked_add_signed(TimeDelta::days(1)).unwrap_or(begins);
    let mut by_hour = vec![0; 24];
    query.punches(&Filter::default().between(begins, ends), |_, punch| {
        if let Some(count) = by_hour.get_mut(punch.local.hour() as usize) {
            *count += 1;
        }
    })?;
    let working = rules.day.date_of(now);
    let sheet = Timesheet::read(query, &Filter::default(), Period::new(working, working).today(working), rules)?;
    let came: Vec<_> = sheet.people.iter().filter(|person| person.on(working).is_some()).collect();
    let is_inside = |person: &&&iclock_sync::timesheet::Person| {
        let pairs = person.on(working).map(|day| day.day.pairs.as_slice()).unwrap_or_default();
        pairs.last().is_some_and(|pair| pair.r#in.is_some() && pair.out.is_none())
    };
    let inside = came.iter().filter(is_inside).map(|person| (person.user_id.clone(), person.name.clone())).collect();
    let (waiting, unproven, knocking) = query.ask(|ledger| {
        let waiting = ledger.quarantine_sizes()?.iter().map(|size| size.waiting).sum();
        let unproven = ledger.unproven()?.iter().filter(|buffer| buffer.accepted_at.is_none()).count();
        let knocking = ledger.push_admissions()?.iter().filter(|one| one.state == PushState::Pending).count();
        Ok((waiting, unproven, knocking))
    })?;
    Ok(Today { by_hour, people: came.len(), inside, waiting, unproven, knocking })
}

/// What is not as it should be, the worst first.
fn attention(page: &Page, terminals: &[Terminal], sinks: &[Sink], today: &Today) -> Vec<Attention> {
    let mut found = Vec::new();
    let mut add = |what: String, hint: String, url: String| found.push(Attention { what, hint, url });
    for terminal in terminals {
        let (name, url) = (terminal.name.as_str(), page.under("/terminals", &terminal.name));
        if let Some(error) = &terminal.error {
            add(page.name("attention-terminal", name), error.text.clone(), url.clone());
        } else if let Some(missing) = &terminal.missing {
            add(page.name("attention-missing", name), missing.clone(), url.clone());
        }
        if terminal.activity == "paused" {
            add(page.name("attention-paused", name), page.t("attention-paused-hint"), url.clone());
        }
        if let Some(drift) = terminal.clock_drift_ms.filter(|drift| drift.abs() > DRIFT.num_milliseconds()) {
            let what = page.two("attention-clock", name, drift.unsigned_abs() / 1_000);
            add(what, page.t("attention-clock-hint"), url.clone());
        }
        let share = terminal.records.zip(terminal.capacity).map(|(has, most)| has.saturating_mul(100) / most.max(1));
        if let Some(share) = share.filter(|share| *share >= FULL) {
            add(page.two("attention-log", name, share), page.t("attention-log-hint"), url);
        }
    }
    for sink in sinks {
        if let Some(error) = &sink.error {
            let what = page.two("attention-sink", &sink.name, sink.pending);
            add(what, error.text.clone(), page.url("/sinks"));
        }
        if sink.paused {
            let what = page.two("attention-paused-sink", &sink.name, sink.pending);
            add(what, page.t("attention-paused-sink-hint"), page.url("/sinks"));
        }
    }
    if today.unproven > 0 {
        let what = page.count("attention-unproven", today.unproven);
        add(what, page.t("attention-unproven-hint"), page.url("/unproven"));
    }
    if today.waiting > 0 {
        let what = page.count("attention-quarantine", today.waiting);
        add(what, page.t("attention-quarantine-hint"), page.url("/quarantine"));
    }
    if today.knocking > 0 {
        let what = page.count("attention-pushing", today.knocking);
        add(what, page.t("attention-pushing-hint"), page.url("/pushing"));
    }
    found
}
