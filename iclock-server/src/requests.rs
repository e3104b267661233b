//! The log of requests: who asked for what, and what came of it. No query, header or body is in it: secrets are there.

use std::time::Instant;

use axum::extract::{OriginalUri, Request};
use axum::middleware::Next;
use axum::response::Response;
use zk_push::server::Peer;

use crate::access::Caller;

/// Logs a request once it is answered, of a stream once it begins.
pub(crate) async fn log(request: Request, next: Next) -> Response {
    let original = request.extensions().get::<OriginalUri>().map_or_else(|| request.uri(), |OriginalUri(uri)| uri);
    let (method, path) = (request.method().clone(), original.path().to_owned());
    let from = request.extensions().get::<Peer>().map(|Peer(address)| address.ip().to_canonical());
    let began = Instant::now();
    let response = next.run(request).await;
    let by = response.extensions().get::<Caller>().map(tracing::field::display);
    let (status, ms) = (response.status().as_u16(), began.elapsed().as_millis());
    tracing::info!(from = from.map(tracing::field::display), by, ms, "{method} {path} {status}");
    response
}
