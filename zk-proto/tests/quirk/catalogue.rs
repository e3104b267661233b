//! The catalogue itself: `QUIRKS.md` of the simulator names the simulation and the test of each quirk.

use std::collections::BTreeSet;

use zk_sim::{FaultKind, Profile};

const CATALOGUE: &str = include_str!("../../../zk-sim/QUIRKS.md");
const TESTS: [&str; 8] = [
    include_str!("answers.rs"),
    include_str!("doubts.rs"),
    include_str!("live.rs"),
    include_str!("people.rs"),
    include_str!("records.rs"),
    include_str!("robust.rs"),
    include_str!("sessions.rs"),
    include_str!("transfers.rs"),
];
/// Number of catalogued quirks.
const QUIRKS: usize = 46;

/// The rows of the table: number, behaviour, how it is simulated, tests.
fn rows() -> impl Iterator<Item = [&'static str; 4]> {
    CATALOGUE.lines().filter(|line| line.starts_with("| Q")).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        cells.try_into().unwrap_or_else(|_| panic!("four cells: {line}"))
    })
}

/// Returns the text between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_quirk_is_simulated_and_has_a_test() {
    let mut named = BTreeSet::new();
    for [quirk, _, simulated, tests] in rows() {
        named.insert(quirk);
        for name in quoted(simulated) {
            let fault = name.split_once('=').map_or(name, |(name, _)| name);
            let known = FaultKind::ALL.iter().any(|kind| kind.name() == fault) || Profile::named(name).is_some();
            assert!(known || name.contains("::"), "{quirk}: nothing is called {name}");
        }
        assert!(quoted(tests).next().is_some(), "{quirk} has no test");
        for test in quoted(tests) {
            let about = format!("/// {quirk}: ");
            let is_about = |file: &&str| {
                file.split("\n\n").any(|item| item.contains(&about) && item.contains(&format!("async fn {test}(")))
            };
            assert!(TESTS.iter().any(is_about), "{quirk}: no test {test} is about it");
        }
    }
    let all: BTreeSet<String> = (1..=QUIRKS).map(|number| format!("Q{number}")).collect();
    assert!(all.iter().all(|quirk| named.contains(quirk.as_str())), "{named:?}");
}
