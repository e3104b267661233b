//! `sync --loop` as a service: it is watched, read from outside, and reads its configuration again.

#![cfg(unix)]

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::World;
use serde_json::Value;
use zk_sim::{Server, Terminal, TerminalBuilder};

/// The longest that anything in these tests takes, on a machine that has other work.
const AT_MOST: Duration = Duration::from_secs(30);

/// A service that a test runs.
struct Running(Child);

impl Running {
    fn start(world: &World, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
        command.arg("sync").args(args).current_dir(world.path()).envs(env.iter().copied());
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap().success());
    }

    fn ends(mut self) -> i32 {
        self.signal("-TERM");
        self.0.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < AT_MOST, "not within {AT_MOST:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn terminal(serial: &str, records: usize) -> TerminalBuilder {
    Terminal::builder().records(records).users(3).seed(9).serial(serial)
}

fn write_config(world: &World, devices: &[(&str, &Server)], extra: &str) {
    let mut text = format!("state_dir = \"state\"\ninterval = \"1h\"\n{extra}\n");
    for (name, server) in devices {
        text.push_str(&format!(
            "[[device]]\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {}\n",
            server.addr().port()
        ));
    }
    text.push_str("[[sink]]\nname = \"db\"\nurl = \"sqlite:att.db\"\n");
    std::fs::write(world.path().join("iclock.toml"), text).unwrap();
}

fn stored(world: &World) -> usize {
    // The table appears with the first delivery.
    let Ok(db) = rusqlite::Connection::open(world.path().join("att.db")) else { return 0 };
    db.query_row("SELECT count(*) FROM attendance_events", (), |row| row.get::<_, u32>(0)).unwrap_or(0) as usize
}

#[test]
fn a_reload_takes_over_a_changed_configuration_and_leaves_the_service_alone_if_it_is_wrong() {
    let world = World::new();
    let (one, two) = (world.serve(terminal("SN1", 20)), world.serve(terminal("SN2", 30)));
    write_config(&world, &[("one", &one)], "");
    let mut service = Running::start(&world, &["--loop", "--json"], &[]);
    let mut log = BufReader::new(service.0.stderr.take().unwrap()).lines();
    until("the first terminal is stored", || stored(&world) == 20);
    let sessions = |server: &Server| {
        let received = server.handle().received();
        received.iter().filter(|received| received.command == zk_proto::Command::CONNECT).count()
    };
    let before = sessions(&one);

    let mut logged = |part: &str| log.find(|line| line.as_ref().unwrap().contains(part)).expect(part).unwrap();
    std::fs::write(world.path().join("iclock.toml"), "intervall = \"5m\"\n").unwrap();
    service.signal("-HUP");
    let line = logged("nothing was changed");
    assert!(line.contains("intervall") && line.contains("interval"), "{line}");

    // A file that is half written names nobody.
    std::fs::write(world.path().join("iclock.toml"), "").unwrap();
    service.signal("-HUP");
    let line = logged("nothing was changed");
    assert!(line.contains("no terminal is configured"), "{line}");

    write_config(&world, &[("one", &one), ("two", &two)], "");
    // The way without signals.
    std::fs::write(world.path().join("state/reload"), "").unwrap();
    let line = logged("was read again");
    assert!(line.contains("started: two") && line.contains("stopped: none"), "{line}");
    until("the second terminal is stored", || stored(&world) == 50);
    assert!(!world.path().join("state/reload").exists());
    assert_eq!(sessions(&one), before, "a terminal that did not change has no new session");

    write_config(&world, &[("two", &two)], "");
    service.signal("-HUP");
    assert!(logged("was read again").contains("stopped: one"));
    assert_eq!(service.ends(), 0);
}

