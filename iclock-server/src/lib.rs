//! An HTTP server over a running [`Service`]: a dashboard, a REST API with OpenAPI, a stream of punches, metrics.
//!
//! | part | where |
//! |---|---|
//! | the routes of `/api/v1`, and their description | [`openapi`] |
//! | who may call: tokens, accounts, sessions, each with a role | [`access`] |
//! | the name by which it is called, the token or session, the rate | `guard` |
//! | pages for people: the dashboard, the login | `pages` |
//! | reads in the shape of the vendor's server, if they are switched on | `biotime` |
//! | attempts to log in | `attempts` |
//! | who gives an order, for the audit | `by` |
//! | errors (RFC 9457) | `problem` |
//! | answers that a caller has already (`ETag`) | `etag` |
//! | events as they enter, read once for all who listen | `feed` |
//! | the log of requests | `requests` |
//! | `/healthz`, `/readyz`, `/metrics` | `health` |
//!
//! It reads the ledger over connections of its own, and never waits for the service that writes it.
//!
//! ```no_run
//! # async fn start(
//! #     engine: iclock_sync::Engine,
//! #     options: iclock_sync::ServiceOptions,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use iclock_server::{ServerOptions, router};
//! use iclock_sync::CancellationToken;
//! use zk_push::server::{Limits, listen};
//!
//! let stop = CancellationToken::new();
//! let service = Arc::new(engine.start(options, &stop).await?);
//! let router = router(&service, ServerOptions::default())?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! listen(listener, router, Limits::default(), stop.cancelled_owned()).await;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
mod api;
mod attempts;
mod biotime;
mod body;
mod by;
mod etag;
mod feed;
mod guard;
mod health;
mod pages;
mod problem;
mod rate;
mod requests;
mod server;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use bytes::Bytes;
use chrono::{Local, NaiveDateTime};
use iclock_sync::timesheet::Rules;
use iclock_sync::{LedgerError, Service};
use tower_http::compression::CompressionLayer;

pub use api::openapi;

use crate::access::{AccessError, Role};
use crate::problem::Problem;
use crate::server::Server;

/// How a server answers. [`ServerOptions::default`] has no names besides addresses and `localhost`, and no shifts.
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The names by which it may be called, besides addresses and `localhost`. A page of a stranger cannot reach it
    /// under another name.
    pub hosts: Vec<String>,
    /// People reach it over HTTPS alone: cookies are sent over nothing else.
    pub is_secure: bool,
    /// Programs that were written for the vendor's server (BioTime 8) may read here, under its paths.
    pub biotime: bool,
    /// The settings of the program, for the page that shows them. Secrets are masked already.
    pub settings: Vec<Setting>,
    /// The hours of work, by which reports judge.
    pub timesheet: Rules,
    /// The time that right clocks on the terminals' walls show.
    pub local_now: fn() -> NaiveDateTime,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            is_secure: false,
            biotime: false,
            settings: Vec::new(),
            timesheet: Rules::default(),
            local_now: || Local::now().naive_local(),
        }
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// A setting of the program, as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, like `server.listen`.
    pub name: String,
    /// Its value; stars if it is a secret.
    pub value: String,
    /// Where it comes from: a file and a line, a variable, a flag, or the default.
    pub origin: String,
}

/// The reason why a server cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The tokens cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The service's ledger is gone.
    #[error("there is no ledger in {}", .0.display())]
    NoLedger(PathBuf),
}

/// Builds the router of a service. It does not keep the service alive; mount it on a server with limits on heads, slow
/// callers and connections.
///
/// It begins a task that passes events on, and so has to be called on a runtime.
///
/// # Errors
/// [`OpenError`].
pub fn router(service: &Arc<Service>, options: ServerOptions) -> Result<Router, OpenError> {
    let server = Arc::new(Server::open(service, options)?);
    let api = api::router(&server);
    let needs = |role: Role| from_fn_with_state((Arc::clone(&server), role), guard::allow);
    let described = Bytes::from(openapi());
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let router = api
        .layer(from_fn(body::whole))
        .merge(Router::new().route("/metrics", get(health::metrics)).route_layer(needs(Role::Metrics)))
        .route("/api/v1/openapi.json", get(async move || (json, described)))
        .merge(pages::router(&server).layer(from_fn(body::whole)))
        .merge(if server.options.biotime { biotime::router(&server) } else { Router::new() })
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(async || Problem::not_found("there is nothing here").hint("/api/v1/openapi.json lists what there is"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this cannot be done here")
                .hint("/api/v1/openapi.json lists what can")
        })
        .layer(from_fn_with_state(Arc::clone(&server), pages::errors))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(Arc::clone(&server), guard::by_name))
        .layer(from_fn(requests::log));
    Ok(router.with_state(server))
}
