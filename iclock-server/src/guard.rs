//! Who is let in: the name by which the server is called, the token or the session, the role, the rate.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use chrono::Utc;

use crate::access::{AccessError, Caller, Role, csrf};
use crate::by::too_little;
use crate::pages;
use crate::problem::Problem;
use crate::server::Server;

/// Headers of each answer: nothing that comes from here may run, be framed, or be guessed to be another kind.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    // What a caller keeps, it asks about before it is used again.
    (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
];

/// Over HTTPS: browsers come over nothing else for a year.
const A_YEAR_OVER_HTTPS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Answers only to the names that this server has. A page of a stranger may point its own name at this address; the
/// browser then sends that name.
pub(crate) async fn by_name(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let host = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let host = host.or_else(|| request.headers().get(header::HOST)?.to_str().ok().map(str::to_owned));
    let mut response = match host {
        Some(host) if is_ours(&host, &server.options.hosts) => next.run(request).await,
        _ => {
            let hint = "call it by its address, or have the name added to those of the server";
            let problem = Problem::new(StatusCode::MISDIRECTED_REQUEST, "this server does not have that name");
            problem.hint(hint).into_response()
        }
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    if server.options.is_secure {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, A_YEAR_OVER_HTTPS);
    }
    response
}

/// An address is no name: nobody can point it elsewhere. Behind the name there is a port, or nothing: what is put
/// together with it is an address of this server.
fn is_ours(host: &str, names: &[String]) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or((rest, "")),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit())) {
        return false;
    }
    let name = name.trim_end_matches('.');
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// The word of the session by which a request came.
#[derive(Clone, Debug)]
pub(crate) struct Session(pub(crate) String);

/// The header with the word that a change by a session brings along.
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// Lets a request pass whose token or session has at least this role.
pub(crate) async fn allow(
    State((server, role)): State<(Arc<Server>, Role)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = match token(request.headers()).map(str::to_owned) {
        Some(token) => by_token(&server, token).await?,
        None => {
            let (mut parts, body) = request.into_parts();
            let caller = by_session(&server, &mut parts).await?.ok_or_else(|| {
                let problem = Problem::new(StatusCode::UNAUTHORIZED, "this needs a token");
                problem.hint("send it as `Authorization: Bearer TOKEN`")
            })?;
            if !parts.method.is_safe() {
                check_csrf(&parts)?;
            }
            request = Request::from_parts(parts, body);
            caller
        }
    };
    if let Err(wait) = server.rates.pass(&caller.to_string(), Instant::now()) {
        return Ok(too_many("too many requests", wait));
    }
    if caller.role < role {
        return Err(too_little(&caller, role));
    }
    request.extensions_mut().insert(caller.clone());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(caller);
    Ok(response)
}

/// An answer that says how long to wait.
pub(crate) fn too_many(what: &str, wait: Duration) -> Response {
    let seconds = wait.as_secs() + 1;
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, what);
    let mut response = problem.hint(format!("wait {seconds} s")).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

async fn by_token(server: &Server, sent: String) -> Result<Caller, Problem> {
    let access = Arc::clone(&server.access);
    let caller =
        server.blocking(move || access.caller(&sent, Utc::now())).await?.map_err(|error| unreadable(&error))?;
    caller.ok_or_else(|| {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "the token is unknown, was revoked, or has expired");
        problem.hint("ask the administrator of this server for another one")
    })
}

/// Who sent the cookie of a session; `None` without one that holds. Keeps the session's word with the request.
pub(crate) async fn by_session(server: &Server, parts: &mut Parts) -> Result<Option<Caller>, Problem> {
    let jar = CookieJar::from_headers(&parts.headers);
    let Some(word) = pages::session(&jar, server.options.is_secure).map(str::to_owned) else { return Ok(None) };
    let (access, session) = (Arc::clone(&server.access), Session(word.clone()));
    let caller =
        server.blocking(move || access.session(&word, Utc::now())).await?.map_err(|error| unreadable(&error))?;
    if caller.is_some() {
        parts.extensions.insert(session);
    }
    Ok(caller)
}

/// Refuses a change that a page of a stranger may have made a browser send.
fn check_csrf(parts: &Parts) -> Result<(), Problem> {
    let sent = parts.headers.get(CSRF).map(HeaderValue::as_bytes).unwrap_or_default();
    let expected = parts.extensions.get::<Session>().map(|session| csrf(&session.0));
    let is_ours = expected.is_some_and(|expected| sent == expected.as_bytes()) && is_from_here(&parts.headers);
    is_ours.then_some(()).ok_or_else(foreign)
}

/// Whether a browser says that a page of this server sent the request. What is no browser says neither.
pub(crate) fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text(HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => ["same-origin", "none"].contains(&site),
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == text(header::HOST),
        (None, None) => true,
    }
}

/// The refusal of a change that came from elsewhere.
pub(crate) fn foreign() -> Problem {
    let problem = Problem::new(StatusCode::FORBIDDEN, "the request did not come from a page of this server");
    problem.hint("load the page again, and try once more")
}

/// Why nobody can be known now.
pub(crate) fn unreadable(error: &AccessError) -> Problem {
    tracing::warn!("tokens and accounts cannot be looked up: {}", iclock_sync::chain(error));
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "tokens and accounts cannot be looked up now");
    problem.hint("try again in a minute")
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_comes_from_a_page_of_this_server_or_from_no_browser() {
        let is_ours = |headers: &[(&'static str, &'static str)]| {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            is_from_here(&headers.iter().map(pair).collect())
        };
        let host = ("host", "clock.example:8080");
        for ours in [
            &[host][..],
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "http://clock.example:8080")],
        ] {
            assert!(is_ours(ours), "{ours:?}");
        }
        for other in [
            &[host, ("sec-fetch-site", "cross-site"), ("origin", "http://clock.example:8080")][..],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "http://clock.example:80800")],
        ] {
            assert!(!is_ours(other), "{other:?}");
        }
    }

    #[test]
    fn a_server_has_its_addresses_and_its_own_names() {
        let names = ["clock.example".to_owned()];
        for ours in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "192.0.2.7", "clock.example.:1"] {
            assert!(is_ours(ours, &names), "{ours}");
        }
        for other in [
            "",
            ":80",
            "example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "[evil.example]",
            "localhost:x@evil.example",
            "localhost:1/evil.example",
            "[::1]evil.example",
        ] {
            assert!(!is_ours(other, &names), "{other}");
        }
    }
}
