//! Terminals as somebody meets them, and `doctor` run on all of them at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tokio::task::AbortHandle;
use zk_proto::Client;
use zk_proto::client::ConnectOptions;
use zk_sim::{Fault, Handle, Profile, Server, Terminal, TerminalBuilder};

use super::common::{World, lines};
use super::fixes;

/// The longest that a whole table may take on a machine with other work.
const LIMIT: Duration = Duration::from_secs(540);

/// A terminal, what is around it, and the words of the causes that `doctor` has to name.
pub(crate) struct Case {
    name: String,
    terminal: TerminalBuilder,
    /// Lines of its table in the configuration.
    settings: Vec<String>,
    beside: Beside,
    change: Option<Change>,
    expected: Expected,
}

/// The words of the causes that have to be named.
pub(crate) struct Expected {
    causes: Vec<&'static str>,
    /// One of them is enough, and others may be named too: what is found depends on the moment.
    one_is_enough: bool,
}

type Change = Box<dyn FnOnce(&Handle)>;

/// Another program that talks to the same terminal.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    Nobody,
    /// It holds a session.
    Holds,
    /// It holds a session, and ends it once somebody else was refused.
    Leaves,
    /// It connects again as soon as its connection ends.
    Insists,
}

/// A terminal of a family with 40 users.
pub(crate) fn terminal(profile: &str, records: usize) -> TerminalBuilder {
    Terminal::builder().profile(Profile::named(profile).unwrap()).records(records).users(40).seed(23)
}

/// A case by a name of its own, which also names the terminal.
pub(crate) fn case(name: &str, terminal: TerminalBuilder, expected: &[&'static str]) -> Case {
    Case {
        // Such a name needs no quotes in a printed command.
        name: name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"),
        terminal,
        settings: Vec::new(),
        beside: Beside::Nobody,
        change: None,
        expected: only(expected),
    }
}

/// These causes and no others.
pub(crate) fn only(causes: &[&'static str]) -> Expected {
    Expected { causes: causes.to_vec(), one_is_enough: false }
}

impl Case {
    /// With these faults, separated by spaces.
    pub(crate) fn faults(mut self, faults: &str) -> Self {
        for fault in faults.split_whitespace() {
            self.terminal = self.terminal.fault(Fault::parse(fault).unwrap());
        }
        self
    }

    /// With lines in its table of the configuration.
    pub(crate) fn set(mut self, lines: &str) -> Self {
        self.settings.extend(lines.lines().map(str::to_owned));
        self
    }

    /// While another program holds a session.
    pub(crate) fn held(mut self) -> Self {
        self.beside = Beside::Holds;
        self
    }

    /// While another program holds a session, until somebody else was refused.
    pub(crate) fn left(mut self) -> Self {
        self.beside = Beside::Leaves;
        self
    }

    /// While another program connects again and again: one of the causes is named, whichever comes first.
    pub(crate) fn contested(mut self) -> Self {
        self.beside = Beside::Insists;
        self.expected.one_is_enough = true;
        self
    }

    /// After a change at the running terminal.
    pub(crate) fn changed(mut self, change: impl FnOnce(&Handle) + 'static) -> Self {
        self.change = Some(Box::new(change));
        self
    }
}

/// Runs `doctor device --json` once on all of these, and compares the causes that it names. Every finding has evidence,
/// and the fix of its cause.
#[track_caller]
pub(crate) fn examine(cases: Vec<Case>) {
    examine_under("", cases);
}

/// The same with lines at the end of the configuration.
#[track_caller]
pub(crate) fn examine_under(rules: &str, cases: Vec<Case>) {
    let world = World::new();
    let mut configuration = "attempts = 2\nbackoff = \"10ms\"\n".to_owned();
    let (mut expected, mut running, mut others) = (BTreeMap::new(), Vec::new(), Vec::new());
    for case in cases {
        let server = world.serve(case.terminal);
        if let Some(change) = case.change {
            change(&server.handle());
        }
        configuration += &table(&case.name, &server, &case.settings);
        others.extend(other_program(&world, &server, case.beside));
        assert!(expected.insert(case.name.clone(), case.expected).is_none(), "{} is there twice", case.name);
        running.push(server);
    }
    world.write("iclock.toml", configuration + rules);
    let run = world.cli_within(LIMIT, &["doctor", "device", "--json"]);
    others.iter().for_each(AbortHandle::abort);
    assert!([0, 70].contains(&run.code), "{run:?}");
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for finding in lines(&run.stdout) {
        found.entry(finding["name"].as_str().unwrap().to_owned()).or_default().push(finding);
    }
    let wrong = expected.iter().filter_map(|(name, causes)| {
        let found = found.get(name).map(Vec::as_slice).unwrap_or_default();
        compare(found, causes).err().map(|why| format!("{name}: {why}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn table(name: &str, server: &Server, settings: &[String]) -> String {
    let has = |key: &str| settings.iter().any(|line| line.starts_with(key));
    let mut table = format!("[[device]]\nname = \"{name}\"\n");
    for (key, value) in [
        ("host", format!("\"{}\"", server.addr().ip())),
        ("port", server.addr().port().to_string()),
        ("timeout", "\"3s\"".to_owned()),
    ] {
        if !has(key) {
            table += &format!("{key} = {value}\n");
        }
    }
    settings.iter().fold(table, |table, line| table + line + "\n")
}

/// Starts another program, and waits until the terminal knows it.
fn other_program(world: &World, server: &Server, beside: Beside) -> Option<AbortHandle> {
    if beside == Beside::Nobody {
        return None;
    }
    let options = ConnectOptions::new(server.addr().ip().to_string()).port(server.addr().port());
    let first = world.runtime.block_on(Client::connect(&options)).unwrap();
    let handle = server.handle();
    let task = world.runtime.spawn(async move {
        if beside == Beside::Leaves {
            while handle.stats().refused == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            return first.exit().await;
        }
        let mut client = Some(first);
        loop {
            let is_open = match &mut client {
                Some(held) => beside == Beside::Holds || held.time().await.is_ok(),
                None => false,
            };
            if !is_open {
                client = Client::connect(&options).await.ok();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    Some(task.abort_handle())
}

/// Compares findings with the words of causes.
pub(crate) fn compare(found: &[Value], expected: &Expected) -> Result<(), String> {
    let named: BTreeSet<&str> = found.iter().filter_map(|finding| finding["cause"].as_str()).collect();
    let causes: BTreeSet<&str> = expected.causes.iter().copied().collect();
    let is_right = if expected.one_is_enough { !named.is_disjoint(&causes) } else { named == causes };
    if !is_right {
        let told: Vec<String> = found
            .iter()
            .filter(|finding| finding["level"] != "ok")
            .map(|finding| format!("{}: {}", finding["cause"], finding["evidence"]))
            .collect();
        return Err(format!("{named:?} instead of {causes:?}\n    {}", told.join("\n    ")));
    }
    if found.is_empty() {
        return Err("nothing was said".to_owned());
    }
    found.iter().try_for_each(fixes::check)
}
