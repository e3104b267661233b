//! `person forget`: one person's data are removed, the rest stays, and nothing brings them back.

use std::fs;

use chrono::{Local, TimeDelta};
use serde_json::Value;
use zk_proto::DeviceTime;
use zk_sim::{Person, Punch, Server};

use crate::common::{Run, World, terminal};
use crate::{at, csv};

const ID: &str = "90210";
const NAME: &str = "Featherstone";

fn forget(world: &World, args: &[&str]) -> Run {
    world.cli(&[&["person", "forget", ID, "--state", "state"], args].concat())
}

/// Two people; the last record is that of the one who is forgotten.
fn served(world: &World) -> Server {
    let person = |(uid, user_id, name): (u16, &str, &str)| Person {
        uid,
        user_id: user_id.into(),
        name: name.to_owned(),
        privilege: 0,
    };
    let mut punches: Vec<Punch> = (0..30).map(|minute| Punch::new(1, "7", at(2, 8, minute), 0, 1)).collect();
    punches.extend((0..9).map(|minute| Punch::new(2, ID, at(2, 9, minute), 0, 1)));
    world.serve(terminal(0).punches(punches).people([(1, "7", "Ahmed"), (2, ID, NAME)].map(person).into()))
}

fn sync(world: &World, server: &Server, more: &[&str]) -> Value {
    world.write("iclock.toml", "names = true\n");
    world.sync(&[server], more).ended(0).report()
}

fn ids(world: &World) -> Vec<String> {
    let run = world.cli(&["attendance", "--state", "state", "--csv"]).ended(0);
    csv(&run.stdout)[1..].iter().map(|row| row[1].clone()).collect()
}

