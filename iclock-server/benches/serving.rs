//! The server of a large site: 1,000 terminals, 100,000 punches, 200 readers of the stream.
//!
//! `cargo bench -p iclock-server --bench serving -- SECONDS` prints for each page the time to its first byte and its
//! size as it goes over the network; then the time in which a punch is durable, without and with readers, and what they
//! saw. Memory is read from `/proc`, and each reader has an address of its own, so that part is for Linux.

use std::collections::HashSet;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attendance_model::{MemorySink, RawPunch, Source};
use chrono::{Local, NaiveDateTime, TimeDelta, Utc};
use iclock_server::access::{Access, Role};
use iclock_server::{ServerOptions, router};
use iclock_sync::{CancellationToken, DeviceOptions, Engine, Ingest, Schedule, Service, ServiceOptions};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zk_push::server::{Limits, listen};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const TERMINALS: usize = 1_000;
const PUNCHES: usize = 100_000;
const READERS: u8 = 200;
/// The time between two punches of the second part.
const EVERY: Duration = Duration::from_millis(20);
const ROUNDS: usize = 15;
/// Punches of a round without readers, and of one with them.
const A_ROUND: usize = 100;
const PASSWORD: &str = "twelve letters and more";
const PAGES: [&str; 9] = [
    "/",
    "/terminals",
    "/events",
    "/events?user=1007",
    "/people",
    "/reports",
    "/api/v1/events?limit=1000",
    "/api/v1/terminals",
    "/api/v1/events/export?format=csv",
];

/// A punch of one of 500 people.
fn punch(terminal: usize, number: usize, time: NaiveDateTime) -> RawPunch {
    let (serial, user) = (format!("SN{terminal}"), format!("{}", 1_000 + number % 500));
    let mut punch = RawPunch::new(&*serial, format!("door-{terminal}"), &*user, time, Source::Push);
    punch.raw = format!("{user}\t{time}\t0\t1").into_bytes();
    punch
}

fn sent(terminal: usize, punches: Vec<RawPunch>) -> Ingest {
    Ingest::new(format!("SN{terminal}"), format!("door-{terminal}"), Source::Push, punches)
}

/// The ledger is full of the punches of the last 30 days.
async fn fill(service: &Service) -> Result<()> {
    let of_each = PUNCHES / TERMINALS;
    let begins = Local::now().naive_local() - TimeDelta::days(30);
    for terminal in 0..TERMINALS {
        let minutes = |number: usize| TimeDelta::seconds((number * 25_900 + terminal) as i64);
        let punches = (0..of_each).map(|number| punch(terminal, terminal * of_each + number, begins + minutes(number)));
        let entered = service.ingest(sent(terminal, punches.collect())).await?;
        assert_eq!(entered.new, of_each as u64);
    }
    Ok(())
}

/// The time to the first byte of an answer, the time to its last, and its size as it came.
async fn get(address: SocketAddr, path: &str, who: &str) -> Result<(Duration, Duration, usize)> {
    let mut stream = TcpStream::connect(address).await?;
    let began = Instant::now();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\n{who}\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = vec![0; 16 << 10];
    let first = stream.read(&mut answer).await?;
    let to_first = began.elapsed();
    answer.truncate(first);
    stream.read_to_end(&mut answer).await?;
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{path}: {}", String::from_utf8_lossy(&answer));
    Ok((to_first, began.elapsed(), answer.len()))
}

/// Reads the stream until it has seen so many punches, and returns how many of them came twice. It says when it
/// listens.
async fn read(
    address: SocketAddr,
    number: u8,
    who: String,
    punches: usize,
    listens: mpsc::Sender<()>,
) -> Result<usize> {
    let socket = TcpSocket::new_v4()?;
    // One address alone may not have so many connections.
    socket.bind(SocketAddr::from(([127, 0, 1, number], 0)))?;
    let mut stream = BufReader::new(socket.connect(address).await?);
    let head = format!("GET /api/v1/events/stream HTTP/1.1\r\nHost: {address}\r\n{who}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let (mut seen, mut twice, mut line) = (HashSet::new(), 0, String::new());
    while seen.len() < punches {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(format!("the stream ended after {} punches", seen.len()).into());
        }
        if line.trim().is_empty() && seen.is_empty() {
            // The end of the head, or a beat.
            _ = listens.try_send(());
        }
        if let Some(id) = line.strip_prefix("id:") {
            twice += usize::from(!seen.insert(id.trim().to_owned()));
        }
    }
    Ok(twice)
}

/// Enters punches at the usual pace, and returns the times after which each was durable.
async fn enter(service: &Service, from: usize, punches: usize) -> Result<Vec<Duration>> {
    let mut ticks = tokio::time::interval(EVERY);
    let mut took = Vec::new();
    for number in from..from + punches {
        ticks.tick().await;
        let (terminal, time) = (number % TERMINALS, Local::now().naive_local() + TimeDelta::seconds(number as i64));
        let (ingest, began) = (sent(terminal, vec![punch(terminal, number, time)]), Instant::now());
        assert_eq!(service.ingest(ingest).await?.new, 1);
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took)
}

