//! Questions to a terminal: its clock, what it holds, its users. Each is a session with the terminal.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDateTime, Utc};
use iclock_sync::service::{Capacity, Clock, ClockSet, TerminalUser};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use super::ask::Named;
use super::not_done;
use super::terminals::{known, none};
use crate::by::By;
use crate::problem::Problem;
use crate::server::Server;

/// The clock of a terminal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Shown {
    /// The time that it shows, `YYYY-MM-DD HH:MM:SS`; null if that is no time that exists.
    clock: Option<String>,
    /// That time less the right one, in milliseconds.
    clock_drift_ms: Option<i64>,
    /// The moment at which it was read.
    read_at: DateTime<Utc>,
}

/// A clock that was set.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Set {
    /// Before.
    before: Shown,
    /// After, as it was read back.
    after: Shown,
}

/// What a terminal holds; null if it does not say.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Holds {
    /// Users.
    users: Option<u32>,
    /// The most users.
    user_capacity: Option<u32>,
    /// Fingerprints.
    fingers: Option<u32>,
    /// The most fingerprints.
    finger_capacity: Option<u32>,
    /// Faces.
    faces: Option<u32>,
    /// The most faces.
    face_capacity: Option<u32>,
    /// Attendance records.
    records: Option<u32>,
    /// The most attendance records.
    record_capacity: Option<u32>,
}

/// A user of a terminal. Passwords, card numbers and templates are never shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct User {
    /// The slot in the terminal's table.
    uid: u16,
    /// The id that the person keys in.
    user_id: String,
    /// The name as the terminal has it.
    name: String,
    /// The rights at the terminal: 0 for a user, 14 for an administrator of the terminal.
    privilege: u8,
    /// The access group.
    group: u8,
}

/// All users of a terminal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Users {
    /// The users, by slot.
    users: Vec<User>,
}

impl From<Clock> for Shown {
    fn from(clock: Clock) -> Self {
        let shows: Option<NaiveDateTime> = clock.shows;
        Self { clock: shows.map(|time| time.to_string()), clock_drift_ms: clock.drift_ms, read_at: clock.read_at }
    }
}

impl From<Capacity> for Holds {
    fn from(capacity: Capacity) -> Self {
        Self {
            users: capacity.users,
            user_capacity: capacity.user_capacity,
            fingers: capacity.fingers,
            finger_capacity: capacity.finger_capacity,
            faces: capacity.faces,
            face_capacity: capacity.face_capacity,
            records: capacity.records,
            record_capacity: capacity.record_capacity,
        }
    }
}

impl From<TerminalUser> for User {
    fn from(user: TerminalUser) -> Self {
        Self { uid: user.uid, user_id: user.user_id, name: user.name, privilege: user.privilege, group: user.group }
    }
}

/// A place among the questions that terminals are asked at the same time.
fn place(server: &Server) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&server.visits).try_acquire_owned().map_err(|_| {
        let what = "terminals are asked too many questions at the same time";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, what).hint("try again in a few seconds")
    })
}

/// Reads a terminal's clock. It is polled afterwards.
#[utoipa::path(
    get, path = "/terminals/{name}/clock", tag = "terminals",
    params(("name" = String, Path, description = "Its configured name.")),
    responses(
        (status = OK, body = Shown),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem,
         description = "There is none, or it is never called."),
        (status = BAD_GATEWAY, content_type = "application/problem+json", body = Problem,
         description = "The terminal failed."),
    )
)]
pub(super) async fn clock(State(server): State<Arc<Server>>, Named(name): Named) -> Result<Json<Shown>, Problem> {
    let _place = place(&server)?;
    let clock = server.service()?.clock(&name).await.map_err(|error| not_done(error, not_called))?;
    Ok(Json(clock.into()))
}

/// Sets a terminal's clock to the right time: that of its zone, or of this server's. Later punches have the new time.
#[utoipa::path(
    post, path = "/terminals/{name}/clock", tag = "terminals",
    params(("name" = String, Path, description = "Its configured name.")),
    responses(
        (status = OK, body = Set),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem,
         description = "There is none, or it is never called."),
        (status = BAD_GATEWAY, content_type = "application/problem+json", body = Problem,
         description = "The terminal failed, or shows another time all the same."),
    )
)]
pub(super) async fn set_clock(
    State(server): State<Arc<Server>>,
    Named(name): Named,
    by: By,
) -> Result<Json<Set>, Problem> {
    known(&server, &name)?;
    let _place = place(&server)?;
    let service = server.ordered(&by, "set clock", &name).await?;
    let ClockSet { before, after, is_right, .. } =
        service.set_clock(&name).await.map_err(|error| not_done(error, not_called))?;
    if is_right {
        return Ok(Json(Set { before: before.into(), after: after.into() }));
    }
    let shows = after.shows.map_or_else(|| "no time that exists".to_owned(), |time| time.to_string());
    let what = format!("the terminal acknowledged the time, but its clock shows {shows}");
    let hint = "set the clock in the terminal's menu; a time server may be set there, too";
    Err(Problem::new(StatusCode::BAD_GATEWAY, what).hint(hint))
}

/// Asks a terminal how much it holds, and how much it can hold. It is polled afterwards.
#[utoipa::path(
    get, path = "/terminals/{name}/capacity", tag = "terminals",
    params(("name" = String, Path, description = "Its configured name.")),
    responses(
        (status = OK, body = Holds),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem,
         description = "There is none, or it is never called."),
        (status = BAD_GATEWAY, content_type = "application/problem+json", body = Problem,
         description = "The terminal failed."),
    )
)]
pub(super) async fn capacity(State(server): State<Arc<Server>>, Named(name): Named) -> Result<Json<Holds>, Problem> {
    let _place = place(&server)?;
    let capacity = server.service()?.capacity(&name).await.map_err(|error| not_done(error, not_called))?;
    Ok(Json(capacity.into()))
}

/// Reads the users of a terminal. It is polled afterwards.
#[utoipa::path(
    get, path = "/terminals/{name}/users", tag = "terminals",
    params(("name" = String, Path, description = "Its configured name.")),
    responses(
        (status = OK, body = Users),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem,
         description = "There is none, or it is never called."),
        (status = BAD_GATEWAY, content_type = "application/problem+json", body = Problem,
         description = "The terminal failed."),
    )
)]
pub(super) async fn users(State(server): State<Arc<Server>>, Named(name): Named) -> Result<Json<Users>, Problem> {
    let _place = place(&server)?;
    let users = server.service()?.users(&name).await.map_err(|error| not_done(error, not_called))?;
    Ok(Json(Users { users: users.into_iter().map(User::from).collect() }))
}

/// The users of a terminal, and how much it holds.
pub(crate) async fn held(server: &Server, name: &str) -> Result<(Vec<TerminalUser>, Capacity), Problem> {
    let _place = place(server)?;
    let service = server.service()?;
    let users = service.users(name).await.map_err(|error| not_done(error, not_called))?;
    let capacity = service.capacity(name).await.map_err(|error| not_done(error, not_called))?;
    Ok((users, capacity))
}

fn not_called(name: &str) -> Problem {
    none(name).hint("/api/v1/terminals lists them; one that pushes cannot be called")
}
