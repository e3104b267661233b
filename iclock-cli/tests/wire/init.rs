//! `init --discover`.

use super::common::{World, terminal};
use super::serve_at;

#[test]
fn all_terminals_that_answer_are_written_with_their_serial_numbers_and_one_that_needs_a_key_is_named() {
    let world = World::new();
    let one = serve_at(&world, terminal(30).serial("INIT1"), ([127, 0, 83, 3], 0));
    let port = one.addr().port();
    let _two = serve_at(&world, terminal(40).serial("INIT2"), ([127, 0, 83, 5], port));
    let _keyed = serve_at(&world, terminal(5).serial("KEYED").key(77), ([127, 0, 83, 6], port));
    let port = port.to_string();
    let args = ["init", "--port", &port, "--sink", "sqlite:att.db", "--discover", "127.0.83.0/28"];
    let run = world.cli(&args).ended(0);
    assert!(run.stderr.contains("127.0.83.6") && run.stderr.contains("left out: "), "{}", run.stderr);
    let text = world.read("iclock.toml");
    for part in ["\"terminal-1\"", "\"127.0.83.3\"", "\"INIT1\"", "\"terminal-2\"", "\"127.0.83.5\"", "\"INIT2\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("127.0.83.6"), "{text}");
    let report = world.cli(&["sync", "--json"]).ended(0).report();
    assert_eq!(report["totals"]["stored"], 70, "{report}");
}

#[test]
fn where_no_terminal_is_nothing_is_written_and_nobody_is_asked() {
    let world = World::new();
    let sink = ["--sink", "sqlite:att.db"];
    let run = world.cli(&[&["init", "--discover", "127.0.84.0/30"], &sink[..]].concat()).ended(20);
    assert!(run.stderr.contains("no terminal was found") && run.stderr.contains("try: "), "{}", run.stderr);
    assert!(!world.path().join("iclock.toml").exists());
    // Without a sink, somebody would have to answer.
    let server = serve_at(&world, terminal(3), ([127, 0, 84, 9], 0));
    let port = server.addr().port().to_string();
    let run = world.cli(&["init", "--port", &port, "--discover", "127.0.84.9"]).ended(2);
    assert!(run.stderr.contains("there is nobody to ask"), "{}", run.stderr);
    world.cli(&["init", "--discover", "--device", "192.0.2.10"]).ended(2);
}
