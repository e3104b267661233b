//! `diagnose` names causes and fixes. The tables of all faults and cases are those of the command:
//! `iclock-cli/tests/doctor`.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use attendance_model::{
    AttendanceEvent, Capabilities, EventId, IdScheme, MemorySink, Notice, Outcome, Sink, SinkError, SinkErrorKind,
};
use iclock_sync::diagnose::{self, Cause, Finding, Level};
use iclock_sync::{CancellationToken, CommKey, DeviceOptions, Engine, EngineOptions, RunOptions};
use zk_sim::{Fault, Profile, Server, Terminal, TerminalBuilder};

fn terminal(profile: &str, records: usize) -> TerminalBuilder {
    Terminal::builder().profile(Profile::named(profile).unwrap()).records(records).users(40).seed(23)
}

async fn examine(terminal: TerminalBuilder, change: impl FnOnce(&mut DeviceOptions)) -> Vec<Finding> {
    let server = Server::start(terminal.build(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut device = DeviceOptions::new("gate", server.addr().ip().to_string());
    (device.port, device.timeout) = (server.addr().port(), Duration::from_secs(3));
    change(&mut device);
    diagnose::terminal(&device, &options(), &CancellationToken::new()).await
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

#[tokio::test]
async fn what_is_outside_of_the_terminal_is_named_first() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let of = |host: &str, port: u16| {
        let mut device = DeviceOptions::new("gate", host);
        (device.port, device.timeout) = (port, Duration::from_secs(1));
        device.transport = iclock_sync::Transport::Tcp;
        device
    };
    let stop = CancellationToken::new();
    let name = diagnose::terminal(&of("gate.invalid", 4370), &options(), &stop).await;
    assert_causes("a name", &name, &[Cause::NameUnknown]);
    let port = diagnose::terminal(&of("127.0.0.1", closed), &options(), &stop).await;
    assert_causes("a port", &port, &[Cause::PortClosed]);
    let keyed = || terminal("tft40", 20).key(4711);
    assert_causes("no key", &examine(keyed(), |_| {}).await, &[Cause::KeyMissing]);
    let wrong = |device: &mut DeviceOptions| device.comm_key = Some(CommKey::new(1));
    assert_causes("a wrong key", &examine(keyed(), wrong).await, &[Cause::KeyWrong]);
    let other = |device: &mut DeviceOptions| device.serial = Some("OTHER".to_owned());
    assert_causes("another", &examine(terminal("tft40", 20), other).await, &[Cause::WrongTerminal]);
    let well = examine(terminal("tft40", 20), |_| {}).await;
    assert_causes("a healthy one", &well, &[]);
    assert!(well.len() >= 7, "it says what is well: {well:#?}");
    assert_causes("an empty log", &examine(terminal("tft40", 0), |_| {}).await, &[Cause::EmptyLog]);
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
    let sink = MemorySink::new("db");
    assert_causes("a sound sink", &diagnose::sink(&sink, Duration::from_secs(1)).await, &[]);
    for (kind, cause) in [
        (SinkErrorKind::Unreachable, Cause::SinkUnreachable),
        (SinkErrorKind::TimedOut, Cause::SinkSlow),
        (SinkErrorKind::Busy, Cause::SinkBusy),
        (SinkErrorKind::Full, Cause::SinkFull),
        (SinkErrorKind::ReadOnly, Cause::SinkReadOnly),
        (SinkErrorKind::Certificate, Cause::SinkCertificate),
        (SinkErrorKind::Credentials, Cause::SinkCredentials),
        (SinkErrorKind::Rights, Cause::SinkRights),
        (SinkErrorKind::Missing, Cause::SinkMissing),
        (SinkErrorKind::Schema, Cause::SinkSchema),
        (SinkErrorKind::Invalid, Cause::SinkRefuses),
    ] {
        for hint in [None, Some("ask the administrator")] {
            let found = diagnose::sink(&Probed(Probe::Fails(kind, hint)), Duration::from_secs(1)).await;
            assert_causes("a sink that fails", &found, &[cause]);
            assert_eq!(found[0].fix.as_deref(), Some(hint.unwrap_or(cause.fix())), "its own hint goes first");
        }
    }
    let found = diagnose::sink(&Probed(Probe::Hangs), Duration::from_millis(20)).await;
    assert_causes("a sink that hangs", &found, &[Cause::SinkSlow]);
    let found = diagnose::sink(&Probed(Probe::Notes("no index")), Duration::from_secs(1)).await;
    assert_causes("a sink without an index", &found, &[Cause::SinkNotice]);
    assert_eq!((found.len(), &*found[1].evidence), (2, "no index"), "it can be written to all the same");
}

/// The end of a probe.
#[derive(Debug)]
enum Probe {
    Fails(SinkErrorKind, Option<&'static str>),
    Hangs,
    Notes(&'static str),
}

/// A sink that is only probed.
#[derive(Debug)]
struct Probed(Probe);

#[async_trait]
impl Sink for Probed {
    fn name(&self) -> &str {
        "probed"
    }

    fn target(&self) -> String {
        "memory:probed".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(1, IdScheme::Full)
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        match self.0 {
            Probe::Fails(kind, hint) => {
                let error = SinkError::new(kind, "it failed");
                Err(match hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
            Probe::Hangs => std::future::pending().await,
            Probe::Notes(problem) => Ok(vec![Notice::new(problem)]),
        }
    }

    async fn write(&self, _: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        unreachable!("it is only probed")
    }

    async fn lookup(&self, _: &[EventId]) -> Result<Vec<bool>, SinkError> {
        unreachable!("it is only probed")
    }
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
