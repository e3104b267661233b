//! The program and a receiver of events over HTTP, which keeps what it gets by the id.
#![cfg(feature = "http")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use chrono::{NaiveDateTime, TimeDelta};
use common::{World, terminal, truth};
use serde_json::{Value, json};

type Events = Arc<Mutex<BTreeMap<String, Value>>>;

/// Answers each request by its method, its `Authorization` and its body: with a status and a body. Returns the address.
fn serve(answer: impl FnMut(&str, &str, Value) -> (&'static str, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(Mutex::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (BufReader::new(stream.unwrap()), Arc::clone(&answer));
            // A connection takes requests one after another.
            std::thread::spawn(move || {
                while let Some((method, caller, body)) = request(&mut stream) {
                    let (status, said) = answer.lock().unwrap()(&method, &caller, body);
                    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", said.len());
                    stream.get_mut().write_all((head + &said).as_bytes()).unwrap();
                }
            });
        }
    });
    address.to_string()
}

/// The next request of a connection, until that ends.
fn request(stream: &mut BufReader<TcpStream>) -> Option<(String, String, Value)> {
    let (mut length, mut caller, mut method) = (0, String::new(), None);
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "authorization" => caller = value.trim().to_owned(),
            _ if method.is_none() => method = line.split(' ').next().map(str::to_owned),
            _ => {}
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((method?, caller, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Answers 200 to whatever it gets, but 503 to the first request with events.
fn receiver() -> (String, Events) {
    let events = Events::default();
    let (kept, mut refused) = (Arc::clone(&events), false);
    let address = serve(move |_, _, said| {
        let sent = said["events"].as_array().unwrap();
        if !sent.is_empty() && !std::mem::replace(&mut refused, true) {
            return ("503 Busy", String::new());
        }
        let id = |event: &Value| event["event_id"].as_str().unwrap().to_owned();
        kept.lock().unwrap().extend(sent.iter().map(|event| (id(event), event.clone())));
        ("200 OK", String::new())
    });
    (format!("http://{address}/in"), events)
}

/// A site of Frappe HR that does not know this employee. Its checkins by employee and second.
fn site(stranger: &str) -> (String, Events) {
    let checkins = Events::default();
    let (kept, stranger) = (Arc::clone(&checkins), format!("{stranger} "));
    let address = serve(move |method, caller, call| {
        let refused = |words: &str| ("417 Expectation Failed", format!("{{\"exception\": \"{words}\"}}"));
        let text = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
        let key = format!("{} {}", text("employee_field_value"), text("timestamp"));
        match method {
            _ if caller != "token k3y:hunter2" => ("401 Unauthorized", String::new()),
            "GET" => ("200 OK", "{\"message\": \"clerk@school.example\"}".to_owned()),
            _ if key.starts_with(&stranger) => refused("No Employee found for the given employee field value"),
            _ if kept.lock().unwrap().insert(key, call).is_some() => {
                refused("This employee already has a log with the same timestamp.")
            }
            _ => ("200 OK", "{\"message\": {\"name\": \"EMP-CKIN-1\"}}".to_owned()),
        }
    });
    (format!("frappe:http://{address}"), checkins)
}

/// A site of Odoo that does not know this badge. Its attendances by employee, which have the numbers of the badges.
fn odoo(stranger: &str) -> (String, Events) {
    let rows = Events::default();
    let (kept, stranger) = (Arc::clone(&rows), stranger.to_owned());
    let address = serve(move |_, _, call| {
        let mut rows = kept.lock().unwrap();
        let arguments = &call["params"]["args"];
        let (model, function) = (arguments[3].as_str().unwrap_or("common"), arguments[4].as_str().unwrap_or("login"));
        let result = match (model, function) {
            ("common", _) => {
                if arguments[2] == "hunter2" {
                    json!(7)
                } else {
                    json!(false)
                }
            }
            ("hr.employee", "search_count") => json!(5),
            ("hr.employee", "search_read") => {
                let badges = arguments[5][0][0][2].as_array().unwrap().iter().filter(|badge| **badge != stranger);
                badges.map(|badge| json!({ "id": id_of(badge), "barcode": badge })).collect()
            }
            ("hr.employee", _) => {
                for command in arguments[5][1]["attendance_ids"].as_array().unwrap() {
                    let id = command[1].as_u64().filter(|id| *id != 0).unwrap_or(rows.len() as u64 + 1);
                    let mut row = command[2].clone();
                    row["id"] = json!(id);
                    row["employee_id"] = arguments[5][0][0].clone();
                    rows.insert(id.to_string(), row);
                }
                json!(true)
            }
            (_, _) => {
                let theirs = rows.values().filter(|row| row["employee_id"] == arguments[5][0][0][2]);
                theirs.cloned().collect()
            }
        };
        ("200 OK", json!({ "jsonrpc": "2.0", "id": 1, "result": result }).to_string())
    });
    (format!("odoo:http://{address}"), rows)
}

fn id_of(badge: &Value) -> u64 {
    badge.as_str().unwrap().parse().unwrap()
}

#[test]
fn odoo_gets_every_punch_in_an_attendance_but_those_of_somebody_whom_it_does_not_know() {
    let world = World::new();
    let server = world.serve(terminal(250));
    let stranger = truth(&server).first().unwrap().0.clone();
    let (url, rows) = odoo(&stranger);
    let device = format!("gate={}", server.addr());
    let toml = |password: &str| {
        format!(
            "[[sink]]\nurl = \"{url}\"\ndatabase = \"school\"\nlogin = \"clerk\"\npassword = \"{password}\"\n\
             zone = \"Indian/Maldives\"\n"
        )
    };
    world.write("iclock.toml", toml("ENV:OTHER"));
    world.write(".env", "OTHER=hunter3\n");
    world.write("key", "hunter2\n");
    let doctor = world.cli(&["doctor", "sink"]).ended(70).stdout;
    assert!(doctor.contains("API key") && !doctor.contains("hunter"), "{doctor}");
    world.write("iclock.toml", toml("FILE:key"));
    world.cli(&["doctor", "sink"]).ended(0);
    let sync = |code| world.cli(&["sync", "--json", "--state", "state", "--device", &device]).ended(code).report();
    let (known, unknown): (Vec<_>, Vec<_>) = truth(&server).into_iter().partition(|(user, ..)| *user != stranger);
    let report = sync(30);
    assert!(!unknown.is_empty() && report["sinks"][0]["rejected"] == unknown.len(), "{report}");
    // Each punch is an end of an attendance, five hours earlier by UTC, but for those within a minute of another one.
    let ends: Vec<String> =
        rows.lock().unwrap().values().flat_map(|row| [ended(row, "check_in"), ended(row, "check_out")]).collect();
    let missing = known.iter().filter(|(user, time, ..)| !ends.contains(&format!("{user} {time}"))).count();
    assert_eq!(report["totals"]["stored"], known.len() - missing, "{report}");
    assert!(missing * 10 < known.len(), "{missing} of {}", known.len());
    assert_eq!(sync(0)["totals"]["stored"], 0);
}

/// A time of an attendance by the terminal's clock, after its person.
fn ended(row: &Value, name: &str) -> String {
    let utc = NaiveDateTime::parse_from_str(row[name].as_str().unwrap_or("2000-01-01 00:00:00"), "%Y-%m-%d %H:%M:%S");
    format!("{} {}", row["employee_id"], utc.unwrap() + TimeDelta::hours(5))
}

#[test]
fn a_program_gets_every_punch_once_over_http() {
    let world = World::new();
    let server = world.serve(terminal(250));
    let (url, events) = receiver();
    let device = format!("gate={}", server.addr());
    let toml = format!("[[sink]]\nname = \"hook\"\nurl = \"{url}\"\nsecret = \"ENV:HOOK\"\nbatch = 60\n");
    world.write("iclock.toml", toml);
    world.write(".env", "HOOK=hunter2\n");
    let sync = || world.cli(&["sync", "--json", "--state", "state", "--device", &device]).ended(0).report();
    let stored = |report: Value| report["totals"]["stored"].as_u64().unwrap() as usize;
    assert_eq!(stored(sync()), truth(&server).len());
    assert_eq!(stored(sync()), 0);
    let received = events.lock().unwrap().clone();
    assert_eq!(received.len(), truth(&server).len());
    assert!(received.values().all(|event| event["source"] == "pull" && event["device_name"] == "gate"));
    // It cannot be asked: nothing is missing there for all that is known.
    let compared = world.cli(&["verify", "--no-terminals", "--state", "state"]).ended(0).stdout;
    assert!(compared.contains("hook: not compared"), "{compared}");
    // A receiver that has another key is told apart before anything is sent.
    let doctor = world.cli(&["doctor", "sink"]).ended(0).stdout;
    assert!(doctor.contains("hook"), "{doctor}");
}

#[test]
fn frappe_gets_a_checkin_of_every_punch_but_those_of_somebody_whom_it_does_not_know() {
    let world = World::new();
    let server = world.serve(terminal(250));
    let stranger = truth(&server).first().unwrap().0.clone();
    let (url, checkins) = site(&stranger);
    let device = format!("gate={}", server.addr());
    let toml = |secret: &str| format!("[[sink]]\nurl = \"{url}\"\napi_key = \"k3y\"\napi_secret = \"{secret}\"\n");
    world.write("iclock.toml", toml("ENV:OTHER"));
    world.write(".env", "FRAPPE=hunter2\nOTHER=hunter3\n");
    let doctor = world.cli(&["doctor", "sink"]).ended(70).stdout;
    assert!(doctor.contains("api_secret") && !doctor.contains("hunter"), "{doctor}");
    world.write("iclock.toml", toml("ENV:FRAPPE"));
    world.cli(&["doctor", "sink"]).ended(0);
    let sync = |code| world.cli(&["sync", "--json", "--state", "state", "--device", &device]).ended(code).report();
    let (known, unknown): (Vec<_>, Vec<_>) = truth(&server).into_iter().partition(|(user, ..)| *user != stranger);
    let report = sync(30);
    assert!(!unknown.is_empty() && report["sinks"][0]["rejected"] == unknown.len(), "{report}");
    assert_eq!(report["totals"]["stored"], known.len());
    let expected: Vec<String> = known.iter().map(|(user, time, ..)| format!("{user} {time}")).collect();
    let mut stored: Vec<String> = checkins.lock().unwrap().keys().cloned().collect();
    stored.sort();
    assert_eq!(stored, expected);
    // What was rejected is set aside.
    assert_eq!(sync(0)["totals"]["stored"], 0);
}
