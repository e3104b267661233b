//! People: all who punched, and the month of one.

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
use crate::api::ask::Named;
use crate::api::people::Person;
use crate::api::reports::{DayOf, PersonDays, Sums};
use crate::problem::Problem;
use crate::server::Server;

/// People on a page.
const ROWS: usize = 100;

#[derive(Template)]
#[template(path = "people.html")]
struct People {
    page: Page,
    rows: Vec<(String, Person)>,
    next: Option<String>,
    is_first: bool,
}

/// A day in the calendar.
struct Cell {
    date: NaiveDate,
    is_of_month: bool,
    day: Option<DayOf>,
    is_absent: bool,
}

#[derive(Template)]
#[template(path = "person.html")]
struct Month {
    page: Page,
    user_id: String,
    name: String,
    month: String,
    weekdays: Vec<String>,
    weeks: Vec<Vec<Cell>>,
    totals: Option<Sums>,
    previous: String,
    next: String,
    events_url: String,
}

/// Where a page of people begins, or who is looked for.
#[derive(Deserialize)]
pub(super) struct Place {
    #[serde(default, deserialize_with = "filled")]
    after: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    user: Option<String>,
}

/// Which month.
#[derive(Deserialize)]
pub(super) struct When {
    #[serde(default, deserialize_with = "month")]
    month: Option<NaiveDate>,
}

/// The table.
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    page: Page,
    Fields(Place { after, user }): Fields<Place>,
) -> Result<Response, Problem> {
    let page = page.at("people");
    let is_first = after.is_none();
    let mut filter = Filter::default();
    filter.user = user;
    let after = after.unwrap_or_default();
    let (found, names) = server.ask(move |query| Ok((query.people(&filter, &after, ROWS)?, query.names()?))).await?;
    let is_full = found.len() == ROWS;
    let rows: Vec<_> =
        found.into_iter().map(|person| (page.under("/people", &person.user), Person::of(person, &names))).collect();
    let next = rows
        .last()
        .filter(|_| is_full)
        .map(|(_, person)| page.url(format!("/people?{}", serialized(&[("after", &person.user_id)]))));
    Page::show(&People { page, rows, next, is_first })
}

/// The month of one.
pub(super) async fn one(
    State(server): State<Arc<Server>>,
    page: Page,
    Named(user_id): Named,
    Fields(When { month }): Fields<When>,
) -> Result<Response, Problem> {
    let page = page.at("people");
    let today = (server.options.local_now)().date();
    let first = month.unwrap_or(today).with_day(1).unwrap_or(today);
    let period = Period::new(first, calendar::last(first)).today(today);
    let (filter, rules) = (Filter::default().user(user_id.clone()), server.options.timesheet.clone());
    let asked = user_id.clone();
    let (sheet, name) = server
        .ask(move |query| {
            let name = query.names()?.of(&asked).unwrap_or_default().to_owned();
            Ok((Timesheet::read(query, &filter, period, &rules)?, name))
        })
        .await?;
    let person = sheet.people.first().map(PersonDays::of);
    let mut days = person.map(|person| (person.days, person.absent, person.totals));
    let cell = |date: NaiveDate| {
        let text = date.to_string();
        let day = days.as_mut().and_then(|(days, ..)| {
            let at = days.iter().position(|day| day.date == text)?;
            Some(days.swap_remove(at))
        });
        let is_absent = days.as_ref().is_some_and(|(_, absent, _)| absent.contains(&text));
        Cell { date, is_of_month: date.month() == first.month(), day, is_absent }
    };
    let mut cell = cell;
    let weeks = calendar::weeks(first).into_iter().map(|week| week.into_iter().map(&mut cell).collect()).collect();
    let of_month = |date: NaiveDate| {
        let month = date.format("%Y-%m").to_string();
        format!("{}?{}", page.under("/people", &user_id), serialized(&[("month", &month)]))
    };
    let shown = Month {
        name,
        month: first.format("%Y-%m").to_string(),
        weekdays: calendar::DAYS.iter().map(|day| page.t(&format!("day-{}", day.num_days_from_monday()))).collect(),
        weeks,
        totals: days.map(|(.., totals)| totals),
        previous: of_month(calendar::previous(first)),
        next: of_month(calendar::next(first)),
        events_url: page.url(format!("/events?{}", serialized(&[("user", &user_id)]))),
        user_id,
        page,
    };
    Page::show(&shown)
}

/// Minutes as hours and minutes.
pub(super) fn hours(minutes: &i64) -> String {
    let sign = if *minutes < 0 { "-" } else { "" };
    format!("{sign}{}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// The time of day of a time in the form of the API.
pub(super) fn clock(time: &str) -> &str {
    time.get(11..16).unwrap_or(time)
}
