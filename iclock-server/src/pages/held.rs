//! What a terminal holds: its users, and the room that is left. The terminal is asked when the page is loaded.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, State};
use axum::response::Response;
use iclock_sync::service::{Capacity, TerminalUser};

use super::page::Page;
use crate::access::{Caller, Role};
use crate::api::ask::Named;
use crate::api::visits;
use crate::by::too_little;
use crate::problem::Problem;
use crate::server::Server;

#[derive(Template)]
#[template(path = "held.html")]
struct Held {
    page: Page,
    name: String,
    url: String,
    /// The key of a text, what there is, and the most that there can be.
    room: Vec<(&'static str, u32, String)>,
    users: Vec<TerminalUser>,
}

/// The page. A question to a terminal is a session that it cannot give to anybody else meanwhile: it is for operators.
pub(super) async fn show(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    page: Page,
    Named(name): Named,
) -> Result<Response, Problem> {
    if caller.role < Role::Operator {
        return Err(too_little(&caller, Role::Operator));
    }
    let page = page.at("terminals");
    let (users, capacity) = visits::held(&server, &name).await?;
    let url = page.under("/terminals", &name);
    Page::show(&Held { page, name, url, room: room(&capacity), users })
}

/// What the terminal says of itself.
fn room(capacity: &Capacity) -> Vec<(&'static str, u32, String)> {
    let all = [
        ("held-users", capacity.users, capacity.user_capacity),
        ("held-fingers", capacity.fingers, capacity.finger_capacity),
        ("held-faces", capacity.faces, capacity.face_capacity),
        ("held-records", capacity.records, capacity.record_capacity),
    ];
    let most = |most: Option<u32>| most.map_or_else(|| "?".to_owned(), |most| most.to_string());
    all.into_iter().filter_map(|(key, count, of)| Some((key, count?, most(of)))).collect()
}
