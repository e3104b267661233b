//! Logs that could not be proven.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use iclock_sync::ledger::UnprovenBuffer;
use iclock_sync::unproven::{AcceptError, Sample, SampleRecord, UnprovenKind, samples};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zk_proto::record::AttendanceLayout;

use super::ask::{Named, Sent};
use super::not_done;
use crate::by::By;
use crate::problem::Problem;
use crate::server::Server;

/// Records shown of a log in a layout.
const SHOWN: usize = 20;

/// A transfer that could not be proven, kept as it came.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Buffer {
    /// Its number.
    pub(crate) id: i64,
    /// The terminal's serial number, or `name:NAME`.
    pub(crate) device_serial: String,
    /// The terminal's configured name.
    pub(crate) device_name: String,
    /// `attendance` or `users`.
    pub(crate) kind: &'static str,
    /// Its size in bytes.
    pub(crate) bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub(crate) digest: String,
    /// The reason why it was not proven.
    pub(crate) reason: String,
    /// The first time it was read.
    pub(crate) first_seen: DateTime<Utc>,
    /// The last time the same bytes were read.
    pub(crate) last_seen: DateTime<Utc>,
    /// The polls that read the same bytes.
    pub(crate) times_seen: u64,
    /// The time when a person accepted it; null while it waits.
    pub(crate) accepted_at: Option<DateTime<Utc>>,
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Buffers {
    /// The transfers, the latest first.
    pub(crate) unproven: Vec<Buffer>,
}

impl From<UnprovenBuffer> for Buffer {
    fn from(buffer: UnprovenBuffer) -> Self {
        Self {
            id: buffer.id,
            device_serial: buffer.serial,
            device_name: buffer.device_name,
            kind: buffer.kind.as_str(),
            bytes: buffer.bytes,
            digest: buffer.digest,
            reason: buffer.reason,
            first_seen: buffer.seen_at,
            last_seen: buffer.last_seen,
            times_seen: buffer.times_seen,
            accepted_at: buffer.accepted_at,
        }
    }
}

/// A transfer, and what its bytes may mean.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Looked {
    /// The transfer.
    pub(crate) buffer: Buffer,
    /// A log in each layout in which most of it makes sense, the best first.
    pub(crate) layouts: Vec<Layout>,
}

/// A log in one layout.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Layout {
    /// The name of the layout: the width of its records, and a word for some.
    pub(crate) layout: String,
    /// Records in all.
    pub(crate) records: u64,
    /// Records that make sense.
    pub(crate) good: u64,
    /// Records that lack an id, or have the date of a clock that was reset.
    pub(crate) neutral: u64,
    /// Records with a field that is impossible.
    pub(crate) bad: u64,
    /// The first records.
    pub(crate) first: Vec<Record>,
}

/// A record of a log that was not proven.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Record {
    /// Its number in the terminal's log, from 1 on.
    pub(crate) number: u64,
    /// How believable it is: `good`, `neutral` or `bad`.
    pub(crate) grade: &'static str,
    /// The user id, or the slot of the person.
    pub(crate) user_id: String,
    /// The terminal's clock; it need not be a time that exists.
    pub(crate) local_time: String,
    /// The terminal's number for what the person declared.
    pub(crate) punch_state: u8,
    /// The terminal's number for how the person proved who they are.
    pub(crate) verify_mode: u8,
    /// Its bytes, in hex.
    pub(crate) raw: String,
}

impl From<Sample> for Layout {
    fn from(sample: Sample) -> Self {
        let Sample { layout, records, good, neutral, bad, first, .. } = sample;
        Self {
            layout: layout.to_string(),
            records,
            good,
            neutral,
            bad,
            first: first.into_iter().map(Record::from).collect(),
        }
    }
}

impl From<SampleRecord> for Record {
    fn from(record: SampleRecord) -> Self {
        Self {
            number: record.number,
            grade: record.grade,
            user_id: record.user_id,
            local_time: record.local_time.to_string(),
            punch_state: record.punch_state,
            verify_mode: record.verify_mode,
            raw: hex::encode(record.raw),
        }
    }
}

/// A decision to accept a log.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acceptance {
    /// The serial number of its terminal, to show that this is the log that is meant.
    #[schema(example = "OIN7030057123100001")]
    serial: String,
    /// The layout of its records; left out, the only one that is possible.
    #[schema(example = "40")]
    layout: Option<String>,
}

/// A log that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    /// Records that entered as events, with the flag `accepted_by_hand`.
    new: u64,
    /// Records that went to the quarantine.
    quarantined: u64,
}

