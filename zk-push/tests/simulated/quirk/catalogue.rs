//! The catalogue itself: `QUIRKS.md` of the simulator names the simulation and the test of each quirk.

use super::*;

const CATALOGUE: &str = include_str!("../../../../zk-sim/QUIRKS.md");
const TESTS: [&str; 5] = [
    include_str!("commands.rs"),
    include_str!("conversation.rs"),
    include_str!("line.rs"),
    include_str!("rhythm.rs"),
    include_str!("uploads.rs"),
];
/// Number of catalogued quirks.
const QUIRKS: usize = 51;

/// The rows of the table: number, behaviour, how it is simulated, test.
fn rows() -> impl Iterator<Item = [&'static str; 4]> {
    CATALOGUE.lines().filter(|line| line.starts_with("| P")).map(|line| {
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
    let mut named = Vec::new();
    for [quirk, _, simulated, test] in rows() {
        named.push(quirk.to_owned());
        assert!(quoted(simulated).next().is_some(), "{quirk} is not simulated");
        for name in quoted(simulated) {
            assert!(PushFault::named(name).is_some() || name.contains("::"), "{quirk}: nothing is called {name}");
        }
        let [test] = quoted(test).collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{quirk}: one test"));
        let about = format!("{quirk}: ");
        let is_about = |item: &str| {
            let comment = item.lines().filter(|line| line.starts_with("/// ")).any(|line| line.contains(&about));
            comment && item.contains(&format!("fn {test}("))
        };
        assert!(TESTS.iter().any(|file| file.split("\n\n").any(is_about)), "{quirk}: no test {test} is about it");
    }
    assert_eq!(named, (1..=QUIRKS).map(|number| format!("P{number}")).collect::<Vec<_>>());
}

#[test]
fn every_fault_is_met_by_a_test_of_this_folder() {
    let is_met = |fault: &PushFault| {
        let name = format!("PushFault::{fault:?}");
        TESTS
            .iter()
            .any(|file| file.split(|letter: char| !letter.is_alphanumeric() && letter != ':').any(|word| word == name))
    };
    let missed: Vec<&PushFault> = PushFault::ALL.iter().filter(|fault| !is_met(fault)).collect();
    assert!(missed.is_empty(), "{missed:?}");
}
