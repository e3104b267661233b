//! A service that runs for years: its files stay small, a nearly full log is cleared, and a full disk passes.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attendance_model::MemorySink;
use common::{Gate, State, keys, memory, quick_with, sync, sync_with};
use iclock_sync::audit::verify;
use iclock_sync::report::ErrorKind;
use iclock_sync::{
    CancellationToken, DeviceOptions, Engine, Ledger, Report, RunOptions, Schedule, Service, ServiceOptions, Window,
};
use zk_proto::{Command, DeviceTime};
use zk_sim::{Fault, Profile, Punch, Terminal, TerminalBuilder};

const AT_MOST: Duration = Duration::from_secs(100);

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < AT_MOST, "not within {AT_MOST:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn start(engine: &Engine) -> Service {
    let options = ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600)));
    engine.start(options, &CancellationToken::new()).await.unwrap()
}

/// Polls the terminal, and waits for the end of that poll.
async fn poll(service: &Service) {
    let polls = || service.status().terminals["gate"].polls;
    let before = polls();
    service.poll_now("gate").await.unwrap();
    until("the terminal is polled", || polls() > before).await;
}

#[tokio::test]
async fn shrunk_events_are_known_when_their_log_is_read_again_and_go_out_no_more() {
    for profile in ["tft40", "bw8a", "tft16"] {
        let profile = Profile::named(profile).unwrap();
        let terminal = Terminal::builder().records(800).users(30).seed(7).profile(profile);
        let (gate, state, (stored, sink)) = (Gate::start("gate", terminal).await, State::new(), memory("db"));
        let truth = gate.keys();
        sync(&state.engine(&[&gate], &[Arc::clone(&sink)])).await;
        // A year passes.
        let file = state.dir.path().join("state/ledger.sqlite");
        let ledger = rusqlite::Connection::open(&file).unwrap();
        ledger.execute("UPDATE readings SET read_at = read_at - 365 * 86400", ()).unwrap();
        drop(ledger);
        let retention = |options: &mut iclock_sync::EngineOptions| {
            options.retention.events = Some(Duration::from_secs(300 * 86_400));
        };
        let engine = || {
            let builder = state.builder().options(quick_with(retention)).device(gate.device());
            builder.sink(Arc::clone(&sink)).build().unwrap()
        };
        let service = start(&engine()).await;
        until("old events shrink", || state.ledger().shrunk().unwrap().is_some_and(|sum| sum.events == 784)).await;
        service.shutdown(AT_MOST).await.unwrap();
        let before = stored.writes();
        let report = sync_with(&engine(), RunOptions::default().full(true)).await;
        let (device, of_sink) = common::only(&report);
        assert_eq!((device.new, device.duplicate, device.quarantined), (0, 800, 0), "{device:?}");
        assert_eq!((of_sink.pending, stored.writes()), (0, before), "nothing goes out again");
        assert_eq!(keys(&stored.stored()), truth);
        let ledger = state.ledger();
        assert_eq!((ledger.events(Window::default()).count(), ledger.event_count().unwrap()), (16, 800));
        assert_eq!((ledger.check().unwrap(), verify(&ledger).unwrap().problems), (Vec::new(), Vec::new()));
        // A person punches, and a sink is added: it gets what is left.
        gate.handle().punch_now().unwrap();
        let (later, other) = memory("later");
        let builder = state.builder().options(quick_with(retention)).device(gate.device());
        sync(&builder.sink(Arc::clone(&sink)).sink(other).build().unwrap()).await;
        assert_eq!((stored.stored().len(), later.stored().len()), (801, 17));
    }
}

/// A terminal with room for 400 records that holds 370.
fn nearly_full() -> TerminalBuilder {
    nearly_full_of("tft40")
}

fn nearly_full_of(profile: &str) -> TerminalBuilder {
    let mut profile = Profile::named(profile).unwrap();
    profile.log_capacity = 400;
    Terminal::builder().records(370).users(30).seed(7).profile(profile)
}

/// Its options, with this level.
fn clears_at(gate: &Gate, level: u8) -> DeviceOptions {
    let mut device = gate.device();
    (device.serial, device.clear_when) = (Some(gate.handle().serial()), Some(level));
    device
}

fn received(gate: &Gate, command: Command) -> usize {
    gate.handle().received().iter().filter(|packet| packet.command == command).count()
}

