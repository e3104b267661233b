//! `discover`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::{Duration, Instant};

use zk_proto::Command;
use zk_sim::{Profile, Server};

use super::common::{World, terminal};
use super::{interrupt, lines, serve_at, spawn};

/// Serves twenty terminals of three families at addresses of 127.0.`net`.0/24, every fifth over UDP alone.
fn twenty(world: &World, net: u8) -> (Vec<Server>, u16) {
    let (mut servers, mut port) = (Vec::new(), 0);
    for n in 0..20_u8 {
        let name = ["tft40", "bw8", "tft16"][usize::from(n) % 3];
        let mut profile = Profile::named(name).unwrap();
        profile.tcp = n % 5 != 0;
        profile.udp = true;
        let built = terminal(30).profile(profile).serial(&format!("D{n:02}"));
        servers.push(serve_at(world, built, ([127, 0, net, 3 + n * 12], port)));
        port = servers[0].addr().port();
    }
    (servers, port)
}

#[test]
fn twenty_terminals_among_254_addresses_are_found_within_five_seconds_without_flooding() {
    let world = World::new();
    let (servers, port) = twenty(&world, 73);
    let begun = Instant::now();
    let run = world.cli(&["discover", "127.0.73.0/24", "--port", &port.to_string(), "--json"]).ended(0);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(took > Duration::from_millis(1200), "254 addresses at 200 a second: {took:?}");
    assert!(run.stderr.contains("searching 127.0.73.0/24: 254 addresses, 200 a second"), "{}", run.stderr);
    let mut found = lines(&run.stdout);
    found.sort_by_key(|one| one["serial"].to_string());
    assert_eq!(found.len(), 20);
    for (n, (one, server)) in found.iter().zip(&servers).enumerate() {
        assert_eq!(one["serial"], format!("D{n:02}"));
        assert_eq!(one["address"], server.addr().to_string());
        assert_eq!(one["transport"], if n % 5 == 0 { "udp" } else { "tcp" });
        assert_eq!((one["records"].as_u64(), one["users"].as_u64()), (Some(30), Some(50)), "{one}");
        assert!(one["model"].is_string() && one["firmware"].is_string() && one["clock"].is_string(), "{one}");
        assert!(one["clock_drift_s"].as_i64().unwrap().abs() < 5 && one["error"].is_null(), "{one}");
        let stats = server.handle().stats();
        assert_eq!((stats.connections, stats.commands[&Command::EXIT]), (1, 1), "{one}");
    }
}

