//! Reading a body within its limits.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Limits;

/// The statuses of bodies that are not read.
const BAD: u16 = 400;
const TOO_SLOW: u16 = 408;
const TOO_LARGE: u16 = 413;
const ENCODED: u16 = 415;
const NO_ROOM: u16 = 503;

/// The room that all bodies share.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// The room of one body, which it has until it is stored.
#[derive(Debug, Default)]
pub(super) struct Taken {
    units: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// The bytes of a unit.
    const UNIT: usize = 1 << 10;

    pub(super) fn new(limits: &Limits) -> Self {
        // The largest body fits if it is alone.
        let units = limits.bodies.max(limits.body).div_ceil(Self::UNIT);
        Self(Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))))
    }

    /// Takes room for a body that has grown to so many bytes, and waits for it if there is none.
    async fn grow(&self, taken: &mut Taken, bytes: usize) -> Option<()> {
        let units = bytes.div_ceil(Self::UNIT);
        let more = u32::try_from(units.saturating_sub(taken.units)).ok()?;
        if more == 0 {
            return Some(());
        }
        // The semaphore is never closed.
        let permit = Arc::clone(&self.0).acquire_many_owned(more).await.ok()?;
        match &mut taken.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        taken.units = units;
        Some(())
    }
}

/// Reads a body whole. The error is the status to answer.
pub(super) async fn read(body: Body, headers: &HeaderMap, limits: &Limits, room: &Room) -> Result<(Bytes, Taken), u16> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    let is_packed = match encoding.as_deref() {
        None | Some(b"identity") => false,
        Some(b"gzip" | b"x-gzip") if cfg!(feature = "archive") => true,
        Some(_) => return Err(ENCODED),
    };
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
    let (body, taken) = timeout(time, collect(body, limits, room)).await.unwrap_or(Err(TOO_SLOW))?;
    if is_packed { unpack(body, taken, limits, room).await } else { Ok((body, taken)) }
}

/// Unpacks a body, which has the same limit and needs the same room as one that came unpacked.
#[cfg(feature = "archive")]
async fn unpack(body: Bytes, mut taken: Taken, limits: &Limits, room: &Room) -> Result<(Bytes, Taken), u16> {
    use crate::archive::{ArchiveError, gunzip};

    let most = limits.body;
    let unpacked = tokio::task::spawn_blocking(move || gunzip(&body, most)).await.map_err(|_| NO_ROOM)?;
    let unpacked = unpacked.map_err(|error| match error {
        ArchiveError::TooLarge { .. } => TOO_LARGE,
        _ => BAD,
    })?;
    let grown = timeout(limits.body_time, room.grow(&mut taken, unpacked.len())).await;
    grown.ok().flatten().ok_or(NO_ROOM)?;
    Ok((unpacked.into(), taken))
}

#[cfg(not(feature = "archive"))]
async fn unpack(_: Bytes, _: Taken, _: &Limits, _: &Room) -> Result<(Bytes, Taken), u16> {
    Err(ENCODED)
}

async fn collect(mut body: Body, limits: &Limits, room: &Room) -> Result<(Bytes, Taken), u16> {
    // The claimed length sizes nothing.
    let mut read = BytesMut::new();
    let mut first = Bytes::new();
    let mut taken = Taken::default();
    while let Some(frame) = timeout(limits.body_time, body.frame()).await.map_err(|_| TOO_SLOW)? {
        // A body that ends before its length is cut: nothing of it counts.
        let Ok(data) = frame.map_err(|_| BAD)?.into_data() else { continue };
        let length = first.len() + read.len() + data.len();
        if length > limits.body {
            return Err(TOO_LARGE);
        }
        let grown = timeout(limits.body_time, room.grow(&mut taken, length)).await;
        grown.ok().flatten().ok_or(NO_ROOM)?;
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
    Ok((if read.is_empty() { first } else { read.freeze() }, taken))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn bodies_that_do_not_fit_into_memory_together_wait_for_room() {
        let room = Room::new(&Limits { body: 8 << 10, bodies: 0, ..Limits::default() });
        let (mut first, mut second) = (Taken::default(), Taken::default());
        for bytes in [1, 5_000, 8 << 10] {
            room.grow(&mut first, bytes).await.unwrap();
        }
        let soon = Duration::from_millis(20);
        assert!(timeout(soon, room.grow(&mut second, 1)).await.is_err(), "the first one has all of it");
        drop(first);
        assert_eq!(timeout(soon, room.grow(&mut second, 8 << 10)).await, Ok(Some(())));
    }
}
