//! The program and a receiver of events over HTTP, which keeps what it gets by the id.
#![cfg(feature = "http")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use common::{World, terminal, truth};
use serde_json::Value;

type Events = Arc<Mutex<BTreeMap<String, Value>>>;

/// Answers 200 to whatever it gets, but 503 to the first request with events.
fn receiver() -> (String, Events) {
    let (listener, events) = (TcpListener::bind("127.0.0.1:0").unwrap(), Events::default());
    let (address, kept) = (listener.local_addr().unwrap(), Arc::clone(&events));
    std::thread::spawn(move || {
        let mut refused = false;
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            // A connection takes requests one after another.
            loop {
                let mut length = None;
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                    let header = line.to_ascii_lowercase();
                    if let Some(value) = header.strip_prefix("content-length:") {
                        length = Some(value.trim().parse().unwrap());
                    }
                    line.clear();
                }
                let Some(length) = length else { break };
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                let said: Value = serde_json::from_slice(&body).unwrap();
                let sent = said["events"].as_array().unwrap();
                let status =
                    if !sent.is_empty() && !std::mem::replace(&mut refused, true) { "503 Busy" } else { "200 OK" };
                if status == "200 OK" {
                    let id = |event: &Value| event["event_id"].as_str().unwrap().to_owned();
                    kept.lock().unwrap().extend(sent.iter().map(|event| (id(event), event.clone())));
                }
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    (format!("http://{address}/in"), events)
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
