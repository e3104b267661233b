//! People: who punched, and their days.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use iclock_sync::query::{self, Filter, Names};
use iclock_sync::timesheet::{Period, Timesheet};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Asked, Both, Limit, Named, Wall};
use super::reports::{PersonDays, Span};
use crate::problem::Problem;
use crate::server::Server;

/// Somebody who punched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Person {
    /// The user id.
    pub(crate) user_id: String,
    /// The name; null if it is not known.
    pub(crate) name: Option<String>,
    /// The number of the department, if it is known.
    pub(crate) department: Option<u8>,
    /// The number of punches.
    pub(crate) events: u64,
    /// The first punch, by the terminal's clock.
    pub(crate) first: String,
    /// The last punch.
    pub(crate) last: String,
}

impl Person {
    pub(crate) fn of(person: query::Person, names: &Names) -> Self {
        Self {
            name: names.of(&person.user).map(str::to_owned),
            department: names.department(&person.user),
            events: person.events,
            first: person.first.to_string(),
            last: person.last.to_string(),
            user_id: person.user,
        }
    }
}

/// A page of people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct People {
    /// The people, by user id.
    pub(crate) people: Vec<Person>,
    /// `after` of the next page; null after the last one.
    pub(crate) next: Option<String>,
}

/// Which people.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only of this terminal, by name or serial number.
    terminal: Option<String>,
    /// Only punches from then on: a date or a time.
    #[param(value_type = Option<String>, example = "2026-03-02")]
    from: Option<Wall>,
    /// Only punches before then; a date counts whole.
    #[param(value_type = Option<String>, example = "2026-03-02")]
    to: Option<Wall>,
    /// The last user id of the page before.
    after: Option<String>,
    /// The most people.
    #[serde(default)]
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
}

/// Lists the people who punched.
#[utoipa::path(get, path = "/people", tag = "people", params(Which), responses((status = OK, body = People)))]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    Asked(which): Asked<Which>,
) -> Result<Json<People>, Problem> {
    let Which { terminal, from, to, after, limit } = which;
    let mut filter = Filter::default();
    (filter.terminal, filter.from, filter.to) = (terminal, from.map(Wall::begins), to.map(Wall::ends));
    let after = after.unwrap_or_default();
    let (found, names) =
        server.ask(move |query| Ok((query.people(&filter, &after, limit.get())?, query.names()?))).await?;
    let is_full = found.len() == limit.get();
    let people: Vec<Person> = found.into_iter().map(|person| Person::of(person, &names)).collect();
    let next = people.last().filter(|_| is_full).map(|person| person.user_id.clone());
    Ok(Json(People { people, next }))
}

/// A person's days: pairs, hours, lateness, missing punches. By default the current month.
#[utoipa::path(
    get, path = "/people/{user_id}/days", tag = "people",
    params(("user_id" = String, Path, description = "The user id."), Span),
    responses(
        (status = OK, body = PersonDays),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem,
         description = "Nobody of that id has punched in that time."),
    )
)]
pub(super) async fn days(
    State(server): State<Arc<Server>>,
    Named(user): Named,
    Both(span, Nothing {}): Both<Span, Nothing>,
) -> Result<Json<PersonDays>, Problem> {
    let period: Period = span.period(&server)?;
    let (filter, rules) = (Filter::default().user(user.clone()), server.options.timesheet.clone());
    let sheet = server.ask(move |query| Timesheet::read(query, &filter, period, &rules)).await?;
    let person = sheet.people.into_iter().next();
    let nobody = || {
        let (from, to): (NaiveDate, NaiveDate) = (period.from, period.to);
        Problem::not_found(format!("nobody with the id {user:?} has punched from {from} to {to}"))
            .hint("/api/v1/people lists those who have; `from` and `to` ask for other days")
    };
    person.map(|person| Json(PersonDays::of(&person))).ok_or_else(nobody)
}

/// No other parameters.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Nothing {}
