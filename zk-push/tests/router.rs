//! The router over loopback, byte by byte: the vectors of framing, limits, and what a terminal is never sent.

mod push;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use zk_push::command::{Command, CommandId, Numbered};
use zk_push::exchange::Exchange;
use zk_push::server::{Admission, Limits, NotStored, Proxies, Receiver, Refusal, Refusals, Visitor, listen, router};
use zk_push::terminal::{Batch, Manner, Terminal};
use zk_push::{SerialNumber, Text};

use push::{cases, text};

const SERIAL: &str = "TST7252800001";
const PUNCH: &str = "5\t2026-03-01 09:00:00\t0\t1\t0\t0\t0\n";

/// Line, body, status and answer of an exchange.
type Seen = (String, String, u16, String);

/// A receiver in memory.
#[derive(Default)]
struct Memory {
    batches: Mutex<Vec<Batch>>,
    records: Mutex<BTreeSet<Vec<u8>>>,
    stamps: Mutex<BTreeMap<String, Text>>,
    waiting: Mutex<Vec<Numbered>>,
    fails: AtomicBool,
    /// What it has seen of exchanges, if it watches.
    seen: Mutex<Option<Vec<Seen>>>,
}

impl Receiver for Memory {
    fn forwarded(&self, visitor: &Visitor<'_>) -> Option<IpAddr> {
        visitor.forwarded_for?.parse().ok()
    }

    async fn admit(&self, visitor: &Visitor<'_>) -> Admission {
        assert!(visitor.peer.is_some_and(|peer| peer.ip().is_loopback()));
        if visitor.head.serial.as_str() != SERIAL {
            return Admission::Refused(Manner::KeepCalling);
        }
        let terminal = Terminal::new(visitor.head.serial.clone());
        let stamps = self.stamps.lock().unwrap().clone();
        Admission::Admitted(Box::new(
            stamps.into_iter().fold(terminal, |terminal, (table, stamp)| terminal.with_stamp(&table, stamp)),
        ))
    }

    async fn store(&self, _: &Terminal, batch: &Batch) -> Result<(), NotStored> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(NotStored);
        }
        let lines =
            batch.content.upload().into_iter().flat_map(|upload| upload.records()).map(|line| line.raw.to_vec());
        self.records.lock().unwrap().extend(lines);
        self.stamps.lock().unwrap().extend(batch.stamp.clone());
        self.batches.lock().unwrap().push(batch.clone());
        Ok(())
    }

    fn watches(&self, _: &SerialNumber) -> bool {
        self.seen.lock().unwrap().is_some()
    }

    fn exchanged(&self, of: &Exchange<'_>) {
        let seen = (of.line(), of.body(), of.reply.status, of.answer());
        self.seen.lock().unwrap().as_mut().unwrap().push(seen);
    }

    async fn commands(&self, _: &Terminal) -> Result<Vec<Numbered>, NotStored> {
        Ok(self.waiting.lock().unwrap().clone())
    }

    async fn sent(&self, _: &SerialNumber, ids: &[CommandId]) -> Result<(), NotStored> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(NotStored);
        }
        self.waiting.lock().unwrap().retain(|numbered| !ids.contains(&numbered.id));
        Ok(())
    }
}

struct Server {
    memory: Arc<Memory>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let memory = Arc::new(Memory::default());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let app = router(memory.clone(), limits.clone());
        let task = tokio::spawn(listen(listener, app, limits, async {
            let _ = stopped.await;
        }));
        Self { memory, address, stop: Some(stop), task }
    }

    /// Sends bytes, ends its own side, and reads what comes back.
    async fn send(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(Ok(read @ 1..)) = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await {
            answer.extend_from_slice(&buffer[..read]);
            if is_whole(&answer) {
                break;
            }
        }
        String::from_utf8(answer).unwrap()
    }

    async fn get(&self, target: &str) -> String {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await
    }

    async fn post(&self, target: &str, body: &str) -> String {
        let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        self.send(format!("{head}{body}").as_bytes()).await
    }

    async fn end(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(60), self.task).await.unwrap().unwrap();
    }
}

/// Returns true if the answer has all bytes that its length claims.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.is_some_and(|length| length.parse() == Ok(body.len()))
}

