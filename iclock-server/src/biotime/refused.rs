//! Errors, in the shape that programs for the vendor's server understand.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::problem::Problem;

/// A request that was refused.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    body: Value,
    /// Seconds to wait before the next attempt.
    wait: Option<u64>,
}

impl Refused {
    /// With a text under `detail`.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, body: json!({ "detail": detail.into() }), wait: None }
    }

    /// A field, or a parameter of the query, is wrong.
    pub(super) fn field(name: &str, text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, body: json!({ name: [text.into()] }), wait: None }
    }

    /// Nobody says who is asking.
    pub(super) fn nobody() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Authentication credentials were not provided.")
    }

    /// There is no such thing.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found.")
    }

    /// Only reads are offered.
    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed: this server only reads.")
    }

    /// Too many requests, or attempts to log in.
    pub(super) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        let what = format!("Request was throttled. Expected available in {seconds} seconds.");
        Self { wait: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, what) }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let status = problem.status();
        let (_, what, hint) = problem.parts();
        Self::new(status, hint.map_or_else(|| what.clone(), |hint| format!("{what}: {hint}")))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(wait) = self.wait {
            response.headers_mut().insert(header::RETRY_AFTER, wait.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // Not `Basic`: a browser would ask for a password and keep it.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("JWT realm=\"api\""));
        }
        response
    }
}
