//! The settings as they are in force, with the place that each comes from.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use iclock_sync::service::status::Disk;

use super::page::Page;
use crate::Setting;
use crate::problem::Problem;
use crate::server::Server;

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings {
    page: Page,
    settings: Vec<Setting>,
    disk: Option<Disk>,
    state_dir: String,
}

/// The page, for administrators.
pub(super) async fn show(State(server): State<Arc<Server>>, page: Page) -> Result<Response, Problem> {
    let page = page.at("settings");
    only_administrators(&page)?;
    let service = server.service()?;
    let (disk, state_dir) = (service.status().disk, service.state_dir().display().to_string());
    Page::show(&Settings { page, settings: server.options.settings.clone(), disk, state_dir })
}

/// Refuses others.
pub(super) fn only_administrators(page: &Page) -> Result<(), Problem> {
    let problem = || Problem::new(StatusCode::FORBIDDEN, "this page is for administrators").hint("ask one of them");
    page.is_administrator().then_some(()).ok_or_else(problem)
}
