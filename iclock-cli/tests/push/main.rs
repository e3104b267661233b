//! `serve` and `push` as programs: terminals call over HTTP, somebody approves them, and the program is killed at any
//! instant.
#![cfg(all(unix, feature = "sqlite"))]

mod both;
mod changes;
mod chrome;
#[path = "../common/mod.rs"]
mod common;
mod dashboard;
mod full;
mod gaps;
mod kills;
mod private;
mod programs;
mod serving;
mod shown;
mod simulated;
mod start;
mod tls;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use common::{World, lines, terminal};
use serde_json::Value;
use serving::{SERIAL, Serving, configure, until};
use zk_push::SerialNumber;
use zk_sim::push::{PushDevice, PushProfile, Pusher};

/// User id and time of each stored event. None is there twice.
fn stored(world: &World) -> BTreeSet<(String, String)> {
    // The table appears with the first delivery.
    let Ok(database) = rusqlite::Connection::open(world.path().join("att.db")) else { return BTreeSet::new() };
    let Ok(mut rows) = database.prepare("SELECT user_id, local_time FROM attendance_events") else {
        return BTreeSet::new();
    };
    let all: Vec<(String, String)> =
        rows.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    let unique: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!(unique.len(), all.len(), "each once");
    unique
}

#[test]
fn a_configured_terminal_is_stored_and_an_unknown_one_once_somebody_has_approved_it() {
    let world = World::new();
    configure(&world, "");
    let serving = Serving::start(&world, &[]);
    assert!(serving.upload(SERIAL, "7\t2026-03-01 08:00:00\t0\t1\n").unwrap().ends_with("\r\n\r\nOK: 1"));
    assert!(serving.upload("NEW", "8\t2026-03-01 08:00:00\t0\t1\n").unwrap().starts_with("HTTP/1.1 403 "));
    let pending = || world.cli(&["push", "pending", "--json"]).ended(0).stdout;
    until("it waits", || !pending().is_empty());
    let [waiting] = lines(&pending()).try_into().unwrap();
    assert_eq!((&waiting["serial"], &waiting["state"]), (&"NEW".into(), &"pending".into()));
    assert_eq!(waiting["address"], "127.0.0.1");
    let shown = world.cli(&["push", "pending"]).ended(0).stdout;
    assert!(shown.contains("NEW") && shown.contains("iclock-cli push approve NEW"), "{shown}");

    let approved = world.cli(&["push", "approve", "NEW", "--name", "yard"]).ended(0).stdout;
    assert!(approved.contains("NEW is approved"), "{approved}");
    assert!(serving.upload("NEW", "8\t2026-03-01 08:00:00\t0\t1\n").unwrap().ends_with("OK: 1"));
    until("both are stored", || stored(&world).len() == 2);
    assert_eq!(world.cli(&["push", "pending"]).ended(0).stdout, "no terminal waits\n");
    world.cli(&["push", "deny", "NEW"]).ended(0);
    assert!(serving.upload("NEW", "9\t2026-03-01 08:00:00\t0\t1\n").unwrap().starts_with("HTTP/1.1 403 "));
    assert_eq!(serving.ends("-TERM"), 0);
    let said = world.read("out");
    assert!(said.lines().any(|line| line.contains("branch") && line.contains("7")), "{said}");

    let of = rusqlite::Connection::open(world.path().join("att.db")).unwrap();
    let names = "SELECT group_concat(device_name, ',') FROM (SELECT device_name FROM attendance_events ORDER BY 1)";
    assert_eq!(of.query_row(names, (), |row| row.get::<_, String>(0)).unwrap(), "branch,yard");
    // The same without a receiver, straight into the ledger.
    world.cli(&["push", "approve", "NEW"]).ended(0);
    let [known] = lines(&world.cli(&["push", "pending", "--all", "--json"]).ended(0).stdout).try_into().unwrap();
    assert_eq!((&known["state"], &known["name"]), (&"approved".into(), &"yard".into()));
}

