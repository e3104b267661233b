//! Events as a file, of any size.

use std::sync::Arc;

use attendance_model::AttendanceEvent;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use iclock_sync::query::{Cursor, Filter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Event;
use super::ask::Both;
use super::events::Selection;
use crate::problem::Problem;
use crate::server::Server;

/// Events that are in memory at once.
const PAGE: usize = 500;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// Comma-separated values, with a header.
    Csv,
    /// One JSON array.
    Json,
    /// A JSON object on each line.
    Jsonl,
}

/// Which form.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct As {
    /// The form of the file.
    format: Form,
}

/// Returns all events of a selection as a file, by time, as they were at the beginning.
#[utoipa::path(
    get, path = "/events/export", tag = "events", params(Selection, As),
    responses((status = OK, description = "The file.", content(
        (String = "text/csv"), (Vec<Event> = "application/json"), (String = "application/jsonl"),
    )))
)]
pub(super) async fn export(
    State(server): State<Arc<Server>>,
    Both(selection, As { format }): Both<Selection, As>,
) -> Result<Response, Problem> {
    let mut file = File { server, filter: selection.filter(), form: format, place: Place::Begin };
    // A ledger that cannot be read is said before the file begins.
    let first = file.next().await?;
    let rest = stream::unfold((Some(first), file), |(first, mut file)| async {
        let block = match first {
            Some(first) => first,
            None => match file.next().await {
                Ok(block) => block,
                // A file that is cut off is told from one that ends.
                Err(_) => return Some((Err(std::io::Error::other("the ledger cannot be read")), (None, file))),
            },
        };
        block.map(|block| (Ok(block), (None, file)))
    });
    let (kind, name) = match format {
        Form::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"attendance.csv\""),
        Form::Json => ("application/json", "attachment; filename=\"attendance.json\""),
        Form::Jsonl => ("application/jsonl", "attachment; filename=\"attendance.jsonl\""),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(name)),
    ];
    Ok((headers, Body::from_stream(rest.fuse())).into_response())
}

/// A file on its way.
struct File {
    server: Arc<Server>,
    filter: Filter,
    form: Form,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    After(Cursor),
    End,
}

impl File {
    /// The next block; `None` after the last one.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let after = match self.place {
            Place::Begin => None,
            Place::After(cursor) => Some(cursor),
            Place::End => return Ok(None),
        };
        let filter = self.filter.clone();
        let page = self.server.ask(move |query| query.events(&filter, after, PAGE)).await?;
        let (is_first, is_last) = (after.is_none(), page.next.is_none());
        self.place = page.next.map_or(Place::End, Place::After);
        let block = match self.form {
            Form::Csv => csv(&page.events, is_first).map_err(|_| unwritten())?,
            Form::Json => json(&page.events, is_first, is_last).map_err(|_| unwritten())?,
            Form::Jsonl => lines(&page.events).map_err(|_| unwritten())?,
        };
        Ok(Some(block.into()))
    }
}

fn unwritten() -> Problem {
    Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "an event cannot be written in this form")
        .hint("take another format")
}

fn lines(events: &[AttendanceEvent]) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for event in events {
        serde_json::to_writer(&mut text, &Event::new(event))?;
        text.push(b'\n');
    }
    Ok(text)
}

fn json(events: &[AttendanceEvent], is_first: bool, is_last: bool) -> serde_json::Result<Vec<u8>> {
    let mut text = if is_first { b"[".to_vec() } else { Vec::new() };
    for (n, event) in events.iter().enumerate() {
        text.extend_from_slice(if is_first && n == 0 { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut text, &Event::new(event))?;
    }
    if is_last {
        text.extend_from_slice(b"\n]\n");
    }
    Ok(text)
}

fn csv(events: &[AttendanceEvent], is_first: bool) -> csv::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(is_first).from_writer(Vec::new());
    for event in events {
        writer.serialize(Event::new(event).defused())?;
    }
    if is_first && events.is_empty() {
        writer.write_record(Event::NAMES)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
