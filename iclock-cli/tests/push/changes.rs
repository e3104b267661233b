//! `serve` is killed by `kill -9` while an administrator decides about terminals. Each decision that was acknowledged
//! holds afterwards, and the audit has it.
//!
//! `KILLS` sets the number of kills, and `KILL_SEED` where they strike.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use crate::common::World;
use crate::programs::address;
use crate::serving::{AT_MOST, Serving, configure, until};

/// The kills of a plain test run.
const KILLS: u32 = 10;
/// Decisions between two kills, fewer than a token may send at once.
const AT_ONCE: usize = 150;

/// Asks, and returns the status and the body; `None` without a whole answer.
fn ask(address: SocketAddr, line: &str, token: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(AT_MOST)).ok()?;
    let head =
        format!("{line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Every third terminal is denied.
fn decision(number: usize) -> (&'static str, &'static str) {
    if number.is_multiple_of(3) { ("deny", "denied") } else { ("approve", "approved") }
}

/// Decides about one terminal after the other, until nobody answers. Returns the number of the next one.
fn decide(address: SocketAddr, token: &str, from: usize) -> usize {
    let is_taken = |number: &usize| {
        let line = format!("POST /api/v1/pushing/T{number}/{}", decision(*number).0);
        ask(address, &line, token).is_some_and(|(status, _)| status == 202)
    };
    from + (from..from + AT_ONCE).take_while(is_taken).count()
}

#[test]
fn no_decision_that_was_acknowledged_is_lost_by_a_kill() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let (kills, seed) = (number("KILLS").unwrap_or(KILLS), u64::from(number("KILL_SEED").unwrap_or(7)));
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::new();
    configure(&world, "");
    let made = world.cli(&["access", "create", "office", "--role", "administrator"]).ended(0);
    let token = made.stdout.trim_end().to_owned();
    let (mut next, mut acknowledged) = (0, Vec::new());
    for _ in 0..kills {
        let serving = Serving::start(&world, &["--listen", "127.0.0.1:0"]);
        let (address, token, begin) = (address(&serving), token.clone(), next);
        let operator = std::thread::spawn(move || decide(address, &token, begin));
        std::thread::sleep(Duration::from_micros(random.random_range(0..150_000)));
        // This is `kill -9`.
        drop(serving);
        let reached = operator.join().unwrap();
        acknowledged.extend(begin..reached);
        // The one that was cut off may be in force or not.
        next = reached + 1;
    }
    assert!(acknowledged.len() > usize::try_from(kills).unwrap(), "{}", acknowledged.len());
    let serving = Serving::start(&world, &["--listen", "127.0.0.1:0"]);
    let address = address(&serving);
    let states = || {
        let (_, body) = ask(address, "GET /api/v1/pushing", &token).unwrap();
        let listed: Value = serde_json::from_str(&body).unwrap();
        let each = listed["pushing"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        each.map(|one| (text(&one["serial"]), text(&one["state"]))).collect::<BTreeMap<String, String>>()
    };
    let missing = || {
        let states = states();
        let holds =
            |number: &&usize| states.get(&format!("T{number}")).is_none_or(|state| state != decision(**number).1);
        acknowledged.iter().filter(holds).copied().collect::<Vec<usize>>()
    };
    until("the receiver has taken all decisions", || missing().is_empty());
    let mut ordered = Vec::new();
    let mut before = String::new();
    loop {
        let (_, body) = ask(address, &format!("GET /api/v1/audit/orders?limit=1000{before}"), &token).unwrap();
        let page: Value = serde_json::from_str(&body).unwrap();
        ordered.extend(page["orders"].as_array().unwrap().iter().map(|order| order["of"].as_str().unwrap().to_owned()));
        let Some(line) = page["next"].as_u64() else { break };
        before = format!("&before={line}");
    }
    for number in &acknowledged {
        assert!(ordered.contains(&format!("T{number}")), "T{number} is not in the audit: seed {seed}");
    }
    assert_eq!(serving.ends("-TERM"), 0);
}
