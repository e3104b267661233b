//! Reports: the days of everybody.

use std::sync::Arc;

use attendance_model::day::{Pair, Punch};
use axum::Json;
use axum::extract::State;
use chrono::{Datelike as _, NaiveDate, NaiveDateTime, TimeDelta};
use iclock_sync::query::Filter;
use iclock_sync::timesheet::{Period, Person, Timesheet, Totals, WorkDay};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Both, Wall};
use crate::problem::Problem;
use crate::server::Server;

/// The longest report, in days: a year.
const LONGEST: i64 = 366;

/// The days of a report.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Span {
    /// The first day; the first of the current month by default.
    #[param(value_type = Option<String>, format = Date, example = "2026-03-01")]
    from: Option<Wall>,
    /// The last day; today by default, or the end of the month of `from`.
    #[param(value_type = Option<String>, format = Date, example = "2026-03-31")]
    to: Option<Wall>,
}

impl Span {
    /// The period, by the clock of this computer, which the terminals' clocks are taken to show.
    pub(super) fn period(self, server: &Server) -> Result<Period, Problem> {
        let day = |wall: Wall| match wall {
            Wall::Day(date) => Ok(date),
            Wall::Time(_) => Err(Problem::bad_request("a report has whole days").hint("write a date like 2026-03-02")),
        };
        let today = (server.options.local_now)().date();
        let from = self.from.map(day).transpose()?;
        let to = self.to.map(day).transpose()?;
        let from = from.or_else(|| to.unwrap_or(today).with_day(1)).unwrap_or(today);
        let to = to.unwrap_or_else(|| end_of_month(from).min(today.max(from)));
        if to < from || (to - from).num_days() >= LONGEST {
            let what = format!("a report is of 1 to {LONGEST} days, not from {from} to {to}");
            return Err(Problem::bad_request(what).hint("ask for the rest in another one"));
        }
        Ok(Period::new(from, to).today(today))
    }
}

fn end_of_month(date: NaiveDate) -> NaiveDate {
    let next = match date.month() {
        12 => NaiveDate::from_ymd_opt(date.year() + 1, 1, 1),
        month => NaiveDate::from_ymd_opt(date.year(), month + 1, 1),
    };
    next.and_then(|next| next.pred_opt()).unwrap_or(date)
}

/// Everybody's days.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Report {
    /// The first day.
    pub(crate) from: String,
    /// The last day.
    pub(crate) to: String,
    /// The people: numbers by their value, then texts.
    pub(crate) people: Vec<PersonDays>,
}

/// One person's days.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonDays {
    /// The user id.
    pub(crate) user_id: String,
    /// The name; null if it is not known.
    pub(crate) name: Option<String>,
    /// The number of the department, if it is known.
    pub(crate) department: Option<u8>,
    /// The sums.
    pub(crate) totals: Sums,
    /// The days with a punch.
    pub(crate) days: Vec<DayOf>,
    /// The working days without one.
    pub(crate) absent: Vec<String>,
}

/// The sums of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sums {
    /// Days with a punch.
    pub(crate) days: u64,
    /// Working days without one.
    pub(crate) absent: u64,
    /// Minutes worked.
    pub(crate) worked_minutes: i64,
    /// Days that began late.
    pub(crate) late: u64,
    /// Minutes late.
    pub(crate) late_minutes: i64,
    /// Days that ended early.
    pub(crate) left_early: u64,
    /// Minutes after the end of the shift.
    pub(crate) overtime_minutes: i64,
    /// Ways in without a punch.
    pub(crate) missing_in: u64,
    /// Ways out without a punch.
    pub(crate) missing_out: u64,
}

/// One day of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DayOf {
    /// The working day.
    pub(crate) date: String,
    /// The first punch.
    pub(crate) first: String,
    /// The last punch.
    pub(crate) last: String,
    /// Spans of presence.
    pub(crate) pairs: Vec<PairOf>,
    /// Minutes worked.
    pub(crate) worked_minutes: i64,
    /// Minutes late; null if the day began in time.
    pub(crate) late_minutes: Option<i64>,
    /// Minutes that were missing at the end.
    pub(crate) left_early_minutes: Option<i64>,
    /// Minutes after the end of the shift.
    pub(crate) overtime_minutes: Option<i64>,
    /// Ways in without a punch.
    pub(crate) missing_in: u32,
    /// Ways out without a punch.
    pub(crate) missing_out: u32,
}

/// A span of presence. One end may be missing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PairOf {
    /// The way in.
    #[serde(rename = "in")]
    pub(crate) begin: Option<String>,
    /// The way out.
    #[serde(rename = "out")]
    pub(crate) end: Option<String>,
}

impl PersonDays {
    pub(crate) fn of(person: &Person) -> Self {
        Self {
            user_id: person.user_id.clone(),
            name: (!person.name.is_empty()).then(|| person.name.clone()),
            department: person.department,
            totals: Sums::of(&person.totals()),
            days: person.days.iter().map(DayOf::of).collect(),
            absent: person.absent.iter().map(NaiveDate::to_string).collect(),
        }
    }
}

impl Sums {
    fn of(totals: &Totals) -> Self {
        Self {
            days: totals.days,
            absent: totals.absent,
            worked_minutes: totals.worked.num_minutes(),
            late: totals.late,
            late_minutes: totals.late_time.num_minutes(),
            left_early: totals.left_early,
            overtime_minutes: totals.overtime.num_minutes(),
            missing_in: totals.missing_in,
            missing_out: totals.missing_out,
        }
    }
}

impl DayOf {
    fn of(work: &WorkDay) -> Self {
        let minutes = |time: Option<TimeDelta>| time.map(|time| time.num_minutes());
        Self {
            date: work.day.date.to_string(),
            first: text(work.day.first.local),
            last: text(work.day.last.local),
            pairs: work.day.pairs.iter().map(PairOf::of).collect(),
            worked_minutes: work.day.worked().num_minutes(),
            late_minutes: minutes(work.late),
            left_early_minutes: minutes(work.left_early),
            overtime_minutes: minutes(work.overtime),
            missing_in: work.missing_in,
            missing_out: work.missing_out,
        }
    }
}

impl PairOf {
    fn of(pair: &Pair) -> Self {
        let local = |punch: Option<Punch>| punch.map(|punch| text(punch.local));
        Self { begin: local(pair.r#in), end: local(pair.out) }
    }
}

fn text(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Only of one terminal.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct At {
    /// Only punches at this terminal, by name or serial number.
    terminal: Option<String>,
}

/// Everybody's days in a span: one day is a daily report, a month a monthly one. By default the current month.
#[utoipa::path(get, path = "/report", tag = "people", params(Span, At), responses((status = OK, body = Report)))]
pub(super) async fn report(
    State(server): State<Arc<Server>>,
    Both(span, At { terminal }): Both<Span, At>,
) -> Result<Json<Report>, Problem> {
    let period = span.period(&server)?;
    let mut filter = Filter::default();
    filter.terminal = terminal;
    let rules = server.options.timesheet.clone();
    let sheet = server.ask(move |query| Timesheet::read(query, &filter, period, &rules)).await?;
    let people = sheet.people.iter().map(PersonDays::of).collect();
    Ok(Json(Report { from: period.from.to_string(), to: period.to.to_string(), people }))
}
