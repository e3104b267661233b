//! Events: a table with a filter, a page at a time.

use std::sync::Arc;

use askama::Template;
use attendance_model::AttendanceEvent;
use attendance_model::flat::FlatEvent;
use axum::extract::State;
use axum::response::Response;
use iclock_sync::query::{Cursor, Filter, Names};
use serde::Deserialize;

use super::form::{Fields, filled, number, wall};
use super::page::Page;
use super::terminals::serialized;
use crate::api::ask::Wall;
use crate::problem::Problem;
use crate::server::Server;

/// Events on a page.
const ROWS: usize = 100;
/// The punch states that terminals have names for.
const STATES: [u8; 7] = [0, 1, 2, 3, 4, 5, 255];

/// An event in a table.
#[derive(Clone, Debug)]
pub(super) struct EventRow {
    pub(super) time: String,
    pub(super) user: String,
    pub(super) person_url: String,
    pub(super) name: String,
    pub(super) terminal: String,
    pub(super) terminal_url: String,
    pub(super) state: String,
    pub(super) source: &'static str,
    pub(super) flags: String,
}

impl EventRow {
    pub(super) fn of(page: &Page, event: &AttendanceEvent, names: &Names) -> Self {
        Self {
            time: event.local_time.format("%Y-%m-%d %H:%M:%S").to_string(),
            user: event.user_id.to_string(),
            person_url: page.under("/people", &*event.user_id),
            name: names.of(&event.user_id).unwrap_or_default().to_owned(),
            terminal: event.device_name.to_string(),
            terminal_url: page.under("/terminals", &*event.device_serial),
            state: state(page, event.punch_state.0),
            source: event.source.as_str(),
            flags: FlatEvent::new(event.id, event).flags,
        }
    }
}

/// The word for a punch state.
pub(super) fn state(page: &Page, state: u8) -> String {
    match STATES.contains(&state) {
        true => page.t(&format!("state-{state}")),
        false => state.to_string(),
    }
}

#[derive(Template)]
#[template(path = "events.html")]
struct Events {
    page: Page,
    user: String,
    terminal: String,
    states: Vec<(u8, String, bool)>,
    from: String,
    to: String,
    rows: Vec<EventRow>,
    next: Option<String>,
    /// The query of the same events in the API.
    query: String,
    is_first: bool,
}

/// Which events.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default, deserialize_with = "filled")]
    user: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    terminal: Option<String>,
    #[serde(default, deserialize_with = "number")]
    state: Option<u8>,
    #[serde(default, deserialize_with = "wall")]
    from: Option<Wall>,
    #[serde(default, deserialize_with = "wall")]
    to: Option<Wall>,
    #[serde(default, deserialize_with = "filled")]
    cursor: Option<String>,
}

/// The page. Without a filter it shows the latest events, with one the events by time.
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    page: Page,
    Fields(which): Fields<Which>,
) -> Result<Response, Problem> {
    let page = page.at("events");
    let Which { user, terminal, state: of_state, from, to, cursor } = which;
    let after = cursor.as_deref().map(str::parse::<Cursor>).transpose();
    let after = after.map_err(|error| Problem::bad_request(format!("cursor is {error}")))?;
    let mut filter = Filter::default();
    filter.user.clone_from(&user);
    filter.terminal.clone_from(&terminal);
    (filter.state, filter.from, filter.to) = (of_state, from.map(Wall::begins), to.map(Wall::ends));
    let is_latest = filter.from.is_none() && filter.to.is_none() && after.is_none();
    let (events, next, names) = server
        .ask(move |query| {
            let (events, next) = match is_latest {
                true => (query.latest(&filter, ROWS)?, None),
                false => {
                    let found = query.events(&filter, after, ROWS)?;
                    (found.events, found.next)
                }
            };
            Ok((events, next, query.names()?))
        })
        .await?;
    let (user, terminal) = (user.unwrap_or_default(), terminal.unwrap_or_default());
    let (from, to) =
        (from.map_or_else(String::new, |wall| wall.to_string()), to.map_or_else(String::new, |wall| wall.to_string()));
    let state_text = of_state.map(|state| state.to_string()).unwrap_or_default();
    let fields =
        [("user", user.as_str()), ("terminal", &terminal), ("state", &state_text), ("from", &from), ("to", &to)];
    let query = serialized(&fields);
    let next = next.map(|next| page.url(format!("/events?cursor={next}&{query}")));
    let rows = events.iter().map(|event| EventRow::of(&page, event, &names)).collect();
    let states = STATES.map(|one| (one, state(&page, one), of_state == Some(one))).to_vec();
    let is_first = cursor.is_none();
    Page::show(&Events { page, user, terminal, states, from, to, rows, next, query, is_first })
}
