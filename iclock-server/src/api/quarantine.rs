//! Records that were refused, and wait.

use std::sync::Arc;

use attendance_model::Reason;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use iclock_sync::ledger::{QuarantineFilter, QuarantineSize, QuarantinedRecord};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Asked, Limit, Named, Sent};
use super::failed;
use crate::by::By;
use crate::problem::Problem;
use crate::server::Server;

/// A record that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refused {
    /// Its number in the quarantine.
    pub(crate) id: i64,
    /// The terminal's serial number, or `name:NAME`.
    pub(crate) device_serial: String,
    /// The terminal's configured name.
    pub(crate) device_name: String,
    /// The reason, in one word.
    pub(crate) reason: &'static str,
    /// The user id as read; may be empty.
    pub(crate) user_id: String,
    /// The terminal's wall clock as read; it need not be a time that exists.
    pub(crate) local_time: String,
    /// The terminal's number for how the person proved who they are.
    pub(crate) verify_mode: u8,
    /// The terminal's number for what the person declared.
    pub(crate) punch_state: u8,
    /// A job number keyed in.
    pub(crate) work_code: Option<u32>,
    /// The record as the terminal sent it, in hex.
    pub(crate) raw: String,
    /// The layout of the log.
    pub(crate) layout: Option<String>,
    /// The first time it was read.
    pub(crate) first_seen: DateTime<Utc>,
    /// The last time it was read.
    pub(crate) last_seen: DateTime<Utc>,
    /// The polls that read it.
    pub(crate) times_seen: u64,
    /// The time when it left the quarantine; null while it waits.
    pub(crate) resolved_at: Option<DateTime<Utc>>,
    /// How it left: `released`, `read_again`, `known` or `by_hand`.
    pub(crate) resolution: Option<String>,
    /// The note of the person who dealt with it.
    pub(crate) note: Option<String>,
}

impl From<QuarantinedRecord> for Refused {
    fn from(record: QuarantinedRecord) -> Self {
        Self {
            id: record.id,
            device_serial: record.serial,
            device_name: record.device_name,
            reason: record.reason.as_str(),
            user_id: record.user_id,
            local_time: record.local_time.to_string(),
            verify_mode: record.verify_mode.0,
            punch_state: record.punch_state.0,
            work_code: record.work_code,
            raw: hex::encode(record.raw),
            layout: record.layout,
            first_seen: record.first_seen,
            last_seen: record.last_seen,
            times_seen: record.times_seen,
            resolved_at: record.resolved_at,
            resolution: record.resolution,
            note: record.note,
        }
    }
}

/// How many wait.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Size {
    /// The terminal's serial number, or `name:NAME`.
    pub(crate) device_serial: String,
    /// The terminal's configured name.
    pub(crate) device_name: String,
    /// The reason, in one word.
    pub(crate) reason: &'static str,
    /// Records that wait.
    pub(crate) waiting: u64,
    /// Records that were counted only: so many wait that no more are kept.
    pub(crate) counted_only: u64,
}

impl From<QuarantineSize> for Size {
    fn from(size: QuarantineSize) -> Self {
        Self {
            device_serial: size.serial,
            device_name: size.device_name,
            reason: size.reason.as_str(),
            waiting: size.waiting,
            counted_only: size.counted_only,
        }
    }
}

/// A page of the quarantine.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Quarantine {
    /// The records that wait, by number.
    pub(crate) records: Vec<Refused>,
    /// `after` of the next page; null after the last one.
    pub(crate) next: Option<i64>,
    /// How many wait, by terminal and reason.
    pub(crate) sizes: Vec<Size>,
}

/// Which records.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only of this terminal, by name or serial number.
    terminal: Option<String>,
    /// Only for this reason.
    reason: Option<String>,
    /// The last number of the page before.
    after: Option<i64>,
    /// The most records.
    #[serde(default)]
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
}

/// Lists the records that wait.
#[utoipa::path(get, path = "/quarantine", tag = "records", params(Which), responses((status = OK, body = Quarantine)))]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    Asked(which): Asked<Which>,
) -> Result<Json<Quarantine>, Problem> {
    let Which { terminal, reason, after, limit } = which;
    let reason = match reason {
        Some(word) => Some(Reason::from_word(&word).ok_or_else(|| {
            let words = Reason::ALL.map(|reason| reason.as_str()).join(", ");
            Problem::bad_request(format!("there is no reason {word:?}")).hint(format!("the reasons are {words}"))
        })?),
        None => None,
    };
    let mut filter = QuarantineFilter::default();
    (filter.terminal, filter.reason, filter.after) = (terminal, reason, after.unwrap_or(0));
    let most = u32::try_from(limit.get()).unwrap_or(u32::MAX);
    let (records, sizes) = server
        .ask(move |query| query.ask(|ledger| Ok((ledger.quarantine(&filter, most)?, ledger.quarantine_sizes()?))))
        .await?;
    let next = records.last().filter(|_| records.len() == limit.get()).map(|record| record.id);
    let sizes = sizes.into_iter().map(Size::from);
    Ok(Json(Quarantine { records: records.into_iter().map(Refused::from).collect(), next, sizes: sizes.collect() }))
}

