//! People's names in sinks: a table or a file of their own.

use rusqlite::Connection;
use zk_sim::{Person, Punch, Server};

use crate::at;
use crate::common::{World, terminal};

fn served(world: &World) -> Server {
    let person = |(uid, user_id, name): (u16, &str, &str)| Person {
        uid,
        user_id: user_id.into(),
        name: name.to_owned(),
        privilege: 0,
    };
    let punches: Vec<Punch> = (0..30).map(|minute| Punch::new(1, "7", at(2, 8, minute), 0, 1)).collect();
    world.serve(
        terminal(0)
            .serial("SN1")
            .punches(punches)
            .people([(1, "7", "Ahmed"), (2, "8", "Eva, \"Z\"")].map(person).into()),
    )
}

#[test]
fn names_are_in_a_table_of_their_own_next_to_the_events() {
    let world = World::new();
    let server = served(&world);
    world.write(
        "iclock.toml",
        "[[sink]]\nname = \"db\"\nurl = \"sqlite:att.db\"\nnames = true\n\
         [[sink]]\nname = \"sheet\"\nurl = \"csv:att.csv\"\nnames = true\n\
         [[sink]]\nname = \"lines\"\nurl = \"jsonl:att.jsonl\"\nnames = true\n\
         [[sink]]\nname = \"plain\"\nurl = \"csv:plain.csv\"\n",
    );
    let device = format!("gate={}", server.addr());
    world.cli(&["sync", "--device", &device, "--state", "state"]).ended(0);

    let database = Connection::open(world.path().join("att.db")).unwrap();
    let question = "SELECT e.user_id, p.name, p.device_name, count(*) FROM attendance_events e
                    JOIN attendance_people p USING (device_serial, user_id) GROUP BY e.user_id";
    let found: (String, String, String, i64) =
        database.query_row(question, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    assert_eq!(found, ("7".to_owned(), "Ahmed".to_owned(), "gate".to_owned(), 30));
    let sheet = world.read("att.people.csv");
    assert!(sheet.starts_with("device_serial,user_id,device_name,name,seen_at\nSN1,7,gate,Ahmed,2"), "{sheet}");
    assert!(sheet.contains("\nSN1,8,gate,\"Eva, \"\"Z\"\"\",2"), "{sheet}");
    assert_eq!(world.read("att.jsonl").lines().count(), 30);
    assert_eq!(world.read("att.people.jsonl").lines().count(), 2);
    assert!(!world.path().join("plain.people.csv").exists(), "off by default");

    // What `person forget` prints removes the name too.
    let shown = world.cli(&["person", "forget", "7", "--dry-run", "--state", "state"]).ended(0).stdout;
    let deletion = "DELETE FROM attendance_people WHERE user_id = '7';";
    assert!(shown.lines().any(|line| line.trim() == deletion), "{shown}");
    assert_eq!(database.execute(deletion, ()).unwrap(), 1);
    assert!(shown.contains("the file of people next to"), "{shown}");
    let json = world.cli(&["person", "forget", "7", "--dry-run", "--json", "--state", "state"]).ended(0).report();
    let of_db = json["sinks"].as_array().unwrap().iter().find(|sink| sink["name"] == "db").unwrap();
    assert_eq!((&of_db["names"], &of_db["delete_names"]), (&1.into(), &deletion.into()));
}

#[test]
fn a_setting_that_is_neither_true_nor_false_is_refused() {
    let world = World::new();
    let run = world.cli(&["doctor", "sink", "--sink", "sqlite:att.db?names=yes"]).ended(10);
    assert!(run.stderr.contains("names = true"), "{run:?}");
}
