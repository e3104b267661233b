//! A receiver that is killed at named points: while it has read a request, before and after the commit, and before the
//! answer. Nothing that was acknowledged is missing afterwards, nothing is there twice, and no batch is there in part.
//!
//! `KILLS` sets the number of kills, and `KILL_SEED` where they strike.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use attendance_model::{MemorySink, Sink};
use iclock_sync::ledger::QuarantineFilter;
use iclock_sync::receive::{PushAccess, PushReceiver};
use iclock_sync::{CancellationToken, CrashPoint, Engine, LedgerError, Schedule, Service, ServiceOptions, SyncError};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use zk_push::server::Limits;

use crate::common::{State, memory};
use crate::crash::{Killer, Point};
use crate::server::{AT_MOST, SERIAL, pushing, until};

/// The kills of a plain test run.
const KILLS: u32 = 60;
/// The batches of one life, if it is long enough.
const BATCHES: u32 = 12;

const POINTS: [CrashPoint; 4] = [
    CrashPoint::Parsed,
    CrashPoint::BeforeCommit("record events"),
    CrashPoint::AfterCommit("record events"),
    CrashPoint::BeforeAnswer,
];

/// A receiver, on a runtime that dies with it.
struct Life {
    runtime: Runtime,
    service: Service,
    killer: Arc<Killer>,
    address: SocketAddr,
}

impl Life {
    async fn start(state: &State, sink: &Arc<dyn Sink>) -> Self {
        let killer = Arc::new(Killer::default());
        let engine = state.builder().device(pushing()).sink(Arc::clone(sink)).crash_points(Arc::clone(&killer) as _);
        let engine = engine.build().unwrap();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (service, address) = runtime.spawn(serve(engine)).await.unwrap();
        Self { runtime, service, killer, address }
    }

    /// Ends it as `kill -9` does.
    fn kill(self) {
        self.runtime.shutdown_background();
        self.killer.bury();
        drop(self.service);
    }
}

async fn serve(engine: Engine) -> (Service, SocketAddr) {
    let (began, options) = (Instant::now(), ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600))));
    let service = loop {
        // The one before may need a moment to let go of the ledger.
        match engine.start(options.clone(), &CancellationToken::new()).await {
            Err(SyncError::Ledger(LedgerError::Held { .. })) if began.elapsed() < AT_MOST => {
                sleep(Duration::from_millis(1)).await;
            }
            outcome => break outcome.unwrap(),
        }
    };
    let receiver = PushReceiver::open(&service, &[pushing()], &PushAccess::default()).await.unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut limits = Limits::default();
    limits.requests_per_second = 100_000;
    tokio::spawn(Arc::new(receiver).serve(listener, limits, CancellationToken::new()));
    (service, address)
}

/// The n-th batch of the terminal: four punches, and a line that is none.
fn batch(n: u32) -> (String, Vec<(String, String)>, String) {
    let time = |second: u32| format!("2026-03-{:02} {:02}:{:02}:{second:02}", 1 + n / 1_440, n / 60 % 24, n % 60);
    let punches: Vec<(String, String)> = (0..4).map(|row| (format!("{:03}", 1 + n % 9), time(row))).collect();
    let bad = format!("damaged {n}");
    let mut rows: Vec<String> = punches.iter().map(|(id, time)| format!("{id}\t{time}\t0\t1\t0\t0\t0\n")).collect();
    rows.insert(2, format!("{bad}\n"));
    (rows.concat(), punches, bad)
}

/// Sends batches in their order until one is not acknowledged. Returns the number of the next one.
async fn send(address: SocketAddr, from: u32) -> u32 {
    for n in from..from + BATCHES {
        let rows = batch(n).0;
        let head = format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG&Stamp={n} HTTP/1.1\r\nConnection: close\r\n");
        let request = format!("{head}Content-Length: {}\r\n\r\n{rows}", rows.len());
        let Ok(mut stream) = TcpStream::connect(address).await else { return n };
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        if !answer.ends_with(b"\r\n\r\nOK: 5") {
            return n;
        }
    }
    from + BATCHES
}

/// User id and time of each event. None is there twice.
fn stored(sink: &MemorySink) -> BTreeSet<(String, String)> {
    let events = sink.stored();
    let keys: BTreeSet<_> = events.iter().map(|of| (of.user_id.clone(), of.local_time.to_string())).collect();
    assert_eq!(keys.len(), events.len(), "each once");
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_missing_after_kills_at_parse_commit_and_answer() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let (kills, seed) = (number("KILLS").unwrap_or(KILLS), u64::from(number("KILL_SEED").unwrap_or(5)));
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let mut random = StdRng::seed_from_u64(seed);
    let (mut next, mut struck) = (0, BTreeMap::<CrashPoint, u32>::new());
    while struck.values().sum::<u32>() < kills {
        let life = Life::start(&state, &as_sink).await;
        let point = POINTS[random.random_range(0..POINTS.len())];
        life.killer.plan(Some((Point::Ledger(point), random.random_range(0..8))));
        let terminal = tokio::spawn(send(life.address, next));
        while !life.killer.has_crashed() && !terminal.is_finished() {
            sleep(Duration::from_micros(200)).await;
        }
        *struck.entry(point).or_default() += u32::from(life.killer.has_crashed());
        life.kill();
        next = terminal.await.unwrap();
        let entered = state.ledger().event_count().unwrap();
        assert!(entered >= u64::from(next) * 4, "{entered} events of {next} batches, after {point:?}, seed {seed}");
        assert_eq!(entered % 4, 0, "a batch enters whole, after {point:?}, seed {seed}");
    }
    assert!(kills < 40 || struck.len() == POINTS.len(), "{struck:?}");
    let life = Life::start(&state, &as_sink).await;
    next = send(life.address, next).await;
    let expected: BTreeSet<_> = (0..next).flat_map(|n| batch(n).1).collect();
    until("all is delivered", || stored(&sink).len() >= expected.len()).await;
    life.kill();
    assert_eq!(stored(&sink), expected);
    let waiting = state.ledger().quarantine(&QuarantineFilter::default(), 1_000_000).unwrap();
    let raw: Vec<Vec<u8>> = waiting.into_iter().map(|record| record.raw).collect();
    let bad: BTreeSet<Vec<u8>> = (0..next).map(|n| batch(n).2.into_bytes()).collect();
    assert_eq!((raw.len(), raw.into_iter().collect::<BTreeSet<_>>()), (bad.len(), bad));
}
