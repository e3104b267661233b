//! `serve` on a disk that is full at each write in turn: it refuses, stores nothing in part, and goes on later.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{World, lines};
use crate::serving::{SERIAL, Serving, request, until};

/// The disk of a child of this test, and the way to fill it.
const DISK: &str = "FULL_DISK";
const WAY: &str = "FULL_WAY";

/// A way to let the disk be full.
enum Full {
    /// A small disk of its own, of which a file takes the rest.
    Small(PathBuf),
    /// A limit of that process for the size of any file.
    Limit(u32),
}

impl Full {
    /// Leaves so many bytes.
    fn leave(&self, bytes: u64) {
        match self {
            Self::Small(filler) => {
                let mut file = File::create(filler).unwrap();
                let mut taken = 0;
                for block in [vec![0; 64 << 10], vec![0; 1]] {
                    while let Ok(written) = file.write(&block) {
                        taken += written as u64;
                    }
                }
                file.set_len(taken.saturating_sub(bytes)).unwrap();
            }
            Self::Limit(process) => limit(*process, &bytes.to_string()),
        }
    }

    fn release(&self) {
        match self {
            Self::Small(filler) => drop(fs::remove_file(filler)),
            Self::Limit(process) => limit(*process, "unlimited"),
        }
    }
}

fn limit(process: u32, bytes: &str) {
    let (process, limit) = (process.to_string(), format!("--fsize={bytes}:unlimited"));
    assert!(Command::new("prlimit").args(["--pid", &process, &limit]).status().unwrap().success());
}

/// Runs a test of this file in a process of its own, with a small disk, or else with a limit to the size of files.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_is_answered_by_503_and_takes_each_row_once_when_there_is_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let small = Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).status();
    let is_small = small.is_ok_and(|status| status.success());
    let (way, shell) = match is_small {
        true => ("small", "mount -t tmpfs -o size=16m tmpfs \"$FULL_DISK\" && exec \"$0\" \"$@\""),
        false => ("limit", "trap '' XFSZ; exec \"$0\" \"$@\""),
    };
    let mut command = Command::new(if is_small { "unshare" } else { "sh" });
    if is_small {
        command.args(["--user", "--map-root-user", "--mount", "sh"]);
    }
    command.args(["-c", shell]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "full::on_a_disk_that_is_full_now_and_then", "--include-ignored", "--nocapture"]);
    let output = command.env(DISK, dir.path()).env(WAY, way).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// The n-th batch: its rows with a damaged one in the middle, user id and time of the good ones, and the damaged one.
fn batch(n: u32) -> (String, BTreeSet<(String, String)>, String) {
    let time = |row: u32| format!("2026-03-{:02} {:02}:{:02}:{:02}", 1 + n % 28, row / 3_600, row / 60 % 60, row % 60);
    let punches: BTreeSet<(String, String)> = (0..60).map(|row| (format!("{n}{:03}", 1 + row), time(row))).collect();
    let bad = format!("damaged {n}");
    let mut rows: Vec<String> = punches.iter().map(|(id, time)| format!("{id}\t{time}\t0\t1\t0\t0\t0\n")).collect();
    rows.insert(30, format!("{bad}\n"));
    (rows.concat(), punches, bad)
}

/// Events and refused records in the ledger.
fn entered(state: &Path) -> (u64, usize) {
    let ledger = iclock_sync::Ledger::open_read_only(state).unwrap().unwrap();
    let filter = iclock_sync::ledger::QuarantineFilter::default();
    (ledger.event_count().unwrap(), ledger.quarantine(&filter, 1_000_000).unwrap().len())
}