fn status(answer: &str) -> u64 {
    answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[tokio::test]
async fn bytes_on_the_wire_are_answered_as_the_vectors_say() {
    let mut checked = 0;
    for case in cases("wire") {
        let server = Server::start(quick()).await;
        let wire = push::body(&case["wire"]);
        let answer =
            if case["id"] == "wire-truncated-body" { server.cut(&wire).await } else { server.send(&wire).await };
        let expected = &case["expect"]["response"];
        if expected.is_object() {
            let allowed = expected["status"].as_array().cloned().unwrap_or_else(|| vec![expected["status"].clone()]);
            assert!(allowed.contains(&status(&answer).into()), "{}: {answer}", case["id"]);
            if let Some(bodies) = expected["body"]["one_of"].as_array() {
                assert!(bodies.iter().any(|allowed| allowed == body(&answer)), "{}: {answer}", case["id"]);
            }
            if let Some(kind) = expected["content_type"].as_str() {
                assert!(answer.contains(&format!("Content-Type: {kind}")), "{}: {answer}", case["id"]);
            }
        } else {
            assert_ne!(status(&answer), 200, "{}: {answer}", case["id"]);
        }
        if case["expect"]["connection"] == "must_close" {
            assert!(answer.to_ascii_lowercase().contains("connection: close"), "{}: {answer}", case["id"]);
        }
        let effects = &case["expect"]["effects"];
        if let Some(stored) = effects["stored"].as_u64() {
            assert_eq!(server.memory.records.lock().unwrap().len() as u64, stored, "{}", case["id"]);
        }
        for (table, stamp) in effects["stamp"].as_object().into_iter().flatten() {
            let found = server.memory.stamps.lock().unwrap().get(table).map(ToString::to_string);
            assert_eq!(found.as_deref(), stamp.as_str(), "{}", case["id"]);
        }
        for expected in case["expect"]["parse"]["records"].as_array().into_iter().flatten() {
            let batches = server.memory.batches.lock().unwrap();
            let record = batches[0].content.upload().unwrap().records().next().unwrap().record.unwrap();
            for (key, value) in expected["fields"].as_object().unwrap() {
                let found = record.keyed().unwrap().fields.get(key).map(ToString::to_string);
                assert_eq!(found.as_deref(), Some(text(value)), "{} {key}", case["id"]);
            }
        }
        checked += 1;
    }
    assert!(checked >= 9, "{checked}");
}

/// Limits that a test does not have to wait for.
fn quick() -> Limits {
    let mut limits = Limits::default();
    limits.head_time = Duration::from_millis(300);
    limits.body_time = Duration::from_millis(300);
    limits.slowest = 1 << 20;
    limits.answer_time = Duration::from_secs(5);
    limits
}

impl Server {
    /// Sends bytes, and closes the connection before the rest.
    async fn cut(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_string(&mut answer)).await;
        answer
    }
}

