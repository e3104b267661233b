//! `report daily|monthly`: days, hours, lateness, missing punches and absences.

use std::time::{Duration, Instant};

use calamine::{Data, Reader as _};
use serde_json::Value;
use zk_sim::{Punch, Server};

use crate::common::{Run, World, terminal};
use crate::{at, csv, few, people};

pub(crate) const SHIFTS: &str =
    "names = true\n[shifts]\nhours = \"08:00-16:00\"\ngrace = \"2m\"\ndepartments = [\"1=Teachers\"]\n";

pub(crate) fn report(world: &World, args: &[&str]) -> Run {
    world.cli(&[&["report"], args, &["--state", "state"]].concat())
}

/// A ledger with two people on Monday and Tuesday, 2 and 3 March 2026.
pub(crate) fn synced(world: &World) -> Server {
    let server = world.serve(few().people(people(["އަޙްމަދު", "<b>王小明</b>"])));
    world.write("iclock.toml", SHIFTS);
    world.sync(&[&server], &[]).ended(0);
    server
}

#[test]
fn a_month_has_a_row_for_each_person() {
    let world = World::new();
    let _server = synced(&world);
    let month = ["monthly", "--month", "2026-03"];
    let expected = "March 2026
  id  name           department  days  absent  hours  late  late by  missing
  7   އަޙްމަދު           Teachers       1      21   8:59
  42  <b>王小明</b>  Teachers       2      20   0:00     1     0:03        2
";
    let shown = report(&world, &month).ended(0).stdout;
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed(&shown), squeezed(expected), "{shown}");
    let json = report(&world, &[&month[..], &["--json"]].concat()).ended(0).stdout;
    let json: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!((&json[0]["worked_minutes"], &json[0]["late"]), (&539.into(), &Value::Null), "{json:?}");
    assert_eq!((&json[1]["late_minutes"], &json[1]["missing_punches"]), (&3.into(), &2.into()));
    let table = csv(&report(&world, &[&month[..], &["--csv"]].concat()).ended(0).stdout);
    assert_eq!((table.len(), &*table[1][0], &*table[1][1]), (3, "2026-03", "7"));
    let departments = report(&world, &[&month[..], &["--departments", "--json"]].concat()).ended(0).stdout;
    let departments: Vec<Value> = serde_json::from_str(&departments).unwrap();
    assert_eq!((departments.len(), &departments[0]["people"], &departments[0]["days"]), (1, &2.into(), &3.into()));
    let one = csv(&report(&world, &[&month[..], &["--person", "42", "--csv"]].concat()).ended(0).stdout);
    assert_eq!((one.len(), &*one[1][1]), (2, "42"));
    report(&world, &[&month[..], &["--days", "--xlsx", "m.xlsx"]].concat()).ended(0);
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(world.path().join("m.xlsx")).unwrap();
    let sheet = book.worksheet_range("Report").unwrap();
    // Two people on 22 working days, and no row for a free day.
    assert_eq!(sheet.height(), 1 + 44);
    assert!(matches!(sheet.get((1, 0)), Some(Data::DateTime(_))), "{:?}", sheet.get((1, 0)));
}

#[test]
fn a_day_says_who_came_when_and_who_did_not() {
    let world = World::new();
    let _server = synced(&world);
    let day = |date: &str| report(&world, &["daily", "--day", date, "--csv"]).ended(0).stdout;
    let rows = |date: &str| -> Vec<[String; 4]> {
        let table = csv(&day(date));
        let at = |name: &str| table[0].iter().position(|column| column == name).unwrap();
        let columns = ["user_id", "first_in", "last_out", "remark"].map(at);
        table[1..].iter().map(|row| columns.map(|column| row[column].clone())).collect()
    };
    assert_eq!(rows("2026-03-02"), [["7", "08:01:09", "17:00:09", ""], ["42", "08:03:09", "", "no punch out"]]);
    assert_eq!(rows("2026-03-03"), [["7", "", "", "absent"], ["42", "07:59:09", "", "no punch out"]]);
    assert!(rows("2026-03-08").is_empty(), "nobody is absent on a Sunday");
    assert!(rows("2026-05-04").is_empty(), "who has not come for weeks is not missed");
    let shown = report(&world, &["daily", "--day", "2026-03-03"]).ended(0).stdout;
    assert!(shown.starts_with("Tuesday, 3 March 2026\n") && shown.contains("absent"), "{shown}");
}

