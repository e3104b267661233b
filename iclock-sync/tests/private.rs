//! Only the program's user may read what the engine keeps.
#![cfg(unix)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{Gate, State, memory, sync};
use iclock_sync::Ledger;
use zk_sim::{Fault, Terminal};

fn modes(dir: &Path, found: &mut Vec<(String, u32)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        found.push((path.display().to_string(), path.metadata().unwrap().permissions().mode() & 0o777));
        if path.is_dir() {
            modes(&path, found);
        }
    }
}

#[tokio::test]
async fn directories_and_files_are_for_their_user_alone() {
    let good = Gate::with_records(50).await;
    let cut = Terminal::builder().records(50).seed(3).fault(Fault::parse("cut-head-filled=12").unwrap());
    let cut = Gate::start("cut", cut).await;
    let (state, (_, sink)) = (State::new(), memory("db"));
    let options = common::quick_with(|options| options.audit_dir = Some(state.dir.path().join("output")));
    let builder = state.builder().options(options).device(good.device()).device(cut.device());
    let engine = builder.sink(sink).build().unwrap();
    assert_eq!(sync(&engine).await.run.exit_code, 40);
    let mut found = Vec::new();
    modes(state.dir.path(), &mut found);
    for part in
        ["/state", "ledger.sqlite", "ledger.sqlite-wal", "ledger.lock", "ledger.pid", "/unproven", ".bin", ".json"]
    {
        assert!(found.iter().any(|(path, _)| path.ends_with(part)), "{part}: {found:?}");
    }
    for (path, mode) in &found {
        assert_eq!(*mode & 0o077, 0, "{path} is {mode:o}");
    }
}

#[test]
fn a_ledger_that_others_could_read_is_taken_from_their_eyes() {
    let dir = tempfile::tempdir().unwrap();
    drop(Ledger::open(dir.path()).unwrap());
    let file = dir.path().join("ledger.sqlite");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    drop(Ledger::open(dir.path()).unwrap());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
