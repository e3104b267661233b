//! Power cuts: programs keep a copy of each file as it was last synced, which is all that is left then.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::common::{World, is_valid, row};
use crate::support::{Dice, punch};
use crate::{Store, gate, has_all, kills, sync_args};

/// The power cuts.
const CUTS: u32 = 8;
/// The wait for a report.
const PATIENCE: Duration = Duration::from_secs(60);

/// Power that can be cut: programs keep a copy of each file as it was last synced.
struct Power {
    dir: tempfile::TempDir,
}

impl Power {
    /// Builds the library that is loaded into programs; says that the test is skipped if there is no compiler.
    fn new(test: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("kept")).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/power_cut.c");
        let mut compiler = Command::new("cc");
        let built = compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(dir.path().join("power.so")).arg(source);
        match built.status() {
            Ok(status) => assert!(status.success(), "{status}"),
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "skipped: {test}: no C compiler: {error}");
                return None;
            }
        }
        Some(Self { dir })
    }

    /// A program whose files can be cut off. What lies there now is synced: checks have opened the databases meanwhile,
    /// and moved what was in their logs into their files.
    fn feeds(&self, world: &World) -> Command {
        self.sync(world);
        let mut command = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
        command.current_dir(world.path()).env("LD_PRELOAD", self.dir.path().join("power.so"));
        command.env("POWER_ROOT", world.path().canonicalize().unwrap()).env("POWER_KEPT", self.dir.path().join("kept"));
        command
    }

    /// Keeps a copy of each file as it is.
    fn sync(&self, world: &World) {
        let kept = self.dir.path().join("kept");
        fs::remove_dir_all(&kept).unwrap();
        fs::create_dir(&kept).unwrap();
        let root = world.path();
        let mut dirs = vec![root.to_path_buf()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else if path.is_file() {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('/', "%");
                    fs::copy(&path, kept.join(name)).unwrap();
                }
            }
        }
    }

    /// Leaves of all files what was synced.
    fn cut(&self, world: &World) {
        for entry in fs::read_dir(world.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        for entry in fs::read_dir(self.dir.path().join("kept")).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name.ends_with(".part") || name.ends_with(".dir") {
                fs::remove_file(entry.path()).unwrap();
                continue;
            }
            let path = world.path().join(name.replace('%', "/"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(entry.path(), path).unwrap();
        }
    }
}

/// An export is made before something is deleted.
#[test]
fn an_export_of_the_ledger_survives_a_power_cut_once_it_is_said_to_be_made() {
    let Some(power) = Power::new("an_export_of_the_ledger_survives_a_power_cut_once_it_is_said_to_be_made") else {
        return;
    };
    let world = World::new();
    let server = gate(&world, 500);
    let device = format!("gate={}", server.addr());
    world.cli(&sync_args(&device, "sqlite:att.db")).ended(0);
    fs::create_dir(world.path().join("backups")).unwrap();
    let mut export = power.feeds(&world);
    assert!(export.args(["state", "export", "backups/copy.db"]).stdout(Stdio::null()).status().unwrap().success());
    assert!(power.dir.path().join("kept/backups.dir").exists(), "the file's name is not on the disk");
    let before = ["copy.db", "copy.db.sha256"].map(|name| fs::read(world.path().join("backups").join(name)).unwrap());
    power.cut(&world);
    let after = ["copy.db", "copy.db.sha256"].map(|name| fs::read(world.path().join("backups").join(name)).unwrap());
    assert!(after == before, "not all of it is on the disk");
    world.cli(&["state", "import", "backups/copy.db", "--state", "other"]).ended(0);
}

/// People rely on a report: they empty the terminal. So nothing of it may be lost, whenever the power is cut then.
#[test]
fn what_a_report_says_is_stored_survives_a_power_cut() {
    let Some(power) = Power::new("what_a_report_says_is_stored_survives_a_power_cut") else { return };
    let world = World::new();
    let server = gate(&world, 500);
    let device = format!("gate={}", server.addr());
    let args = sync_args(&device, "sqlite:att.db");
    let (mut dice, mut rows, mut refused) = (Dice::new(), BTreeSet::new(), 0);
    for n in 0..kills(CUTS) {
        // A run that is cut off at any instant.
        let mut cut_off = power.feeds(&world).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(dice.within(Duration::from_millis(300)));
        cut_off.kill().unwrap();
        cut_off.wait().unwrap();
        power.cut(&world);
        // A loop that is cut off as soon as it has reported. It reports what is new only, so there is something.
        punch(&server.handle(), 5);
        let mut run = power.feeds(&world);
        let run = run.args(args).args(["--loop", "3600"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut run = run.spawn().unwrap();
        let lines = BufReader::new(run.stdout.take().unwrap()).lines();
        let (sender, reports) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut is_read = false;
        loop {
            let line = reports.recv_timeout(PATIENCE).expect("a report that says it is stored");
            let report: serde_json::Value = serde_json::from_str(&line).unwrap();
            let (devices, sinks) = (report["devices"].as_array().unwrap(), report["sinks"].as_array().unwrap());
            is_read |= devices.iter().any(|device| device["status"] == "ok");
            // A poll that failed says nothing about what is stored.
            if is_read && sinks.iter().any(|sink| sink["status"] != "failed" && sink["pending"] == 0) {
                break;
            }
        }
        run.kill().unwrap();
        run.wait().unwrap();
        power.cut(&world);
        let log = server.handle().records();
        rows.extend(log.iter().filter(|punch| is_valid(punch)).map(row));
        refused += log.iter().filter(|punch| !is_valid(punch)).count();
        has_all(&world, &Store::Sqlite, &rows, refused);
        // The same terminal, whose log people have emptied. Its clock goes on.
        punch(&server.handle(), 30 + n);
        server.handle().drop_oldest(log.len());
    }
}