fn later(punch: &Punch, seconds: u32) -> Punch {
    Punch { time: DeviceTime(punch.time.0 + seconds), ..punch.clone() }
}

#[tokio::test]
async fn a_service_clears_a_nearly_full_log_once_nobody_punches_and_every_sink_has_it() {
    let (gate, state, (stored, sink)) = (Gate::start("gate", nearly_full()).await, State::new(), memory("db"));
    let truth = gate.keys();
    let engine = state.builder().device(clears_at(&gate, 90)).sink(sink).build().unwrap();
    let service = start(&engine).await;
    until("the first poll", || service.status().terminals["gate"].polls == 1).await;
    assert_eq!(received(&gate, Command::CLEAR_ATTLOG), 0, "people are punching");
    let last = gate.handle().records().last().unwrap().clone();
    service.poll_now("gate").await.unwrap();
    until("the log is cleared", || gate.handle().records().is_empty()).await;
    until("its people have it back", || gate.handle().is_enabled()).await;
    gate.handle().add_punches([later(&last, 60)]);
    poll(&service).await;
    until("the next punch arrives", || stored.stored().len() == 371).await;
    assert!(keys(&stored.stored()).is_superset(&truth));
    service.shutdown(AT_MOST).await.unwrap();
    let backups = std::fs::read_dir(state.dir.path().join("state/cleared")).unwrap().count();
    assert_eq!((received(&gate, Command::CLEAR_ATTLOG), backups), (1, 2), "a backup and its checksum");
}

#[tokio::test]
async fn a_service_that_listens_clears_too_and_listens_again() {
    listens_and_clears("tft40").await;
    // The session that listens has to end first.
    listens_and_clears("single-session").await;
}

async fn listens_and_clears(profile: &str) {
    let (gate, state, (stored, sink)) =
        (Gate::start("gate", nearly_full_of(profile)).await, State::new(), memory("db"));
    let engine = state.builder().device(clears_at(&gate, 90)).sink(sink).build().unwrap();
    let options = ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600))).live(true);
    let service = engine.start(options, &CancellationToken::new()).await.unwrap();
    until("all is stored", || stored.stored().len() == 370).await;
    let last = gate.handle().records().last().unwrap().clone();
    service.poll_now("gate").await.unwrap();
    until("the log is cleared", || gate.handle().records().is_empty()).await;
    until("it is polled again", || service.status().terminals["gate"].records == Some(0)).await;
    gate.handle().add_punches([later(&last, 60)]);
    gate.handle().punch_now().unwrap();
    until("the next punches arrive", || stored.stored().len() == 372).await;
    service.shutdown(AT_MOST).await.unwrap();
}

fn notes(report: &Report) -> Vec<&String> {
    report.devices[0].notes.iter().filter(|note| note.contains("clear")).collect()
}

#[tokio::test]
async fn a_run_clears_too_and_a_log_below_the_level_stays() {
    let (gate, state, (stored, sink)) = (Gate::start("gate", nearly_full()).await, State::new(), memory("db"));
    for (level, left) in [(93, 370), (92, 0)] {
        let engine = state.builder().device(clears_at(&gate, level)).sink(Arc::clone(&sink)).build().unwrap();
        let report = sync(&engine).await;
        assert_eq!((gate.handle().records().len(), notes(&report).len()), (left, usize::from(left == 0)), "{report:?}");
    }
    assert_eq!(stored.stored().len(), 370);
}

#[tokio::test]
async fn a_refusal_leaves_the_log_and_is_said_once() {
    let (gate, state, (_, sink)) = (Gate::start("gate", nearly_full()).await, State::new(), memory("db"));
    let engine = || state.builder().device(clears_at(&gate, 90)).sink(Arc::clone(&sink)).build().unwrap();
    // The sync proves the log; what the clearing reads is cut.
    let mut said = 0;
    sync_with(&state.builder().device(gate.device()).sink(Arc::clone(&sink)).build().unwrap(), RunOptions::default())
        .await;
    gate.set_fault("refuse-command=15");
    for _ in 0..4 {
        said += notes(&sync(&engine()).await).len();
    }
    assert_eq!((said, received(&gate, Command::CLEAR_ATTLOG), gate.handle().records().len()), (1, 1, 370));
    assert!(gate.handle().is_enabled());
    // Another process, a day later.
    let file = state.dir.path().join("state/ledger.sqlite");
    let earlier = "UPDATE settings SET value = '1 5 ' || substr(value, 14) WHERE name LIKE 'not cleared%'";
    assert_eq!(rusqlite::Connection::open(&file).unwrap().execute(earlier, ()).unwrap(), 1);
    gate.handle().clear_faults();
    assert_eq!(notes(&sync(&engine()).await).len(), 1);
    assert!(gate.handle().records().is_empty());
}

