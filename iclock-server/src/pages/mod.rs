//! The pages for people. They are rendered here, show what the API answers, and ask the API for every change.
//!
//! A page has no script but `app.js`, which loads the page again when something happens, and puts the new parts in the
//! place of the old ones: a page looks the same, whether it was just loaded or has been open for a day.

mod access;
mod api;
mod assets;
mod calendar;
mod chart;
mod commands;
mod cookie;
mod events;
mod form;
mod held;
mod login;
mod overview;
mod page;
mod people;
mod pushing;
mod records;
mod reports;
mod settings;
mod sinks;
mod terminals;
mod texts;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;

pub(crate) use cookie::session;

use self::page::Page;
use self::texts::Language;
use crate::api::ask::Named;
use crate::problem::Problem;
use crate::server::Server;

#[derive(Template)]
#[template(path = "error.html")]
struct Failed {
    page: Page,
    title: &'static str,
    detail: String,
    hint: Option<String>,
}

/// The routes of the pages.
pub(crate) fn router(server: &Arc<Server>) -> Router<Arc<Server>> {
    let inside = Router::new()
        .route("/", get(overview::show))
        .route("/terminals", get(terminals::list))
        .route("/terminals/{name}", get(terminals::one))
        .route("/terminals/{name}/users", get(held::show))
        .route("/events", get(events::show))
        .route("/people", get(people::list))
        .route("/people/{user_id}", get(people::one))
        .route("/reports", get(reports::show))
        .route("/quarantine", get(records::quarantine))
        .route("/unproven", get(records::unproven))
        .route("/unproven/{id}", get(records::log))
        .route("/sinks", get(sinks::show))
        .route("/pushing", get(pushing::show))
        .route("/pushing/{serial}", get(commands::show))
        .route("/settings", get(settings::show))
        .route("/access", get(access::show))
        .route("/api", get(api::show))
        .route("/logout", post(login::log_out))
        .route_layer(from_fn_with_state(Arc::clone(server), login::need));
    Router::new()
        .route("/login", get(login::form).post(login::log_in))
        .route("/welcome", get(login::welcome).post(login::choose))
        .route("/language/{code}", get(language))
        .route("/assets/{name}", get(assets::file))
        .merge(inside)
}

/// Shows errors to browsers as pages.
pub(crate) async fn errors(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if !accepts.is_some_and(|accepts| accepts.contains("text/html")) || request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let mut page = Page::of(&parts);
    let response = next.run(Request::from_parts(parts.clone(), body)).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    // Who is logged in has the menu on this page, too.
    if let Ok(Some(caller)) = crate::guard::by_session(&server, &mut parts).await {
        parts.extensions.insert(caller);
        page = Page::of(&parts);
    }
    let status = response.status();
    let (title, detail, hint) = problem.parts();
    let shown = Page::show_with(status, &Failed { page, title, detail, hint });
    shown.unwrap_or(response)
}

/// Remembers the language that a reader has chosen.
async fn language(State(server): State<Arc<Server>>, page: Page, Named(code): Named) -> Result<Response, Problem> {
    let language = Language::of_code(&code).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "there are no pages in this language")
            .hint("the foot of each page has those that there are")
    })?;
    let cookie = cookie::language(language.code(), server.options.is_secure);
    Ok((CookieJar::new().add(cookie), Redirect::to(&page.url("/"))).into_response())
}
