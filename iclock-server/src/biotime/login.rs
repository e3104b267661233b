//! Names and passwords, and the tokens that programs get for them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use chrono::Utc;
use serde_json::{Value, json};
use zk_push::server::Peer;

use super::refused::Refused;
use crate::access::{AccessError, Caller, CallerKind, GrantForm};
use crate::guard;
use crate::problem::Problem;
use crate::server::Server;

/// The reason why nobody is known by a name and a password.
#[derive(Debug)]
pub(super) enum Unknown {
    /// They are wrong.
    Wrong,
    /// There were too many attempts.
    Wait(Duration),
    /// Nobody can be known now.
    Unreadable(Problem),
}

/// What a login sends.
#[derive(Debug, Default)]
struct Fields(Vec<(String, String)>);

/// Gives a token that holds until the password changes.
pub(super) async fn plain(
    server: State<Arc<Server>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    log_in(server, peer, &headers, body, GrantForm::Plain).await
}

/// Gives a token that ends after a week, and says so.
pub(super) async fn jwt(
    server: State<Arc<Server>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    log_in(server, peer, &headers, body, GrantForm::Jwt).await
}

/// Gives a new token for one that still holds.
pub(super) async fn refresh(
    State(server): State<Arc<Server>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let sent = Fields::of(body)?.needed(&["token"])?;
    let access = Arc::clone(&server.access);
    let renewed = server.blocking(move || {
        let Some(caller) = access.granted(&sent, Utc::now())? else { return Ok(None) };
        access.grant(&caller.name, GrantForm::Jwt, Utc::now()).map(Some)
    });
    let renewed: Result<_, AccessError> = renewed.await?;
    let renewed = renewed.map_err(|error| guard::unreadable(&error))?;
    let renewed = renewed.ok_or_else(|| Refused::field("non_field_errors", "Signature has expired."))?;
    Ok(Json(json!({ "token": renewed.reveal() })).into_response())
}

async fn log_in(
    State(server): State<Arc<Server>>,
    peer: Option<Extension<Peer>>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    form: GrantForm,
) -> Result<Response, Refused> {
    if !guard::is_from_here(headers) {
        return Err(guard::foreign().into());
    }
    let fields = Fields::of(body)?;
    // The vendor's cloud calls it `email`.
    let (name, password) = (fields.needed(&["username", "email"])?, fields.needed(&["password"])?);
    let address = peer.map(|Extension(Peer(address))| address.ip());
    let sent = password.clone();
    let caller = known(&server, name, password, address).await.map_err(|unknown| match unknown {
        Unknown::Wrong => Refused::field("non_field_errors", "Unable to log in with provided credentials."),
        Unknown::Wait(wait) => Refused::too_many(wait),
        Unknown::Unreadable(problem) => problem.into(),
    })?;
    if caller.kind == CallerKind::Token {
        // It has a token already.
        return Ok(Json(json!({ "token": sent })).into_response());
    }
    tracing::info!(name = %caller.name, ?address, "a program logged in");
    let access = Arc::clone(&server.access);
    let token = server.blocking(move || access.grant(&caller.name, form, Utc::now())).await?;
    let token = token.map_err(|error| guard::unreadable(&error))?;
    Ok(Json(json!({ "token": token.reveal() })).into_response())
}

/// Who has this name and this password: an account, or a token, which is its own password. The attempts are those of
/// the login to the pages.
pub(super) async fn known(
    server: &Arc<Server>,
    name: String,
    password: String,
    address: Option<IpAddr>,
) -> Result<Caller, Unknown> {
    if let Some(caller) = by_token(server, &name, &password).await? {
        return Ok(caller);
    }
    server.attempts.pass(&name, address, Instant::now()).map_err(|wait| {
        tracing::warn!(?address, "too many attempts to log in");
        Unknown::Wait(wait)
    })?;
    let right = |caller: Caller| {
        server.attempts.forget(&caller.name, address);
        server.attempts.take_back(address);
        caller
    };
    // A program that sends its password all the time is not held up, and its requests at the same time count for
    // nothing.
    if server.access.recalls(&name, &password) {
        server.attempts.forget(&name, address);
        let (access, name, password) = (Arc::clone(&server.access), name.clone(), password.clone());
        let still = server.blocking(move || access.still(&name, &password)).await?;
        if let Some(caller) = still.map_err(|error| guard::unreadable(&error))? {
            return Ok(right(caller));
        }
    }
    let access = Arc::clone(&server.access);
    let known = server.hashing(move || access.learns(&name, &password)).await?;
    let known = known.map_err(|error| guard::unreadable(&error))?;
    known.map(right).ok_or_else(|| {
        tracing::warn!(?address, "a login was refused");
        Unknown::Wrong
    })
}

/// A token whose name and text are sent as name and password. Nobody can guess one, so that no attempt is counted.
async fn by_token(server: &Arc<Server>, name: &str, sent: &str) -> Result<Option<Caller>, Unknown> {
    let (access, sent) = (Arc::clone(&server.access), sent.to_owned());
    let caller = server.blocking(move || access.caller(&sent, Utc::now())).await?;
    Ok(caller.map_err(|error| guard::unreadable(&error))?.filter(|caller| caller.name == name))
}

impl From<Problem> for Unknown {
    fn from(problem: Problem) -> Self {
        Self::Unreadable(problem)
    }
}

impl Fields {
    /// Programs send JSON or a form, and not all of them say which.
    fn of(body: Result<Bytes, BytesRejection>) -> Result<Self, Refused> {
        let body = body.map_err(|error| Refused::new(error.status(), error.body_text()))?;
        let body = body.trim_ascii();
        if !body.starts_with(b"{") {
            return Ok(Self(form_urlencoded::parse(body).into_owned().collect()));
        }
        let wrong = |error| Refused::new(StatusCode::BAD_REQUEST, format!("JSON parse error - {error}"));
        let Value::Object(fields) = serde_json::from_slice(body).map_err(wrong)? else { return Ok(Self::default()) };
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Ok(Self(fields.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()))
    }

    /// The first of these fields that has something.
    fn needed(&self, names: &[&str]) -> Result<String, Refused> {
        let of = |name: &&str| self.0.iter().find(|(has, text)| has == name && !text.is_empty());
        let found = names.iter().find_map(of).map(|(_, text)| text.clone());
        found.ok_or_else(|| Refused::field(names.first().copied().unwrap_or_default(), "This field is required."))
    }
}