#[tokio::test]
async fn nothing_is_cleared_by_itself_without_a_serial_number() {
    let mut device = DeviceOptions::new("gate", "192.0.2.10");
    device.clear_when = Some(90);
    let refused = Engine::builder("unused").device(device.clone()).build().unwrap_err().to_string();
    assert!(refused.contains("serial number"), "{refused}");
    (device.serial, device.clear_when) = (Some("S".to_owned()), Some(0));
    assert!(Engine::builder("unused").device(device).build().is_err());
    let (gate, state, (_, sink)) = (Gate::start("gate", nearly_full()).await, State::new(), memory("db"));
    let mut device = clears_at(&gate, 90);
    device.serial = Some("ANOTHER".to_owned());
    sync(&state.builder().device(device).sink(sink).build().unwrap()).await;
    assert_eq!((received(&gate, Command::CLEAR_ATTLOG), gate.handle().records().len()), (0, 370));
}

/// The disk of a child of this test.
const DISK: &str = "FULL_DISK";

/// A way to let the disk be full.
enum Full {
    /// A small disk of its own, of which a file takes the rest.
    Small(PathBuf),
    /// A limit of this process for the size of any file.
    Limit,
}

impl Full {
    /// Leaves so many bytes.
    fn leave(&self, bytes: u64) {
        match self {
            Self::Small(filler) => {
                let file = std::fs::File::create(filler).unwrap();
                // Somebody may take room meanwhile.
                while {
                    let free = fs4::available_space(filler.parent().unwrap()).unwrap();
                    fs4::fs_std::FileExt::allocate(&file, free.saturating_sub(bytes).max(1)).is_err()
                } {}
            }
            Self::Limit => limit(&bytes.to_string()),
        }
    }

    fn release(&self) {
        match self {
            Self::Small(filler) => drop(std::fs::remove_file(filler)),
            Self::Limit => limit("unlimited"),
        }
    }
}

fn limit(bytes: &str) {
    let (process, limit) = (std::process::id().to_string(), format!("--fsize={bytes}:unlimited"));
    assert!(Process::new("prlimit").args(["--pid", &process, &limit]).status().unwrap().success());
}

