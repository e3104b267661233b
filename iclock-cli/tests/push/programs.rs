//! `serve --listen` and `access`: programs ask over HTTP, with tokens that are made and revoked meanwhile.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::common::World;
use crate::serving::{AT_MOST, SERIAL, Serving, configure, until};

/// The address at which programs may call.
pub(crate) fn address(serving: &Serving) -> SocketAddr {
    let place = || {
        let said = serving.said();
        let (_, rest) = said.split_once("programs may call http://")?;
        rest.split('/').next()?.parse().ok()
    };
    until("programs may call", || place().is_some());
    place().unwrap()
}

/// The status and the body of an answer.
fn ask(address: SocketAddr, line: &str, token: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(AT_MOST)).unwrap();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn create(world: &World, arguments: &[&str]) -> String {
    let made = world.cli(&[&["access", "create"], arguments].concat()).ended(0);
    made.stdout.trim_end().to_owned()
}

#[test]
fn a_program_with_a_token_sees_what_was_pushed_until_the_token_is_revoked() {
    let world = World::new();
    configure(&world, "");
    let serving = Serving::start(&world, &["--listen", "127.0.0.1:0"]);
    let address = address(&serving);
    until("it says how to get in", || serving.said().contains("/welcome#link=iln_"));
    assert_eq!(ask(address, "GET /api/v1/events", "").0, 401);
    let token = create(&world, &["board"]);
    assert!(serving.upload(SERIAL, "7\t2026-03-01 08:00:00\t0\t1\n").unwrap().ends_with("OK: 1"));
    let (status, body) = ask(address, "GET /api/v1/events", &token);
    let events: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &events["events"][0]["user_id"], &events["events"][0]["source"]),
        (200, &"7".into(), &"push".into())
    );
    let listed = world.cli(&["access", "list", "--json"]).ended(0).stdout;
    let entries: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [account, entry] = &*entries else { panic!("{listed}") };
    assert!(account["kind"] == "account" && account["has_password"] == false, "the invited administrator: {listed}");
    assert!(
        entry["kind"] == "token"
            && entry["name"] == "board"
            && entry["role"] == "viewer"
            && entry["used_at"].is_string(),
        "{listed}"
    );
    assert!(!listed.contains(&token[4..20]), "it is shown once");
    assert!(world.cli(&["access", "list"]).ended(0).stdout.contains("board"));
    world.cli(&["access", "revoke", "board"]).ended(0);
    assert_eq!(ask(address, "GET /api/v1/events", &token).0, 401);
    assert_eq!(serving.ends("-TERM"), 0);
}

#[test]
fn the_log_has_who_asked_for_what_and_no_secret() {
    let world = World::new();
    configure(&world, "");
    let serving = Serving::start(&world, &["--listen", "127.0.0.1:0", "-v"]);
    let (address, token) = (address(&serving), create(&world, &["board"]));
    assert_eq!(ask(address, "GET /api/v1/events?user=4711", &token).0, 200);
    assert_eq!(ask(address, &format!("GET /events?token={token}"), "ick_made-up").0, 303);
    let line = |what: &str| serving.said().lines().find(|line| line.contains(what)).map(str::to_owned);
    until("both are there", || line("GET /events 303").is_some());
    let asked = line("GET /api/v1/events 200").unwrap();
    assert!(asked.contains("from=127.0.0.1") && asked.contains("by=token board"), "{asked}");
    for secret in [&*token, "ick_", "4711"] {
        assert!(!serving.said().contains(secret), "{secret}: {}", serving.said());
    }
    assert_eq!(serving.ends("-TERM"), 0);
}

#[test]
fn an_operator_admits_a_terminal_that_waits() {
    let world = World::new();
    configure(&world, "");
    let serving = Serving::start(&world, &["--listen", "127.0.0.1:0"]);
    let (address, row) = (address(&serving), "8\t2026-03-01 08:00:00\t0\t1\n");
    let operator = create(&world, &["office", "--role", "operator", "--days", "1"]);
    assert!(serving.upload("NEW", row).unwrap().starts_with("HTTP/1.1 403 "));
    let waits = || {
        let (_, body) = ask(address, "GET /api/v1/pushing", &operator);
        let listed: Value = serde_json::from_str(&body).unwrap();
        listed["pushing"][0]["state"] == "pending" && listed["pushing"][0]["serial"] == "NEW"
    };
    until("it waits", waits);
    assert_eq!(ask(address, "POST /api/v1/pushing/NEW/approve", &operator).0, 202);
    until("it is admitted", || serving.upload("NEW", row).unwrap().ends_with("OK: 1"));
    assert_eq!(ask(address, "POST /api/v1/pushing/NEW/deny", &operator).0, 202);
    until("it is refused", || serving.upload("NEW", row).unwrap().starts_with("HTTP/1.1 403 "));
    assert_eq!(serving.ends("-INT"), 130);
}

