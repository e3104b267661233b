//! The REST API under `/api/v1`: one route table makes the routes and their OpenAPI description.

pub(crate) mod ask;
mod audit;
pub(crate) mod commands;
pub(crate) mod events;
mod export;
pub(crate) mod people;
pub(crate) mod pushing;
pub(crate) mod quarantine;
pub(crate) mod readings;
pub(crate) mod reports;
pub(crate) mod runs;
pub(crate) mod silence;
pub(crate) mod sinks;
mod stream;
pub(crate) mod terminals;
pub(crate) mod unproven;
pub(crate) mod visits;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use iclock_sync::service::{NotFound, OrderError};
use iclock_sync::{SyncError, chain};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, RefOr, Response, ResponseBuilder, Schema};
use utoipa::{Modify, OpenApi as _, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use events::Event;

use crate::access::Role;
use crate::problem::Problem;
use crate::server::Server;
use crate::{etag, guard};

/// What the description says besides its operations.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "iclock",
        description = "Attendance of ZKTeco terminals: what was punched, and where each punch is.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(export::Form)),
    modifiers(&Common),
    security(("token" = [])),
    tags(
        (name = "events", description = "Punches, as sinks get them."),
        (name = "people", description = "Who punched, and their days."),
        (name = "terminals", description = "Terminals that are called, and those that call."),
        (name = "sinks", description = "Where events go."),
        (name = "records", description = "What was not believed, and what ran."),
    )
)]
struct Description;

/// The token, and the answers that any operation may give.
struct Common;

impl Modify for Common {
    fn modify(&self, openapi: &mut OpenApi) {
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let schema: RefOr<Schema> = Problem::schema();
        components.schemas.insert(Problem::name().into_owned(), schema);
    }
}

/// An answer with a problem.
fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(utoipa::openapi::Ref::from_schema_name(Problem::name()))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

/// The answers that each operation may give.
const ANSWERS: [(&str, &str); 6] = [
    ("400", "The request cannot be understood."),
    ("401", "There is no token, or it does not hold."),
    ("403", "The token's role may not do this."),
    ("421", "The server does not have the name by which it was called."),
    ("429", "Too many requests with this token."),
    ("503", "It cannot be done now."),
];

/// The answer to one who sends the tag of an earlier answer as `If-None-Match`.
const NOT_MODIFIED: &str = "It is as in the answer whose `ETag` was sent as `If-None-Match`.";

/// The answers that each operation with a body may give besides.
const ANSWERS_TO_A_BODY: [(&str, &str); 2] =
    [("413", "The body is too long."), ("415", "The body is not `application/json`.")];

/// The engine did not carry an order out. The log says why.
fn failed(error: &SyncError) -> Problem {
    tracing::warn!("an order was not carried out: {}", chain(error));
    let hint = "try again; if it stays, `iclock-cli doctor state` says what is wrong";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the service cannot do this now").hint(hint)
}

/// The reason why an order was not carried out.
fn not_done(error: OrderError, none: impl FnOnce(&str) -> Problem) -> Problem {
    match error {
        OrderError::NotFound(NotFound(name)) => none(&name),
        OrderError::Busy(name) => {
            let what = format!("{name:?} is busy with a poll or a delivery");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, what).hint("try again in a minute")
        }
        OrderError::Terminal(error) => {
            let problem = Problem::new(StatusCode::BAD_GATEWAY, chain(&error));
            problem.hint(error.hint().unwrap_or("`iclock-cli doctor` looks for the cause"))
        }
        OrderError::NotAccepted(error) => unproven::not_accepted(&error),
        OrderError::Sync(error) => failed(&error),
        other => {
            tracing::warn!("an order was not carried out: {}", chain(&other));
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this cannot be done now").hint("try again in a minute")
        }
    }
}