#[test]
#[ignore = "started by the test before it, in a process with a disk of its own"]
fn on_a_disk_that_is_full_now_and_then() {
    let Some(disk) = std::env::var_os(DISK).map(PathBuf::from) else { return };
    let (world, state) = (World::new(), disk.join("state"));
    let pushing = format!("[[pushing]]\nserial = \"{SERIAL}\"\nname = \"branch\"\n");
    let state_dir = format!("state_dir = {:?}\n[log]\ndir = \"logs\"\n", state.display());
    world.write("iclock.toml", format!("{state_dir}{pushing}[[sink]]\nurl = \"sqlite:att.db\"\n"));
    let serving = Serving::start(&world, &[]);
    let is_small = std::env::var(WAY).unwrap() == "small";
    let full = if is_small { Full::Small(disk.join("filler")) } else { Full::Limit(serving.child.id()) };
    let upload = |n: u32| {
        let stamp = 1_000 + n;
        let line = format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG&Stamp={stamp}");
        request(serving.address, &line, &batch(n).0).unwrap()
    };
    // The stamp from which a terminal would go on.
    let stamp = || {
        let options = request(serving.address, &format!("GET /iclock/cdata?SN={SERIAL}&options=all"), "").unwrap();
        let line = options.lines().find(|line| line.starts_with("ATTLOGStamp=")).unwrap();
        line["ATTLOGStamp=".len()..].to_owned()
    };
    let rooms = [0, 1, 4, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1_024, 3_000].map(|kib| kib << 10);
    assert!(upload(0).ends_with("\r\n\r\nOK: 61"));
    let (mut refused, mut taken, mut told) = (0, 0, 0);
    for (n, room) in (1..).zip(rooms) {
        let (before, all) = ((entered(&state), stamp()), n + 1);
        let after = ((u64::from(all) * 60, all as usize), (1_000 + n).to_string());
        full.leave(room);
        // More than once: what the first attempt left must not let a part of the next one in.
        let answers = [upload(n), upload(n)];
        let is_taken = answers.each_ref().map(|answer| answer.ends_with("\r\n\r\nOK: 61"));
        let is_refused = answers.each_ref().map(|answer| answer.starts_with("HTTP/1.1 503 "));
        assert!((0..2).all(|at| is_taken[at] != is_refused[at]), "{room}: {answers:?}");
        full.release();
        let is_in = is_taken.contains(&true);
        assert_eq!(&(entered(&state), stamp()), if is_in { &after } else { &before }, "{room}: {answers:?}");
        *if is_in { &mut taken } else { &mut refused } += 1;
        told += usize::from(is_refused.contains(&true));
        assert!(upload(n).ends_with("\r\n\r\nOK: 61"), "{room}: there is room again");
        assert_eq!((entered(&state), stamp()), after, "{room}");
    }
    assert!(refused > 2 && taken > 0, "{refused} refused, {taken} taken");
    let batches = 0..=rooms.len() as u32;
    let expected: BTreeSet<_> = batches.clone().flat_map(|n| batch(n).1).collect();
    until("all is delivered", || crate::stored(&world).len() == expected.len());
    assert_eq!(crate::stored(&world), expected);
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let damaged: BTreeSet<String> = batches.map(|n| hex(&batch(n).2)).collect();
    let waiting = lines(&world.cli(&["quarantine", "list", "--json", "--limit", "100000"]).ended(0).stdout);
    let raw: Vec<String> = waiting.iter().map(|record| record["raw"].as_str().unwrap().to_owned()).collect();
    assert_eq!((raw.len(), raw.into_iter().collect::<BTreeSet<_>>()), (damaged.len(), damaged));
    assert_eq!(serving.ends("-TERM"), 0);

    if !is_small {
        // The limit holds for the log as well.
        return;
    }
    let logs = world.files().into_iter().filter(|(path, _)| path.starts_with(world.path().join("logs")));
    let log = String::from_utf8(logs.flat_map(|(_, content)| content).collect()).unwrap();
    // One line when it begins, and one when it ends; a second refusal within adds none.
    for line in ["is not stored, and they send it again later", "what terminals push is stored again"] {
        assert_eq!(log.matches(line).count(), told, "{line}: {log}");
    }
    assert!(log.contains("room"), "it says what to do: {log}");
}
