//! `serve --listen` and `access`: programs ask over HTTP, with tokens that are made and revoked meanwhile.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::common::World;
use crate::serving::{AT_MOST, SERIAL, Serving, configure, until};

/// The address at which programs may call.
fn address(serving: &Serving) -> SocketAddr {
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
    until("it says what is missing", || serving.said().contains("they need a token: iclock-cli access create NAME"));
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
    let entry: Value = serde_json::from_str(&listed).unwrap();
    assert!(entry["name"] == "board" && entry["role"] == "viewer" && entry["used_at"].is_string(), "{listed}");
    assert!(!listed.contains(&token[4..20]), "it is shown once");
    assert!(world.cli(&["access", "list"]).ended(0).stdout.contains("board"));
    world.cli(&["access", "revoke", "board"]).ended(0);
    assert_eq!(ask(address, "GET /api/v1/events", &token).0, 401);
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
    assert!(refused.stderr.contains("nobody has a token for it yet"), "{}", refused.stderr);
    assert!(refused.stderr.contains("iclock-cli access create NAME"), "{}", refused.stderr);
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