/// Lists the transfers that could not be proven.
#[utoipa::path(get, path = "/unproven", tag = "records", responses((status = OK, body = Buffers)))]
pub(super) async fn list(State(server): State<Arc<Server>>) -> Result<Json<Buffers>, Problem> {
    let buffers = server.ask(|query| query.ask(|ledger| ledger.unproven())).await?;
    Ok(Json(Buffers { unproven: buffers.into_iter().map(Buffer::from).collect() }))
}

/// Returns one of them, and its first records in each layout that is possible.
#[utoipa::path(
    get, path = "/unproven/{id}", tag = "records",
    params(("id" = i64, Path, description = "Its number.")),
    responses(
        (status = OK, body = Looked),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem, description = "There is none."),
    )
)]
pub(super) async fn one(State(server): State<Arc<Server>>, Named(id): Named) -> Result<Json<Looked>, Problem> {
    Ok(Json(look(&server, &id).await?))
}

/// A transfer, and what its bytes may mean.
pub(crate) async fn look(server: &Server, id: &str) -> Result<Looked, Problem> {
    let number: i64 = id.parse().map_err(|_| none(id))?;
    let buffer = server.ask(move |query| query.ask(|ledger| ledger.unproven_buffer(number))).await?;
    let buffer = buffer.ok_or_else(|| none(id))?;
    let (layouts, buffer) = server
        .blocking(move || match buffer.kind {
            UnprovenKind::Users => (Ok(Vec::new()), buffer),
            UnprovenKind::Attendance => (samples(&buffer, SHOWN), buffer),
        })
        .await?;
    let layouts = layouts.map_err(|error| not_accepted(&error))?;
    Ok(Looked { buffer: buffer.into(), layouts: layouts.into_iter().map(Layout::from).collect() })
}

fn none(id: &str) -> Problem {
    Problem::not_found(format!("there is no log {id:?}")).hint("/api/v1/unproven lists them")
}

/// Accepts a log that could not be proven: its good records become events, the others go to the quarantine.
#[utoipa::path(
    post, path = "/unproven/{id}/accept", tag = "records", request_body = Acceptance,
    params(("id" = i64, Path, description = "Its number.")),
    responses(
        (status = OK, body = Accepted),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem, description = "There is none."),
        (status = CONFLICT, content_type = "application/problem+json", body = Problem,
         description = "It cannot be accepted, or is the log of another terminal."),
    )
)]
pub(super) async fn accept(
    State(server): State<Arc<Server>>,
    Named(id): Named,
    by: By,
    Sent(Acceptance { serial, layout }): Sent<Acceptance>,
) -> Result<Json<Accepted>, Problem> {
    let number: i64 = id.parse().map_err(|_| none(&id))?;
    let layout = match layout {
        Some(name) => Some(possible(&server, &id, &name).await?),
        None => None,
    };
    let other = |_: &str| {
        let problem = Problem::new(StatusCode::CONFLICT, "that is not the serial number of its terminal");
        problem.hint("look at the log, and compare it with the terminal")
    };
    // Nothing is noted of a log that cannot be accepted.
    let found = server.service()?.acceptance(number, layout).await.map_err(|error| not_done(error, other))?;
    if found.serial() != serial {
        return Err(other(&serial));
    }
    let service = server.ordered(&by, "accept log", &format!("log {number} of {serial}")).await?;
    let done = service.accept(number, layout, &serial).await.map_err(|error| not_done(error, other))?;
    Ok(Json(Accepted { new: done.new.unwrap_or_default(), quarantined: done.quarantined }))
}

/// A layout by its name. One in which most of a log makes no sense is none to accept it in: a record that makes sense
/// by chance would become a punch.
async fn possible(server: &Server, id: &str, name: &str) -> Result<AttendanceLayout, Problem> {
    let hint = format!("GET /api/v1/unproven/{id} names those that are possible");
    let layout: AttendanceLayout =
        name.parse().map_err(|_| Problem::bad_request(format!("there is no layout {name:?}")).hint(&*hint))?;
    let is_possible = look(server, id).await?.layouts.iter().any(|one| one.layout == layout.to_string());
    let refused = || Problem::new(StatusCode::CONFLICT, format!("as {layout:#} records, it makes no sense")).hint(hint);
    is_possible.then_some(layout).ok_or_else(refused)
}

/// The reason why a log cannot be accepted.
pub(super) fn not_accepted(error: &AcceptError) -> Problem {
    let what = iclock_sync::chain(error);
    let problem = match error {
        AcceptError::Unknown { .. } => Problem::not_found(what),
        AcceptError::Ledger(_) | AcceptError::Spool(_) => {
            tracing::warn!("a kept log cannot be read: {what}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the kept log cannot be read now")
        }
        _ => Problem::new(StatusCode::CONFLICT, what),
    };
    problem.hint(error.hint().unwrap_or("look at it again"))
}