#[test]
fn people_get_a_table_and_what_cannot_be_asked_is_named_with_what_to_try() {
    let world = World::new();
    let open = serve_at(&world, terminal(1234).serial("OIN7030057123100001"), ([127, 0, 74, 1], 0));
    let port = open.addr().port();
    let keyed = serve_at(&world, terminal(5).serial("SHUT1").key(77), ([127, 0, 74, 2], port));
    world.write(
        "iclock.toml",
        format!(
            "[[device]]\nname = \"gate\"\nhost = \"127.0.74.1\"\nport = {port}\nserial = \"OIN7030057123100001\"\n"
        ),
    );
    let port = port.to_string();
    let run = world.cli(&["discover", "127.0.74.0/29", "--port", &port]).ended(0);
    for part in ["1,234", "right", "gate"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    // What a person copies is not broken, although the table is too wide.
    let whole = format!("127.0.74.1:{port}  OIN7030057123100001");
    assert!(run.stdout.contains(&whole), "{}", run.stdout);
    assert!(!run.stdout.contains("SHUT1") && run.stdout.contains("requires a comm key"), "{}", run.stdout);
    assert!(run.stdout.contains("try: give its key, with --key ENV:NAME"), "{}", run.stdout);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    world.write("key", "77\n");
    let run = world.cli(&["discover", "127.0.74.2", "--port", &port, "--key", "FILE:key", "--json"]).ended(0);
    assert_eq!(lines(&run.stdout)[0]["serial"], "SHUT1");
    drop((open, keyed));
    let run = world.cli(&["discover", "127.0.74.0/30", "--port", &port, "--quiet"]).ended(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("no terminal answered\n", ""));
}

#[test]
fn a_terminal_that_moved_gets_its_new_address_and_comments_stay() {
    let world = World::new();
    let moved = serve_at(&world, terminal(9).serial("MOVED"), ([127, 0, 75, 9], 0));
    let port = moved.addr().port();
    let same = serve_at(&world, terminal(9).serial("STAYS"), ([127, 0, 75, 2], port));
    let front = format!("[[device]] # by the stairs\nname = \"front\"\nhost = \"127.0.75.3\"   # old\nport = {port}\n");
    let back = format!("[[device]]\nname = \"back\"\nhost = \"127.0.75.2\"\nport = {port}\n");
    let text = format!("# ours\nstate_dir = 'state' # here\n\n{front}serial = \"MOVED\"\n\n{back}serial = \"STAYS\"\n");
    world.write("iclock.toml", &text);
    let args = ["discover", "127.0.75.0/28", "--port", &port.to_string()];
    let run = world.cli(&args).ended(0);
    assert!(run.stdout.contains("front, at"), "{run:?}");
    assert_eq!(world.read("iclock.toml"), text, "only --rebind changes it");
    let run = world.cli(&[&args[..], &["--rebind"]].concat()).ended(0);
    let line = format!("front: 127.0.75.3:{port} is now 127.0.75.9:{port}");
    assert!(run.stdout.contains(&line), "{}", run.stdout);
    assert_eq!(world.read("iclock.toml"), text.replace("127.0.75.3", "127.0.75.9"));
    assert!(!world.path().join("iclock.toml.part").exists());
    let run = world.cli(&[&args[..], &["--rebind", "--json"]].concat()).ended(0);
    assert!(run.stderr.contains("no configured terminal was found at another address"), "{}", run.stderr);
    assert_eq!(lines(&run.stdout).len(), 2);
    drop((moved, same));
}

#[test]
fn a_terminal_that_is_known_from_a_sync_alone_is_found_again() {
    let world = World::new();
    let before = serve_at(&world, terminal(9).serial("LEDGER"), ([127, 0, 76, 3], 0));
    let port = before.addr().port();
    let text = format!(
        "[[device]]\nname = \"front\"\nhost = \"127.0.76.3\"\nport = {port}\n[[sink]]\nurl = \"sqlite:att.db\"\n"
    );
    world.write("iclock.toml", &text);
    world.cli(&["sync"]).ended(0);
    drop(before);
    let _after = serve_at(&world, terminal(9).serial("LEDGER"), ([127, 0, 76, 5], port));
    world.cli(&["discover", "127.0.76.0/28", "--port", &port.to_string(), "--rebind"]).ended(0);
    assert_eq!(world.read("iclock.toml"), text.replace("127.0.76.3", "127.0.76.5"));
}

#[test]
fn what_is_not_clear_is_refused_and_changes_nothing() {
    let world = World::new();
    let one = serve_at(&world, terminal(9).serial("TWICE"), ([127, 0, 77, 5], 0));
    let port = one.addr().port();
    let _other = serve_at(&world, terminal(9).serial("TWICE"), ([127, 0, 77, 6], port));
    let text = format!("[[device]]\nname = \"front\"\nhost = \"127.0.77.3\"\nport = {port}\nserial = \"TWICE\"\n");
    world.write("iclock.toml", &text);
    let port = port.to_string();
    let run = world.cli(&["discover", "127.0.77.0/28", "--port", &port, "--rebind"]).ended(80);
    assert!(run.stderr.contains("serial number TWICE was found at 127.0.77.5"), "{}", run.stderr);
    assert_eq!(world.read("iclock.toml"), text);
    for (network, part) in [("127.0.0.0/8", "--large"), ("127.0.0.0/33", "192.0.2.0/24")] {
        let run = world.cli(&["discover", network]).ended(2);
        assert!(run.stderr.contains(part), "{run:?}");
    }
}

#[test]
fn an_address_that_is_not_from_a_toml_file_is_not_changed() {
    let world = World::new();
    let before = serve_at(&world, terminal(9).serial("JSON"), ([127, 0, 79, 3], 0));
    let port = before.addr().port();
    let text = "{\"devices\": [{\"name\": \"front\", \"ip\": \"127.0.79.3\"}]}";
    world.write("devices.json", text);
    world.write(".env", format!("DEVICE_PORT={port}\n"));
    world.cli(&["sync", "--sink", "sqlite:att.db"]).ended(0);
    drop(before);
    let _after = serve_at(&world, terminal(9).serial("JSON"), ([127, 0, 79, 5], port));
    let run = world.cli(&["discover", "127.0.79.0/28", "--port", &port.to_string(), "--rebind"]).ended(10);
    assert!(run.stderr.contains("not from a TOML file") && run.stderr.contains("config show"), "{run:?}");
    assert_eq!(world.read("devices.json"), text);
}

#[test]
fn ctrl_c_ends_the_search_and_its_sessions() {
    let world = World::new();
    let server = serve_at(&world, terminal(9).serial("FIRST"), ([127, 0, 78, 1], 0));
    let port = server.addr().port().to_string();
    let mut program = spawn(&world, &["discover", "127.0.78.0/24", "--port", &port, "--rate", "20", "--json"]);
    let mut output = BufReader::new(program.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    assert_eq!(lines(&first)[0]["serial"], "FIRST");
    interrupt(&program);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(program.wait().unwrap().code(), Some(130));
    let commands = server.handle().stats().commands;
    assert_eq!(commands[&Command::CONNECT], commands[&Command::EXIT]);
}
