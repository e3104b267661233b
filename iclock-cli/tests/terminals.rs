//! Commands on terminals: which ones, consent, many at once, what they print, Ctrl-C.
#![cfg(feature = "sqlite")]

mod common;

use common::{World, terminal};
use serde_json::Value;
use zk_proto::Command;
use zk_sim::{Fault, Server};

/// The lines of JSON on stdout.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes a configuration with these terminals.
fn configure(world: &World, servers: &[(&str, &Server)]) {
    let table = |(name, server): &(&str, &Server)| {
        let addr = server.addr();
        format!("[[device]]\nname = \"{name}\"\nhost = \"{}\"\nport = {}\ntimeout = \"1s\"\n", addr.ip(), addr.port())
    };
    world.write("iclock.toml", servers.iter().map(table).collect::<String>());
}

/// An address at which nothing listens.
fn nowhere() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_terminal_is_chosen_by_its_name_its_address_or_a_new_one() {
    let world = World::new();
    let (front, back, new) = (world.serve(terminal(3)), world.serve(terminal(4)), world.serve(terminal(5)));
    configure(&world, &[("front", &front), ("back", &back)]);
    let names = |args: &[&str]| -> Vec<String> {
        let run = world.cli(&[&["info", "--json"], args].concat()).ended(0);
        lines(&run.stdout).iter().map(|line| line["name"].as_str().unwrap().to_owned()).collect()
    };
    let (back_at, new_at) = (back.addr().to_string(), format!("new={}", new.addr()));
    assert_eq!(names(&[]), ["front", "back"]);
    assert_eq!(names(&["--all"]), ["front", "back"]);
    assert_eq!(names(&["back"]), ["back"]);
    assert_eq!(names(&[&back_at]), ["back"], "a configured address has its configured name");
    assert_eq!(names(&["back", "--device", &back_at]), ["back"], "it is asked once");
    assert_eq!(names(&["--device", &new_at, "--device", "front"]), ["front", "new"]);
}

#[test]
fn a_misspelled_name_is_corrected_instead_of_looked_up() {
    let world = World::new();
    let front = world.serve(terminal(3));
    configure(&world, &[("front-gate", &front)]);
    let run = world.cli(&["info", "front-gaet"]).ended(10);
    assert!(run.stderr.contains("no terminal is called front-gaet") && run.stderr.contains("--device front-gate"));
    let run = World::new().cli(&["info"]).ended(10);
    assert!(run.stderr.contains("no terminal is configured") && run.stderr.contains("try:"), "{}", run.stderr);
    world.cli(&["info", "--all", "front-gate"]).ended(2);
}

#[test]
fn a_dead_terminal_fails_alone_and_the_others_answer() {
    let world = World::new();
    let (front, back) = (world.serve(terminal(3)), world.serve(terminal(4)));
    let dead = format!("dead={}?transport=tcp&timeout=1s", nowhere());
    let (front, back) = (format!("front={}", front.addr()), format!("back={}", back.addr()));
    let run = world.cli(&["info", "--json", &front, &dead, &back]).ended(20);
    let all = lines(&run.stdout);
    let told: Vec<_> = all.iter().map(|one| (one["name"].as_str().unwrap(), one["records"].as_u64())).collect();
    assert_eq!(told, [("front", Some(3)), ("dead", None), ("back", Some(4))]);
    assert!(all[1]["error"].as_str().unwrap().starts_with("cannot connect"), "{}", all[1]);
    assert!(all[1]["try"].as_str().unwrap().contains("power"), "{}", all[1]);
}

#[test]
fn each_terminal_has_a_transcript_without_secrets() {
    let world = World::new();
    let (front, back) = (world.serve(terminal(3)), world.serve(terminal(4)));
    configure(&world, &[("front", &front), ("back", &back)]);
    world.cli(&["info", "--all", "--record", "wire.zkt"]).ended(0);
    for name in ["wire-front.zkt", "wire-back.zkt"] {
        let text = world.read(name);
        assert!(text.contains("iclock-cli info") && text.contains(" > 5050827d"), "{name}: {text}");
    }
    world.cli(&["info", "front", "--record", "one.zkt"]).ended(0);
    assert!(world.read("one.zkt").contains("iclock-cli info"));
    let run = world.cli(&["info", "front", "--record", "missing/one.zkt"]).ended(2);
    assert!(run.stderr.contains("--record: cannot write missing/one.zkt"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_session_and_the_program_with_130() {
    let world = World::new();
    let server = world.serve(terminal(3).fault(Fault::parse("ignore-command=50").unwrap()));
    let spec = format!("{}?timeout=60s", server.addr());
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
        .args(["info", "--json", &spec])
        .current_dir(world.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let asked = |command: Command| server.handle().received().iter().any(|packet| packet.command == command);
    while !asked(Command::GET_FREE_SIZES) {
        std::thread::yield_now();
    }
    let id = program.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = program.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let told = &lines(&String::from_utf8(output.stdout).unwrap())[0];
    assert_eq!((told["error"].as_str(), told["serial"].is_string()), (Some("interrupted"), true), "{told}");
    assert!(asked(Command::EXIT), "the session was ended");
}
