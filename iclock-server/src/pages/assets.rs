//! The files of the pages: in the program, each under a name that changes with its content.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::api::ask::Named;
use crate::problem::Problem;

/// Browsers may keep them for ever.
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 3] = [
    Asset { name: "app.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("../../assets/app.css") },
    Asset { name: "app.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("../../assets/app.js") },
    Asset { name: "icon.svg", kind: "image/svg+xml", bytes: include_bytes!("../../assets/icon.svg") },
];

/// The names with hashes in them.
static NAMES: LazyLock<[String; 3]> = LazyLock::new(|| {
    ASSETS.map(|asset| {
        let hash = hex::encode(Sha256::digest(asset.bytes));
        format!("{}-{}", hash.get(..12).unwrap_or_default(), asset.name)
    })
});

/// The name of a file with the hash of its content.
pub(super) fn named(name: &str) -> &'static str {
    let at = ASSETS.iter().position(|asset| asset.name == name);
    at.and_then(|at| NAMES.get(at)).map_or("", String::as_str)
}

/// One of the files. No name leads to anything else.
pub(super) async fn file(Named(name): Named) -> Result<Response, Problem> {
    let at = NAMES.iter().position(|known| *known == name).and_then(|at| ASSETS.get(at));
    let asset = at.ok_or_else(|| Problem::not_found("there is no such file").hint("load the page again"))?;
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)), (header::CACHE_CONTROL, KEEP)];
    Ok((headers, asset.bytes).into_response())
}
