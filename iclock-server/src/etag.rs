//! Answers that a caller has already: each list and each item has a tag, and one who sends it back is told that nothing
//! has changed, in place of the whole.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

/// The longest body that gets a tag, in bytes. A page of events is a few hundred KiB.
const MOST: u64 = 4 << 20;
/// The bytes of the hash in a tag.
const KEPT: usize = 16;

/// Adds a tag to an answer of JSON that is there as a whole, and leaves the answer out if the caller has it. What is
/// sent bit by bit, such as an export or the stream, passes as it is.
pub(crate) async fn tag(request: Request, next: Next) -> Response {
    let is_get = request.method() == Method::GET;
    let known = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>();
    let response = next.run(request).await;
    let is_short = response.body().size_hint().exact().is_some_and(|length| length <= MOST);
    if !is_get || response.status() != StatusCode::OK || !is_json(response.headers()) || !is_short {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // It is in memory, and its length was looked at.
    let Ok(bytes) = to_bytes(body, MOST as usize).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let hash = Sha256::digest(&bytes);
    // Weak: the bytes differ with the compression that the caller takes.
    let tag = format!("W/\"{}\"", hex::encode(hash.get(..KEPT).unwrap_or(&hash)));
    let is_known = known.iter().filter_map(|value| value.to_str().ok()).any(|known| names(known, &tag));
    // Hexadecimal digits and quotes are a value.
    parts.headers.extend(HeaderValue::try_from(tag).ok().map(|tag| (header::ETAG, tag)));
    if !is_known {
        return Response::from_parts(parts, Body::from(bytes));
    }
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::empty())
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json")
}

/// Returns true if an `If-None-Match` has this tag, by the weak comparison of RFC 9110. Tags of ours have no comma.
fn names(known: &str, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|one| opaque(one) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_whether_it_is_weak_or_not() {
        let tag = "W/\"0a1b\"";
        for known in ["W/\"0a1b\"", "\"0a1b\"", "\"x\", W/\"0a1b\"", " \"x\" ,\"0a1b\" ", "*"] {
            assert!(names(known, tag), "{known}");
        }
        for other in ["", "\"0a1\"", "0a1b", "W/\"0a1b", "\"x\", \"y\"", "\"*\""] {
            assert!(!names(other, tag), "{other}");
        }
    }
}
