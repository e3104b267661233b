//! One request, from its head to its answer.

use std::time::{Instant, SystemTime};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::gate::Gate;
use super::receiver::{Admission, OverTls, Peer, Receiver, Refusal, Visitor};
use super::{Limits, body};
use crate::exchange::Exchange;
use crate::request::Method;
use crate::terminal::{Manner, Poll, Step, Terminal, refuse};
use crate::{Head, Reply, request};

/// Answers a request.
pub(super) async fn answer<R: Receiver>(
    receiver: &R,
    limits: &Limits,
    gate: &Gate,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let head = match Head::parse(parts.method.as_str(), target) {
        Ok(head) => head,
        Err(error) => {
            tracing::debug!(%error, "request of no terminal");
            receiver.refused(Refusal::NoTerminal);
            return response(Reply::refusal(error.status()), true);
        }
    };
    // Framing by chunks next to a length is how requests are smuggled past a proxy. hyper reads the chunks; no second
    // request of this connection is believed.
    let ends = parts.headers.contains_key(header::TRANSFER_ENCODING);
    let visitor = visitor(&parts, &head);
    let address = receiver.forwarded(&visitor);
    let from = address.map(|address| gate.enter_from(address));
    if let (Some(address), Some(None)) = (address, &from) {
        tracing::warn!(%address, "too many requests of one address at once");
        receiver.refused(Refusal::TooMany);
        return response(Reply::refusal(503), true);
    }
    let admission = receiver.admit(&visitor).await;
    let terminal = match admission {
        Admission::Admitted(terminal) => terminal,
        Admission::Refused(manner) => {
            receiver.refused(Refusal::NotAdmitted);
            return refused(&head, manner, body, limits, gate, &parts).await;
        }
    };
    let Some(_entered) = gate.enter(&head.serial, Instant::now()) else {
        tracing::warn!(serial = %head.serial, "too many requests of one terminal");
        receiver.refused(Refusal::TooMany);
        return response(Reply::refusal(503), true);
    };
    let (body, _room) = match body::read(body, &parts.headers, limits, &gate.room).await {
        Ok(read) => read,
        Err(status) => {
            tracing::warn!(serial = %head.serial, status, "body was not read");
            receiver.refused(Refusal::Body);
            let reply = Reply::refusal(status);
            if receiver.watches(&head.serial) {
                receiver.exchanged(&Exchange::new(&head, &Bytes::new(), &reply));
            }
            return response(reply, true);
        }
    };
    let seen = receiver.watches(&head.serial).then(|| (head.clone(), body.clone()));
    let reply = step(receiver, *terminal, request::Request { head, body }).await;
    if let Some((head, body)) = seen {
        receiver.exchanged(&Exchange::new(&head, &body, &reply));
    }
    response(reply, ends)
}

fn visitor<'a>(parts: &'a Parts, head: &'a Head) -> Visitor<'a> {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
    let forwarded_for = parts.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let over_tls = parts.extensions.get::<OverTls>().is_some();
    Visitor { head, peer, forwarded_for, over_tls }
}

/// The answer closes the connection, unless there was no body: what is unread is never taken for another request.
async fn refused(
    head: &Head,
    manner: Manner,
    body: Body,
    limits: &Limits,
    gate: &Gate,
    parts: &Parts,
) -> Response<Body> {
    tracing::debug!(serial = %head.serial, endpoint = %head.endpoint, "terminal is not admitted");
    let none = Limits { body: 0, ..limits.clone() };
    let is_empty = head.method == Method::Get && body::read(body, &parts.headers, &none, &gate.room).await.is_ok();
    response(refuse(head, manner), !is_empty)
}

async fn step<R: Receiver>(receiver: &R, mut terminal: Terminal, request: request::Request) -> Reply {
    let serial = request.head.serial.clone();
    match terminal.handle_request(now(), request) {
        Step::Reply(reply) => {
            if reply.status >= 400 {
                tracing::warn!(%serial, status = reply.status, "request was refused");
                receiver.refused(Refusal::Protocol);
            }
            reply
        }
        Step::Accept(accept) => match receiver.store(&terminal, accept.batch()).await {
            Ok(()) => accept.stored(),
            Err(_) => {
                receiver.refused(Refusal::NotStored);
                accept.failed()
            }
        },
        Step::Poll(poll) => commands(receiver, &terminal, poll).await,
    }
}

async fn commands<R: Receiver>(receiver: &R, terminal: &Terminal, poll: Poll) -> Reply {
    let not_now = || {
        receiver.refused(Refusal::NotStored);
        Reply::refusal(503)
    };
    let Ok(commands) = receiver.commands(terminal).await else { return not_now() };
    let wraps = terminal.settings().wraps_commands.then(|| terminal.serial());
    let (reply, sent) = poll.deliver(&commands, wraps);
    if !sent.is_empty() && receiver.sent(terminal.serial(), &sent).await.is_err() {
        return not_now();
    }
    reply
}

fn now() -> DateTime<Utc> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    DateTime::from_timestamp(seconds, since.subsec_nanos()).unwrap_or_default()
}

fn response(reply: Reply, closes: bool) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if closes {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
