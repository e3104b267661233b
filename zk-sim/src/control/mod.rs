//! The control port: programs in other languages inspect and change running terminals.

mod request;
mod shown;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::handle::Handle;

pub use request::REQUESTS;

/// The longest request, in bytes.
const MAX_LINE: usize = 1 << 20;

/// A server that lets other programs control running terminals. Dropping it ends its connections; the terminals keep
/// running.
///
/// Over TCP, one JSON object per line each way, answers in the order of the requests. `do` is the request ([`REQUESTS`]
/// lists them), `terminal` the number or serial number of the terminal, 0 if missing:
///
/// ```text
/// > {"do":"punch","user_id":"1003"}
/// < {"ok":true,"punches":[{"mode":1,"state":0,"time":"2026-03-04 09:00:00","uid":3,"user_id":"1003","work_code":0}]}
/// > {"do":"set-faults","faults":["cut-hat"]}
/// < {"error":"no fault is called \"cut-hat\"; see the list of faults","ok":false}
/// ```
///
/// Anyone who can connect has full control: keep it on loopback.
#[derive(Debug)]
pub struct Control {
    addr: SocketAddr,
    _stop: DropGuard,
}

impl Control {
    /// Starts to listen on an address; port 0 takes a free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(terminals: Vec<Handle>, addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(accept(listener, Arc::new(terminals), stop.clone())));
        Ok(Self { addr, _stop: stop.drop_guard() })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

async fn accept(listener: TcpListener, terminals: Arc<Vec<Handle>>, stop: CancellationToken) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(stop.clone().run_until_cancelled_owned(connection(stream, Arc::clone(&terminals))));
            }
            Err(error) => {
                // Most likely out of file descriptors. Other connections will end.
                tracing::debug!(%error, "cannot accept a control connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, terminals: Arc<Vec<Handle>>) {
    if let Err(error) = serve(stream, &terminals).await {
        tracing::debug!(%error, "a control connection ended");
    }
}

async fn serve(mut stream: TcpStream, terminals: &[Handle]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    while let Some(line) = next_line(&mut reader).await? {
        let answer = match line {
            Line::TooLong => refusal(&format!("a request has at most {MAX_LINE} bytes")),
            Line::Whole(bytes) if bytes.trim_ascii().is_empty() => continue,
            Line::Whole(bytes) => request::answer(terminals, &bytes).unwrap_or_else(|reason| refusal(&reason)),
        };
        let mut bytes = answer.to_string().into_bytes();
        bytes.push(b'\n');
        writer.write_all(&bytes).await?;
    }
    Ok(())
}

fn refusal(reason: &str) -> Value {
    json!({ "ok": false, "error": reason })
}

/// A line, without its end.
enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// Reads the next line without its end; `None` after the last. A line that is too long is read to its end and dropped.
async fn next_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Line>> {
    let (mut line, mut too_long) = (Vec::new(), false);
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            // A last line without an end counts.
            return Ok((too_long || !line.is_empty()).then(|| whole(line, too_long)));
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        too_long |= line.len() + part.len() > MAX_LINE;
        if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(whole(line, too_long)));
        }
    }
}

fn whole(line: Vec<u8>, too_long: bool) -> Line {
    if too_long { Line::TooLong } else { Line::Whole(line) }
}
