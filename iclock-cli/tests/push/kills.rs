//! `serve` is killed by `kill -9` when it has read a request, before and after the commit, before the answer, and at
//! any other instant. Nothing that was acknowledged is missing afterwards, nothing is there twice, and no batch is
//! there in part.
//!
//! `KILLS` sets the number of kills, and `KILL_SEED` where they strike: the same seed strikes at the same points.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use iclock_sync::CrashPoint;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::common::{World, lines};
use crate::serving::{SERIAL, Serving, configure, program, until, upload};
use crate::stored;

/// The kills of a plain test run.
const KILLS: u32 = 25;

/// Where it is killed; `None` is any instant.
const POINTS: [Option<CrashPoint>; 5] = [
    Some(CrashPoint::Parsed),
    Some(CrashPoint::BeforeCommit("record events")),
    Some(CrashPoint::AfterCommit("record events")),
    Some(CrashPoint::BeforeAnswer),
    None,
];

/// The n-th batch of a terminal: four punches, and a line that is none.
fn batch(n: u32) -> (String, BTreeSet<(String, String)>, String) {
    let time = |second: u32| format!("2026-03-{:02} {:02}:{:02}:{second:02}", 1 + n / 1_440, n / 60 % 24, n % 60);
    let punches: Vec<(String, String)> = (0..4).map(|row| (format!("{:03}", 1 + n % 9), time(row))).collect();
    let bad = format!("damaged {n}");
    let mut rows: Vec<String> = punches.iter().map(|(id, time)| format!("{id}\t{time}\t0\t1\t0\t0\t0\n")).collect();
    rows.insert(2, format!("{bad}\n"));
    (rows.concat(), punches.into_iter().collect(), bad)
}

/// Sends batches in their order until one is not acknowledged, forty at most. Returns the number of the next one.
fn send(address: std::net::SocketAddr, from: u32) -> u32 {
    let is_stored = |n: &u32| upload(address, SERIAL, &batch(*n).0).is_some_and(|answer| answer.ends_with("OK: 5"));
    from + (from..from + 40).take_while(is_stored).count() as u32
}

#[test]
fn nothing_that_was_acknowledged_is_missing_after_kills_at_parse_commit_answer_and_any_instant() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let (kills, seed) = (number("KILLS").unwrap_or(KILLS), u64::from(number("KILL_SEED").unwrap_or(7)));
    let world = World::new();
    configure(&world, "");
    let (mut random, held) = (StdRng::seed_from_u64(seed), world.path().join("held"));
    let (mut next, mut struck, mut unanswered) = (0, BTreeMap::<Option<CrashPoint>, u32>::new(), 0);
    for round in 0..kills {
        let (point, passes) = (POINTS[random.random_range(0..POINTS.len())], random.random_range(0..8));
        let after = Duration::from_micros(random.random_range(0..80_000));
        let at = format!("seed {seed}, kill {round} at {point:?} after {passes} or {after:?}");
        let mut command = program(&world);
        command.args(["serve", "--push", "127.0.0.1:0"]);
        if let Some(point) = point {
            command.env("CHAOS_HOLD", format!("{} {passes} {point}", held.display()));
        }
        let serving = Serving::start_command(&world, &mut command);
        let (address, begin) = (serving.address, next);
        let terminal = std::thread::spawn(move || send(address, begin));
        match point {
            Some(_) => until(&at, || held.exists()),
            None => std::thread::sleep(after),
        }
        // This is `kill -9`.
        drop(serving);
        next = terminal.join().unwrap();
        let _ = std::fs::remove_file(&held);
        *struck.entry(point).or_default() += 1;
        // What was acknowledged is in the ledger, whatever came after.
        let ledger = iclock_sync::Ledger::open_read_only(&world.path().join("state")).unwrap().unwrap();
        let entered = ledger.event_count().unwrap();
        assert!(entered >= u64::from(next) * 4, "{entered} events of {next} batches: {at}");
        assert_eq!(entered % 4, 0, "a batch enters whole: {at}");
        match point {
            Some(CrashPoint::Parsed | CrashPoint::BeforeCommit(_)) => assert!(next < begin + 8, "{at}"),
            Some(_) => assert!(entered > u64::from(next) * 4, "one is durable, and nobody was told: {at}"),
            None => {}
        }
        unanswered += u32::from(entered > u64::from(next) * 4);
    }
    println!(
        "struck {struck:?}; {next} batches were acknowledged; {unanswered} times one was stored without an answer"
    );
    assert!(kills < 25 || struck.len() == POINTS.len(), "{struck:?}");
    let serving = Serving::start(&world, &[]);
    let last = send(serving.address, next);
    assert_eq!(last, next + 40, "seed {seed}");
    until("all is delivered", || stored(&world).len() == last as usize * 4);
    assert_eq!(serving.ends("-TERM"), 0);
    let expected: BTreeSet<(String, String)> = (0..last).flat_map(|n| batch(n).1).collect();
    assert_eq!(stored(&world), expected, "seed {seed}");
    let waiting = lines(&world.cli(&["quarantine", "list", "--json", "--limit", "100000"]).ended(0).stdout);
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let bad: BTreeSet<String> = (0..last).map(|n| hex(&batch(n).2)).collect();
    let raw: Vec<String> = waiting.iter().map(|record| record["raw"].as_str().unwrap().to_owned()).collect();
    assert_eq!((raw.len(), raw.into_iter().collect::<BTreeSet<_>>()), (bad.len(), bad), "seed {seed}");
}
