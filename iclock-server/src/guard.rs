//! Who is let in: the name by which the server is called, the token, the role, the rate.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chrono::Utc;

use crate::access::Role;
use crate::by::too_little;
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

/// Lets a request pass whose token has at least this role.
pub(crate) async fn allow(
    State((server, role)): State<(Arc<Server>, Role)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(sent) = token(request.headers()).map(str::to_owned) else {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "this needs a token");
        return Err(problem.hint("send it as `Authorization: Bearer TOKEN`"));
    };
    let access = Arc::clone(&server.access);
    let caller = server.blocking(move || access.caller(&sent, Utc::now())).await?.map_err(|error| {
        tracing::warn!("tokens cannot be looked up: {}", iclock_sync::chain(&error));
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "tokens cannot be looked up now").hint("try again in a minute")
    })?;
    let Some(caller) = caller else {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "the token is unknown, was revoked, or has expired");
        return Err(problem.hint("ask the administrator of this server for another one"));
    };
    if let Err(wait) = server.rates.pass(&caller.name, Instant::now()) {
        let seconds = wait.as_secs() + 1;
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many requests with this token");
        let mut response = problem.hint(format!("wait {seconds} s")).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        return Ok(response);
    }
    if caller.role < role {
        return Err(too_little(caller.role, role));
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

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
