//! Terminals that stop answering: at whatever step, a run ends within ten times their time-out, and says how far it
//! came.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{Gate, State, key, keys, memory, sync};
use iclock_sync::report::DeviceStatus;
use iclock_sync::{EngineOptions, Report, Transport};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::task::AbortOnDropHandle;
use zk_sim::{Fault, Profile, Terminal};

const TIMEOUT: Duration = Duration::from_millis(400);
/// Ten times that. The silence is over after seven: what is left is for a busy machine.
const BOUND: Duration = Duration::from_millis(4_000);

/// Measures by how much this runtime is late: on a machine that has other work, timers fire late, and so does
/// everything that waits for them. No terminal can do anything about that.
struct Lag {
    late: Arc<AtomicU64>,
    _measured: AbortOnDropHandle<()>,
}

impl Lag {
    fn measure() -> Self {
        const TICK: Duration = Duration::from_millis(10);
        let late = Arc::new(AtomicU64::new(0));
        let sum = Arc::clone(&late);
        let measured = tokio::spawn(async move {
            loop {
                let began = Instant::now();
                tokio::time::sleep(TICK).await;
                // A timer may be 2 ms late on any machine.
                let late = began.elapsed().saturating_sub(TICK + Duration::from_millis(2));
                sum.fetch_add(late.as_micros() as u64, Ordering::Relaxed);
            }
        });
        Self { late, _measured: AbortOnDropHandle::new(measured) }
    }

    fn so_far(&self) -> Duration {
        Duration::from_micros(self.late.load(Ordering::Relaxed))
    }
}

/// Asserts that the terminal was given up in time. A slow disk may hold up the ledger's beginning and end.
fn in_time(told: &str, report: &Report, began: Instant, lag: &Lag) {
    let took = Duration::from_millis(report.devices[0].duration_ms).saturating_sub(lag.so_far());
    assert!(took < BOUND, "{told}: {took:?}, {report:?}");
    assert!(began.elapsed() < 10 * BOUND, "{told}: {:?}, {report:?}", began.elapsed());
}

#[tokio::test]
async fn a_stall_at_any_step_is_bounded() {
    // CONNECT, AUTH, an option, the clock, the counts, prepare, direct read, chunk, free data, exit.
    let steps = [1000, 1102, 11, 201, 50, 1503, 1504, 1502, 1001];
    for transport in [Transport::Tcp, Transport::Udp, Transport::Auto] {
        let tasks = steps.map(|step| tokio::spawn(stalled(step, transport)));
        for task in tasks {
            task.await.unwrap();
        }
    }
}

async fn stalled(step: u16, transport: Transport) {
    let gate = Gate::start("gate", Terminal::builder().records(1_700).seed(7).key(5)).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    gate.handle().set_faults(&[Fault::parse(&format!("stall-at={step}")).unwrap()]);
    let mut device = gate.device();
    (device.timeout, device.transport) = (TIMEOUT, transport);
    device.comm_key = Some(iclock_sync::CommKey::new(5));
    let options = common::quick_with(|options| options.attempts = 3);
    let engine = state.builder().options(options).device(device).sink(sink).build().unwrap();
    let (began, lag) = (Instant::now(), Lag::measure());
    let report = sync(&engine).await;
    in_time(&format!("{transport:?}, stalls at {step}"), &report, began, &lag);
    let device = &report.devices[0];
    if device.status == DeviceStatus::Ok {
        // Without an answer for its serial number, its name takes its place.
        let identity = device.serial.as_deref().unwrap();
        let truth = gate.handle().records().iter().map(|punch| key(identity, punch)).collect();
        assert!(keys(&stored.stored()) == truth, "{transport:?}, {step}");
    } else {
        let error = device.error.as_deref().unwrap();
        assert!(error.contains("stopped answering") || error.contains("no answer in time"), "{step}: {error}");
        assert!(stored.stored().is_empty());
    }
}

#[tokio::test]
async fn a_stall_amid_the_log_says_how_far_it_got() {
    let gate = Gate::start("gate", Terminal::builder().records(6_000).seed(7)).await;
    let state = State::new();
    // Three chunks of 65,472 bytes come, and nothing after them in any session.
    gate.set_fault("stall-at=1504@3");
    let mut device = gate.device();
    device.timeout = TIMEOUT;
    let engine = state.builder().device(device).build().unwrap();
    let began = Instant::now();
    let report = sync(&engine).await;
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    let error = report.devices[0].error.as_deref().unwrap();
    assert!(error.contains("stopped answering while reading its log, after 196,416 of 240,004 bytes"), "{error}");
    gate.handle().clear_faults();
    assert_eq!(sync(&engine).await.run.exit_code, 0);
}

/// A terminal that stalls somewhere, and what has to be said of it.
struct Stall {
    profile: &'static str,
    faults: &'static [&'static str],
    tcp: &'static str,
    udp: &'static str,
}

/// 6,000 records are 240,004 bytes in rows of 40, and 48,004 in rows of 8: four chunks, and one, over TCP.
const STALLS: [Stall; 10] = [
    // The rest of the terminal is well: it answers anything but some chunks.
    stall("tft40", &["ignore-offsets=0"], "its log, after 0 of 240,004", "its log, after 0 of 240,004"),
    stall("tft40", &["ignore-offsets=65472"], "its log, after 65,472 of 240,004", "its log, after 66,048 of 240,004"),
    stall(
        "tft40",
        &["ignore-offsets=196416"],
        "its log, after 196,416 of 240,004",
        "its log, after 197,120 of 240,004",
    ),
    // Without the buffered read, refused or unanswered; the direct one stops midway.
    stall("tft40", &["refuse-buffered", "stall=100000"], "its log, after ", "its log, after "),
    stall("tft40", &["ignore-buffered", "stall=100000"], "its log, after ", "its log, after "),
    stall("tft40", &["ignore-buffered", "ignore-command=13"], "its log", "its log"),
    // The user table, without which records of 8 bytes name nobody.
    stall("bw8", &["stall-at=1503@1"], "its user table", "its user table"),
    stall("bw8", &["ignore-command=9", "refuse-buffered"], "its user table", "its user table"),
    // A reading that has to come a second time, for the count is wrong.
    stall("bw8", &["count-larger=5", "stall-at=1503@2"], "its ", "its "),
    stall("tft40", &["count-larger=5", "stall-at=1504@6"], "its log, after ", "its log, after "),
];