/// The routes.
pub(crate) fn router(server: &Arc<Server>) -> Router<Arc<Server>> {
    let needs = |role: Role| from_fn_with_state((Arc::clone(server), role), guard::allow);
    OpenApiRouter::new()
        .nest("/api/v1", reads().route_layer(from_fn(etag::tag)).route_layer(needs(Role::Viewer)))
        .nest("/api/v1", orders().route_layer(needs(Role::Operator)))
        .nest("/api/v1", decisions().route_layer(needs(Role::Administrator)))
        .into()
}

/// The description of the API, as OpenAPI 3.1 in JSON.
#[must_use]
pub fn openapi() -> String {
    let parts = [(reads(), Role::Viewer), (orders(), Role::Operator), (decisions(), Role::Administrator)];
    let openapi = parts.into_iter().fold(Description::openapi(), |mut openapi, (part, role)| {
        let mut part = OpenApiRouter::new().nest("/api/v1", part).into_openapi();
        complete(&mut part, role);
        openapi.merge(part);
        openapi
    });
    // It has texts and numbers alone, which can always be written.
    openapi.to_pretty_json().unwrap_or_default()
}

/// Adds the role that each needs, and the answers that are the same for all.
fn complete(openapi: &mut OpenApi, role: Role) {
    for item in openapi.paths.paths.values_mut() {
        let reads = item.get.as_mut().filter(|_| role == Role::Viewer);
        if let Some(response) = reads.and_then(|operation| tagged(operation)) {
            response.insert("304".to_owned(), RefOr::T(Response::new(NOT_MODIFIED)));
        }
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            for (status, description) in ANSWERS {
                let responses = &mut operation.responses.responses;
                responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(description)));
            }
            if operation.request_body.is_some() {
                for (status, description) in ANSWERS_TO_A_BODY {
                    let responses = &mut operation.responses.responses;
                    responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(description)));
                }
            }
            let of_role = ExtensionsBuilder::new().add("x-role", role.as_str()).build();
            operation.extensions.get_or_insert_default().merge(of_role);
        }
    }
}

/// The answers of an operation whose answer has a tag: it is JSON, and nothing else.
fn tagged(operation: &mut Operation) -> Option<&mut BTreeMap<String, RefOr<Response>>> {
    let responses = &mut operation.responses.responses;
    let Some(RefOr::T(response)) = responses.get("200") else { return None };
    let is_json = response.content.keys().eq(["application/json"]);
    is_json.then_some(responses)
}

/// Everything that only looks.
fn reads() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(events::list))
        .routes(routes!(export::export))
        .routes(routes!(stream::stream))
        .routes(routes!(people::list))
        .routes(routes!(people::days))
        .routes(routes!(reports::report))
        .routes(routes!(terminals::list))
        .routes(routes!(terminals::one))
        .routes(routes!(pushing::list))
        .routes(routes!(sinks::list))
        .routes(routes!(quarantine::list))
        .routes(routes!(quarantine::one))
        .routes(routes!(quarantine::raw))
        .routes(routes!(unproven::list))
        .routes(routes!(unproven::one))
        .routes(routes!(runs::list))
        .routes(routes!(readings::list))
        .routes(routes!(audit::events))
        .routes(routes!(audit::pushing))
        .routes(routes!(commands::list))
}

/// What an operator may order.
fn orders() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(terminals::poll))
        .routes(routes!(terminals::pause))
        .routes(routes!(terminals::resume))
        .routes(routes!(sinks::pause))
        .routes(routes!(sinks::resume))
        .routes(routes!(pushing::approve))
        .routes(routes!(pushing::deny))
        .routes(routes!(sinks::replay))
        .routes(routes!(commands::queue))
        .routes(routes!(quarantine::replay))
        // A question to a terminal is a session that it cannot give to anybody else meanwhile.
        .routes(routes!(visits::clock, visits::set_clock))
        .routes(routes!(visits::capacity))
        .routes(routes!(visits::users))
}

/// What an administrator decides.
fn decisions() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(quarantine::resolve))
        .routes(routes!(unproven::accept))
        .routes(routes!(audit::orders))
}