/// The memory of this program in MiB: that of the server, the service and all readers.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

/// The place of so many percent in sorted times.
fn place(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get((sorted.len() * percent / 100).min(sorted.len() - 1)).copied().unwrap_or_default()
}

async fn serve(dir: &Path, stop: &CancellationToken) -> Result<(Arc<Service>, SocketAddr, JoinHandle<()>)> {
    let mut builder = Engine::builder(dir).sink(Arc::new(MemorySink::new("school")));
    for terminal in 0..TERMINALS {
        // Nobody listens there: each is a terminal that fails, which has the most to show.
        let mut device = DeviceOptions::new(format!("room-{terminal}"), "127.0.0.1");
        device.port = 1;
        builder = builder.device(device);
    }
    let schedule = ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600)));
    let service = Arc::new(builder.build()?.start(schedule, stop).await?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = router(&service, ServerOptions::default())?;
    let serving = tokio::spawn(listen(listener, router, Limits::default(), stop.clone().cancelled_owned()));
    Ok((service, address, serving))
}

async fn pages(address: SocketAddr, cookie: &str) -> Result<()> {
    for path in PAGES {
        let (mut first, mut whole, mut size) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            let (to_first, to_last, bytes) = get(address, path, cookie).await?;
            first.push(to_first);
            whole.push(to_last);
            size = bytes;
        }
        first.sort_unstable();
        whole.sort_unstable();
        println!(
            "{path}: first byte after {:.1?}, at most {:.1?} (bar: 100 ms); whole after {:.1?}; {} KB (bar of a page: \
             150)",
            place(&first, 50),
            place(&first, 100),
            place(&whole, 50),
            size / 1_000
        );
    }
    Ok(())
}

/// Enters punches while readers listen to the stream, and checks that each has seen each once.
async fn heard(
    service: &Service,
    address: SocketAddr,
    (tokens, others): (&[String], &Handle),
    from: usize,
) -> Result<Vec<Duration>> {
    let who = tokens.iter().cycle().map(|token| format!("Authorization: Bearer {token}"));
    let (listens, mut listening) = mpsc::channel(READERS.into());
    let streams = (1..=READERS).zip(who).map(|(number, who)| {
        let listens = listens.clone();
        others.spawn(async move { read(address, number, who, A_ROUND, listens).await })
    });
    let streams: Vec<_> = streams.collect();
    for _ in 0..READERS {
        listening.recv().await.ok_or("a reader is not let in")?;
    }
    let took = enter(service, from, A_ROUND).await?;
    for stream in streams {
        let twice = tokio::time::timeout(Duration::from_secs(60), stream).await???;
        assert_eq!(twice, 0, "each punch came once");
    }
    Ok(took)
}

async fn readers(service: &Service, address: SocketAddr, tokens: &[String], seconds: u64) -> Result<()> {
    // Readers are other programs: they do not share the threads of the server.
    let others = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let rounds = usize::try_from(seconds)?.div_ceil(2).max(3);
    let mean = |times: &[Duration]| times.iter().sum::<Duration>().as_secs_f64() * 1_000.0 / times.len() as f64;
    let (mut ratios, mut with, mut without, mut held) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let from = PUNCHES + 2 * round * A_ROUND;
        let alone = enter(service, from, A_ROUND).await?;
        let heard = heard(service, address, (tokens, others.handle()), from + A_ROUND).await?;
        ratios.push(mean(&heard) / mean(&alone));
        without.extend(alone);
        with.extend(heard);
        held.push(memory());
    }
    [&mut with, &mut without].into_iter().for_each(|times| times.sort_unstable());
    ratios.sort_unstable_by(f64::total_cmp);
    println!(
        "{rounds} rounds of {A_ROUND} punches, {} a second: {READERS} readers saw each once; memory after each round, \
         in MiB: {held:.0?}",
        1_000 / EVERY.as_millis()
    );
    for percent in [50, 99] {
        let (alone, heard) = (place(&without, percent), place(&with, percent));
        println!("durable within, for {percent} of 100: {alone:.2?} without readers, {heard:.2?} with them");
    }
    println!("intake takes {:.2} x as long (median of the rounds; bar: 1.05)", ratios[ratios.len() / 2]);
    others.shutdown_background();
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(20);
    let dir = tempfile::tempdir()?;
    let stop = CancellationToken::new();
    let (service, address, serving) = serve(dir.path(), &stop).await?;
    fill(&service).await?;
    let access = Access::open(dir.path())?;
    access.set_account("office", Role::Viewer, PASSWORD, Utc::now())?;
    let session = access.begin_session("office", Utc::now())?;
    // One token alone may not call so often at once.
    let token = |number: u32| access.create(&format!("board {number}"), Role::Viewer, None, Utc::now());
    let tokens: Vec<_> = (0..8).map(|number| Ok(token(number)?.reveal().to_owned())).collect::<Result<_>>()?;
    pages(address, &format!("Cookie: iclock={}", session.reveal())).await?;
    readers(&service, address, &tokens, seconds).await?;
    stop.cancel();
    serving.await?;
    drop(service);
    Ok(())
}