#[test]
fn the_health_of_a_service_is_told_by_its_exit_code_and_the_metrics_are_in_their_file() {
    let world = World::new();
    let one = world.serve(terminal("SN1", 20));
    world.cli(&["health", "--state", "state"]).ended(60);
    write_config(&world, &[("one", &one)], "metrics_file = \"metrics.txt\"");
    let service = Running::start(&world, &["--loop"], &[]);
    let metrics = || std::fs::read_to_string(world.path().join("metrics.txt")).unwrap_or_default();
    until("it is polled, and says so", || metrics().contains("iclock_terminal_polls_total{terminal=\"one\"} 1.0"));
    assert!(metrics().contains("iclock_sink_pending{sink=\"db\"} 0.0"), "{}", metrics());
    assert!(metrics().ends_with("# EOF\n"));
    let well = world.cli(&["health"]);
    assert!(well.stdout.contains("well: 1 terminal, 1 sink"), "{}", well.stdout);
    well.ended(0);
    let json = world.cli(&["health", "--json"]);
    let health: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(health["status"]["terminals"]["one"]["new"], 20);
    assert_eq!(health["process"], service.0.id());

    // One that hangs is told from one that is well by the age of its file.
    service.signal("-STOP");
    let file = world.path().join("state/health.json");
    let mut old: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    old["status"]["at"] = "2026-01-01T00:00:00Z".into();
    std::fs::write(&file, old.to_string()).unwrap();
    let silent = world.cli(&["health"]);
    assert!(silent.stdout.contains("has not been heard of"), "{}", silent.stdout);
    silent.ended(60);
    service.signal("-CONT");
    assert_eq!(service.ends(), 0);
    assert!(!file.exists(), "a service that has ended takes its file away");
}

/// The lines that people read.
fn lines(service: &mut Running) -> impl Iterator<Item = String> + use<> {
    BufReader::new(service.0.stdout.take().unwrap()).lines().map(Result::unwrap)
}

/// The next line with this text; it begins with a date, or with the time of a punch.
fn dated(lines: &mut impl Iterator<Item = String>, part: &str) -> String {
    let line = lines.find(|line| line.contains(part)).expect(part);
    let date = line.get(..19).and_then(|date| chrono::NaiveDateTime::parse_from_str(date, "%Y-%m-%d %H:%M:%S").ok());
    assert!(date.is_some() && line.get(19..21) == Some("  "), "{line}");
    line
}

#[test]
fn people_read_a_dated_line_for_each_poll_with_the_next_one() {
    let world = World::new();
    let (one, two) = (world.serve(terminal("SN1", 40)), world.serve(terminal("SN2", 1)));
    write_config(&world, &[("one", &one), ("number-two", &two)], "");
    let mut service = Running::start(&world, &["--loop", "1s"], &[]);
    let mut lines = lines(&mut service);
    let line = dated(&mut lines, "one         40 new, 40 records on the terminal; next poll ");
    assert!(line.chars().count() <= 120 && !line.contains("FAILED"), "{line}");
    dated(&mut lines, "one         nothing new, 40 records on the terminal; next poll ");
    let punch = one.handle().punch_now().unwrap();
    let line = dated(&mut lines, &format!("one         {}", punch.user_id));
    assert!(line.starts_with(&punch.time.to_string()), "{line}");
    dated(&mut lines, "one         1 new, 41 records on the terminal; next poll ");
    drop(two);
    let line = dated(&mut lines, "number-two  FAILED: ");
    assert!(line.contains("cannot connect to ") && line.contains("; next poll "), "{line}");
    service.signal("-INT");
    let rest: Vec<String> = lines.collect();
    assert!(rest.iter().all(|line| !line.contains("interrupted")), "{rest:?}");
    assert_eq!(service.0.wait().unwrap().code(), Some(130));
}

