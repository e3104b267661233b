//! The program under test, in a process of its own, and what can be seen of it from outside.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use iclock_sync::Ledger;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use zk_sim::Server;

use crate::Result;
use crate::figures::{Figures, Files};

/// The files of the sinks.
pub(crate) const SINKS: [&str; 2] = ["attendance.db", "attendance.jsonl"];

/// The program, killed if the soak fails.
pub(crate) struct Program {
    child: Child,
    dir: PathBuf,
    ports: Vec<u16>,
    /// Changes with each reload, so that there is something to reload.
    reloads: Cell<u64>,
    polls: RefCell<Polls>,
}

/// The polls of each terminal as last seen, and those of all so far. A reload that changes a terminal begins its
/// count again.
#[derive(Default)]
struct Polls {
    seen: HashMap<String, f64>,
    sum: f64,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    pub(crate) fn start(servers: &[Server], dir: &Path) -> Result<Self> {
        let ports: Vec<u16> = servers.iter().map(|server| server.addr().port()).collect();
        fs::write(dir.join("iclock.toml"), config(&ports, 0))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
        command.args(["sync", "--live", "--loop", "--json"]).current_dir(dir);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let (reloads, polls) = (Cell::new(0), RefCell::default());
        Ok(Self { child, dir: dir.to_owned(), ports, reloads, polls })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Fails if the program has ended.
    pub(crate) fn is_alive(&self) -> Result<()> {
        let alive = fs::read_to_string(self.proc("stat")).is_ok_and(|stat| !stat.contains(") Z "));
        if alive { Ok(()) } else { Err("the program has ended".into()) }
    }

    /// Has one terminal changed, and the program read that.
    pub(crate) fn reload(&self) -> Result<()> {
        self.reloads.set(self.reloads.get() + 1);
        fs::write(self.dir.join("iclock.toml"), config(&self.ports, self.reloads.get()))?;
        self.signal("-HUP")
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status()?;
        if sent.success() { Ok(()) } else { Err("the program cannot be signalled; it may have ended".into()) }
    }

    /// Ends the program as a supervisor does.
    pub(crate) fn ends(&mut self) -> Result<()> {
        self.signal("-TERM")?;
        let ended = self.child.wait()?;
        if ended.success() { Ok(()) } else { Err(format!("the program ended with {ended}").into()) }
    }

    /// Checks what the program has left.
    pub(crate) fn check(&self, truth: &HashSet<String>) -> Result<()> {
        for sink in SINKS {
            let stored = stored_in(&self.dir, sink)?;
            let distinct: HashSet<&String> = stored.iter().collect();
            if stored.len() != distinct.len() {
                return Err(format!("{sink}: {} punches are there twice", stored.len() - distinct.len()).into());
            }
            let (missing, wrong) = (truth.len() - truth.iter().filter(|id| distinct.contains(id)).count(), stored);
            let wrong = wrong.iter().filter(|id| !truth.contains(*id)).count();
            if missing + wrong > 0 {
                return Err(format!("{sink}: {missing} punches are missing, {wrong} were never made").into());
            }
        }
        let ledger = Ledger::open_read_only(&self.dir.join("state"))?.ok_or("there is no ledger")?;
        let damage = ledger.check()?;
        let refused: u64 = ledger.quarantine_counts()?.iter().map(|(_, _, count)| count).sum();
        if !damage.is_empty() || refused > 0 || ledger.event_count()? != truth.len() as u64 {
            let events = ledger.event_count()?;
            return Err(format!("the ledger has {events} events, {refused} refused, and damage: {damage:?}").into());
        }
        let audit = Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
            .args(["audit", "verify", "--state", "state"])
            .current_dir(&self.dir)
            .output()?;
        if audit.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&audit.stdout).into_owned().into()) }
    }

    /// What the program uses now.
    pub(crate) fn figures(&self, at: Duration, punches: f64) -> Result<Figures> {
        let status = fs::read_to_string(self.proc("status")).map_err(|_| "the program has ended")?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()).unwrap_or(f64::NAN)
        };
        let handles = fs::read_dir(self.proc("fd"))?.count() as f64;
        let (memory, threads) = (number("VmRSS:") / 1024.0, number("Threads:"));
        Ok(Figures { at, punches, polls: self.polls(), memory, handles, threads, files: self.files() })
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }

    /// The polls so far, by the program's metrics.
    fn polls(&self) -> f64 {
        let text = fs::read_to_string(self.dir.join("metrics.txt")).unwrap_or_default();
        let mut polls = self.polls.borrow_mut();
        for line in text.lines().filter_map(|line| line.strip_prefix("iclock_terminal_polls_total")) {
            let Some((name, Ok(count))) = line.rsplit_once(' ').map(|(name, count)| (name, count.parse::<f64>()))
            else {
                continue;
            };
            let before = polls.seen.insert(name.to_owned(), count).unwrap_or(0.0);
            polls.sum += if count >= before { count - before } else { count };
        }
        polls.sum
    }

    fn files(&self) -> Files {
        let mut files = Files::default();
        add(&self.dir, &mut |path, size| files.add(path, size));
        files
    }
}

fn add(dir: &Path, see: &mut impl FnMut(&Path, f64)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        // One that is gone meanwhile has no size.
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => add(&entry.path(), see),
            Ok(metadata) => see(&entry.path(), metadata.len() as f64),
            Err(_) => {}
        }
    }
}

/// The configuration. The terminals differ from one reload to the next in one time-out.
fn config(ports: &[u16], reload: u64) -> String {
    let mut text = "interval = \"1s\"\nmetrics_file = \"metrics.txt\"\n\
        [schedule]\nkind = \"fixed\"\n[log]\ndir = \"logs\"\nsize = 200000\nkeep = 3\n"
        .to_owned();
    for (n, port) in (0u64..).zip(ports) {
        // One in six is reached over UDP.
        let transport = if n % 6 == 5 { "udp" } else { "tcp" };
        let timeout = if reload > 0 && n == reload % ports.len() as u64 { "2500ms" } else { "2s" };
        text.push_str(&format!(
            "[[device]]\nname = \"t{n}\"\nhost = \"127.0.0.1\"\nport = {port}\n\
             transport = \"{transport}\"\ntimeout = \"{timeout}\"\n"
        ));
    }
    text + "[[sink]]\nname = \"db\"\nurl = \"sqlite:attendance.db\"\n\
            [[sink]]\nname = \"lines\"\nurl = \"jsonl:attendance.jsonl\"\n"
}

/// The ids that a sink has.
pub(crate) fn stored_in(dir: &Path, sink: &str) -> Result<Vec<String>> {
    let path = dir.join(sink);
    if sink.ends_with(".db") {
        let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut ids = file.prepare("SELECT event_id FROM attendance_events")?;
        let ids = ids.query_map([], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        return Ok(ids);
    }
    let mut ids = Vec::new();
    for line in BufReader::new(fs::File::open(path)?).lines() {
        // The last line may be half written.
        let Ok(line) = serde_json::from_str::<Value>(&line?) else { continue };
        ids.push(line["event_id"].as_str().unwrap_or_default().to_owned());
    }
    Ok(ids)
}
