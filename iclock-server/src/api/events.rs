//! Events: a page at a time.

use std::sync::Arc;

use attendance_model::AttendanceEvent;
use attendance_model::flat::{FlatEvent, defused};
use axum::Json;
use axum::extract::State;
use iclock_sync::query::{Cursor, Filter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Both, Limit, Wall};
use crate::problem::Problem;
use crate::server::Server;

/// A punch, with the names of the table `attendance_events`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// The key: the same punch has the same one, however it came.
    #[schema(example = "67c1b3b6d1a9477c9ad7b1f0a4c8e2d3")]
    pub(crate) event_id: String,
    /// The terminal's serial number, or `name:NAME` if it never gave one.
    pub(crate) device_serial: String,
    /// The terminal's configured name.
    pub(crate) device_name: String,
    /// The person's id on the terminal.
    pub(crate) user_id: String,
    /// The terminal's wall clock, `YYYY-MM-DD HH:MM:SS`.
    pub(crate) local_time: String,
    /// The true moment; null if the terminal's zone is not configured.
    pub(crate) utc_time: Option<String>,
    /// The terminal's zone, by its IANA name.
    pub(crate) zone: Option<String>,
    /// How the person proved who they are: the terminal's number.
    pub(crate) verify_mode: u8,
    /// What the person declared: 0 in, 1 out, 2 break out, 3 break in, 4 overtime in, 5 overtime out, 255 nothing.
    pub(crate) punch_state: u8,
    /// A job number keyed in; null if the terminal has none.
    pub(crate) work_code: Option<u32>,
    /// How it came first: `pull`, `live` or `push`.
    pub(crate) source: String,
    /// What is remarkable about it: words with commas between them.
    pub(crate) flags: String,
    /// The terminal's clock less the true time, in milliseconds, if it was measured.
    pub(crate) clock_drift_ms: Option<i64>,
}

impl Event {
    /// The names of its fields, in order.
    pub(super) const NAMES: [&str; 13] = [
        "event_id",
        "device_serial",
        "device_name",
        "user_id",
        "local_time",
        "utc_time",
        "zone",
        "verify_mode",
        "punch_state",
        "work_code",
        "source",
        "flags",
        "clock_drift_ms",
    ];

    /// For a spreadsheet: a text that it would take for a formula gets an apostrophe in front. A user id is typed in at
    /// a terminal, by anybody.
    pub(super) fn defused(mut self) -> Self {
        for text in [&mut self.device_serial, &mut self.device_name, &mut self.user_id] {
            *text = defused(text).into_owned();
        }
        self
    }

    pub(crate) fn new(event: &AttendanceEvent) -> Self {
        let flat = FlatEvent::new(event.id, event);
        Self {
            event_id: flat.event_id.to_string(),
            device_serial: flat.device_serial.to_owned(),
            device_name: flat.device_name.to_owned(),
            user_id: flat.user_id.to_owned(),
            local_time: flat.local_time,
            utc_time: flat.utc_time,
            zone: flat.zone.map(str::to_owned),
            verify_mode: flat.verify_mode,
            punch_state: flat.punch_state,
            work_code: flat.work_code,
            source: flat.source.to_owned(),
            flags: flat.flags,
            clock_drift_ms: flat.clock_drift_ms,
        }
    }
}

/// Which events.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    /// Only of this person, by user id.
    user: Option<String>,
    /// Only of this terminal, by name or serial number.
    terminal: Option<String>,
    /// Only with this punch state.
    state: Option<u8>,
    /// Only from then on, by the terminals' clocks: a date or a time.
    #[param(value_type = Option<String>, example = "2026-03-02")]
    from: Option<Wall>,
    /// Only before then; a date counts whole.
    #[param(value_type = Option<String>, example = "2026-03-02T18:00:00")]
    to: Option<Wall>,
}

impl Selection {
    pub(super) fn filter(self) -> Filter {
        let mut filter = Filter::default();
        (filter.user, filter.terminal, filter.state) = (self.user, self.terminal, self.state);
        (filter.from, filter.to) = (self.from.map(Wall::begins), self.to.map(Wall::ends));
        filter
    }
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Events {
    /// The events, by time.
    pub(crate) events: Vec<Event>,
    /// The `cursor` of the next page; null after the last one.
    pub(crate) next: Option<String>,
}

/// Which page.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Place {
    /// The place of the page: `next` of the page before.
    cursor: Option<String>,
    /// The most events.
    #[serde(default)]
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
}

/// Lists events by time. All pages that follow from one first page show the events as they were at that page: none is
/// skipped or comes twice, whatever enters meanwhile.
#[utoipa::path(
    get, path = "/events", tag = "events", params(Selection, Place), responses((status = OK, body = Events))
)]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    Both(selection, Place { cursor, limit }): Both<Selection, Place>,
) -> Result<Json<Events>, Problem> {
    let after = cursor.map(|text| text.parse::<Cursor>()).transpose();
    let after =
        after.map_err(|error| Problem::bad_request(format!("cursor is {error}")).hint("take `next` as it is"))?;
    let filter = selection.filter();
    let page = server.ask(move |query| query.events(&filter, after, limit.get())).await?;
    let next = page.next.map(|next| next.to_string());
    Ok(Json(Events { events: page.events.iter().map(Event::new).collect(), next }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use attendance_model::{EventId, Source};

    #[test]
    fn an_event_has_the_names_of_the_table_but_for_its_bytes() {
        let time = chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap().and_hms_opt(8, 0, 0).unwrap();
        let event = AttendanceEvent::new(EventId::from_bytes([7; 16]), "S1", "gate", "42", time, Source::Pull);
        let value = serde_json::to_value(Event::new(&event)).unwrap();
        let mut row = serde_json::to_value(FlatEvent::new(event.id, &event)).unwrap();
        row.as_object_mut().unwrap().remove("raw");
        assert_eq!(value, row);
        assert_eq!(Event::NAMES.len(), row.as_object().unwrap().len());
        assert!(Event::NAMES.iter().all(|name| row.get(name).is_some()));
    }
}