#[test]
fn wrong_use_is_refused_before_anything_happens() {
    let world = World::new();
    configure(&world, "");
    let refused = world.cli(&["serve"]).ended(10);
    assert!(refused.stderr.contains("push.listen") && refused.stderr.contains("--push 127.0.0.1:8081"), "{refused:?}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = world.cli(&["serve", "--push", &address]).ended(10);
    assert!(refused.stderr.contains(&format!("cannot listen at {address}")), "{refused:?}");
    assert!(!world.path().join("state").exists());
    world.cli(&["push", "approve", "NEW"]).ended(60);
    assert!(!world.path().join("state").exists());
    world.cli(&["push", "approve", "a/b"]).ended(2);
    for (more, hint) in [
        ("[push]\nlisten = \"8081\"", "127.0.0.1:8081"),
        ("[push]\ntoken = \"short\"", "16 or more"),
        ("[push]\nnetworks = [\"192.0.2.0/33\"]", "no network"),
        ("[[pushing]]\nname = \"x\"", "no serial number"),
        ("[[pushing]]\nserial = \"a/b\"", "no serial number"),
    ] {
        configure(&world, more);
        let refused = world.cli(&["config", "check"]).ended(10);
        assert!(refused.stderr.contains(hint), "{refused:?}");
        assert!(!refused.stderr.contains("short\""), "{refused:?}");
    }
    configure(
        &world,
        "[push]\nlisten = \"127.0.0.1:0\"\ntoken = \"0123456789abcdef\"\nnetworks = [\"192.0.2.7\", \"2001:db8::/32\"]",
    );
    let checked = world.cli(&["config", "check"]).ended(0).stdout;
    assert!(checked.contains(&format!("terminal branch calls by itself, as {SERIAL}")), "{checked}");
    let shown = world.cli(&["config", "show"]).ended(0).stdout;
    assert!(shown.contains("***") && !shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn behind_a_proxy_terminals_are_told_apart_by_the_address_that_it_names() {
    let world = World::new();
    configure(&world, "[push]\nnetworks = [\"192.0.2.0/24\"]\nproxies = [\"127.0.0.1\"]");
    let serving = Serving::start(&world, &[]);
    let row = "7\t2026-03-01 08:00:00\t0\t1\n";
    let from = |serial: &str, address: &str| {
        let mut stream = TcpStream::connect(serving.address).unwrap();
        let head = format!("POST /iclock/cdata?SN={serial}&table=ATTLOG HTTP/1.1\r\nConnection: close\r\n");
        let length = row.len();
        write!(stream, "{head}X-Forwarded-For: {address}\r\nContent-Length: {length}\r\n\r\n{row}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(from(SERIAL, "198.51.100.7").starts_with("HTTP/1.1 403 "));
    assert!(from(SERIAL, "192.0.2.7").ends_with("OK: 1"));
    assert!(from("FAR", "198.51.100.7").starts_with("HTTP/1.1 403 "));
    assert!(from("NEAR", "192.0.2.7").starts_with("HTTP/1.1 403 "));
    let pending = || lines(&world.cli(&["push", "pending", "--json"]).ended(0).stdout);
    until("one waits", || !pending().is_empty());
    let [waiting] = pending().try_into().unwrap();
    assert_eq!((&waiting["serial"], &waiting["address"]), (&"NEAR".into(), &"192.0.2.7".into()));
}

#[test]
fn a_decision_that_nobody_takes_is_withdrawn() {
    let world = World::new();
    configure(&world, "");
    drop(Serving::start(&world, &[]));
    // Another process writes the ledger, and receives nothing.
    let _held = iclock_sync::Ledger::open(&world.path().join("state")).unwrap();
    let refused = world.cli(&["push", "approve", "NEW"]).ended(60);
    assert!(refused.stderr.contains("did not take the decision"), "{refused:?}");
    let left = std::fs::read_dir(world.path().join("state/push-decisions")).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn a_reload_admits_another_terminal_and_ctrl_c_ends_it_cleanly() {
    let world = World::new();
    configure(&world, "");
    let serving = Serving::start(&world, &[]);
    let row = "7\t2026-03-01 08:00:00\t0\t1\n";
    assert!(serving.upload("SN2", row).unwrap().starts_with("HTTP/1.1 403 "));
    configure(&world, "[[pushing]]\nserial = \"SN2\"");
    world.write("state/reload", "");
    until("it is admitted", || serving.upload("SN2", row).unwrap().ends_with("OK: 1"));
    until("it is stored", || stored(&world).len() == 1);
    assert_eq!(serving.ends("-INT"), 130);
}

#[test]
fn a_terminal_is_asked_while_serve_runs_and_its_answer_is_shown() {
    let world = World::new();
    configure(&world, "");
    let serving = Serving::start(&world, &[]);
    let early = world.cli(&["push", "command", SERIAL, "info"]).ended(2);
    assert!(early.stderr.contains("has not pushed anything yet"), "{early:?}");
    let mut device = PushDevice::new(PushProfile::attendance(SerialNumber::new(SERIAL).unwrap()));
    let gate = world.serve(terminal(20).serial(SERIAL));
    gate.handle().records().iter().for_each(|punch| device.punch(punch));
    let mut pusher = Pusher::new(device, serving.address).unwrap().speed(10_000);
    world.runtime.block_on(pusher.run_until_idle());
    assert_eq!(world.cli(&["push", "results"]).ended(0).stdout, "no terminal was given a command\n");
    let asked = world.cli(&["push", "command", SERIAL, "info"]).ended(0).stdout;
    assert!(asked.contains(&format!("push results {SERIAL}")), "{asked}");
    world.cli(&["push", "command", SERIAL, "query-attlog", "2000-01-01", "2100-01-01T00:00"]).ended(0);
    let results = || lines(&world.cli(&["push", "results", SERIAL, "--json"]).ended(0).stdout);
    assert!(results().iter().all(|of| of["state"] == "waits"), "{:?}", results());
    world.runtime.block_on(pusher.run_until_idle());
    let [query, info] = results().try_into().unwrap();
    assert_eq!((&query["state"], &query["code"], &info["code"]), (&"answered".into(), &20.into(), &0.into()));
    let shown = world.cli(&["push", "results"]).ended(0).stdout;
    assert!(shown.contains("done: 20") && shown.contains("~SerialNumber=SN1"), "{shown}");
    until("all is delivered", || stored(&world).len() == 20);
    assert_eq!(serving.ends("-TERM"), 0);
    let audited = lines(&world.cli(&["audit", "push", SERIAL, "--json"]).ended(0).stdout);
    let of = |n: usize| (audited[n]["what"].clone(), audited[n]["words"].clone(), audited[n]["code"].clone());
    assert_eq!(of(0), ("sent".into(), "INFO".into(), Value::Null));
    assert_eq!(of(1), ("sent".into(), "DATA QUERY ATTLOG".into(), Value::Null));
    let codes = [of(2).2, of(3).2];
    assert!(audited.len() == 4 && codes.contains(&0.into()) && codes.contains(&20.into()), "{audited:?}");
    assert!(world.cli(&["audit", "push"]).ended(0).stdout.contains("DATA QUERY ATTLOG"));
    world.cli(&["audit", "verify"]).ended(0);
    // Without a receiver, a command waits for the next one.
    world.cli(&["push", "command", SERIAL, "upload"]).ended(0);
    assert_eq!(results()[0]["state"], "waits");
    world.cli(&["push", "command", SERIAL, "query-attlog", "2026-03-02", "2026-03-01"]).ended(2);
    world.cli(&["push", "command", SERIAL, "query-attlog", "soon", "2026-03-01"]).ended(2);
}

#[test]
fn the_clock_of_a_terminal_for_access_control_is_set_by_a_command_and_what_it_does_not_take_is_explained() {
    let world = World::new();
    configure(&world, "");
    let serving = Serving::start(&world, &[]);
    let mut device = PushDevice::new(PushProfile::access(SerialNumber::new(SERIAL).unwrap()));
    let gate = world.serve(terminal(1).serial(SERIAL));
    gate.handle().records().iter().for_each(|punch| device.punch(punch));
    let mut pusher = Pusher::new(device, serving.address).unwrap().speed(10_000);
    world.runtime.block_on(pusher.run_until_idle());
    let refused = world.cli(&["push", "command", SERIAL, "info"]).ended(2);
    assert!(refused.stderr.contains("access control") && refused.stderr.contains("query-attlog"), "{refused:?}");
    world.cli(&["push", "command", SERIAL, "set-time", "--yes"]).ended(0);
    world.runtime.block_on(pusher.run_until_idle());
    let [command] = pusher.device().executed() else { panic!("{:?}", pusher.device().executed()) };
    assert!(command.starts_with("SET OPTIONS DateTime="), "{command}");
    assert_eq!(serving.ends("-TERM"), 0);
}

#[test]
fn a_terminal_is_changed_with_consent_and_endangered_with_a_permission() {
    let world = World::new();
    configure(&world, "");
    let serving = Serving::start(&world, &[]);
    let mut device = PushDevice::new(PushProfile::attendance(SerialNumber::new(SERIAL).unwrap()));
    let gate = world.serve(terminal(1).serial(SERIAL));
    gate.handle().records().iter().for_each(|punch| device.punch(punch));
    let mut pusher = Pusher::new(device, serving.address).unwrap().speed(10_000);
    world.runtime.block_on(pusher.run_until_idle());
    let command = |more: &[&str]| world.cli(&[&["push", "command", SERIAL], more].concat());
    let unasked = command(&["reboot"]).ended(80);
    assert!(unasked.stderr.contains("Restarts branch (SN1)") && unasked.stderr.contains("--yes"), "{unasked:?}");
    for refused in [&["open-door", "--yes"][..], &["clear", "log", "--yes"], &["raw", "SHELL date", "--yes"]] {
        let refused = command(refused).ended(80);
        assert!(
            refused.stderr.contains("has no permission for") && refused.stderr.contains("permit = ["),
            "{refused:?}"
        );
    }
    command(&["raw", "FORMAT C", "--yes"]).ended(80);
    command(&["raw", "INFO\nC:9:REBOOT"]).ended(2);
    command(&["user", "set", "7", "--name", "Eve\nC:9:REBOOT", "--yes"]).ended(2);
    command(&["user", "set", "7", "--name", "Eve\tPri=14", "--yes"]).ended(2);
    let no_clock = command(&["set-time", "--yes"]).ended(2);
    assert!(no_clock.stderr.contains("have no command for their clocks"), "{no_clock:?}");
    assert!(no_clock.stderr.contains("by the time of every answer"), "{no_clock:?}");
    let none = world.cli(&["push", "results"]).ended(0).stdout;
    assert_eq!(none, "no terminal was given a command\n");

    command(&["user", "set", "7", "--name", "Aminath", "--privilege", "0", "--yes"]).ended(0);
    command(&["options", "set", "VOLUME=5", "--yes"]).ended(0);
    command(&["user", "delete", "8", "--yes", "--quiet"]).ended(0);
    world.runtime.block_on(pusher.run_until_idle());
    let done = ["DATA UPDATE USERINFO PIN=7\tName=Aminath\tPri=0", "SET OPTION VOLUME=5", "DATA DELETE USERINFO PIN=8"];
    assert_eq!(pusher.device().executed(), done);

    // A permission counts once serve has read it.
    let permitted = "[[pushing]]\nserial = \"SN1\"\nname = \"branch\"\npermit = [\"open-door\"]\n";
    world.write("iclock.toml", format!("state_dir = \"state\"\n{permitted}[[sink]]\nurl = \"sqlite:att.db\"\n"));
    let refused = command(&["open-door", "--yes"]).ended(80);
    assert!(refused.stderr.contains("was not taken"), "{refused:?}");
    world.write("state/reload", "");
    until("the permission is known", || command(&["open-door", "--yes"]).code == 0);
    world.runtime.block_on(pusher.run_until_idle());
    assert_eq!(pusher.device().executed().last().unwrap(), "AC_UNLOCK");
    let results = lines(&world.cli(&["push", "results", SERIAL, "--json"]).ended(0).stdout);
    assert!(results.iter().all(|of| of["state"] == "answered" && of["once"] == true), "{results:?}");
    assert_eq!(serving.ends("-TERM"), 0);
    // Nobody hears it, so that it ends with the two minutes of its life.
    command(&["open-door", "--yes"]).ended(0);
    let last = &lines(&world.cli(&["push", "results", "--json"]).ended(0).stdout)[0];
    assert_eq!((&last["state"], &last["sends"]), (&"waits".into(), &0.into()));
}