const fn stall(profile: &'static str, faults: &'static [&'static str], tcp: &'static str, udp: &'static str) -> Stall {
    Stall { profile, faults, tcp, udp }
}

#[tokio::test]
async fn a_stall_amid_a_table_ends_within_ten_timeouts_and_says_how_far_it_got() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let tasks: Vec<_> = STALLS.iter().map(|stall| tokio::spawn(stalled_amid(stall, transport))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

async fn stalled_amid(stall: &Stall, transport: Transport) {
    let said = if transport == Transport::Tcp { stall.tcp } else { stall.udp };
    let told = format!("{} {:?} {transport:?}", stall.profile, stall.faults);
    let profile = Profile::named(stall.profile).unwrap();
    let gate = Gate::start("gate", Terminal::builder().profile(profile).records(6_000).users(300).seed(7)).await;
    let faults: Vec<_> = stall.faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
    gate.handle().set_faults(&faults);
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let mut device = gate.device();
    (device.timeout, device.transport) = (TIMEOUT, transport);
    let options = common::quick_with(|options| options.attempts = 3);
    let engine = state.builder().options(options).device(device).sink(sink).build().unwrap();
    let (began, lag) = (Instant::now(), Lag::measure());
    let report = sync(&engine).await;
    in_time(&told, &report, began, &lag);
    let device = &report.devices[0];
    assert_eq!((report.run.exit_code, device.status), (20, DeviceStatus::Failed), "{told}: {device:?}");
    let error = device.error.as_deref().unwrap();
    assert!(error.contains(&format!("stopped answering while reading {said}")), "{told}: {error}");
    assert!(stored.stored().is_empty(), "{told}");
}

#[tokio::test]
async fn a_terminal_that_always_sends_the_same_part_ends_within_ten_timeouts() {
    for transport in [Transport::Tcp, Transport::Udp] {
        for faults in [&["refuse-buffered", "short-stream=2"][..], &["short-chunks"]] {
            let gate = Gate::start("gate", Terminal::builder().records(4_000).seed(7)).await;
            gate.handle().set_faults(&faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect::<Vec<_>>());
            let (state, (stored, sink)) = (State::new(), memory("db"));
            let mut device = gate.device();
            (device.timeout, device.transport) = (TIMEOUT, transport);
            let options = common::quick_with(|options| options.attempts = 3);
            let engine = state.builder().options(options).device(device).sink(sink).build().unwrap();
            let (began, lag) = (Instant::now(), Lag::measure());
            let report = sync(&engine).await;
            let took = began.elapsed().saturating_sub(lag.so_far());
            assert!(took < BOUND, "{faults:?} {transport:?}: {took:?}, {report:?}");
            assert!([20, 40].contains(&report.run.exit_code), "{faults:?} {transport:?}: {report:?}");
            assert!(stored.stored().is_empty(), "{faults:?} {transport:?}");
        }
    }
}

#[tokio::test]
async fn a_host_that_takes_everything_and_answers_nothing_is_bounded() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = tcp.local_addr().unwrap();
    let _udp = UdpSocket::bind(address).await.unwrap();
    let state = State::new();
    let mut device = iclock_sync::DeviceOptions::new("gate", "127.0.0.1");
    (device.port, device.timeout) = (address.port(), TIMEOUT);
    let options = EngineOptions::default();
    let engine = state.builder().options(options).device(device).build().unwrap();
    let began = Instant::now();
    let report = sync(&engine).await;
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    assert_eq!(report.devices[0].status, DeviceStatus::Failed);
}

#[tokio::test]
async fn a_slow_terminal_that_comes_on_is_not_cut() {
    // Each answer takes most of the time-out, and the whole far more than ten of them.
    let gate = Gate::start("gate", Terminal::builder().records(12_000).seed(7)).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    gate.set_fault("latency=250ms");
    let mut device = gate.device();
    device.timeout = TIMEOUT;
    let engine = state.builder().device(device).sink(sink).build().unwrap();
    let began = Instant::now();
    let report = sync(&engine).await;
    assert_eq!(report.run.exit_code, 0, "{report:?}");
    assert!(began.elapsed() > TIMEOUT * 10, "{:?}", began.elapsed());
    assert_eq!(keys(&stored.stored()), gate.keys());
}

#[tokio::test]
async fn a_poll_ends_at_its_deadline_and_the_session_with_it() {
    let (gate, state) = (Gate::with_records(50).await, State::new());
    gate.set_fault("slow-reads=1500ms");
    let mut device = gate.device();
    device.timeout = Duration::from_secs(5);
    let options = common::quick_with(|options| options.device_deadline = Duration::from_millis(500));
    let engine = state.builder().options(options).device(device).build().unwrap();
    let began = Instant::now();
    let report = sync(&engine).await;
    assert!(report.devices[0].error.as_deref().unwrap().contains("not done within"), "{report:?}");
    // Within the deadline and what it takes to end a session.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let ended = || gate.handle().received().iter().any(|packet| packet.command == zk_proto::Command::EXIT);
    while !ended() {
        assert!(began.elapsed() < Duration::from_secs(10), "the session is ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