/// Returns one record of the quarantine, also one that has left it.
#[utoipa::path(
    get, path = "/quarantine/{id}", tag = "records",
    params(("id" = i64, Path, description = "Its number.")),
    responses(
        (status = OK, body = Refused),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem, description = "There is none."),
    )
)]
pub(super) async fn one(State(server): State<Arc<Server>>, Named(id): Named) -> Result<Json<Refused>, Problem> {
    Ok(Json(find(&server, &id).await?.into()))
}

async fn find(server: &Server, id: &str) -> Result<QuarantinedRecord, Problem> {
    let none = || Problem::not_found(format!("there is no record {id:?}")).hint("/api/v1/quarantine lists them");
    let number: i64 = id.parse().map_err(|_| none())?;
    let record = server.ask(move |query| query.ask(|ledger| ledger.quarantined(number))).await?;
    record.ok_or_else(none)
}

/// Returns the bytes of one record, as the terminal sent them.
#[utoipa::path(
    get, path = "/quarantine/{id}/raw", tag = "records",
    params(("id" = i64, Path, description = "Its number.")),
    responses(
        (status = OK, description = "The bytes.", content_type = "application/octet-stream", body = Vec<u8>),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem, description = "There is none."),
    )
)]
pub(super) async fn raw(State(server): State<Arc<Server>>, Named(id): Named) -> Result<Response, Problem> {
    let record = find(&server, &id).await?;
    let kind = HeaderValue::from_static("application/octet-stream");
    let name = HeaderValue::from_static("attachment; filename=\"record.bin\"");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], record.raw).into_response())
}

/// The records that left the quarantine.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Released {
    /// Records that pass now, and became events.
    released: u64,
}

/// Judges all records that wait by the rules as they are now.
#[utoipa::path(post, path = "/quarantine/replay", tag = "records", responses((status = OK, body = Released)))]
pub(super) async fn replay(State(server): State<Arc<Server>>, by: By) -> Result<Json<Released>, Problem> {
    let service = server.ordered(&by, "judge again", "quarantine").await?;
    Ok(Json(Released { released: service.judge_again().await.map_err(|error| failed(&error))? }))
}

/// Records that are dealt with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    /// Their numbers, at most a thousand.
    #[schema(min_items = 1, max_items = 1000, example = json!([1]))]
    ids: Vec<i64>,
    /// The reason, kept with each record.
    #[schema(min_length = 1, max_length = 500, example = "a test card")]
    note: String,
}

/// The records that were marked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Marked {
    /// Records that waited until now.
    resolved: u64,
}

/// The most records in one decision.
const MOST_IDS: usize = 1_000;
/// The longest note, in characters.
const LONGEST_NOTE: usize = 500;

/// Marks records as dealt with. They leave the quarantine and become no events, whatever rules say later.
#[utoipa::path(
    post, path = "/quarantine/resolve", tag = "records", request_body = Decision,
    responses((status = OK, body = Marked))
)]
pub(super) async fn resolve(
    State(server): State<Arc<Server>>,
    by: By,
    Sent(Decision { ids, note }): Sent<Decision>,
) -> Result<Json<Marked>, Problem> {
    if !(1..=MOST_IDS).contains(&ids.len()) {
        let problem = Problem::bad_request(format!("`ids` has {} numbers", ids.len()));
        return Err(problem.hint(format!("name 1 to {MOST_IDS} records")));
    }
    if note.trim().is_empty() || note.chars().count() > LONGEST_NOTE {
        let problem = Problem::bad_request("`note` is empty or too long");
        return Err(problem.hint(format!("say in 1 to {LONGEST_NOTE} characters why they are dealt with")));
    }
    let of = match &*ids {
        [id] => format!("record {id}"),
        [first, .., last] => format!("{} records, {first} to {last}", ids.len()),
        [] => String::new(),
    };
    let service = server.ordered(&by, "resolve", &of).await?;
    Ok(Json(Marked { resolved: service.resolve(ids, note).await.map_err(|error| failed(&error))? }))
}
