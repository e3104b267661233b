//! Every command that the help lists has a row, and every row is of a command that the help lists.

use std::collections::BTreeSet;

use crate::common::World;
use crate::local::LOCAL;
use crate::row::Json;
use crate::table::TABLE;

/// Their rows print nothing as JSON.
const WITHOUT: [&str; 8] =
    ["health", "audit push", "push pending", "push results", "push captures", "decode", "transcript replay", "x"];

#[test]
fn every_command_of_the_help_has_a_row() {
    let world = World::new();
    let listed: BTreeSet<String> = commands(&world, "").into_iter().collect();
    let rows = TABLE.iter().map(|row| row.name).chain(LOCAL.iter().map(|row| row.name));
    let rows: BTreeSet<String> = rows.map(str::to_owned).collect();
    let difference: Vec<_> = listed.symmetric_difference(&rows).collect();
    assert!(difference.is_empty(), "in the help or in the tables alone: {difference:?}");
}

#[test]
fn every_command_that_prints_json_is_run_with_that_flag() {
    let world = World::new();
    let rows = TABLE.iter().map(|row| (row.name, row.json)).chain(LOCAL.iter().map(|row| (row.name, row.json)));
    for (name, json) in rows.filter(|(name, _)| !WITHOUT.contains(name)) {
        let words: Vec<&str> = name.split(' ').chain(["--help"]).collect();
        let has_flag = world.cli(&words).ended(0).stdout.contains(" --json ");
        assert_eq!(has_flag, json != Json::None, "{name}");
    }
}

/// The commands below this one, by their names: those that have no parts, and `doctor`, which runs by itself, too.
fn commands(world: &World, path: &str) -> Vec<String> {
    let words: Vec<&str> = path.split_whitespace().chain(["--help"]).collect();
    let page = world.cli(&words).ended(0).stdout;
    // The groups of the whole program, or the parts of a command.
    let is_list = |title: &str| title == "Commands:" || path.is_empty() && title != "Options:";
    let mut in_list = false;
    let mut parts = Vec::new();
    for line in page.lines() {
        if !line.starts_with(' ') && !line.is_empty() {
            in_list = line.ends_with(':') && is_list(line);
        }
        let name = line.strip_prefix("  ").and_then(|line| line.split(' ').next()).unwrap_or_default();
        if in_list && !name.is_empty() && name != "help" {
            parts.push(format!("{path} {name}").trim().to_owned());
        }
    }
    if path == "push command" {
        // Its parts are asked of terminals that push: `tests/push`.
        parts.clear();
    }
    let runs_alone = parts.is_empty() || path == "doctor";
    let below = parts.iter().flat_map(|part| commands(world, part));
    runs_alone.then(|| path.to_owned()).into_iter().chain(below).collect()
}
