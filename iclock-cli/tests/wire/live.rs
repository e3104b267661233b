//! `live`.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

use zk_proto::Command;
use zk_sim::{Fault, Profile, Server};

use super::common::{World, nowhere, terminal};
use super::{interrupt, lines, spawn};

/// Waits for a line on stderr that has this part.
fn until(stderr: &mut impl std::io::BufRead, part: &str) {
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "ended before {part:?}");
    }
}

/// Waits until the program has read the terminal's user table: the last thing that it does before it waits.
fn until_met(server: &Server) {
    let met = |server: &Server| {
        let commands = server.handle().stats().commands;
        commands.get(&Command::GET_FREE_SIZES).is_some_and(|count| *count >= 2)
    };
    while !met(server) {
        std::thread::yield_now();
    }
}

fn ends(mut program: Child) -> i32 {
    interrupt(&program);
    program.wait().unwrap().code().unwrap()
}

#[test]
fn a_service_manager_ends_it_with_0_as_it_ends_a_loop() {
    let world = World::new();
    let server = world.serve(terminal(5));
    let mut program = spawn(&world, &["live", &server.addr().to_string()]);
    until(&mut BufReader::new(program.stderr.take().unwrap()), "listening");
    assert!(std::process::Command::new("kill").arg(program.id().to_string()).status().unwrap().success());
    assert_eq!(program.wait().unwrap().code(), Some(0));
}

#[test]
fn punches_of_many_terminals_over_tcp_and_udp_are_shown_with_names_and_ctrl_c_ends_it_with_130() {
    let world = World::new();
    let families = [("tft40", "tcp"), ("bw8", "tcp"), ("tft16", "tcp"), ("tft40", "udp"), ("bw8", "udp")];
    let servers: Vec<Server> = families
        .iter()
        .map(|(name, _)| world.serve(terminal(20).profile(Profile::named(name).unwrap()).users(5)))
        .collect();
    let devices: Vec<String> = servers
        .iter()
        .zip(families)
        .enumerate()
        .map(|(n, (server, (_, carrier)))| format!("t{n}={}?transport={carrier}", server.addr()))
        .collect();
    let mut args = vec!["live", "--json"];
    args.extend(devices.iter().map(String::as_str));
    let mut program = spawn(&world, &args);
    let mut stdout = BufReader::new(program.stdout.take().unwrap());
    let mut stderr = BufReader::new(program.stderr.take().unwrap());
    for _ in &servers {
        until(&mut stderr, "listening");
    }
    for (n, server) in servers.iter().enumerate() {
        until_met(server);
        let punch = server.handle().punch_now().unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let shown = &lines(&line)[0];
        assert_eq!(shown["terminal"], format!("t{n}"));
        assert_eq!(shown["user_id"], &*punch.user_id, "{shown}");
        assert!(shown["name"].as_str().is_some_and(|name| !name.is_empty()), "{shown}");
        assert_eq!(shown["local_time"], punch.time.to_string());
        assert_eq!(shown["punch_state"], punch.state);
    }
    assert_eq!(ends(program), 130);
    for server in &servers {
        assert!(server.handle().received().iter().any(|packet| packet.command == Command::EXIT));
    }
    assert!(!world.path().join("state").exists(), "it keeps nothing");
}

#[test]
fn people_get_a_line_for_each_punch_and_a_lost_terminal_is_heard_again() {
    let world = World::new();
    let server = world.serve(terminal(20).users(5));
    let mut program = spawn(&world, &["live", &format!("gate={}", server.addr())]);
    let mut stdout = BufReader::new(program.stdout.take().unwrap());
    let mut stderr = BufReader::new(program.stderr.take().unwrap());
    until(&mut stderr, "gate: listening");
    until_met(&server);
    server.handle().restart();
    until(&mut stderr, "gate: not heard any more, trying again: ");
    until(&mut stderr, "gate: listening again; punches of the last ");
    let punch = server.handle().punch_now().unwrap();
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with(&format!("{}  gate  {}", punch.time, punch.user_id)), "{line}");
    assert!(line.trim_end().chars().count() <= 80, "{line}");
    assert_eq!(ends(program), 130);
}

#[test]
fn a_session_that_breaks_off_while_names_are_read_is_told_in_words_for_people() {
    let world = World::new();
    let server = world.serve(terminal(20).users(5).fault(Fault::parse("hang-up-at=1503").unwrap()));
    let mut program = spawn(&world, &["live", &format!("gate={}?transport=tcp&timeout=1s", server.addr())]);
    let mut stderr = BufReader::new(program.stderr.take().unwrap());
    until(&mut stderr, "gate: its people's names are unknown: ");
    until(&mut stderr, "gate: not heard any more, trying again: the session broke off during an earlier request");
    assert_eq!(ends(program), 130);
}

#[test]
fn a_terminal_that_cannot_be_listened_to_ends_with_20_and_does_not_hold_up_the_others() {
    let world = World::new();
    let (keyed, good) = (world.serve(terminal(5).key(77)), world.serve(terminal(5)));
    let other = world.serve(terminal(5).serial("OTHER"));
    let run = world.cli(&["live", &keyed.addr().to_string()]).ended(20);
    assert!(run.stderr.contains("comm key") && run.stderr.contains("try: "), "{}", run.stderr);
    let run = world.cli(&["live", &format!("{}?serial=MINE", other.addr())]).ended(20);
    assert!(run.stderr.contains("its serial number is OTHER, not MINE"), "{}", run.stderr);
    let names = [format!("a={}", keyed.addr()), format!("b={}", good.addr())];
    let mut program = spawn(&world, &["live", "--json", &names[0], &names[1]]);
    let mut stderr = BufReader::new(program.stderr.take().unwrap());
    until(&mut stderr, "b: listening");
    good.handle().punch_now().unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(lines(&line)[0]["terminal"], "b");
    assert_eq!(ends(program), 20, "one of them failed");
}

#[test]
fn a_terminal_that_was_never_heard_is_not_said_to_be_lost() {
    let world = World::new();
    let mut program = spawn(&world, &["live", &format!("gate={}", nowhere())]);
    let mut stderr = BufReader::new(program.stderr.take().unwrap());
    until(&mut stderr, "gate: cannot be reached, trying again: ");
    assert_eq!(ends(program), 130);
}

#[test]
fn with_a_user_table_that_is_not_proven_punches_are_shown_without_names() {
    let world = World::new();
    let server = world.serve(terminal(20).users(5).fault(Fault::parse("cut-users=12").unwrap()));
    let mut program = spawn(&world, &["live", "--json", &format!("gate={}", server.addr())]);
    let mut stderr = BufReader::new(program.stderr.take().unwrap());
    until(&mut stderr, "gate: its people's names are unknown: ");
    // A session that is being renewed does not hear the first ones.
    let handle = server.handle();
    let punching = world.runtime.spawn(async move {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
        loop {
            ticks.tick().await;
            handle.punch_now();
        }
    });
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    punching.abort();
    let shown = &lines(&line)[0];
    assert!(shown["user_id"].is_string() && shown["name"].is_null(), "{shown}");
    assert_eq!(ends(program), 130);
}
