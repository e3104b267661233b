//! Printed commands work as they are printed.
#![cfg(unix)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{World, terminal};
use zk_sim::Fault;

/// The commands in an output, as whole lines.
fn commands(told: &str) -> Vec<&str> {
    let lines = told.lines().map(str::trim);
    lines.filter(|line| ["iclock-cli ", "sqlite3 ", "cargo "].iter().any(|word| line.starts_with(word))).collect()
}

/// Runs a command in a shell, in a directory, with this program in its path. Returns its exit code and its output.
fn run_as_printed(dir: &Path, line: &str) -> (Option<i32>, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_iclock-cli"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh").args(["-c", line]).current_dir(dir).env("PATH", path).output().unwrap();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code(), told)
}

fn has_sqlite3() -> bool {
    Command::new("sqlite3").arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn the_commands_that_the_demo_prints_work_in_any_directory() {
    for dir in ["demo", "with space/é 世界/it's"] {
        let world = World::new();
        let told = world.cli(&["demo", "--dir", dir]).ended(0).stdout;
        let all = commands(&told);
        assert_eq!(all.iter().filter(|line| line.contains("quarantine list")).count(), 2, "report and hints: {told}");
        assert!(all.iter().any(|line| line.starts_with("cargo install --locked --path iclock-cli")), "{told}");
        for line in all {
            // The others build the program, or contact servers that do not exist.
            let is_elsewhere = line.starts_with("cargo ") || line.contains("192.0.2.10");
            if is_elsewhere || (line.starts_with("sqlite3 ") && !has_sqlite3()) {
                continue;
            }
            let (code, told) = run_as_printed(world.path(), line);
            assert_eq!(code, Some(0), "{line}: {told}");
            assert!(
                !line.starts_with("iclock-cli demo") || told.contains(" 0 new, 0 stored"),
                "{line} is another demo: {told}"
            );
            assert!(!line.contains("quarantine list") || told.contains("empty_user_id"), "{line}: {told}");
        }
    }
}

#[test]
fn the_commands_of_a_report_lead_to_its_own_state() {
    let world = World::new();
    let server = world.serve(terminal(60).fault(Fault::parse("empty-user-ids=5").unwrap()));
    let (device, state) = (server.addr().to_string(), "of the school");
    world.write("my etc/a.toml", format!("[[device]]\nhost = \"{device}\"\n[[sink]]\nurl = \"sqlite:att.db\"\n"));
    for flags in [&["--state", state, "--device", &device, "--sink", "sqlite:b.db"][..], &["--config", "my etc/a.toml"]]
    {
        let told = world.cli(&[&["sync"], flags].concat()).ended(0).stdout;
        let [line] = commands(&told)[..] else { panic!("{told}") };
        let (code, told) = run_as_printed(world.path(), line);
        assert!(code == Some(0) && told.contains("empty_user_id"), "{line}: {told}");
    }
}

#[test]
fn the_command_for_a_lost_sink_fills_it_again() {
    let world = World::new();
    let server = world.serve(terminal(60));
    let (device, state) = (server.addr().to_string(), "of the school");
    world.write(
        "my etc/a.toml",
        format!("[[device]]\nhost = \"{device}\"\n[[sink]]\nname = \"the db\"\nurl = \"sqlite:a.db\"\n"),
    );
    let by_flag = ["--state", state, "--device", &device, "--sink", "sqlite:it's b.db"];
    for (flags, file) in [(&by_flag[..], "it's b.db"), (&["--config", "my etc/a.toml"], "my etc/a.db")] {
        let sync = [&["sync"], flags].concat();
        world.cli(&sync).ended(0);
        std::fs::remove_file(world.path().join(file)).unwrap();
        let told = world.cli(&sync).ended(30).stdout;
        let [line] = commands(&told)[..] else { panic!("{told}") };
        let (code, told) = run_as_printed(world.path(), line);
        assert!(code == Some(0) && told.contains(" 60 stored"), "{line}: {told}");
        world.cli(&sync).ended(0);
    }
}

#[cfg(feature = "firestore")]
#[test]
fn the_file_that_migrate_writes_can_be_used_in_its_place() {
    let word = "PRIVATE KEY-----";
    let pem = format!("-----BEGIN {word}\\nbm9uZQ==\\n-----END {word}\\n");
    let key = format!(
        r#"{{"type":"service_account","project_id":"p","private_key_id":"0","client_email":"a@b.example",
            "private_key":"{pem}"}}"#
    );
    for env in ["FIREBASE_KEY=config/firebase-key.json\n", ""] {
        for file in ["iclock.toml", "new etc/iclock.toml"] {
            let world = World::new();
            world.write("old tool/.env", format!("DEVICE_IPS=192.0.2.1\nDEVICE_NAMES=gate\n{env}"));
            world.write("old tool/config/firebase-key.json", &key);
            world.write("new etc/readme", "");
            let told = world.cli(&["migrate", "old tool", "--write-config", file]).ended(0).stdout;
            let printed = commands(&told);
            let line = printed.first().copied().unwrap_or("iclock-cli config check");
            assert_eq!(printed.len(), usize::from(file != "iclock.toml"), "{told}");
            let (code, told) = run_as_printed(world.path(), line);
            assert!(code == Some(0) && told.contains("ok: 1 terminal, 1 sink"), "{line}: {told}");
        }
    }
}