/// Runs a test of this file in a process of its own, with a small disk, or else with a limit to the size of files.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_at_each_write_in_turn_loses_nothing_and_is_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let child = |shell: &str| {
        let test = ["--exact", "on_a_disk_that_is_full_now_and_then", "--include-ignored", "--nocapture"];
        let this = std::env::current_exe().unwrap();
        let mut command = if shell.contains("mount") { Process::new("unshare") } else { Process::new("sh") };
        if shell.contains("mount") {
            command.args(["--user", "--map-root-user", "--mount", "sh"]);
        }
        command.args(["-c", shell]).arg(this).args(test).env(DISK, dir.path());
        command.output().unwrap()
    };
    let small = Process::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).status();
    let output = if small.is_ok_and(|status| status.success()) {
        child("mount -t tmpfs -o size=16m tmpfs \"$FULL_DISK\" && exec \"$0\" \"$@\"")
    } else {
        child("trap '' XFSZ; exec \"$0\" \"$@\"")
    };
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// The state of the service in files, as a program that embeds it writes them.
fn write_files(service: &Service, disk: &Path) -> bool {
    use iclock_sync::health::{Health, write_whole};
    use iclock_sync::metrics::{Resources, to_text};
    let (status, resources) = (service.status(), Resources::default());
    let metrics = write_whole(&disk.join("metrics.txt"), to_text(&status, &resources, None).as_bytes());
    let health = Health::of(status, resources, "1", Duration::from_secs(10)).write(&disk.join("state"));
    metrics.is_ok() && health.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the test before it, in a process with a disk of its own"]
async fn on_a_disk_that_is_full_now_and_then() {
    let Some(disk) = std::env::var_os(DISK).map(PathBuf::from) else { return };
    let is_small = fs4::total_space(&disk).unwrap() < 64 << 20;
    let full = if is_small { Full::Small(disk.join("filler")) } else { Full::Limit };
    let terminal = Terminal::builder().records(300).users(30).seed(7);
    let terminal = terminal.fault(Fault::parse("empty-user-ids=20").unwrap());
    let (gate, (stored, sink)) = (Gate::start("gate", terminal).await, memory("db"));
    let options = quick_with(|options| {
        // Every log goes through a file.
        options.spool_memory = 0;
        options.audit_dir = Some(disk.join("output"));
        options.retention.events = Some(Duration::from_secs(86_400));
    });
    let builder = Engine::builder(disk.join("state")).options(options).device(gate.device());
    let engine = builder.sink(sink).build().unwrap();
    let service = start(&engine).await;
    let state = || service.status().terminals["gate"].clone();
    until("the first poll", || state().polls == 1 && state().error.is_none()).await;
    let mut last = gate.handle().records().last().unwrap().clone();
    let all = |stored: &MemorySink| keys(&stored.stored()).len();
    let valid = || gate.handle().records().iter().filter(|punch| !punch.user_id.is_empty()).count();
    assert!(write_files(&service, &disk));
    let (mut failed, mut passed, mut files_failed) = (0, 0, 0);
    for room in [0, 1, 4, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1_024, 3_000].map(|kib| kib << 10) {
        let punches: Vec<Punch> = (1..=200).map(|n| later(&last, n)).collect();
        last = punches.last().unwrap().clone();
        gate.handle().add_punches(punches);
        full.leave(room);
        poll(&service).await;
        files_failed += u32::from(!write_files(&service, &disk));
        match state().error {
            Some(error) => {
                if is_small {
                    let health = iclock_sync::health::Health::read(&disk.join("state")).unwrap().unwrap();
                    assert!(health.status.terminals["gate"].error.is_some(), "{room}: the health file says so");
                }
                assert_eq!(error.kind, ErrorKind::Storage, "{room}: {error:?}");
                assert!(error.text.contains("room"), "{room}: {error:?}");
                failed += 1;
            }
            None => passed += 1,
        }
        full.release();
        poll(&service).await;
        assert_eq!(state().error, None, "{room}: there is room again");
        until("every punch is stored", || all(&stored) == valid()).await;
        assert!(write_files(&service, &disk), "{room}");
        let ledger = Ledger::open_read_only(&disk.join("state")).unwrap().unwrap();
        assert_eq!(ledger.check().unwrap(), Vec::<String>::new(), "{room}");
    }
    assert!(failed > 2 && passed > 2 && files_failed > 0, "{failed} failed, {passed} passed, {files_failed} files");

    // What was read goes out, and is recorded, on a disk that stays full: the ballast is given up for it.
    if is_small {
        service.pause("db").await.unwrap();
        let punches: Vec<Punch> = (1..=2_000).map(|n| later(&last, n)).collect();
        gate.handle().add_punches(punches);
        poll(&service).await;
        full.leave(0);
        service.resume("db").await.unwrap();
        until("all goes out", || all(&stored) == valid()).await;
        until("and is recorded", || service.status().sinks["db"].pending == 0).await;
        full.release();
        gate.handle().add_punches([later(&last, 2_001)]);
        poll(&service).await;
        until("the next punch is stored", || all(&stored) == valid()).await;
        assert!(state().error.is_none() && disk.join("state/ballast").exists());
    }
    assert_eq!(service.status().sinks["db"].rejected, 0);
    // A process that starts on a full disk delivers what the one before it left.
    if is_small {
        service.pause("db").await.unwrap();
        gate.handle().add_punches([later(&last, 2_002), later(&last, 2_003)]);
        poll(&service).await;
        service.shutdown(AT_MOST).await.unwrap();
        drop(engine);
        full.leave(0);
        let again = Engine::builder(disk.join("state")).device(gate.device());
        let again = again.sink(Arc::new(stored.clone())).build().unwrap();
        let service = start(&again).await;
        until("what waited goes out", || all(&stored) == valid()).await;
        service.shutdown(AT_MOST).await.unwrap();
        full.release();
    } else {
        service.shutdown(AT_MOST).await.unwrap();
    }
    let ledger = Ledger::open_read_only(&disk.join("state")).unwrap().unwrap();
    assert_eq!(verify(&ledger).unwrap().problems, []);
    assert_eq!(ledger.events(Window::default()).count(), valid());
    let left: Vec<_> = std::fs::read_dir(disk.join("state/audit")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
