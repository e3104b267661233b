//! Reading a body within its limits.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::Limits;

/// The statuses of bodies that are not read.
const BAD: u16 = 400;
const TOO_SLOW: u16 = 408;
const TOO_LARGE: u16 = 413;
const ENCODED: u16 = 415;

/// Reads a body whole. The error is the status to answer.
pub(super) async fn read(body: Body, headers: &HeaderMap, limits: &Limits) -> Result<Bytes, u16> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    if encoding.is_some_and(|encoding| encoding != b"identity") {
        return Err(ENCODED);
    }
    let length = match headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()) {
        Some(length) => length.trim().parse().map_err(|_| BAD)?,
        None => 0u64,
    };
    if usize::try_from(length).map_or(true, |length| length > limits.body) {
        return Err(TOO_LARGE);
    }
    // Chunks name no length: they have the time of the largest body.
    let is_chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let time = if is_chunked { limits.longest() } else { limits.time_for(length) };
    timeout(time, collect(body, limits)).await.unwrap_or(Err(TOO_SLOW))
}

async fn collect(mut body: Body, limits: &Limits) -> Result<Bytes, u16> {
    // The claimed length sizes nothing.
    let mut read = BytesMut::new();
    let mut first = Bytes::new();
    while let Some(frame) = timeout(limits.body_time, body.frame()).await.map_err(|_| TOO_SLOW)? {
        // A body that ends before its length is cut: nothing of it counts.
        let Ok(data) = frame.map_err(|_| BAD)?.into_data() else { continue };
        if first.len() + read.len() + data.len() > limits.body {
            return Err(TOO_LARGE);
        }
        if first.is_empty() && read.is_empty() {
            first = data;
        } else {
            // Most bodies are one piece, which is not copied.
            if !first.is_empty() {
                read.extend_from_slice(&std::mem::take(&mut first));
            }
            read.extend_from_slice(&data);
        }
    }
    Ok(if read.is_empty() { first } else { read.freeze() })
}