/// The files of the state directory that have these bytes.
fn with(world: &World, text: &str) -> Vec<String> {
    let has = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let found =
        world.files().into_iter().filter(|(path, bytes)| path.starts_with(world.path().join("state")) && has(bytes));
    found.map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_person_is_removed_everywhere_and_the_others_stay() {
    let world = World::new();
    let server = served(&world);
    sync(&world, &server, &[]);
    assert!(!with(&world, ID).is_empty() && !with(&world, NAME).is_empty());
    let shown = forget(&world, &["--dry-run"]).ended(0).stdout;
    assert!(shown.starts_with(&format!("To be removed of person {ID} ({NAME}):\n")), "{shown}");
    assert!(shown.contains("        9 events\n") && shown.contains("        9 entries of the audit\n"), "{shown}");
    let deletion = format!("    DELETE FROM attendance_events WHERE user_id = '{ID}';\n");
    assert!(shown.contains("sqlite: 9 documents") && shown.contains(&deletion), "{shown}");
    let before = world.files();
    let refused = forget(&world, &[]).ended(80);
    assert!(refused.stderr.contains("nothing was changed") && world.files() == before, "{refused:?}");

    let removed = forget(&world, &["--yes", "--json"]).ended(0);
    let removed: Value = serde_json::from_str(&removed.stdout).unwrap();
    assert_eq!((&removed["events"], &removed["audited"], &removed["removed"]), (&9.into(), &9.into(), &true.into()));
    assert_eq!(removed["sinks"][0]["ids"].as_array().unwrap().len(), 9);
    for text in [ID, NAME] {
        assert_eq!(with(&world, text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(ids(&world), vec!["7"; 30]);
    world.cli(&["audit", "verify", "--state", "state"]).ended(0);
    let audit = world.cli(&["audit", "show", "--json", "--state", "state"]).ended(0).stdout;
    assert_eq!((audit.lines().count(), audit.contains(ID)), (30, false));
    // The statement that was printed does what it says.
    let database = rusqlite::Connection::open(world.path().join("att.db")).unwrap();
    assert_eq!(database.execute(deletion.trim(), ()).unwrap(), 9);
    let again: Value = serde_json::from_str(&forget(&world, &["--dry-run", "--json"]).ended(0).stdout).unwrap();
    assert_eq!((&again["events"], &again["audited"], &again["sinks"]), (&0.into(), &0.into(), &Value::Array(vec![])));
}

#[test]
fn a_full_read_does_not_bring_a_person_back_and_later_punches_count_and_arrive() {
    let world = World::new();
    let server = served(&world);
    sync(&world, &server, &[]);
    forget(&world, &["--yes"]).ended(0);
    let report = sync(&world, &server, &["--full"]);
    assert_eq!((&report["totals"]["new"], &report["devices"][0]["duplicate"]), (&0.into(), &39.into()), "{report}");
    assert_eq!(ids(&world).len(), 30);
    assert!(!world.cli(&["attendance", "--state", "state", "--csv"]).ended(0).stdout.contains(NAME));
    // The numbers of removed events are not given again: the sink gets what is new.
    let soon = DeviceTime::from_naive(Local::now().naive_local() + TimeDelta::hours(1)).unwrap();
    server.handle().add_punches([Punch::new(1, "7", at(3, 8, 0), 0, 1), Punch::new(2, ID, soon, 0, 1)]);
    let report = sync(&world, &server, &[]);
    assert_eq!((&report["totals"]["new"], &report["totals"]["stored"]), (&2.into(), &2.into()), "{report}");
    assert_eq!((&report["totals"]["pending"], ids(&world).len()), (&0.into(), 32), "somebody else has the id now");
    world.cli(&["audit", "verify", "--state", "state"]).ended(0);
    world.cli(&["state", "check", "--state", "state"]).ended(0);
}

#[test]
fn a_sink_that_comes_later_gets_nothing_of_a_person_who_was_forgotten() {
    let world = World::new();
    let server = served(&world);
    sync(&world, &server, &[]);
    forget(&world, &["--yes"]).ended(0);
    let report = sync(&world, &server, &["--sink", "csv:later.csv"]);
    let later = report["sinks"].as_array().unwrap().iter().find(|sink| sink["name"] == "csv").unwrap();
    assert_eq!((&later["stored"], &later["pending"]), (&30.into(), &0.into()), "{report}");
    assert!(!world.read("later.csv").contains(ID));
}

#[test]
fn a_changed_audit_and_a_running_service_refuse_the_removal() {
    let world = World::new();
    let server = served(&world);
    sync(&world, &server, &[]);
    let held = iclock_sync::Ledger::open(&world.path().join("state")).unwrap();
    forget(&world, &["--yes"]).ended(60);
    drop(held);
    let audit = world.path().join("state/audit/audit-000001.jsonl");
    let text = fs::read_to_string(&audit).unwrap();
    fs::write(&audit, text.replace("08:05:09", "07:05:09")).unwrap();
    let before = world.files();
    let refused = forget(&world, &["--yes"]).ended(80);
    assert!(refused.stderr.contains("audit verify") && refused.stderr.contains("nothing was changed"), "{refused:?}");
    assert_eq!(world.files(), before);
    assert_eq!(ids(&world).len(), 39);
}

#[test]
fn a_kept_log_that_has_the_person_is_removed_as_a_whole() {
    let world = World::new();
    let server = world.serve(terminal(400).fault(zk_sim::Fault::parse("damaged-patch=130@200").unwrap()));
    world.sync(&[&server], &[]).ended(40);
    let kept = || fs::read_dir(world.path().join("state/unproven")).unwrap().count();
    assert_eq!(kept(), 1);
    let id = server.handle().records()[5].user_id.to_string();
    let run = world.cli(&["person", "forget", "314159", "--yes", "--json", "--state", "state"]).ended(0);
    let run: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&run["unproven"], kept()), (&Value::Array(vec![]), 1));
    let run = world.cli(&["person", "forget", &id, "--yes", "--json", "--state", "state"]).ended(0);
    let run: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run["unproven"].as_array().unwrap().len(), kept()), (1, 0));
    world.cli(&["unproven", "list", "--state", "state"]).ended(0);
}

#[test]
fn of_a_person_of_whom_nothing_is_known_nothing_is_removed() {
    let world = World::new();
    let server = served(&world);
    sync(&world, &server, &[]);
    let before = world.files();
    let run = world.cli(&["person", "forget", "99999", "--yes", "--state", "state"]).ended(0);
    assert_eq!(run.stdout, "nothing is known of a person 99999\n");
    assert!(world.files() == before, "no file was changed");
}
