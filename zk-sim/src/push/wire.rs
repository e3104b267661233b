//! One request over TCP, with what a fault does to its bytes on the way.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::device::Outgoing;
use super::fault::PushFault;
use super::http::{self, HttpAnswer, MAX_ANSWER};

/// The longest time for a request and its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The pieces of a slow request, and the pause after each.
const PIECE: usize = 256;
const PAUSE: Duration = Duration::from_millis(5);

/// Sends a request on a connection of its own. `None` without a whole answer.
pub(super) async fn send(server: SocketAddr, outgoing: &Outgoing, fault: Option<PushFault>) -> Option<HttpAnswer> {
    timeout(TIMEOUT, exchange(server, outgoing, fault)).await.ok().flatten()
}

async fn exchange(server: SocketAddr, outgoing: &Outgoing, fault: Option<PushFault>) -> Option<HttpAnswer> {
    let request = http::write(outgoing, fault);
    let head = request.len() - outgoing.body.len().min(request.len());
    let part = |end: usize| request.get(..end).unwrap_or_default();
    let mut stream = TcpStream::connect(server).await.ok()?;
    match fault {
        Some(PushFault::CutBody | PushFault::ResetBody) if !outgoing.body.is_empty() => {
            stream.write_all(part(head + outgoing.body.len() / 2)).await.ok()?;
            if fault == Some(PushFault::ResetBody) {
                // The bytes that the server has not read are lost, too.
                stream.set_zero_linger().ok()?;
            }
            return None;
        }
        Some(PushFault::StallHead) => stream.write_all(part(head / 2)).await.ok()?,
        Some(PushFault::StallBody) if !outgoing.body.is_empty() => {
            stream.write_all(part(head + outgoing.body.len() / 2)).await.ok()?;
        }
        Some(PushFault::SlowBody) => {
            for piece in request.chunks(PIECE) {
                stream.write_all(piece).await.ok()?;
                sleep(PAUSE).await;
            }
        }
        _ => stream.write_all(&request).await.ok()?,
    }
    if fault == Some(PushFault::LoseAnswer) {
        // The server has the whole request by the time it answers.
        let _ = stream.read(&mut [0; 1]).await;
        return None;
    }
    let mut answer = BytesMut::new();
    loop {
        let ended = stream.read_buf(&mut answer).await.ok()? == 0;
        if let Some(read) = http::read(&answer, ended) {
            return Some(read);
        }
        if ended || answer.len() > MAX_ANSWER {
            return None;
        }
    }
}