#[test]
fn others_are_not_let_near_a_server_for_which_nobody_has_a_token() {
    let world = World::new();
    configure(&world, "");
    let refused = world.cli(&["serve", "--listen", "0.0.0.0:0"]).ended(10);
    assert!(refused.stderr.contains("nobody has a password or a token for it yet"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("iclock-cli access password administrator --role administrator"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_password_that_is_set_before_the_start_lets_others_near() {
    let world = World::new();
    configure(&world, "");
    let set = |password: &str| {
        let mut command = crate::serving::program(&world);
        command.args(["access", "password", "office", "--role", "administrator"]).stdin(std::process::Stdio::piped());
        let mut child =
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        let said = [ended.stdout, ended.stderr].concat();
        (ended.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = set("office\n");
    assert!(code == Some(2) && said.contains("12 to 256 characters"), "{said}");
    let (code, said) = set("twelve letters and more\n");
    assert_eq!((code, &*said), (Some(0), "office may log in as administrator\n"));
    let serving = Serving::start(&world, &["--listen", "0.0.0.0:0"]);
    let address = SocketAddr::from(([127, 0, 0, 1], address(&serving).port()));
    assert_eq!(ask(address, "GET /login", "").0, 200);
    assert!(!serving.said().contains("link="), "somebody has a password");
    assert_eq!(serving.ends("-TERM"), 0);
}

#[test]
fn the_demo_shows_its_dashboard_until_it_is_interrupted() {
    let world = World::new();
    let mut command = crate::serving::program(&world);
    command.args(["demo", "--serve", "--listen", "127.0.0.1:0"]);
    let serving = Serving::start_until(&world, &mut command, "the dashboard is at http://");
    assert_eq!(ask(serving.address, "GET /healthz", "").0, 200);
    until("somebody punches", || world.read("out").lines().filter(|line| line.contains("listening")).count() > 3);
    assert_eq!(serving.ends("-INT"), 130);
}

#[test]
fn a_token_that_nobody_has_seen_does_not_hold_and_names_are_given_once() {
    let world = World::new();
    configure(&world, "");
    create(&world, &["board"]);
    let again = world.cli(&["access", "create", "board"]).ended(80);
    assert!(again.stderr.contains("iclock-cli access revoke board"), "{}", again.stderr);
    world.cli(&["access", "revoke", "nobody"]).ended(2);
    world.cli(&["access", "create", " "]).ended(2);
    let mut unseen = crate::serving::program(&world);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = unseen.args(["access", "create", "unseen"]).stdout(full).output().unwrap();
    assert_ne!(ended.status.code(), Some(0));
    let listed = world.cli(&["access", "list"]).ended(0).stdout;
    assert!(listed.contains("board") && !listed.contains("unseen"), "{listed}");
}

#[test]
fn a_program_for_biotime_reads_what_was_pushed_if_it_is_switched_on() {
    for is_on in [false, true] {
        let world = World::new();
        configure(&world, &format!("[server]\nbiotime = {is_on}\n"));
        let serving = Serving::start(&world, &["--listen", "127.0.0.1:0"]);
        let (address, token) = (address(&serving), create(&world, &["payroll"]));
        assert!(serving.upload(SERIAL, "7\t2026-03-01 08:00:00\t0\t4\n").unwrap().ends_with("OK: 1"));
        let (status, body) = ask(address, "GET /iclock/api/transactions/", &token);
        if is_on {
            let page: Value = serde_json::from_str(&body).unwrap();
            let punch = &page["data"][0];
            assert_eq!((status, &page["count"], &punch["emp_code"]), (200, &1.into(), &"7".into()));
            assert_eq!(
                (&punch["punch_time"], &punch["punch_state_display"], &punch["verify_type_display"]),
                (&"2026-03-01 08:00:00".into(), &"Check In".into(), &"Card".into())
            );
            let terminal: Value = serde_json::from_str(&ask(address, "GET /iclock/api/terminals/", &token).1).unwrap();
            let terminal = &terminal["data"][0];
            assert_eq!((&terminal["sn"], &terminal["state"]), (&SERIAL.into(), &"1".into()));
            assert_eq!(terminal["ip_address"], "127.0.0.1");
        } else {
            assert_eq!(status, 404);
        }
        assert_eq!(serving.ends("-TERM"), 0);
    }
}
