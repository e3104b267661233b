//! `simulate --push`: simulated terminals in a process of their own push to `serve` in another one, and the sink has
//! each punch once.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use zk_sim::{Device, Terminal};

use crate::common::{self, World};
use crate::serving::{AT_MOST, Serving, until};

/// Serial number, user id, time, verify mode and punch state of an event.
type Row = (String, String, String, u8, u8);

/// `simulate` while it runs.
struct Simulating {
    child: Child,
    serials: Vec<String>,
    said: Receiver<String>,
}

impl Simulating {
    fn start(serving: &Serving, count: usize, more: &str) -> Self {
        let url = format!("http://{}", serving.address);
        let mut child = Command::new(env!("CARGO_BIN_EXE_iclock-cli"))
            .args(["simulate", "--push", &url, "--count", &count.to_string(), "--speed", "1000"])
            .args(more.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines().take(count).map(Result::unwrap);
        let serial = |line: String| line.strip_prefix(&format!("pushing {url} serial=")).unwrap().to_owned();
        let serials = printed.map(serial).collect();
        let (sender, said) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, serials, said }
    }

    /// Waits for a line that begins so.
    fn says(&self, start: &str) -> String {
        loop {
            let line = self.said.recv_timeout(AT_MOST).unwrap_or_else(|_| panic!("nothing begins with {start:?}"));
            if line.starts_with(start) {
                return line;
            }
        }
    }

    fn ends(mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Simulating {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The records of the terminals of these seeds, as the simulator makes them.
fn truth(seeds: std::ops::Range<u64>, records: usize, users: u16) -> BTreeSet<Row> {
    let of_one = |seed| {
        let terminal = Terminal::builder().seed(seed).users(users).records(records).build();
        let serial = terminal.serial().to_owned();
        let punches = Device::new(terminal).records().to_vec();
        punches.into_iter().map(move |punch| {
            let (user_id, time, mode, state) = common::row(&punch);
            (serial.clone(), user_id, time, mode, state)
        })
    };
    seeds.flat_map(of_one).collect()
}

/// The rows of the sink, none of them twice.
fn rows(world: &World) -> BTreeSet<Row> {
    let Ok(database) = rusqlite::Connection::open(world.path().join("att.db")) else { return BTreeSet::new() };
    let columns = "device_serial, user_id, local_time, verify_mode, punch_state";
    let Ok(mut rows) = database.prepare(&format!("SELECT {columns} FROM attendance_events")) else {
        return BTreeSet::new();
    };
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
    let all: Vec<Row> = rows.query_map((), row).unwrap().map(Result::unwrap).collect();
    let unique: BTreeSet<Row> = all.iter().cloned().collect();
    assert_eq!(unique.len(), all.len(), "each once");
    unique
}

fn serve(world: &World) -> Serving {
    world.write("iclock.toml", "state_dir = \"state\"\n[[sink]]\nurl = \"sqlite:att.db\"\n");
    Serving::start(world, &[])
}

fn approve(world: &World, simulating: &Simulating) {
    simulating.serials.iter().for_each(|serial| drop(world.cli(&["push", "approve", serial]).ended(0)));
}

#[test]
fn terminals_of_each_family_push_with_faults_and_each_punch_is_stored_once() {
    for family in ["att-old", "att-21", "att-us", "acc"] {
        let world = World::new();
        let serving = serve(&world);
        let more = format!("--profile {family} --records 30 --users 7 --seed 5 --batch 4");
        let faults = "--fault lose-answer --fault cut-body --fault twice --fault poll-meanwhile --fault chunked";
        let simulating = Simulating::start(&serving, 3, &format!("{more} {faults}"));
        approve(&world, &simulating);
        simulating.says("90 of 90 records acknowledged, ");
        let expected = truth(5..8, 30, 7);
        until("all is delivered", || rows(&world).len() == expected.len());
        assert_eq!(rows(&world), expected, "{family}");
        assert_eq!(simulating.ends("-INT"), Some(130));
        assert_eq!(serving.ends("-TERM"), 0);
    }
}

#[test]
fn people_punch_at_terminals_that_push_as_on_a_school_day() {
    let world = World::new();
    let serving = serve(&world);
    let day = "--users 50 --records 0 --day 2026-03-04 --day-in 500ms";
    let simulating = Simulating::start(&serving, 2, day);
    approve(&world, &simulating);
    let told = simulating.says("school day 2026-03-04: ");
    let punches: usize = told["school day 2026-03-04: ".len()..].split(' ').next().unwrap().parse().unwrap();
    assert!(punches > 80, "{told}");
    until("all is delivered", || rows(&world).len() == punches);
    assert!(rows(&world).iter().all(|(_, _, time, ..)| time.starts_with("2026-03-04 ")));
    let doors: BTreeSet<String> = rows(&world).into_iter().map(|(serial, ..)| serial).collect();
    assert_eq!(doors.len(), 2);
    assert_eq!(simulating.ends("-TERM"), Some(0));
}

#[test]
fn a_terminal_says_if_its_server_does_not_answer_or_does_not_know_it() {
    let world = World::new();
    let serving = serve(&world);
    let unknown = Simulating::start(&serving, 1, "--records 5 --strictness ok-count");
    assert!(unknown.says("nothing is acknowledged yet").contains("iclock-cli push pending"));
    drop(serving);
    let nobody = world.cli(&["simulate", "--push", "http://192.0.2.1:80"]).ended(2);
    assert!(nobody.stderr.contains("not on this machine or a private network"), "{nobody:?}");
    for (more, wanted) in [
        (&["--listen", "127.0.0.1:0"][..], "cannot be used with"),
        (&["--key", "7"], "cannot be used with"),
        (&["--fault", "cut-head"], "--list-faults"),
        (&["--profile", "tft40"], "att-21-tab"),
        (&["--strictness", "no"], "ok-count"),
    ] {
        let refused = world.cli(&[&["simulate", "--push", "http://127.0.0.1:1"][..], more].concat()).ended(2);
        assert!(refused.stderr.contains(wanted), "{refused:?}");
    }
    world.cli(&["simulate", "--speed", "2"]).ended(2);
    let faults = world.cli(&["simulate", "--list-faults"]).ended(0).stdout;
    assert!(faults.contains("cut-head ") && faults.contains("lose-answer "), "{faults}");
    assert!(world.cli(&["simulate", "--list-profiles"]).ended(0).stdout.contains("att-us "));
}
