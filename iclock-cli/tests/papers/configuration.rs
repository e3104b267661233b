//! The configuration that a manual shows is valid.

use super::common::World;
use super::markdown::blocks;
use super::scene::key;
use super::{manuals, read};

/// A terminal and a sink, each for a block that shows none.
const TARGETS: [(&str, &str); 2] =
    [("[[device]]", "[[device]]\nhost = \"192.0.2.10\"\n"), ("[[sink]]", "[[sink]]\nurl = \"sqlite:a.db\"\n")];

/// The variables that the papers name.
const VARIABLES: &str = "FRONT_KEY=1234\nSCHOOL_DB_PASSWORD=x\nMONGO_PASSWORD=x\nHOOK_SECRET=x\nFRAPPE_SECRET=x\n\
                         ODOO_KEY=x\nPUSH_TOKEN=0123456789abcdef\nALERT_TOKEN=x\nSLACK_URL=https://a.example/x\n\
                         ALERT_MAIL=smtps://u:p@mail.example\n";

#[test]
fn the_configuration_in_every_manual_passes_the_check() {
    let mut checked = 0;
    for paper in manuals() {
        for block in blocks(&read(&paper)).into_iter().filter(|block| block.language == "toml") {
            let world = World::new();
            let missing = TARGETS.iter().filter(|(table, _)| !block.text.contains(table)).map(|(_, lines)| *lines);
            world.write("iclock.toml", format!("{}{}", block.text, missing.collect::<String>()));
            world.write("config/firebase-key.json", key("my-project"));
            world.write(".env", VARIABLES);
            let run = world.cli(&["config", "check"]);
            assert!(run.code == 0 && run.stdout.contains("ok: 1 terminal, 1 sink"), "{paper}:\n{}{run:?}", block.text);
            assert!(!run.stderr.contains("warning"), "{paper}: {run:?}");
            checked += 1;
        }
    }
    assert!(checked > 3, "only {checked} blocks were found");
}

#[test]
fn the_configuration_on_the_front_page_passes_the_check_as_it_is() {
    let world = World::new();
    let block = blocks(&read("README.md")).into_iter().find(|block| block.language == "toml").unwrap();
    world.write("iclock.toml", block.text);
    let run = world.cli(&["config", "check"]).ended(0);
    assert!(run.stdout.contains("ok: 1 terminal, 1 sink") && run.stderr.is_empty(), "{run:?}");
}