#[test]
fn live_a_punch_has_a_line_with_the_name_of_the_person() {
    let world = World::new();
    let one = world.serve(terminal("SN1", 40));
    write_config(&world, &[("one", &one)], "names = true");
    let mut service = Running::start(&world, &["--live"], &[]);
    let mut lines = lines(&mut service);
    dated(&mut lines, "one  40 new, 40 records on the terminal; listening, next poll ");
    let names = one.handle().inspect(|terminal| terminal.users().to_vec());
    let punch = one.handle().punch_now().unwrap();
    let user = names.iter().find(|user| user.uid.0 == punch.uid).unwrap();
    let line = dated(&mut lines, &format!("one  {:8}  {}", punch.user_id, user.name_text(Default::default())));
    assert!(line.chars().count() <= 80, "{line}");
    dated(&mut lines, "one  1 new, 41 records on the terminal; listening, next poll ");
    assert_eq!(service.ends(), 0);
}

#[test]
fn a_sink_that_fails_and_works_again_says_so_once() {
    let world = World::new();
    let one = world.serve(terminal("SN1", 40));
    write_config(&world, &[("one", &one)], "max_new = 10");
    let mut service = Running::start(&world, &["--loop", "1s"], &[]);
    let mut lines = lines(&mut service);
    let line = dated(&mut lines, "db   STOPPED, 40 pending: ");
    assert!(line.contains("--force"), "{line}");
    write_config(&world, &[("one", &one)], "");
    service.signal("-HUP");
    dated(&mut lines, "db   works again: 40 stored, 0 pending");
    assert_eq!(service.ends(), 0);
}

#[test]
fn a_loop_of_dry_runs_says_what_would_be_sent_and_when_the_next_one_is() {
    let world = World::new();
    let one = world.serve(terminal("SN1", 1));
    write_config(&world, &[("one", &one)], "");
    let mut service = Running::start(&world, &["--loop", "1s", "--dry-run"], &[]);
    let mut lines = lines(&mut service);
    dated(&mut lines, "one  1 new, 1 record on the terminal");
    dated(&mut lines, "db   1 event would be sent");
    dated(&mut lines, "next dry run ");
    dated(&mut lines, "one  1 new");
    assert_eq!(service.ends(), 0);
}

#[test]
fn old_events_shrink_in_a_loop_and_a_replay_says_that_they_stay_behind() {
    let world = World::new();
    let one = world.serve(terminal("SN1", 40));
    write_config(&world, &[("one", &one)], "");
    world.cli(&["sync"]).ended(0);
    let ledger = || rusqlite::Connection::open(world.path().join("state/ledger.sqlite")).unwrap();
    ledger().execute("UPDATE readings SET read_at = read_at - 86400 * 365", ()).unwrap();
    let config = std::fs::read_to_string(world.path().join("iclock.toml")).unwrap();
    std::fs::write(world.path().join("iclock.toml"), config + "[retention]\nevents = \"300d\"\n").unwrap();
    let service = Running::start(&world, &["--loop"], &[]);
    let shrunk = || ledger().query_row("SELECT count(*) FROM shrunk", (), |row| row.get::<_, u32>(0)).unwrap();
    until("they shrink", || shrunk() == 24);
    assert_eq!(service.ends(), 0);
    std::fs::remove_file(world.path().join("att.db")).unwrap();
    let replay = world.cli(&["replay", "--sink", "db"]);
    assert!(replay.stderr.contains("24 old events, up to") && replay.stderr.contains("sent again"), "{replay:?}");
    assert_eq!((replay.ended(0).code, stored(&world)), (0, 16));
}

