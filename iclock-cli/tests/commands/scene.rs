//! The place in which a row of the table is run: a directory, and two terminals of one family.

use std::collections::BTreeSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zk_sim::{Profile, Server};

use crate::common::staff::{Way, empty, fault, staffed};
use crate::common::{Run, World};
use crate::row::Row;
use crate::table::TABLE;

/// The time that a terminal has for each answer, if it does not matter: longer than any test takes.
pub(crate) const PATIENT: Duration = Duration::from_secs(60);

/// Each family once, both carriers.
pub(crate) const THREE: [Way; 3] = [("tft40", "tcp"), ("bw8", "udp"), ("tft16", "tcp")];

/// A directory with a configuration, and the terminals `gate`, which has people, and `back`, which has none.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) gate: Server,
    back: Server,
    carrier: &'static str,
    timeout: Duration,
    /// What the program prints, outside of the directory in which it works.
    printed: TempDir,
}

impl Scene {
    /// For a row, after the commands that come before it.
    pub(crate) fn of(row: &Row, (family, carrier): Way, timeout: Duration) -> Self {
        let world = World::new();
        let mut profile = Profile::named(family).unwrap();
        // The other carrier cannot help out.
        (profile.tcp, profile.udp) = (carrier == "tcp", carrier == "udp");
        let gate = world.serve(staffed(family).profile(profile.clone()).serial("GATE1").records(40));
        let back = world.serve(empty(family).profile(profile).serial("BACK1"));
        let scene = Self { world, gate, back, carrier, timeout, printed: tempfile::tempdir().unwrap() };
        let device = |name: &str, server: &Server| {
            let (ip, port) = (server.addr().ip(), server.addr().port());
            format!(
                "[[device]]\nname = \"{name}\"\nhost = \"{ip}\"\nport = {port}\ntransport = \"{carrier}\"\n\
                 timeout = \"{}ms\"\n",
                timeout.as_millis()
            )
        };
        let sink = "[[sink]]\nname = \"db\"\nurl = \"sqlite:att.db\"\n";
        scene.world.write("iclock.toml", device("gate", &scene.gate) + &device("back", &scene.back) + sink);
        scene.world.write("people.csv", "user_id,name\n7,Ned\n8,Una\n9,Ivo\n");
        for before in row.before {
            scene.run(before).ended(0);
        }
        scene
    }

    /// Runs a command line. {gate} is the terminal as a flag names a new one, and {port} its port.
    pub(crate) fn run(&self, line: &str) -> Run {
        let words = self.words(line);
        self.world.cli(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn words(&self, line: &str) -> Vec<String> {
        let address = self.gate.addr();
        let spec = format!("gate={address}?transport={}&timeout={}ms", self.carrier, self.timeout.as_millis());
        let word = |word: &str| word.replace("{gate}", &spec).replace("{port}", &address.port().to_string());
        line.split_whitespace().map(word).collect()
    }

    /// Runs a command line until this happens, given what is printed on stdout and stderr; then does something about it
    /// and waits for the end. Returns also how long that took.
    pub(crate) fn until(
        &self,
        line: &str,
        happens: impl Fn(&str, &str) -> bool,
        then: impl FnOnce(&Child),
    ) -> (Run, Duration) {
        let path = |name: &str| self.printed.path().join(name);
        let file = |name: &str| Stdio::from(File::create(path(name)).unwrap());
        let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
        program.args(self.words(line)).current_dir(self.world.path());
        program.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let mut program = program.spawn().unwrap();
        let begun = Instant::now();
        while !happens(&read("stdout"), &read("stderr")) {
            if begun.elapsed() > PATIENT {
                program.kill().unwrap();
                panic!("it does not happen: {}{}", read("stdout"), read("stderr"));
            }
            let ended = program.try_wait().unwrap();
            assert!(ended.is_none(), "it ended too early, {ended:?}: {}{}", read("stdout"), read("stderr"));
            thread::sleep(Duration::from_millis(5));
        }
        then(&program);
        let begun = Instant::now();
        let code = program.wait().unwrap().code().unwrap_or(-1);
        let took = begun.elapsed();
        (Run { code, stdout: read("stdout"), stderr: read("stderr") }, took)
    }

    /// Makes the terminal leave the row's request without an answer. Returns a check for whether it was asked.
    pub(crate) fn holding_its_breath(&self, row: &Row) -> impl Fn() -> bool + use<> {
        let handle = self.gate.handle();
        handle.set_faults(&[fault(&format!("ignore-command={}", row.at))]);
        let (number, skipped) = row.at.split_once('@').unwrap_or((row.at, "0"));
        let (command, skipped): (_, u64) = (zk_proto::Command(number.parse().unwrap()), skipped.parse().unwrap());
        let so_far = move || handle.stats().commands.get(&command).copied().unwrap_or(0);
        let before = so_far();
        move || so_far() > before + skipped
    }

    /// The files of the directory by their names.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let name = |path: PathBuf| path.strip_prefix(self.world.path()).unwrap().display().to_string();
        self.world.files().into_iter().map(|(path, _)| name(path)).collect()
    }

    /// A text with ADDR instead of the addresses of the terminals.
    pub(crate) fn masked(&self, text: &str) -> String {
        let mask = |text: String, server: &Server| text.replace(&server.addr().to_string(), "ADDR");
        mask(mask(text.to_owned(), &self.gate), &self.back)
    }
}

/// Sends a program what Ctrl-C sends.
pub(crate) fn interrupt(program: &Child) {
    let id = program.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

/// Asserts that a text has all of these parts.
#[track_caller]
pub(crate) fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// Does this for each row and each way, so many at once. Every failure is told.
pub(crate) fn each(ways: &[Way], at_once: usize, check: impl Fn(&Row, Way) + Sync) {
    let work = Mutex::new(TABLE.iter().flat_map(|row| ways.iter().map(move |way| (row, *way))));
    let worker = || {
        let mut failures = Vec::new();
        loop {
            // Taken before the work, so that others can take theirs.
            let next = work.lock().unwrap().next();
            let Some((row, way)) = next else { return failures };
            let Err(why) = catch_unwind(AssertUnwindSafe(|| check(row, way))) else { continue };
            let why = why.downcast_ref::<String>().map(String::as_str).or(why.downcast_ref::<&str>().copied());
            failures.push(format!("{} at {} over {}: {}", row.name, way.0, way.1, why.unwrap_or("?")));
        }
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