#[test]
fn without_hours_of_work_nobody_is_late_or_absent() {
    let world = World::new();
    let server = world.serve(few());
    world.sync(&[&server], &[]).ended(0);
    let table = csv(&report(&world, &["monthly", "--month", "2026-03", "--csv"]).ended(0).stdout);
    let at = |name: &str| table[0].iter().position(|column| column == name).unwrap();
    for row in &table[1..] {
        assert_eq!((&*row[at("late")], &*row[at("absent")]), ("", ""), "{row:?}");
    }
    assert_eq!((table.len(), &*table[1][at("worked_minutes")]), (3, "539"));
}

#[test]
fn a_report_that_cannot_be_made_says_why() {
    let world = World::new();
    assert!(report(&world, &["monthly", "--month", "March"]).ended(2).stderr.contains("write it like 2026-11"));
    assert!(report(&world, &["monthly"]).ended(60).stderr.contains("no ledger in state"));
    let server = world.serve(terminal(0).punches(vec![Punch::new(1, "7", at(2, 8, 1), 0, 1)]));
    world.sync(&[&server], &[]).ended(0);
    let empty = report(&world, &["monthly", "--month", "2020-01"]).ended(0);
    assert_eq!(empty.stdout, "January 2020: nobody has punched\n");
    let run = report(&world, &["monthly", "--html", "nowhere/x.html"]).ended(1);
    assert!(run.stderr.contains("cannot write nowhere/x.html") && run.stderr.contains("try: "), "{run:?}");
    world.write("iclock.toml", "[shifts]\nhours = \"morning\"\n");
    let run = report(&world, &["monthly"]).ended(10);
    assert!(run.stderr.contains("shifts.hours") && run.stderr.contains("08:00-16:00"), "{run:?}");
}

/// Fills the ledger of a school: 500 people who come and go each day of so many days.
fn fill(world: &World, days: u32) {
    let database = rusqlite::Connection::open(world.path().join("state/ledger.sqlite")).unwrap();
    let filled = database.execute(
        "WITH RECURSIVE day(d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM day WHERE d + 1 < ?1),
             person(p) AS (SELECT 1 UNION ALL SELECT p + 1 FROM person WHERE p < 500),
             way(w) AS (SELECT 0 UNION SELECT 1)
         INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
         SELECT 1, 1, 1772323200 + d * 86400 + 27900 + p * 3 + w * 30000, randomblob(16), CAST(1000 + p AS TEXT), 1, w,
             zeroblob(40)
         FROM day, person, way",
        [days],
    );
    assert_eq!(filled.unwrap(), days as usize * 1_000);
}

#[test]
fn a_month_out_of_a_year_costs_as_much_as_a_month_alone() {
    let took = |days| {
        let world = World::new();
        let _server = synced(&world);
        fill(&world, days);
        let once = || {
            let began = Instant::now();
            let run = report(&world, &["monthly", "--month", "2026-03", "--csv"]).ended(0);
            assert_eq!(run.stdout.lines().count(), 503);
            began.elapsed()
        };
        (0..3).map(|_| once()).min().unwrap()
    };
    let (month, year) = (took(31), took(365));
    println!("a month alone {month:?}, out of a year {year:?}");
    assert!(year < month * 2 + Duration::from_millis(200), "a month alone {month:?}, out of a year {year:?}");
}
