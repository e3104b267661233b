//! The commands that read the ledger for people.
#![cfg(all(unix, feature = "sqlite"))]

#[path = "../common/mod.rs"]
mod common;

mod attendance;
mod names;
mod page;
mod person;
mod report;
mod status;

use common::{Run, terminal};
use serde_json::Value;
use zk_proto::DeviceTime;
use zk_sim::{Person, Punch, TerminalBuilder};

fn objects(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn csv(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn at(day: u8, hour: u8, minute: u8) -> DeviceTime {
    DeviceTime::new(2026, 3, day, hour, minute, 9).unwrap()
}

/// Two people on two days.
fn few() -> TerminalBuilder {
    terminal(0).punches(vec![
        Punch::new(1, "7", at(2, 8, 1), 0, 1),
        Punch::new(2, "42", at(2, 8, 3), 0, 15),
        Punch::new(1, "7", at(2, 17, 0), 1, 1),
        Punch::new(2, "42", at(3, 7, 59), 0, 4),
    ])
}

fn people(names: [&str; 2]) -> Vec<Person> {
    let person = |(uid, user_id, name): (u16, &str, &str)| Person {
        uid,
        user_id: user_id.into(),
        name: name.to_owned(),
        privilege: 0,
    };
    [(1, "7", names[0]), (2, "42", names[1])].map(person).into()
}
