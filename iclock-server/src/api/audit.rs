//! The audit: what became of each event, what terminals were told, and who ordered what.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use iclock_sync::audit::{self, Entry, Filter, OrderEntry, PushEntry, StoredAt};
use iclock_sync::{Ledger, chain};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Asked, Limit, Wall};
use crate::problem::Problem;
use crate::server::Server;

/// An event in the audit.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditedEvent {
    /// Its number in the ledger.
    number: i64,
    /// Its key.
    event_id: String,
    /// The person's id on the terminal.
    user_id: String,
    /// The terminal's wall clock.
    local_time: String,
    /// The terminal's serial number, or `name:NAME`.
    device_serial: String,
    /// The terminal's configured name.
    device_name: String,
    /// The way in which it was read: `pull`, `live`, `push`, or `by_hand`.
    source: String,
    /// The time at which it was read.
    read_at: DateTime<Utc>,
    /// What became of it at sinks, in the order of time.
    sinks: Vec<AuditedResult>,
}

/// What became of an event at a sink.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditedResult {
    /// The sink's configured name.
    sink: String,
    /// The time, or that of the note about it.
    at: DateTime<Utc>,
    /// `stored`, `had` (it was there already), `known` (the ledger says so), or `refused`.
    result: &'static str,
    /// The reason of a refusal.
    reason: Option<String>,
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditedEvents {
    /// The events, in the order in which they were read.
    events: Vec<AuditedEvent>,
    /// `after` of the next page; null after the last one.
    next: Option<i64>,
}

/// Something between this program and a terminal that pushes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditedMessage {
    /// The number of its line.
    line: u64,
    /// The time.
    at: DateTime<Utc>,
    /// The serial number.
    serial: String,
    /// `sent`: it was sent a command. `answered`: its result came. `dialect`: it speaks another dialect than before.
    what: String,
    /// The number of the command.
    command: Option<u32>,
    /// The first words of the command, without its values; or the dialect before, and the one now.
    words: Option<String>,
    /// The code of the result.
    code: Option<i64>,
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditedMessages {
    /// The messages, the last one first.
    messages: Vec<AuditedMessage>,
    /// `before` of the next page; null after the last one.
    next: Option<u64>,
}

/// An order that somebody gave.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditedOrder {
    /// The number of its line.
    line: u64,
    /// The time.
    at: DateTime<Utc>,
    /// The name of the token, or of the one who gave it.
    by: String,
    /// The address from which it came.
    from: Option<String>,
    /// The order.
    what: String,
    /// The terminal, sink or record that it is about.
    of: String,
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditedOrders {
    /// The orders, the last one first.
    orders: Vec<AuditedOrder>,
    /// `before` of the next page; null after the last one.
    next: Option<u64>,
}

/// Which events.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichEvents {
    /// Only of this person, by user id.
    user: Option<String>,
    /// Only of this terminal, by name or serial number.
    terminal: Option<String>,
    /// Only punches from then on, by the terminals' clocks: a date or a time.
    #[param(value_type = Option<String>, example = "2026-03-02")]
    from: Option<Wall>,
    /// `next` of the page before.
    after: Option<i64>,
    /// The most events.
    #[serde(default)]
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
}

/// Which messages.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichMessages {
    /// Only of this serial number.
    serial: Option<String>,
    /// `next` of the page before.
    before: Option<u64>,
    /// The most messages.
    #[serde(default)]
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
}

/// Which orders.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichOrders {
    /// `next` of the page before.
    before: Option<u64>,
    /// The most orders.
    #[serde(default)]
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
}

impl From<Entry> for AuditedEvent {
    fn from(entry: Entry) -> Self {
        Self {
            number: entry.seq,
            event_id: entry.key,
            user_id: entry.user_id,
            local_time: entry.local_time,
            device_serial: entry.terminal,
            device_name: entry.device,
            source: entry.how,
            read_at: entry.read_at,
            sinks: entry.sinks.into_iter().map(AuditedResult::from).collect(),
        }
    }
}

