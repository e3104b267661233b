//! Events as they enter, as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use iclock_sync::CancellationToken;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;

use super::ask::Asked;
use crate::feed::{PAGE, Sent};
use crate::problem::Problem;
use crate::server::Server;

/// Something is sent at least so often, so that a line that is cut is noticed.
const BEAT: Duration = Duration::from_secs(15);
/// A stream ends after this time; the reader goes on with another one. A token that was revoked meanwhile does not.
const LASTS: Duration = Duration::from_secs(300);

/// Where to begin.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// The number of the last event that the reader has; 0 for all. The header `Last-Event-ID` counts before it.
    /// Without either, the stream begins now.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// A stream of events as they enter the ledger (server-sent events): `id` is the event's number, `data` an event as in
/// the list. A reader that was away says with `Last-Event-ID` which one it had last, as browsers do by themselves, and
/// misses nothing. A stream ends after five minutes, and the reader calls again.
#[utoipa::path(
    get, path = "/events/stream", tag = "events",
    params(Since, ("Last-Event-ID" = Option<i64>, Header, description = "The number of the last event.")),
    responses(
        (status = OK, content_type = "text/event-stream", body = String),
        (status = CONFLICT, content_type = "application/problem+json", body = Problem,
         description = "There was no event of that number yet: the ledger is another one."),
    )
)]
pub(super) async fn stream(
    State(server): State<Arc<Server>>,
    Asked(Since { after }): Asked<Since>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = Arc::clone(&server.streams).try_acquire_owned().map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many streams are open").hint("close others, or try later")
    })?;
    let after = match headers.get("last-event-id") {
        Some(id) => Some(number(id)?),
        None => after,
    };
    // Before the ledger is read: what enters later comes from the feed.
    let feed = server.feed.listen();
    let last = server.ask(|query| query.last_entered()).await?;
    let after = after.unwrap_or(last);
    if after > last {
        let what = format!("there was no event {after} yet; the last one is {last}");
        return Err(Problem::new(StatusCode::CONFLICT, what).hint("the ledger is another one: begin with after=0"));
    }
    let stop = server.service()?.stop_token();
    let until = Instant::now() + LASTS;
    let reader = Reader { server, feed, after, is_behind: true, ready: VecDeque::new(), stop, until, _place: place };
    let body = stream::unfold(reader, |mut reader| async {
        let block = reader.next().await?;
        Some((Ok::<_, Infallible>(block), reader))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // A proxy that collects the answer would keep the news back.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(body.fuse())).into_response())
}

fn number(id: &HeaderValue) -> Result<i64, Problem> {
    let number = id.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| Problem::bad_request("Last-Event-ID is no number of an event").hint("leave it out"))
}

/// Somebody who listens.
struct Reader {
    server: Arc<Server>,
    feed: Receiver<Sent>,
    /// The number of the last event that was sent.
    after: i64,
    /// The ledger may have events before those of the feed.
    is_behind: bool,
    ready: VecDeque<Bytes>,
    stop: CancellationToken,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// The next block; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(block) = self.ready.pop_front() {
                return Some(block);
            }
            if self.is_behind {
                self.catch_up().await?;
                continue;
            }
            let beat = Instant::now() + BEAT;
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                () = sleep_until(self.until) => return None,
                sent = self.feed.recv() => match sent {
                    // The ledger had it.
                    Ok(sent) if sent.number <= self.after => {}
                    Ok(sent) => {
                        self.after = sent.number;
                        return Some(sent.text);
                    }
                    // This reader is slow, and reads on in the ledger.
                    Err(RecvError::Lagged(_)) => self.is_behind = true,
                    Err(RecvError::Closed) => return None,
                },
                () = sleep_until(beat) => return Some(Bytes::from_static(b": \n\n")),
            }
        }
    }

    /// Reads on in the ledger. The reader calls again if that fails.
    async fn catch_up(&mut self) -> Option<()> {
        if self.stop.is_cancelled() || Instant::now() >= self.until {
            return None;
        }
        let after = self.after;
        let read = self.server.ask(move |query| query.all_entered(after, PAGE)).await.ok()?;
        let block: Vec<u8> = read.iter().flat_map(|(number, event)| Sent::new(*number, event).text).collect();
        self.is_behind = read.len() == PAGE;
        if let Some((number, _)) = read.last() {
            self.after = *number;
            self.ready.push_back(block.into());
        }
        Some(())
    }
}
