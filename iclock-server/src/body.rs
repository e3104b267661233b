//! Bodies are read whole before anything is done with them: none is long, and none takes long.

use std::time::Duration;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;

use crate::problem::Problem;

/// The longest body, in bytes: orders and forms are small.
pub(crate) const MOST: usize = 64 << 10;
/// The time for all of it.
const WITHIN: Duration = Duration::from_secs(10);

/// Passes a request on with its whole body.
pub(crate) async fn whole(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let problem = match timeout(WITHIN, to_bytes(body, MOST)).await {
        Ok(Ok(bytes)) => return next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(_)) => {
            let what = format!("the body has more than {MOST} bytes, or ends early");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, what).hint("send less at once")
        }
        Err(_) => {
            let what = format!("the body did not come within {} seconds", WITHIN.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, what).hint("send it at once")
        }
    };
    problem.into_response()
}
