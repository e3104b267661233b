//! The commands in the alerting rules for Prometheus.

use super::common::World;
use super::markdown::code;
use super::read;

#[test]
fn every_command_that_an_alert_tells_people_to_run_is_one_of_the_program() {
    let rules = read("deploy/prometheus/iclock.rules.yml");
    // The first line is a comment on how the file is checked.
    let (_, rules) = rules.split_once('\n').unwrap();
    let commands: Vec<&str> = code(rules).into_iter().filter_map(|code| code.strip_prefix("iclock-cli ")).collect();
    assert!(commands.len() > 5, "{commands:?}");
    for command in commands {
        let mut words: Vec<&str> = command.split_whitespace().collect();
        words.push("--help");
        World::new().cli(&words).ended(0);
    }
}
