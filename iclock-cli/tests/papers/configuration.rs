//! The configuration that a manual shows is valid.

use super::common::World;
use super::markdown::blocks;
use super::scene::key;
use super::{manuals, read};

/// A terminal and a sink, for a block that shows other settings alone.
const TARGETS: &str = "[[device]]\nhost = \"192.0.2.10\"\n[[sink]]\nurl = \"sqlite:a.db\"\n";

#[test]
fn the_configuration_in_every_manual_passes_the_check() {
    let mut checked = 0;
    for paper in manuals() {
        for block in blocks(&read(&paper)).into_iter().filter(|block| block.language == "toml") {
            let world = World::new();
            let targets = if block.text.contains("[[device]]") { "" } else { TARGETS };
            world.write("iclock.toml", format!("{}{targets}", block.text));
            world.write("config/firebase-key.json", key("my-project"));
            world.write(".env", "FRONT_KEY=1234\n");
            let run = world.cli(&["config", "check"]);
            assert!(run.code == 0 && run.stdout.contains("ok: 1 terminal, 1 sink"), "{paper}:\n{}{run:?}", block.text);
            assert!(!run.stderr.contains("warning"), "{paper}: {run:?}");
            checked += 1;
        }
    }
    assert!(checked > 3, "only {checked} blocks were found");
}
