//! Rows: their fields, and which of them a program asks for.

use std::collections::BTreeSet;

use chrono::{Local, NaiveDateTime, TimeDelta};
use serde_json::{Value, json};

use super::Program;
use crate::common::Answer;

/// The fields of a punch in the vendor's examples, and what its programs need each to be.
const TRANSACTION: [(&str, &str); 22] = [
    ("id", "number"),
    ("emp", "null"),
    ("emp_code", "text"),
    ("first_name", "text"),
    ("last_name", "text"),
    ("department", "text"),
    ("position", "null"),
    ("punch_time", "time"),
    ("punch_state", "text"),
    ("punch_state_display", "text"),
    ("verify_type", "number"),
    ("verify_type_display", "text"),
    ("work_code", "text"),
    ("gps_location", "text"),
    ("area_alias", "text"),
    ("terminal_sn", "text"),
    ("temperature", "number"),
    ("is_mask", "text"),
    ("terminal_alias", "text"),
    ("upload_time", "time"),
    ("longitude", "null"),
    ("latitude", "null"),
];
const TERMINAL: [(&str, &str); 21] = [
    ("id", "number"),
    ("sn", "text"),
    ("ip_address", "text"),
    ("alias", "text"),
    ("terminal_name", "text"),
    ("fw_ver", "null"),
    ("push_ver", "null"),
    ("state", "text"),
    ("terminal_tz", "null"),
    ("area", "object"),
    ("last_activity", "time"),
    ("user_count", "number"),
    ("fp_count", "null"),
    ("face_count", "null"),
    ("palm_count", "null"),
    ("transaction_count", "number"),
    ("push_time", "null"),
    ("transfer_time", "text"),
    ("transfer_interval", "number"),
    ("is_attendance", "number"),
    ("area_name", "text"),
];

fn kind(value: &Value) -> &'static str {
    let is_time = |text: &String| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").is_ok();
    match value {
        Value::Null => "null",
        Value::Number(_) => "number",
        Value::String(text) if is_time(text) => "time",
        Value::String(_) => "text",
        Value::Object(_) => "object",
        _ => "other",
    }
}