impl From<StoredAt> for AuditedResult {
    fn from(stored: StoredAt) -> Self {
        Self { sink: stored.sink, at: stored.at, result: stored.result, reason: stored.reason }
    }
}

impl From<PushEntry> for AuditedMessage {
    fn from(entry: PushEntry) -> Self {
        let PushEntry { n: line, at, terminal: serial, what, command, words, code, .. } = entry;
        Self { line, at, serial, what, command, words, code }
    }
}

impl From<OrderEntry> for AuditedOrder {
    fn from(entry: OrderEntry) -> Self {
        let OrderEntry { n: line, at, order, .. } = entry;
        Self { line, at, by: order.by, from: order.from, what: order.what, of: order.of }
    }
}

/// Reads the audit, off the threads that serve everybody.
async fn read<T: Send + 'static>(
    server: &Server,
    question: impl FnOnce(&Ledger) -> io::Result<Vec<T>> + Send + 'static,
) -> Result<Vec<T>, Problem> {
    server.ask(move |query| query.ask(|ledger| Ok(question(ledger)))).await?.map_err(|error| {
        tracing::warn!("the audit cannot be read: {}", chain(&error));
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the audit cannot be read now")
            .hint("the log of the server says why")
    })
}

/// Lists events: when and how each was read, and when each sink stored it.
#[utoipa::path(
    get, path = "/audit/events", tag = "records", params(WhichEvents), responses((status = OK, body = AuditedEvents))
)]
pub(super) async fn events(
    State(server): State<Arc<Server>>,
    Asked(which): Asked<WhichEvents>,
) -> Result<Json<AuditedEvents>, Problem> {
    let WhichEvents { user, terminal, from, after, limit } = which;
    let mut filter = Filter::default();
    (filter.person, filter.terminal, filter.since) = (user, terminal, from.map(Wall::begins));
    (filter.after, filter.most) = (after.unwrap_or(0), Some(limit.get()));
    let events = read(&server, move |ledger| audit::entries(ledger, &filter)).await?;
    let next = events.last().filter(|_| events.len() == limit.get()).map(|event| event.seq);
    Ok(Json(AuditedEvents { events: events.into_iter().map(AuditedEvent::from).collect(), next }))
}

/// Lists what terminals that push were sent, and what they answered.
#[utoipa::path(
    get, path = "/audit/pushing", tag = "records", params(WhichMessages),
    responses((status = OK, body = AuditedMessages))
)]
pub(super) async fn pushing(
    State(server): State<Arc<Server>>,
    Asked(WhichMessages { serial, before, limit }): Asked<WhichMessages>,
) -> Result<Json<AuditedMessages>, Problem> {
    let question = move |ledger: &Ledger| audit::last_push_entries(ledger, serial.as_deref(), before, limit.get());
    let messages = read(&server, question).await?;
    let next = messages.last().filter(|_| messages.len() == limit.get()).map(|message| message.n);
    Ok(Json(AuditedMessages { messages: messages.into_iter().map(AuditedMessage::from).collect(), next }))
}

/// Lists who ordered what. Each order is written down before it is carried out.
#[utoipa::path(
    get, path = "/audit/orders", tag = "records", params(WhichOrders), responses((status = OK, body = AuditedOrders))
)]
pub(super) async fn orders(
    State(server): State<Arc<Server>>,
    Asked(WhichOrders { before, limit }): Asked<WhichOrders>,
) -> Result<Json<AuditedOrders>, Problem> {
    let orders = read(&server, move |ledger| audit::order_entries(ledger, before, limit.get())).await?;
    let next = orders.last().filter(|_| orders.len() == limit.get()).map(|order| order.n);
    Ok(Json(AuditedOrders { orders: orders.into_iter().map(AuditedOrder::from).collect(), next }))
}
