//! The way in and out: login, logout, and the link by which an account gets its password.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::Form;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use chrono::Utc;
use serde::Deserialize;
use zk_push::server::Peer;

use super::cookie;
use super::page::Page;
use crate::access::{AccessError, PasswordError, csrf};
use crate::guard::{self, Session};
use crate::problem::Problem;
use crate::server::Server;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    page: Page,
    error: Option<String>,
    name: String,
    /// Nobody has a password yet.
    is_new: bool,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome {
    page: Page,
    error: Option<String>,
    link: String,
}

/// A name and a password.
#[derive(Deserialize)]
pub(super) struct Attempt {
    name: String,
    password: String,
}

/// A link, and the password to set.
#[derive(Deserialize)]
pub(super) struct Chosen {
    link: String,
    password: String,
    again: String,
}

/// The word of a form.
#[derive(Deserialize)]
pub(super) struct Leaving {
    csrf: String,
}

/// Lets readers pass who are logged in, and leads others to the login.
pub(super) async fn need(
    State(server): State<Arc<Server>>,
    page: Page,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let Some(caller) = guard::by_session(&server, &mut parts).await? else {
        return Ok(Redirect::to(&page.url("/login")).into_response());
    };
    if let Err(wait) = server.rates.pass(&caller.to_string(), Instant::now()) {
        return Ok(guard::too_many("too many requests", wait));
    }
    parts.extensions.insert(caller.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    response.extensions_mut().insert(caller);
    Ok(response)
}

/// The form.
pub(super) async fn form(State(server): State<Arc<Server>>, page: Page) -> Result<Response, Problem> {
    let access = Arc::clone(&server.access);
    let accounts = server.blocking(move || access.accounts()).await?.map_err(|error| guard::unreadable(&error))?;
    let is_new = accounts.iter().all(|account| !account.has_password);
    Page::show(&Login { page, error: None, name: String::new(), is_new })
}

/// Begins a session for a name with the right password.
pub(super) async fn log_in(
    State(server): State<Arc<Server>>,
    peer: Option<Extension<Peer>>,
    page: Page,
    headers: HeaderMap,
    Form(Attempt { name, password }): Form<Attempt>,
) -> Result<Response, Problem> {
    if !guard::is_from_here(&headers) {
        return Err(guard::foreign());
    }
    let address = peer.map(|Extension(Peer(address))| address.ip());
    let refused = |page: Page, name: String, status: StatusCode, error: String| {
        Page::show_with(status, &Login { page, error: Some(error), name, is_new: false })
    };
    if let Err(wait) = server.attempts.pass(&name, address, Instant::now()) {
        tracing::warn!(?address, "too many attempts to log in");
        let error = page.count("login-wait", wait.as_secs() + 1);
        return refused(page, name, StatusCode::TOO_MANY_REQUESTS, error);
    }
    let (access, asked) = (Arc::clone(&server.access), name.clone());
    let known = server.hashing(move || access.knows(&asked, &password)).await?;
    let Some(caller) = known.map_err(|error| guard::unreadable(&error))? else {
        tracing::warn!(?address, "a login was refused");
        let error = page.t("login-wrong");
        return refused(page, name, StatusCode::UNAUTHORIZED, error);
    };
    server.attempts.forget(&caller.name, address);
    tracing::info!(name = %caller.name, ?address, "logged in");
    begin(&server, &page, &headers, caller.name).await
}

/// The form of a link. The link itself is in the part of the address that browsers keep to themselves; a script puts it
/// into the form.
pub(super) async fn welcome(page: Page) -> Result<Response, Problem> {
    Page::show(&Welcome { page, error: None, link: String::new() })
}

/// Sets the password of the account that a link is for, and begins a session.
pub(super) async fn choose(
    State(server): State<Arc<Server>>,
    page: Page,
    headers: HeaderMap,
    Form(Chosen { link, password, again }): Form<Chosen>,
) -> Result<Response, Problem> {
    if !guard::is_from_here(&headers) {
        return Err(guard::foreign());
    }
    let link = link.trim().to_owned();
    let refused = |page: Page, link: String, key: &str| {
        let error = Some(page.t(key));
        Page::show_with(StatusCode::UNPROCESSABLE_ENTITY, &Welcome { page, error, link })
    };
    if password != again {
        return refused(page, link, "welcome-differs");
    }
    let (access, sent) = (Arc::clone(&server.access), link.clone());
    match server.hashing(move || access.set_password(&sent, &password, Utc::now())).await? {
        Ok(Some(name)) => {
            tracing::warn!(%name, "an account has a new password");
            begin(&server, &page, &headers, name).await
        }
        Ok(None) => refused(page, String::new(), "welcome-old"),
        Err(AccessError::Password(PasswordError::Length)) => refused(page, link, "welcome-length"),
        Err(AccessError::Password(PasswordError::IsTheName)) => refused(page, link, "welcome-name"),
        Err(error) => Err(guard::unreadable(&error)),
    }
}

/// Ends the session.
pub(super) async fn log_out(
    State(server): State<Arc<Server>>,
    page: Page,
    Extension(Session(session)): Extension<Session>,
    headers: HeaderMap,
    Form(Leaving { csrf: sent }): Form<Leaving>,
) -> Result<Response, Problem> {
    if sent != csrf(&session) || !guard::is_from_here(&headers) {
        return Err(guard::foreign());
    }
    let access = Arc::clone(&server.access);
    server.blocking(move || access.end_session(&session)).await?.map_err(|error| guard::unreadable(&error))?;
    let jar = CookieJar::new().add(cookie::ended(server.options.is_secure));
    Ok((jar, Redirect::to(&page.url("/login"))).into_response())
}

/// Begins a session. One that the browser had before ends.
async fn begin(server: &Arc<Server>, page: &Page, headers: &HeaderMap, account: String) -> Result<Response, Problem> {
    let is_secure = server.options.is_secure;
    let before = cookie::session(&CookieJar::from_headers(headers), is_secure).map(str::to_owned);
    let access = Arc::clone(&server.access);
    let begun = server.blocking(move || {
        before.map_or(Ok(()), |before| access.end_session(&before))?;
        access.begin_session(&account, Utc::now())
    });
    let session = begun.await?.map_err(|error| guard::unreadable(&error))?;
    let jar = CookieJar::new().add(cookie::begun(&session, is_secure));
    Ok((jar, Redirect::to(&page.url("/"))).into_response())
}
