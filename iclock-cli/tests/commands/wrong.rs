//! Every command, called wrongly: the error ends with the next step, which `Run::ended` looks for.

use crate::common::World;
use crate::local::LOCAL;
use crate::table::TABLE;

/// They read neither a configuration nor a ledger.
const STATELESS: [&str; 6] = ["demo", "simulate", "decode", "completions", "man", "version"];
/// They do something else first, or nothing with it.
const OTHERS: [&str; 8] = [
    "config schema",
    "migrate",
    "init",
    "service install",
    "service uninstall",
    "service status",
    "transcript show",
    "transcript replay",
];

/// The commands with their arguments, apart from those that have no use for a configuration or a ledger.
fn with_a_configuration() -> impl Iterator<Item = (&'static str, &'static str)> {
    every().filter(|(name, _)| !STATELESS.contains(name) && !OTHERS.contains(name))
}

fn every() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().map(|row| (row.name, row.with)).chain(LOCAL.iter().map(|row| (row.name, row.with)))
}

/// Runs the commands with these arguments after their own, and checks how each ends.
fn run(rows: impl Iterator<Item = (&'static str, &'static str)>, more: &[&str], code: i32, says: &str) {
    let world = World::new();
    world.write("broken.toml", "devices = 7\n[[sink]]\nurl = \"nowhere\"\n");
    world.write("file", "");
    let mut count = 0;
    for (name, with) in rows {
        let with = with.replace("{gate}", "gate").replace("{port}", "4370");
        let words: Vec<&str> = name.split_whitespace().chain(with.split_whitespace()).collect();
        let run = world.cli(&[&words[..], more].concat());
        assert!(run.stderr.contains(says), "{name}: {run:?}");
        run.ended(code);
        count += 1;
    }
    assert!(count > 10, "only {count} commands were run");
}

#[test]
fn a_flag_that_no_command_has_is_an_error_with_a_next_step() {
    // What follows the recording is another command line.
    let rows = every().filter(|(name, _)| *name != "transcript replay");
    run(rows, &["--no-such-flag"], 2, "error: unexpected argument '--no-such-flag'");
}

#[test]
fn a_configuration_that_is_missing_is_an_error_with_a_next_step() {
    run(with_a_configuration(), &["--config", "missing.toml"], 10, "error: ");
}

#[test]
fn a_configuration_that_is_broken_is_an_error_with_a_next_step_for_each_mistake() {
    // It needs no terminals, and finds some.
    let rows = with_a_configuration().filter(|(name, _)| *name != "discover");
    run(rows, &["--config", "broken.toml"], 10, "error: ");
}

#[test]
fn a_ledger_that_is_missing_is_an_error_with_a_next_step() {
    let ledgers = ["status", "report ", "quarantine ", "unproven ", "audit ", "state check", "state compact"];
    let of_ledgers = LOCAL.iter().map(|row| (row.name, row.with));
    let of_ledgers = of_ledgers.filter(|(name, _)| ledgers.iter().any(|ledger| name.starts_with(ledger)));
    run(of_ledgers, &["--state", "missing"], 60, "error: no ledger in missing\n  try: ");
}