#[test]
fn a_terminal_that_fails_longer_than_the_grace_is_named() {
    let world = World::new();
    let gone = world.serve(terminal("SN1", 20));
    write_config(&world, &[("gone", &gone)], "");
    drop(gone);
    let service = Running::start(&world, &["--loop", "1s"], &[]);
    let health = || std::fs::read_to_string(world.path().join("state/health.json")).unwrap_or_default();
    until("the failure is in the file", || health().contains("\"error\":{\"kind\":\"unreachable\""));
    world.cli(&["health", "--grace", "1h"]).ended(0);
    let failed = world.cli(&["health", "--grace", "0s"]);
    assert!(failed.stdout.contains("terminal gone: "), "{}", failed.stdout);
    failed.ended(20);
    assert_eq!(service.ends(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn systemd_is_told_that_the_service_is_ready_alive_and_stopping() {
    let world = World::new();
    let one = world.serve(terminal("SN1", 20));
    write_config(&world, &[("one", &one)], "");
    let path = world.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(AT_MOST)).unwrap();
    let env = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "600000")];
    let service = Running::start(&world, &["--loop"], &env);
    let heard = |wanted: &str| {
        let mut buffer = [0; 4096];
        loop {
            let length = socket.recv(&mut buffer).expect(wanted);
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == wanted) {
                return;
            }
        }
    };
    for wanted in ["READY=1", "WATCHDOG=1", "WATCHDOG=1"] {
        heard(wanted);
    }
    service.signal("-HUP");
    for wanted in ["RELOADING=1", "READY=1"] {
        heard(wanted);
    }
    service.signal("-TERM");
    heard("STOPPING=1");
}

#[test]
fn a_warning_of_a_loop_has_its_time_and_one_of_a_single_run_has_none() {
    let world = World::new();
    let one = world.serve(terminal("SN1", 20).key(77));
    let text = format!(
        "state_dir = \"state\"\n[[device]]\nhost = \"127.0.0.1\"\nport = {}\ncomm_key = \"77\"\n\
         [[sink]]\nurl = \"sqlite:att.db\"\n",
        one.addr().port()
    );
    std::fs::write(world.path().join("iclock.toml"), text).unwrap();
    let mut service = Running::start(&world, &["--loop", "1h"], &[]);
    let mut log = BufReader::new(service.0.stderr.take().unwrap()).lines();
    let line = log.next().unwrap().unwrap();
    let (time, warning) = line.split_at(19);
    assert!(chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").is_ok(), "{line}");
    assert!(warning.trim_start().starts_with("WARN ") && warning.contains("plain text"), "{line}");
    until("its punches are stored", || stored(&world) == 20);
    assert_eq!(service.ends(), 0);
    let once = world.cli(&["sync"]).ended(0).stderr;
    assert!(once.trim_start().starts_with("WARN "), "{once}");
}

#[test]
fn a_clock_that_is_off_is_told_once_to_the_program_of_alerts_and_not_again_after_a_restart() {
    let world = World::new();
    let gate = world.serve(terminal("SN1", 5));
    gate.handle().move_clock(chrono::TimeDelta::minutes(-30));
    let alerts = "[alerts]\ncommand = \"\"\"sh -c '(echo \"$ICLOCK_ALERT\"; cat) >> told'\"\"\"\n";
    write_config(&world, &[("gate", &gate)], alerts);
    let told = || std::fs::read_to_string(world.path().join("told")).unwrap_or_default();
    let running = Running::start(&world, &["--loop"], &[]);
    until("it is told", || told().contains("terminal gate: its clock is 1") && told().contains(" s behind; set it"));
    until("it is kept", || {
        let book = std::fs::read_to_string(world.path().join("state/alerts.json")).unwrap_or_default();
        book.contains("\"waiting\":[]") && book.contains(" s behind")
    });
    assert_eq!(running.ends(), 0);
    let running = Running::start(&world, &["--loop"], &[]);
    until("it has polled", || {
        let health = std::fs::read_to_string(world.path().join("state/health.json")).unwrap_or_default();
        health.contains("\"polls\":1,")
    });
    assert_eq!(running.ends(), 0);
    assert_eq!(told().matches("iclock: 1 new problem").count(), 1, "{}", told());
    assert_eq!(world.cli(&["alert", "test"]).ended(0).stdout, "command: a message went out\n");
    assert!(told().contains("iclock: a test, nothing is wrong\nAlerts of this program arrive here.\n"));
    write_config(&world, &[("gate", &gate)], "[alerts]\ncommand = \"sh -c 'exit 3'\"\n");
    assert!(world.cli(&["alert", "test"]).ended(30).stdout.contains("3"));
}
