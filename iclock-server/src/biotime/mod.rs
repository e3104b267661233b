//! What programs written for the vendor's server (BioTime 8) read from it, under the same paths and in the same shape.
//!
//! | part | where |
//! |---|---|
//! | names and passwords for tokens | `login` |
//! | who may read | `gate` |
//! | parameters of the query, and times | `asked` |
//! | pages, and their links | `paging` |
//! | punches | `transactions` |
//! | terminals | `terminals` |
//! | people, departments, areas | `personnel` |
//! | errors | `refused` |
//!
//! Nothing is changed here. Paths are those of the vendor, with and without the slash at their end.

mod asked;
mod gate;
mod login;
mod paging;
mod personnel;
mod refused;
mod terminals;
mod transactions;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use chrono::{DateTime, Local, Utc};

use self::refused::Refused;
use crate::server::Server;

/// The longest body of a login, in bytes.
const MOST_SENT: usize = 16 << 10;
/// The page by whose title programs guess the version.
const DOCS: &str = include_str!("docs.html");
/// The page that the vendor's server shows for a path that it does not have.
const NOT_FOUND: &str =
    "<!DOCTYPE html>\n<html lang=\"en\"><title>Page not found</title><h1>Page not found</h1></html>\n";

type Routes = Router<Arc<Server>>;

/// The routes.
pub(crate) fn router(server: &Arc<Server>) -> Routes {
    let reads = Router::new();
    let reads = list_and_one(reads, "/iclock/api/transactions", transactions::list, transactions::one);
    let reads = list_and_one(reads, "/iclock/api/terminals", terminals::list, terminals::one);
    let reads = list_and_one(reads, "/personnel/api/employees", personnel::employees, personnel::employee);
    let reads = list_and_one(reads, "/personnel/api/departments", personnel::departments, personnel::department);
    let reads = list_and_one(reads, "/personnel/api/areas", personnel::areas, personnel::area);
    let reads = list_and_one(reads, "/personnel/api/positions", personnel::nothing, nowhere);
    let reads = list_and_one(reads, "/personnel/api/resigns", personnel::nothing, nowhere);
    let reads = reads.route_layer(from_fn_with_state(Arc::clone(server), gate::allow));
    let mut routes = reads;
    for path in ["", "/api"] {
        routes = both(routes, &format!("{path}/api-token-auth"), || post(login::plain));
        routes = both(routes, &format!("{path}/jwt-api-token-auth"), || post(login::jwt));
        routes = both(routes, &format!("{path}/jwt-api-token-refresh"), || post(login::refresh));
    }
    both(routes, "/api/docs", || get(async || Html(DOCS)))
        .route("/iclock/api/{*other}", axum::routing::any(nowhere))
        .route("/personnel/api/{*other}", axum::routing::any(async || (StatusCode::NOT_FOUND, Html(NOT_FOUND))))
        .layer(DefaultBodyLimit::max(MOST_SENT))
}

/// A list, and one thing of it by its number.
fn list_and_one<T, U>(
    routes: Routes,
    path: &str,
    list: impl Handler<T, Arc<Server>> + Copy,
    one: impl Handler<U, Arc<Server>> + Copy,
) -> Routes
where
    T: 'static,
    U: 'static,
{
    both(both(routes, path, || get(list)), &format!("{path}/{{id}}"), || get(one))
}

/// A path with and without the slash at its end.
fn both(routes: Routes, path: &str, method: impl Fn() -> MethodRouter<Arc<Server>>) -> Routes {
    let refusing = || method().fallback(async || Refused::method());
    routes.route(path, refusing()).route(&format!("{path}/"), refusing())
}

async fn nowhere() -> Response {
    Refused::not_found().into_response()
}

/// A moment by the clock of this computer, as the vendor's server writes it.
fn local(moment: DateTime<Utc>) -> String {
    moment.with_timezone(&Local).format(FORMAT).to_string()
}

/// The form of times.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";