fn fields(row: &Value) -> BTreeSet<(&str, &str)> {
    row.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), kind(value))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_has_the_fields_of_the_vendor_and_says_what_the_event_says() {
    let before = Local::now().naive_local() - TimeDelta::seconds(1);
    let program = Program::start().await;
    let rows = program.rows("/iclock/api/transactions/?page_size=1000").await;
    assert_eq!(rows.len(), 60);
    let events = program.scene.json("/events?limit=1000").await;
    let mut seen = BTreeSet::new();
    for row in &rows {
        assert_eq!(fields(row), BTreeSet::from(TRANSACTION), "{row}");
        let upload = NaiveDateTime::parse_from_str(row["upload_time"].as_str().unwrap(), "%Y-%m-%d %H:%M:%S").unwrap();
        assert!(before <= upload && upload <= Local::now().naive_local(), "{row}");
        let is_it = |event: &&Value| {
            event["user_id"] == row["emp_code"]
                && event["local_time"] == row["punch_time"]
                && event["punch_state"].as_u64() == row["punch_state"].as_str().unwrap().parse().ok()
                && event["verify_mode"] == row["verify_type"]
                && event["device_serial"] == row["terminal_sn"]
                && event["device_name"] == row["terminal_alias"]
        };
        let event = events["events"].as_array().unwrap().iter().find(is_it).unwrap_or_else(|| panic!("{row}"));
        seen.insert(event["event_id"].as_str().unwrap());
        let display = match row["punch_state"].as_str().unwrap() {
            "0" => "Check In",
            "1" => "Check Out",
            "2" => "Break Out",
            "3" => "Break In",
            "4" => "Overtime In",
            "5" => "Overtime Out",
            _ => "Unknown",
        };
        assert_eq!(row["punch_state_display"], display);
        assert_eq!(row["verify_type_display"] == "Fingerprint", row["verify_type"] == 1, "{row}");
        // By its number it is the same.
        assert_eq!(program.read(&format!("/iclock/api/transactions/{}/", row["id"])).await, *row);
    }
    assert_eq!(seen.len(), 60);
    let ids: Vec<i64> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=60).collect::<Vec<_>>());
    for none in ["0", "61", "-1", "x", "1x", "99999999999999999999"] {
        let answer = program.ask(&format!("/iclock/api/transactions/{none}")).await;
        assert_eq!((answer.status, answer.json()), (404, json!({ "detail": "Not found." })), "{none}");
    }
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_has_the_fields_of_the_vendor_and_is_found_by_each_filter() {
    let program = Program::start().await;
    let rows = program.rows("/iclock/api/terminals/").await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(fields(row), BTreeSet::from(TERMINAL), "{row}");
    let serial = program.scene.service.status().terminals["gate"].serial.clone().unwrap();
    assert_eq!((&row["sn"], &row["alias"], &row["ip_address"]), (&json!(serial), &json!("gate"), &json!("127.0.0.1")));
    assert_eq!((&row["state"], &row["user_count"], &row["transaction_count"]), (&json!("1"), &json!(8), &json!(60)));
    assert_eq!((&row["area"]["area_name"], &row["area"]["area_code"]), (&row["area_name"], &json!("1")));
    assert_eq!(program.read(&format!("/iclock/api/terminals/{}/", row["id"])).await, *row);
    assert_eq!(program.ask("/iclock/api/terminals/99/").await.status, 404);
    let part = &serial[1..].to_lowercase();
    for (query, found) in [
        (format!("sn={serial}"), 1),
        (format!("sn={part}"), 0),
        (format!("sn_icontains={part}"), 1),
        ("alias=gate&state=1&area=1".to_owned(), 1),
        ("alias_icontains=AT".to_owned(), 1),
        ("alias_icontains=hall".to_owned(), 0),
        ("alias=ga".to_owned(), 0),
        ("state=3".to_owned(), 0),
        ("area=2".to_owned(), 0),
    ] {
        assert_eq!(program.read(&format!("/iclock/api/terminals/?{query}")).await["count"], found, "{query}");
    }
    program.scene.service.pause("gate").await.unwrap();
    assert_eq!(program.rows("/iclock/api/terminals/").await[0]["state"], "0");
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_those_of_the_user_tables_and_their_punches_have_their_names() {
    let program = Program::start().await;
    let people = program.rows("/personnel/api/employees/?page_size=100").await;
    assert_eq!(people.len(), 8);
    let ids: Vec<i64> = people.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    for punch in program.rows("/iclock/api/transactions/?page_size=100").await {
        let person = people.iter().find(|row| row["emp_code"] == punch["emp_code"]).unwrap();
        assert_eq!((&punch["first_name"], &punch["department"]), (&person["first_name"], &person["dept_name"]));
    }
    let one = &people[3];
    assert!(one["first_name"].as_str().is_some_and(|name| !name.is_empty()), "{one}");
    assert_eq!((&one["device_password"], &one["card_no"]), (&Value::Null, &Value::Null));
    assert_eq!(program.read(&format!("/personnel/api/employees/{}/", one["id"])).await, *one);
    let code = one["emp_code"].as_str().unwrap();
    let of_code = program.rows(&format!("/personnel/api/employees/?emp_code={code}")).await;
    assert_eq!((of_code.len(), &of_code[0]), (1, one));
    let of_nobody = ["emp_code=nobody", "last_name=x", "department=99", "areas=2", "first_name_icontains=%3Cb%3E"];
    for query in of_nobody {
        assert_eq!(program.read(&format!("/personnel/api/employees/?{query}")).await["count"], 0, "{query}");
    }
    let (department, part) = (&one["department"]["id"], &one["first_name"].as_str().unwrap()[1..]);
    let query =
        format!("emp_code_icontains={}&first_name_icontains={part}&department={department}&areas=1", &code[1..]);
    assert!(program.rows(&format!("/personnel/api/employees/?{query}")).await.contains(one), "{query}");
    for (list, none, all) in [("departments", "dept_code=99", "dept_name=1"), ("areas", "area_name=x", "area_code=1")] {
        assert_eq!(program.read(&format!("/personnel/api/{list}/?{none}")).await["count"], 0, "{none}");
        assert_eq!(program.read(&format!("/personnel/api/{list}/?{all}")).await["count"], 1, "{all}");
    }
    let departments = program.rows("/personnel/api/departments/").await;
    assert!(departments.contains(&one["department"]), "{departments:?}");
    let of_one = format!("/personnel/api/departments/{}/", one["department"]["id"]);
    assert_eq!(program.read(&of_one).await, one["department"]);
    let areas = program.rows("/personnel/api/areas/").await;
    assert_eq!((&areas[..], &one["area"][0]), (&[program.read("/personnel/api/areas/1/").await][..], &areas[0]));
    for empty in ["positions", "resigns"] {
        let list = program.read(&format!("/personnel/api/{empty}/")).await;
        let expected = json!({ "count": 0, "next": null, "previous": null, "msg": "", "code": 0, "data": [] });
        assert_eq!(list, expected, "{empty}");
        assert_eq!(program.ask(&format!("/personnel/api/{empty}/1/")).await.status, 404);
    }
    program.scene.end().await;
}

type Is<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_finds_its_punches_and_no_others() {
    let program = Program::start().await;
    let all = program.rows("/iclock/api/transactions/?page_size=100").await;
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let mut times: Vec<_> = all.iter().map(|row| text(row, "punch_time")).collect();
    times.sort();
    let (from, to) = (times[10].clone(), times[40].clone());
    let (user, serial, state) = (text(&all[0], "emp_code"), text(&all[0], "terminal_sn"), text(&all[0], "punch_state"));
    let day = &from[..10];
    let within = |row: &Value| (from.as_str()..=to.as_str()).contains(&row["punch_time"].as_str().unwrap());
    let (spaced, dashed) = (from.replace(' ', "%20"), to.replace(' ', "T"));
    let cases: [(String, Is<'_>); 15] = [
        (format!("emp_code={user}"), Box::new(|row| row["emp_code"] == *user)),
        (format!("punch_state={state}"), Box::new(|row| row["punch_state"] == *state)),
        (format!("start_time={spaced}&end_time={dashed}"), Box::new(within)),
        (format!("start_time={}&end_time={dashed}.999", from.replace(' ', "+")), Box::new(within)),
        (
            format!("start_time={spaced}&end_time={dashed}&emp_code={user}"),
            Box::new(|row| within(row) && row["emp_code"] == *user),
        ),
        (
            format!("start_time={day}&end_time={day}"),
            Box::new(|row| row["punch_time"].as_str().unwrap().starts_with(day)),
        ),
        (format!("end_time={dashed}"), Box::new(|row| *row["punch_time"].as_str().unwrap() <= *to)),
        ("start_time=2099-01-01".to_owned(), Box::new(|_| false)),
        (format!("terminal_sn={serial}"), Box::new(|_| true)),
        ("terminal_alias=gate".to_owned(), Box::new(|_| true)),
        (format!("terminal_sn={serial}&terminal_alias=gate"), Box::new(|_| true)),
        (format!("terminal_sn={serial}&terminal_alias=hall"), Box::new(|_| false)),
        ("terminal_alias=hall".to_owned(), Box::new(|_| false)),
        ("emp_code=nobody".to_owned(), Box::new(|_| false)),
        // What is empty or unknown filters nothing.
        ("emp_code=&start_time=&end_time=&terminal_sn=&colour=red&&page=1".to_owned(), Box::new(|_| true)),
    ];
    for (query, is_meant) in cases {
        let expected: Vec<_> = all.iter().filter(|row| is_meant(row)).cloned().collect();
        let found = program.read(&format!("/iclock/api/transactions/?page_size=100&{query}")).await;
        assert_eq!((&found["count"], &found["data"]), (&expected.len().into(), &json!(expected)), "{query}");
    }
    for (query, field) in
        [("start_time=yesterday", "start_time"), ("end_time=2026-02-30", "end_time"), ("punch_state=in", "punch_state")]
    {
        let answer = program.ask(&format!("/iclock/api/transactions/?{query}")).await;
        assert_eq!((answer.status, answer.json()[field].is_array()), (400, true), "{query}: {answer:?}");
    }
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_is_the_one_that_was_asked_for() {
    let program = Program::start().await;
    let all = program.rows("/iclock/api/transactions/?page_size=100").await;
    let mut by_time = all.clone();
    by_time.sort_by_key(|row| (row["punch_time"].as_str().unwrap().to_owned(), row["id"].as_i64()));
    let reversed = |rows: &[Value]| rows.iter().rev().cloned().collect::<Vec<_>>();
    for (ordering, expected) in [
        ("punch_time", by_time.clone()),
        ("-punch_time", reversed(&by_time)),
        ("upload_time", all.clone()),
        ("-upload_time", reversed(&all)),
        ("emp_code;DROP", all.clone()),
    ] {
        let mut found = Vec::new();
        for page in 1..=6 {
            let path = format!("/iclock/api/transactions/?ordering={ordering}&page_size=11&page={page}");
            found.extend(program.rows(&path).await);
        }
        assert_eq!(found, expected, "{ordering}");
    }
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_injected_finds_nothing_and_comes_back_as_it_was() {
    let program = Program::start().await;
    for text in ["%27%20OR%201=1--", "%22%3E%3Cscript%3E", "%00", "%ff%fe", "1%00", "*", "%25", "_"] {
        for name in ["emp_code", "terminal_sn", "terminal_alias"] {
            let found = program.read(&format!("/iclock/api/transactions/?{name}={text}")).await;
            assert_eq!(found["count"], 0, "{name}={text}");
        }
    }
    let is_json = |answer: &Answer| answer.kind == "application/json";
    let wrong = program.ask("/iclock/api/transactions/?start_time=%3Cscript%3E").await;
    assert!(wrong.status == 400 && is_json(&wrong) && !wrong.text.contains('<'), "{wrong:?}");
    // A program that follows the link asks for the same.
    let odd = program.read("/iclock/api/transactions/?x=%3Cb%3E%26page%3D9%22&page_size=50&page=1&page=1").await;
    let next = odd["next"].as_str().unwrap();
    assert!(next.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte)), "{next}");
    let link = reqwest::Url::parse(next).unwrap();
    let pairs: Vec<_> = link.query_pairs().into_owned().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(pairs, [pair("x", "<b>&page=9\""), pair("page", "2"), pair("page_size", "50")]);
    program.scene.end().await;
}
