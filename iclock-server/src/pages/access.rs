//! Who may log in, and which programs may ask. Neither passwords nor tokens are known here.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::page::Page;
use super::settings::only_administrators;
use crate::access::{AccountInfo, TokenInfo};
use crate::guard;
use crate::problem::Problem;
use crate::server::Server;

#[derive(Template)]
#[template(path = "access.html")]
struct Access {
    page: Page,
    accounts: Vec<AccountInfo>,
    tokens: Vec<TokenInfo>,
}

/// The page, for administrators.
pub(super) async fn show(State(server): State<Arc<Server>>, page: Page) -> Result<Response, Problem> {
    let page = page.at("access");
    only_administrators(&page)?;
    let access = Arc::clone(&server.access);
    let both = server.blocking(move || Ok((access.accounts()?, access.tokens()?))).await?;
    let (accounts, tokens) = both.map_err(|error| guard::unreadable(&error))?;
    Page::show(&Access { page, accounts, tokens })
}
