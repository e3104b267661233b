//! Logs that could not be proven.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use iclock_sync::ledger::UnprovenBuffer;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::server::Server;

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

/// Lists the transfers that could not be proven. `iclock-cli unproven` shows what is in them.
#[utoipa::path(get, path = "/unproven", tag = "records", responses((status = OK, body = Buffers)))]
pub(super) async fn list(State(server): State<Arc<Server>>) -> Result<Json<Buffers>, Problem> {
    let buffers = server.ask(|query| query.ask(|ledger| ledger.unproven())).await?;
    Ok(Json(Buffers { unproven: buffers.into_iter().map(Buffer::from).collect() }))
}
