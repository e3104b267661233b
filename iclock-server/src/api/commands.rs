//! Commands for terminals that push: the queue, and what enters it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use iclock_sync::ledger::{MOST_OPEN, PushCommand};
use iclock_sync::receive::{NotPermitted, Order, Wish, WishError, only_ask, permitted, shown};
use iclock_sync::{LedgerError, chain};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use utoipa::{IntoParams, ToSchema};
use zk_push::Dialect;

use super::ask::{Asked, Limit, Named, Sent, Wall};
use crate::access::Role;
use crate::by::By;
use crate::problem::Problem;
use crate::server::Server;

/// The time within which a receiver takes a command. It looks once a second.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A command that a terminal was given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Command {
    /// Its number.
    pub(crate) id: u32,
    /// The command: in full if it only asks, else its first words.
    pub(crate) command: String,
    /// `waits`, `sent`, `answered`, `expired`, or `unknown` for one that was sent and may have been carried out.
    pub(crate) state: &'static str,
    /// The time at which it was queued.
    pub(crate) queued_at: DateTime<Utc>,
    /// The time after which it is not sent any more.
    pub(crate) expires_at: DateTime<Utc>,
    /// The last time at which it was sent.
    pub(crate) sent_at: Option<DateTime<Utc>>,
    /// The times that it was sent.
    pub(crate) sends: u32,
    /// It is sent once.
    pub(crate) once: bool,
    /// The time of the result.
    pub(crate) answered_at: Option<DateTime<Utc>>,
    /// The code of the result.
    pub(crate) code: Option<i64>,
    /// What else the terminal answered, a field on each line.
    pub(crate) details: Option<String>,
}

/// The commands of a terminal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Commands {
    /// The commands, the last one first.
    commands: Vec<Command>,
}

/// How many commands.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The most commands.
    #[serde(default)]
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
}

/// What is wanted of a terminal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Wanted {
    /// It says its parameters.
    Info,
    /// It sends what is new now.
    Upload,
    /// It sends the punches of a period again. Nothing is stored twice.
    QueryAttlog {
        /// The beginning by the terminal's clock: a date or a time.
        #[schema(value_type = String, example = "2026-03-01")]
        from: Wall,
        /// The end; a date counts whole.
        #[schema(value_type = String, example = "2026-03-02")]
        to: Wall,
    },
    /// It starts again.
    Reboot,
    /// The clock of a terminal for access control is set.
    SetTime,
    /// A user is written; what is left out keeps its value.
    SetUser {
        /// The user id.
        id: String,
        /// The name.
        name: Option<String>,
        /// 0 for a user, 14 for an administrator of the terminal.
        privilege: Option<u8>,
        /// The number of the card, in decimal digits.
        card: Option<String>,
        /// The group, in decimal digits.
        group: Option<String>,
    },
    /// A user is deleted, with all fingerprints and pictures.
    DeleteUser {
        /// The user id.
        id: String,
    },
    /// It asks a person for a finger.
    Enroll {
        /// The user id.
        id: String,
        /// The finger, 0 to 9.
        finger: u8,
    },
    /// Options are set; those of the network need the permission `network`.
    SetOptions {
        /// The new values, by name.
        options: BTreeMap<String, String>,
    },
    /// The door is opened, with the permission `open-door`.
    OpenDoor {
        /// The door of a terminal for access control, 1 to 16.
        #[serde(default = "one")]
        door: u8,
        /// The seconds for which that door is open, 1 to 254.
        #[serde(default = "five")]
        seconds: u8,
    },
    /// Its attendance records are deleted, with the permission `clear`.
    ClearLog,
    /// Its users, fingerprints and records are deleted, with the permission `clear`.
    ClearData,
}

/// The commands that wait.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Queued {
    /// Their numbers, in the order in which they are sent.
    ids: Vec<u32>,
    /// The time after which they are not sent any more.
    expires_at: DateTime<Utc>,
}

const fn one() -> u8 {
    1
}

const fn five() -> u8 {
    5
}

impl Wanted {
    fn wish(self) -> Wish {
        match self {
            Self::Info => Wish::Info,
            Self::Upload => Wish::Upload,
            Self::QueryAttlog { from, to } => Wish::Punches { from: from.begins(), to: to.ends() },
            Self::Reboot => Wish::Restart,
            Self::SetTime => Wish::SetTime,
            Self::SetUser { id, name, privilege, card, group } => Wish::SetUser { id, name, privilege, card, group },
            Self::DeleteUser { id } => Wish::DeleteUser { id },
            Self::Enroll { id, finger } => Wish::Enroll { id, finger },
            Self::SetOptions { options } => Wish::SetOptions { options: options.into_iter().collect() },
            Self::OpenDoor { door, seconds } => Wish::OpenDoor { door, seconds },
            Self::ClearLog => Wish::ClearLog,
            Self::ClearData => Wish::ClearData,
        }
    }
}

impl Command {
    fn of(command: PushCommand, now: DateTime<Utc>) -> Self {
        Self {
            id: command.id,
            command: shown(&command),
            state: command.state(now),
            queued_at: command.queued_at,
            expires_at: command.expires_at,
            sent_at: command.sent_at,
            sends: command.sends,
            once: command.once,
            answered_at: command.answered_at,
            code: command.code,
            details: command.details,
        }
    }
}

