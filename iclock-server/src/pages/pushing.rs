//! Terminals that call by themselves: who knocks, and who may come in.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::page::Page;
use crate::api::pushing::Admission;
use crate::problem::Problem;
use crate::server::Server;

#[derive(Template)]
#[template(path = "pushing.html")]
struct Pushing {
    page: Page,
    waiting: Vec<(String, Admission)>,
    decided: Vec<(String, Admission)>,
}

/// The page.
pub(super) async fn show(State(server): State<Arc<Server>>, page: Page) -> Result<Response, Problem> {
    let page = page.at("pushing");
    let admissions = server.ask(|query| query.ask(|ledger| ledger.push_admissions())).await?;
    let all = admissions.into_iter().map(Admission::from);
    let rows = all.map(|admission| (page.under("/api/v1/pushing", &admission.serial), admission));
    let (waiting, decided) = rows.partition(|(_, admission)| admission.state == "pending");
    Page::show(&Pushing { page, waiting, decided })
}