#[tokio::test]
async fn an_answer_is_plain_text_with_a_length_and_a_date_and_nothing_else() {
    let server = Server::start(quick()).await;
    let answer = server.post(&format!("/iclock/cdata?SN={SERIAL}&table=ATTLOG&Stamp=7"), PUNCH).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut names: Vec<_> = head.lines().skip(1).map(|line| line.split(':').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!((names, body), (vec!["Content-Length", "Content-Type", "Date"], "OK: 1"));
    // The stamp comes back at the handshake, as it was.
    let handshake = server.get(&format!("/iclock/cdata?SN={SERIAL}&options=all")).await;
    assert!(handshake.contains(&format!("\r\n\r\nGET OPTION FROM: {SERIAL}\nATTLOGStamp=7\n")), "{handshake}");
    server.end().await;
}

#[tokio::test]
async fn no_path_is_answered_with_html_or_a_redirect() {
    let server = Server::start(quick()).await;
    for target in [
        "/",
        "/favicon.ico",
        "/iclock",
        "/iclock/",
        "/iclock/cdata/?SN=x%00",
        "/iclock/test?SN=1",
        "/a/b?c",
        "/iclock/file?SN=1&url=../../etc/passwd",
        "//?",
        "/iclock/cdata",
    ] {
        let answer = server.get(target).await;
        assert!(answer.contains("Content-Type: text/plain\r\n") && !answer.contains('<'), "{target}: {answer}");
        assert!(!(300..400).contains(&status(&answer)), "{target}: {answer}");
    }
    server.end().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_that_is_not_stored() {
    let server = Server::start(quick()).await;
    server.memory.fails.store(true, Ordering::SeqCst);
    let upload = format!("/iclock/cdata?SN={SERIAL}&table=ATTLOG&Stamp=1");
    let answer = server.post(&upload, PUNCH).await;
    assert_eq!((status(&answer), body(&answer).starts_with("OK")), (503, false));
    server.memory.fails.store(false, Ordering::SeqCst);
    assert_eq!(body(&server.post(&upload, PUNCH).await), "OK: 1");
    server.end().await;
}

#[tokio::test]
async fn exchanges_are_seen_if_somebody_watches_with_the_answer_that_goes_out_and_none_of_strangers() {
    let mut limits = quick();
    limits.body = 1_000;
    let server = Server::start(limits).await;
    let target = format!("/iclock/cdata?SN={SERIAL}&table=ATTLOG&Stamp=1");
    server.post(&target, PUNCH).await;
    *server.memory.seen.lock().unwrap() = Some(Vec::new());
    server.post(&target, PUNCH).await;
    server.post(&target, &"x".repeat(1_001)).await;
    server.memory.fails.store(true, Ordering::SeqCst);
    server.post(&target, PUNCH).await;
    server.post("/iclock/cdata?SN=STRANGER&table=ATTLOG", PUNCH).await;
    let seen = server.memory.seen.lock().unwrap().clone().unwrap();
    let of = |body: &str, status, answer: &str| (format!("POST {target}"), body.to_owned(), status, answer.to_owned());
    let failed = "not stored, send again";
    assert_eq!(seen, [of(PUNCH, 200, "OK: 1"), of("", 413, "body too large"), of(PUNCH, 503, failed)]);
    server.end().await;
}

#[tokio::test]
async fn a_terminal_that_is_not_admitted_keeps_its_records_and_its_body_is_not_read() {
    let server = Server::start(quick()).await;
    // The body never comes, and nobody waits for it.
    let head = "POST /iclock/cdata?SN=OTHER&table=ATTLOG HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n";
    let answer = server.send(head.as_bytes()).await;
    assert_eq!(status(&answer), 403);
    assert!(answer.contains("Connection: close"), "{answer}");
    assert_eq!(body(&server.get("/iclock/getrequest?SN=OTHER").await), "OK");
    assert_eq!(status(&server.post("/iclock/registry?SN=OTHER", "DeviceType=acc").await), 406);
    assert!(server.memory.batches.lock().unwrap().is_empty());
    server.end().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_too_slow_or_packed_is_not_stored() {
    let mut limits = quick();
    limits.body = 1000;
    let server = Server::start(limits).await;
    let target = format!("/iclock/cdata?SN={SERIAL}&table=ATTLOG");
    assert_eq!(status(&server.post(&target, &PUNCH.repeat(100)).await), 413);
    let chunks = format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{}\r\n0\r\n\r\n",
        "x".repeat(2000)
    );
    assert_eq!(status(&server.send(chunks.as_bytes()).await), 413);
    let slow = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{PUNCH}");
    assert_eq!(status(&server.send(slow.as_bytes()).await), 408);
    let packed = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nxx");
    assert_eq!(status(&server.send(packed.as_bytes()).await), 415);
    assert!(server.memory.batches.lock().unwrap().is_empty());
    server.end().await;
}

#[cfg(feature = "archive")]
#[tokio::test]
async fn a_body_in_gzip_is_unpacked_within_the_limit_of_bodies() {
    use std::io::Write as _;

    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let mut limits = quick();
    limits.body = 1000;
    let server = Server::start(limits).await;
    let target = format!("/iclock/cdata?SN={SERIAL}&table=ATTLOG");
    let post = async |body: &[u8]| {
        let length = body.len();
        let head =
            format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n");
        server.send(&[head.as_bytes(), b"\r\n", body].concat()).await
    };
    assert!(post(&gzip(&PUNCH.repeat(3))).await.ends_with("OK: 3"));
    assert_eq!(status(&post(&gzip(&PUNCH.repeat(100))).await), 413);
    assert_eq!(status(&post(b"xx").await), 400);
    assert_eq!(server.memory.batches.lock().unwrap().len(), 1);
    server.end().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_or_too_slow_ends_its_connection() {
    let server = Server::start(quick()).await;
    let large = format!("GET /iclock/ping?SN={SERIAL} HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    assert_ne!(status(&server.send(large.as_bytes()).await), 200);
    let many = format!("GET /iclock/ping?SN={SERIAL} HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert_ne!(status(&server.send(many.as_bytes()).await), 200);
    let started = std::time::Instant::now();
    let slow = server.send(b"GET /iclock/ping?SN=1 HTTP/1.1\r\nHost:").await;
    assert_ne!(status(&slow), 200);
    assert!(started.elapsed() < Duration::from_secs(4), "the server ended it, not this test");
    server.end().await;
}

#[tokio::test]
async fn commands_go_out_once_and_only_if_that_is_recorded() {
    let server = Server::start(quick()).await;
    let command = Numbered { id: CommandId::new(7).unwrap(), command: Command::info() };
    server.memory.waiting.lock().unwrap().push(command);
    let poll = format!("/iclock/getrequest?SN={SERIAL}");
    server.memory.fails.store(true, Ordering::SeqCst);
    assert_eq!(status(&server.get(&poll).await), 503);
    server.memory.fails.store(false, Ordering::SeqCst);
    assert_eq!(body(&server.get(&poll).await), "C:7:INFO\n");
    assert_eq!(body(&server.get(&poll).await), "OK");
    server.end().await;
}

#[tokio::test]
async fn a_poll_is_answered_while_an_upload_of_the_same_terminal_is_on_its_way() {
    let server = Server::start(Limits::default()).await;
    let mut upload = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG HTTP/1.1\r\nHost: x\r\nContent-Length: 32\r\n\r\n");
    upload.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(body(&server.get(&format!("/iclock/getrequest?SN={SERIAL}")).await), "OK");
    upload.write_all(PUNCH.as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    let read = upload.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..read]).ends_with("OK: 1"));
    drop(upload);
    server.end().await;
}

#[tokio::test]
async fn a_terminal_that_floods_has_to_wait_and_keeps_what_it_has() {
    let mut limits = Limits::default();
    limits.requests_per_second = 1;
    let server = Server::start(limits).await;
    let target = format!("/iclock/cdata?SN={SERIAL}&table=ATTLOG&Stamp=1");
    let length = PUNCH.len();
    let request = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{PUNCH}");
    let mut answers = Vec::new();
    // Ten seconds' worth passes at once.
    for _ in 0..30 {
        answers.push(server.send(request.as_bytes()).await);
    }
    let refused = answers.iter().position(|answer| answer.starts_with("HTTP/1.1 503 ")).unwrap();
    assert!(refused >= 10 && !answers[refused].contains("OK"), "{answers:?}");
    let stored = server.memory.batches.lock().unwrap().len();
    assert_eq!(stored, answers.iter().filter(|answer| answer.ends_with("OK: 1")).count());
    server.end().await;
}

#[tokio::test]
async fn behind_a_proxy_one_address_cannot_take_all_requests_and_the_others_are_answered() {
    let mut limits = Limits::default();
    limits.connections_per_address = 1;
    limits.proxies = Proxies::new(|address| address.is_loopback());
    let server = Server::start(limits).await;
    let from = |address: &str| format!("HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\n");
    let ping = |address: &str| format!("GET /iclock/ping?SN={SERIAL} {}\r\n", from(address));
    // Its body does not come.
    let mut held = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG {}", from("192.0.2.1"));
    held.write_all(format!("{head}Content-Length: {}\r\n\r\n", PUNCH.len()).as_bytes()).await.unwrap();
    let wait = async { while status(&server.send(ping("192.0.2.1").as_bytes()).await) != 503 {} };
    tokio::time::timeout(Duration::from_secs(5), wait).await.expect("its address has its share");
    assert_eq!(status(&server.send(ping("192.0.2.2").as_bytes()).await), 200);
    held.write_all(PUNCH.as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    let read = held.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..read]).ends_with("OK: 1"));
    // The connection is open, and has no request.
    assert_eq!(status(&server.send(ping("192.0.2.1").as_bytes()).await), 200);
    server.end().await;
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let mut limits = Limits::default();
    limits.connections_per_address = 1;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    limits.refusals = Refusals::new(move |why| hears.lock().unwrap().push(why));
    let server = Server::start(limits).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let ping = format!("GET /iclock/ping?SN={SERIAL} HTTP/1.1\r\nHost: x\r\n\r\n");
    first.write_all(ping.as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    assert!(first.read(&mut answer).await.unwrap() > 0);
    assert_eq!(heard.lock().unwrap().len(), 0);
    assert_eq!(server.send(ping.as_bytes()).await, "");
    assert_eq!(*heard.lock().unwrap(), [Refusal::Connections]);
    drop(first);
    server.end().await;
}
