//! `diagnose` names the cause of every fault that a terminal or its line may have, and a fix for it.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use iclock_sync::diagnose::{self, Cause, Finding, Level};
use iclock_sync::{CommKey, DeviceOptions, Engine, EngineOptions, RunOptions};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use zk_proto::DeviceTime;
use zk_sim::faults::FaultKind;
use zk_sim::{Fault, Person, Profile, Punch, Server, Terminal, TerminalBuilder};

fn terminal(profile: &str, records: usize) -> TerminalBuilder {
    Terminal::builder().profile(Profile::named(profile).unwrap()).records(records).users(40).seed(23)
}

async fn examine(
    terminal: TerminalBuilder,
    fault: Option<&str>,
    change: impl FnOnce(&mut DeviceOptions),
) -> Vec<Finding> {
    let server = Server::start(terminal.build(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    if let Some(fault) = fault {
        server.handle().set_faults(&[Fault::parse(fault).unwrap()]);
    }
    let mut device = DeviceOptions::new("gate", server.addr().ip().to_string());
    (device.port, device.timeout) = (server.addr().port(), Duration::from_secs(3));
    change(&mut device);
    diagnose::terminal(&device, &options()).await
}

fn options() -> EngineOptions {
    let mut options = EngineOptions::default();
    (options.attempts, options.backoff) = (2, Duration::from_millis(10));
    options
}

/// The causes, without those that all is well.
fn causes(found: &[Finding]) -> BTreeSet<Cause> {
    found.iter().filter_map(|finding| finding.cause).collect()
}

#[track_caller]
fn assert_causes(what: &str, found: &[Finding], expected: &[Cause]) {
    assert_eq!(causes(found), expected.iter().copied().collect(), "{what}: {found:#?}");
    for finding in found {
        assert!(!finding.evidence.is_empty(), "{what}: {finding:?}");
        assert_eq!(finding.fix.is_some(), finding.level != Level::Ok, "{what}: {finding:?}");
    }
}

/// Faults under which nothing answers for a while: a short timeout makes the while short.
const SILENT: &[&str] =
    &["silent-connect", "wrong-reply-id", "stall", "stall-at", "stall-packets", "ignore-offsets", "not-ready"];

/// What each fault of the simulator comes to. Those that are not here are of no consequence for a terminal that is
/// read: nothing is found.
const FOUND: &[(&str, &[Cause])] = &[
    ("absurd-frame", &[Cause::NotATerminal]),
    ("absurd-length", &[Cause::BadBytes]),
    ("access-panel", &[Cause::AccessPanel]),
    ("bad-checksum", &[Cause::UsersUnreadable, Cause::ReadAgain]),
    ("bad-data-checksum", &[Cause::UsersUnreadable, Cause::ReadAgain]),
    ("busy", &[Cause::TerminalBusy]),
    ("clock-off", &[Cause::ClockOff]),
    ("count-larger", &[Cause::CountOff, Cause::ReadAgain]),
    ("count-smaller", &[Cause::CountOff, Cause::ReadAgain]),
    ("count-zero", &[Cause::CountZero, Cause::ReadAgain]),
    ("counted-garbage", &[Cause::StrayBytes]),
    ("cut-head", &[Cause::LogCutShort]),
    ("cut-head-filled", &[Cause::LogUnknown]),
    ("cut-head-sized", &[Cause::LogUnknown]),
    ("cut-users", &[Cause::UsersUnreadable]),
    ("damaged-patch", &[Cause::LogDamaged]),
    ("drop-after", &[Cause::UsersUnreadable, Cause::LineBreaks]),
    ("empty-command", &[Cause::ClockMissing]),
    ("empty-options", &[Cause::NoSerial]),
    ("empty-user-ids", &[Cause::EmptyUserIds]),
    ("future-dates", &[Cause::FutureDates]),
    ("garbled-user-ids", &[Cause::GarbledIds]),
    ("hang-up-at", &[Cause::ClockMissing]),
    ("ignore-command", &[Cause::ClockMissing]),
    ("ignore-offsets", &[Cause::Stalls]),
    ("impossible-dates", &[Cause::ImpossibleDates]),
    ("key-mid-session", &[Cause::SessionLost]),
    ("lose-session", &[Cause::NoSerial, Cause::CountMissing, Cause::ClockMissing, Cause::SessionLost]),
    ("no-data", &[Cause::LogRefused]),
    ("not-ready", &[Cause::Stalls]),
    ("option-code", &[Cause::NoSerial]),
    ("refuse-all", &[Cause::RefusesAll]),
    ("refuse-command", &[Cause::ClockMissing]),
    ("refuse-log", &[Cause::LogRefused]),
    ("reset-dates", &[Cause::ResetDates]),
    ("secure", &[Cause::SecureFirmware]),
    ("silent-connect", &[Cause::SessionSilent]),
    ("sizes-length", &[Cause::CountMissing, Cause::ReadAgain]),
    ("stall", &[Cause::Stalls]),
    ("stall-at", &[Cause::Stalls]),
    ("stall-packets", &[Cause::CountMissing, Cause::Stalls]),
    ("trailing-garbage", &[Cause::StrayBytes]),
    ("wrong-reply-id", &[Cause::SessionSilent]),
    ("zeroed-users", &[Cause::UsersDeleted]),
];

#[tokio::test]
async fn every_fault_of_the_simulator_has_its_cause() {
    let expected: BTreeMap<&str, &[Cause]> = FOUND.iter().copied().collect();
    assert!(expected.keys().all(|name| FaultKind::ALL.iter().any(|kind| kind.name() == *name)));
    let (mut all, few) = (JoinSet::new(), Arc::new(Semaphore::new(12)));
    for kind in FaultKind::ALL {
        let (name, few) = (kind.name(), Arc::clone(&few));
        all.spawn(async move {
            let _one_of_few = few.acquire_owned().await;
            let is_silent = SILENT.contains(&name);
            let timeout = Duration::from_millis(if is_silent { 500 } else { 3000 });
            let found = examine(terminal("tft40", 300), Some(name), |device| device.timeout = timeout);
            (name, tokio::time::timeout(Duration::from_secs(90), found).await.expect(name))
        });
    }
    for (name, found) in all.join_all().await {
        assert_causes(name, &found, expected.get(name).copied().unwrap_or_default());
    }
}

#[tokio::test]
async fn what_is_outside_of_the_terminal_is_named_first() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let of = |host: &str, port: u16| {
        let mut device = DeviceOptions::new("gate", host);
        (device.port, device.timeout) = (port, Duration::from_secs(1));
        device.transport = iclock_sync::Transport::Tcp;
        device
    };
    assert_causes("a name", &diagnose::terminal(&of("gate.invalid", 4370), &options()).await, &[Cause::NameUnknown]);
    assert_causes("a port", &diagnose::terminal(&of("127.0.0.1", closed), &options()).await, &[Cause::PortClosed]);
    let keyed = || terminal("tft40", 20).key(4711);
    assert_causes("no key", &examine(keyed(), None, |_| {}).await, &[Cause::KeyMissing]);
    let wrong = |device: &mut DeviceOptions| device.comm_key = Some(CommKey::new(1));
    assert_causes("a wrong key", &examine(keyed(), None, wrong).await, &[Cause::KeyWrong]);
    let other = |device: &mut DeviceOptions| device.serial = Some("OTHER".to_owned());
    assert_causes("another", &examine(terminal("tft40", 20), None, other).await, &[Cause::WrongTerminal]);
    let well = examine(terminal("tft40", 20), None, |_| {}).await;
    assert_causes("a healthy one", &well, &[]);
    assert!(well.len() >= 7, "it says what is well: {well:#?}");
    assert_causes("an empty log", &examine(terminal("tft40", 0), None, |_| {}).await, &[Cause::EmptyLog]);
}

fn punches(ids: &[&str], states: &[u8], from: DeviceTime) -> Vec<Punch> {
    let punch = |(n, id): (usize, &&str)| {
        let time = DeviceTime(from.0 + n as u32 * 37 * 60);
        Punch::new(n as u16 % 30 + 1, id, time, states[n % states.len()], 1)
    };
    ids.iter().enumerate().map(punch).collect()
}

/// A terminal of 30 people, 1001 to 1030, with these punches.
fn with(punches: Vec<Punch>) -> TerminalBuilder {
    let person = |n: u16| Person { uid: n + 1, user_id: (1001 + n).to_string().into(), name: "x".into(), privilege: 0 };
    terminal("tft40", 0).people((0..30).map(person).collect()).punches(punches)
}

#[tokio::test]
async fn every_case_from_the_field_has_its_cause() {
    let day = DeviceTime::new(2025, 5, 1, 7, 0, 0).unwrap();
    let known: Vec<String> = (0..60).map(|n| (1001 + n % 30).to_string()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();

    let found = examine(with(punches(&known, &[15, 16], day)), None, |_| {}).await;
    assert_causes("states of function keys", &found, &[Cause::UnknownStates]);

    for (fault, cause) in [
        ("count-larger=5", Cause::CountOff),
        ("count-smaller=5", Cause::CountOff),
        ("sizes-length=4", Cause::CountMissing),
    ] {
        let found = examine(terminal("tft40-uid", 300), Some(fault), |_| {}).await;
        assert!(causes(&found).contains(&cause), "{fault}: {found:#?}");
        assert!(found.iter().all(|finding| !finding.is_problem()), "{fault}: {found:#?}");
    }

    let letters = vec!["NB2401004"; 60];
    let found = examine(with(punches(&letters, &[0, 1], day)), None, |_| {}).await;
    assert_causes("letters in ids", &found, &[Cause::LettersInIds]);
    let letters = found.iter().find(|finding| finding.cause == Some(Cause::LettersInIds)).unwrap();
    assert!(letters.fix.as_deref().unwrap().contains("non_numeric_user_id = \"accept\""), "{letters:?}");
    assert!(letters.evidence.contains("NB2401004"), "{letters:?}");

    let mut of_reset = punches(&known, &[0, 1], day);
    of_reset.extend(punches(&known[..10], &[0], DeviceTime::new(2000, 6, 1, 0, 0, 0).unwrap()));
    // Ten dates in a row of another year may be bytes of other fields, until a second reading shows the same.
    let found = examine(with(of_reset), None, |_| {}).await;
    assert_causes("a reset clock", &found, &[Cause::ReadAgain, Cause::ResetDates]);

    let found = examine(terminal("tft40", 400), Some("damaged-patch=130@200"), |_| {}).await;
    assert_causes("a damaged patch", &found, &[Cause::LogDamaged]);
    assert!(
        found.iter().any(|finding| finding.fix.as_deref().is_some_and(|fix| fix.contains("accept its good records")))
    );

    let found = examine(terminal("tft40", 60), Some("clock-off=-5h"), |_| {}).await;
    assert_causes("another zone", &found, &[Cause::ZoneOff]);
}

#[tokio::test]
async fn a_state_directory_shows_what_is_wrong_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    assert_causes("none yet", &diagnose::state(&state), &[Cause::StateNew]);

    let bad = terminal("tft40", 400).fault(Fault::parse("empty-user-ids=10").unwrap());
    let server = Server::start(bad.build(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut device = DeviceOptions::new("gate", server.addr().ip().to_string());
    device.port = server.addr().port();
    let engine = Engine::builder(&state).device(device).build().unwrap();
    engine.run(&RunOptions::default(), &iclock_sync::CancellationToken::new()).await.unwrap();
    let found = diagnose::state(&state);
    assert_causes("records wait", &found, &[Cause::QuarantineWaits]);
    drop(engine);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
        let found = diagnose::state(&state);
        assert!(causes(&found).contains(&Cause::StateOpen), "{found:#?}");
    }
    std::fs::write(state.join("ledger.sqlite"), "no database".repeat(1000)).unwrap();
    let found = diagnose::state(&state);
    assert!(causes(&found).contains(&Cause::LedgerDamaged), "{found:#?}");
}

#[tokio::test]
async fn a_sink_shows_what_is_wrong_with_it() {
    let sink = attendance_model::MemorySink::new("db");
    assert_causes("a sound sink", &diagnose::sink(&sink, Duration::from_secs(1)).await, &[]);
}

#[test]
fn each_cause_has_its_own_word_and_a_fix() {
    let words: BTreeSet<&str> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
    assert_eq!(words.len(), Cause::ALL.len());
    for cause in Cause::ALL {
        assert!(cause.fix().len() > 10 && !cause.fix().ends_with('.') && !cause.title().ends_with('.'), "{cause:?}");
        assert!(!cause.fix().contains("iclock-cli") && !cause.fix().contains("--"), "{cause:?} names a command");
        assert_ne!(cause.level(), Level::Ok);
    }
}