/// Lists the commands that a terminal was given, with its answers.
#[utoipa::path(
    get, path = "/pushing/{serial}/commands", tag = "terminals",
    params(("serial" = String, Path, description = "Its serial number."), Which),
    responses((status = OK, body = Commands))
)]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    Named(serial): Named,
    Asked(Which { limit }): Asked<Which>,
) -> Result<Json<Commands>, Problem> {
    Ok(Json(Commands { commands: recent(&server, &serial, limit.get()).await? }))
}

/// The last commands that a terminal was given.
pub(crate) async fn recent(server: &Server, serial: &str, most: usize) -> Result<Vec<Command>, Problem> {
    let (serial, most) = (serial.to_owned(), u32::try_from(most).unwrap_or(u32::MAX));
    let question = move |ledger: &iclock_sync::Ledger| ledger.push_commands(Some(&serial), most);
    let (commands, now) = (server.ask(move |query| query.ask(question)).await?, Utc::now());
    Ok(commands.into_iter().map(|command| Command::of(command, now)).collect())
}

/// Queues a command, which the terminal takes when it calls next. What changes something needs an administrator; what
/// is dangerous needs a permission of the terminal in the configuration, too.
#[utoipa::path(
    post, path = "/pushing/{serial}/commands", tag = "terminals", request_body = Wanted,
    params(("serial" = String, Path, description = "Its serial number.")),
    responses(
        (status = ACCEPTED, body = Queued),
        (status = NOT_FOUND, content_type = "application/problem+json", body = Problem,
         description = "It has not pushed anything yet."),
        (status = CONFLICT, content_type = "application/problem+json", body = Problem,
         description = "It has no permission, is denied, or has too many commands without an answer."),
    )
)]
pub(super) async fn queue(
    State(server): State<Arc<Server>>,
    Named(serial): Named,
    by: By,
    Sent(wanted): Sent<Wanted>,
) -> Result<(StatusCode, Json<Queued>), Problem> {
    let of = serial.clone();
    let dialect = server.ask(move |query| query.ask(|ledger| ledger.push_dialect(&of))).await?;
    let dialect = dialect.ok_or_else(|| {
        Problem::not_found(format!("terminal {serial:?} has not pushed anything yet"))
            .hint("approve it, and wait for its first call; then it is known which commands it takes")
    })?;
    let wish = wanted.wish();
    let commands = wish.commands(if dialect == "acc" { Dialect::Access } else { Dialect::Attendance });
    let commands = commands.map_err(|error| not_a_command(&error))?;
    if !only_ask(&commands) {
        by.require(Role::Administrator)?;
    }
    let device = server.service()?.configured(&serial).await;
    commands
        .iter()
        .try_for_each(|command| permitted(device.as_deref(), command))
        .map_err(|error| refused(&serial, error))?;
    let now = Utc::now();
    let expires_at = now + wish.expires_after();
    let orders: Option<Vec<Order>> =
        commands.into_iter().map(|command| Order::new(&serial, command, expires_at)).collect();
    let orders = orders.ok_or_else(|| Problem::bad_request(format!("{serial:?} is no serial number")))?;
    let mut ids = Vec::with_capacity(orders.len());
    for order in orders {
        server.ordered(&by, &format!("command {}", order.words()), &serial).await?;
        ids.push(hand_over(&server, order, now).await?);
    }
    Ok((StatusCode::ACCEPTED, Json(Queued { ids, expires_at })))
}

/// Leaves an order to the receiver, and waits for its number.
async fn hand_over(server: &Server, order: Order, since: DateTime<Utc>) -> Result<u32, Problem> {
    let (order, dir) = (Arc::new(order), server.service()?.state_dir().to_owned());
    let unwritten = |error: std::io::Error| {
        tracing::warn!("a command could not be left: {}", chain(&error));
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the command cannot be written to the state directory")
            .hint("check that its disk has room")
    };
    let (of, to) = (Arc::clone(&order), dir.clone());
    server.blocking(move || of.leave(&to)).await?.map_err(unwritten)?;
    let number = async || -> Result<Option<u32>, Problem> {
        let of = Arc::clone(&order);
        server.ask(move |query| query.ask(|ledger| -> Result<_, LedgerError> { of.number(ledger, since) })).await
    };
    let begin = Instant::now();
    while begin.elapsed() < TAKEN_WITHIN {
        if let Some(id) = number().await? {
            return Ok(id);
        }
        sleep(LOOK_EVERY).await;
    }
    // Left behind, it would surprise somebody later.
    let of = Arc::clone(&order);
    if server.blocking(move || of.withdraw(&dir)).await?.map_err(unwritten)? {
        let what = "no receiver of terminals that push runs here, or it did not take the command";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, what).hint("start it with an address for terminals"));
    }
    number().await?.ok_or_else(|| {
        let what = format!("the command for terminal {:?} was not taken", order.serial());
        let hint = format!("it is denied, or {MOST_OPEN} commands have no answer yet");
        Problem::new(StatusCode::CONFLICT, what).hint(hint)
    })
}

fn not_a_command(error: &WishError) -> Problem {
    let problem = Problem::bad_request(chain(error));
    problem.hint(error.hint().unwrap_or("/api/v1/openapi.json says which values there are"))
}

fn refused(serial: &str, error: NotPermitted) -> Problem {
    let problem = Problem::new(StatusCode::CONFLICT, format!("terminal {serial:?} is not sent this: {error}"));
    problem.hint(match error {
        NotPermitted::NoZone => "write its zone into the configuration".to_owned(),
        NotPermitted::Needs(permission) => format!("write permit = [\"{permission}\"] into its configuration"),
        _ => "/api/v1/openapi.json says which commands there are".to_owned(),
    })
}
