//! The lists in the papers are complete: of commands, of what is not built, of exit codes.

use std::collections::BTreeSet;

use super::common::World;
use super::markdown::code;
use super::read;

/// The commands that the program lists in its help, under the headings of their groups.
fn commands() -> BTreeSet<String> {
    let help = World::new().cli(&["--help"]).ended(0).stdout;
    let (_, list) = help.split_once("\nRun:\n").unwrap();
    let names = list.lines().take_while(|line| *line != "Options:").filter_map(|line| {
        // The text of a command may go on in further lines.
        let line = line.strip_prefix("  ")?;
        (!line.starts_with(' ')).then(|| line.split_whitespace().next())?
    });
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 10 && names.contains("version"), "{names:?}");
    names
}

#[test]
fn the_readme_of_the_crate_lists_every_command() {
    let paper = read("iclock-cli/README.md");
    let rows = paper.lines().filter(|line| line.starts_with("| `"));
    let listed: BTreeSet<&str> = rows.flat_map(code).filter_map(|span| span.split_whitespace().next()).collect();
    let missing: Vec<String> = commands().into_iter().filter(|name| !listed.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "iclock-cli/README.md lists no {missing:?}");
}

#[test]
fn the_manual_lists_every_exit_code() {
    let number = |text: &str| text.trim_matches([' ', ',']).parse::<u8>().ok();
    let source = read("iclock-cli/src/exit_code.rs");
    let codes: BTreeSet<u8> =
        source.lines().filter_map(|line| number(line.strip_prefix("    ")?.split_once(" = ")?.1)).collect();
    let manual = read("docs/report.md");
    let (_, table) = manual.split_once("| code | meaning |").unwrap();
    let listed: BTreeSet<u8> = table.lines().filter_map(|row| number(row.split('|').nth(1)?)).collect();
    assert!(codes.len() > 10, "{codes:?}");
    assert_eq!(listed, codes);
}

#[test]
fn the_manual_lists_every_family_of_terminals_with_its_carriers() {
    let manual = read("docs/terminals.md");
    for profile in zk_sim::Profile::ALL {
        let row = manual.lines().find(|line| line.starts_with(&format!("| `{}` |", profile.name)));
        let row = row.unwrap_or_else(|| panic!("docs/terminals.md has no row for {}", profile.name));
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let carriers = match (profile.tcp, profile.udp) {
            (true, true) => "TCP, UDP",
            (true, false) => "TCP",
            _ => "UDP",
        };
        assert_eq!(cells[4], carriers, "{row}");
        assert!(cells[5].len() > 10, "it says what it cannot do: {row}");
    }
}
