//! The control port, as a program in another language uses it: lines over a plain socket.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use zk_proto::DeviceTime;
use zk_proto::{ReplyId, SessionId};
use zk_sim::control::REQUESTS;
use zk_sim::{Control, FaultKind, Profile, Server, Terminal, TerminalBuilder};

/// Terminals, their control port, and a connection to it.
struct Site {
    servers: Vec<Server>,
    lines: BufReader<TcpStream>,
    control: Control,
    _runtime: Runtime,
}

impl Site {
    fn new(terminals: impl IntoIterator<Item = TerminalBuilder>) -> Self {
        let runtime = Runtime::new().unwrap();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let servers: Vec<Server> = terminals
            .into_iter()
            .map(|terminal| runtime.block_on(Server::start(terminal.build(), anywhere)).unwrap())
            .collect();
        let handles = servers.iter().map(Server::handle).collect();
        let control = runtime.block_on(Control::start(handles, anywhere)).unwrap();
        Self { servers, lines: connect(control.addr()), control, _runtime: runtime }
    }

    fn one(terminal: TerminalBuilder) -> Self {
        Self::new([terminal])
    }

    fn send(&mut self, line: &[u8]) -> Value {
        self.lines.get_mut().write_all(line).unwrap();
        let mut answer = String::new();
        self.lines.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// Asks, and expects it to be done.
    fn ask(&mut self, request: Value) -> Value {
        let answer = self.send(format!("{request}\n").as_bytes());
        assert_eq!(answer["ok"], true, "{request}: {answer}");
        answer
    }

    /// Asks, and expects a refusal in words.
    fn refused(&mut self, line: &str) -> String {
        let answer = self.send(format!("{line}\n").as_bytes());
        assert_eq!(answer["ok"], false, "{line}: {answer}");
        answer["error"].as_str().unwrap().to_owned()
    }
}

fn connect(addr: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    BufReader::new(stream)
}

fn terminal(records: usize) -> TerminalBuilder {
    let now = chrono::NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(9, 0, 0).unwrap();
    Terminal::builder().records(records).users(3).seed(4).now(now).serial("FRONT1")
}

#[test]
fn punches_are_stored_as_they_were_given_and_as_the_next_person_would() {
    let mut site = Site::one(terminal(0));
    let next = site.ask(json!({ "do": "punch", "times": 2 }));
    assert_eq!(next["punches"][1]["user_id"], "1002");
    let given = json!({
        "user_id": "1003", "uid": 3, "time": "2026-02-28 07:00:01", "state": 1, "mode": 15, "work_code": 0
    });
    site.ask(json!({ "do": "punches", "punches": [given] }));
    let bare = site.ask(json!({ "do": "punch", "user_id": "1001" }));
    assert_eq!(bare["punches"][0]["uid"], 1);
    let records = site.ask(json!({ "do": "records" }));
    assert_eq!((&records["count"], &records["records"][2]), (&json!(4), &given));
    assert_eq!(records["records"][3]["time"], "2026-03-04 09:00:00");
    assert_eq!(site.servers[0].handle().records().len(), 4);
    let part = site.ask(json!({ "do": "records", "from": 2, "limit": 1 }));
    assert_eq!(part["records"], json!([given]));
}

#[test]
fn the_log_is_cleared_and_loses_its_oldest() {
    let mut site = Site::one(terminal(10));
    let before = site.ask(json!({ "do": "records", "from": 4 }));
    site.ask(json!({ "do": "drop-oldest", "count": 4 }));
    let after = site.ask(json!({ "do": "records" }));
    assert_eq!((&after["count"], &after["records"]), (&json!(6), &before["records"]));
    site.ask(json!({ "do": "clear-log" }));
    assert!(site.servers[0].handle().records().is_empty());
}

#[test]
fn faults_are_listed_set_told_and_cleared() {
    let mut site = Site::one(terminal(100));
    let listed = site.ask(json!({ "do": "list-faults" }));
    assert_eq!(listed["faults"].as_array().unwrap().len(), FaultKind::ALL.len());
    site.ask(json!({ "do": "set-faults", "faults": ["empty-user-ids=100", "latency=1msx2@1"] }));
    let state = site.ask(json!({ "do": "state" }));
    assert_eq!(state["faults"], json!(["empty-user-ids=100", "latency=1msx2@1"]));
    assert!(site.servers[0].handle().records().iter().all(|punch| punch.user_id.is_empty()));
    site.ask(json!({ "do": "clear-faults" }));
    assert_eq!(site.ask(json!({ "do": "state" }))["faults"], json!([]));
    assert!(site.servers[0].handle().records().iter().all(|punch| !punch.user_id.is_empty()));
}

#[test]
fn the_clock_is_set_and_moved() {
    let mut site = Site::one(terminal(0));
    let set = site.ask(json!({ "do": "set-clock", "time": "2026-01-31T23:59:50" }));
    assert_eq!(set["clock"], "2026-01-31 23:59:50");
    let moved = site.ask(json!({ "do": "set-clock", "seconds": 20 }));
    assert_eq!(moved["clock"], "2026-02-01 00:00:10");
    assert_eq!(site.servers[0].handle().now(), DeviceTime::new(2026, 2, 1, 0, 0, 10).unwrap());
}

#[test]
fn what_a_client_did_is_seen() {
    let mut site = Site::one(terminal(0));
    site.ask(json!({ "do": "set-key", "key": 77 }));
    let mut client = TcpStream::connect(site.servers[0].addr()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.write_all(&[0x50, 0x50, 0x82, 0x7D, 8, 0, 0, 0, 0xE8, 0x03, 0x17, 0xFC, 0, 0, 0, 0]).unwrap();
    let mut answer = [0; 16];
    std::io::Read::read_exact(&mut client, &mut answer).unwrap();
    assert_eq!(answer[8..10], 2005u16.to_le_bytes());
    let transcript = site.ask(json!({ "do": "transcript" }));
    assert_eq!(transcript["packets"], json!([{ "link": 0, "command": 1000, "name": "CONNECT (1000)", "data": "" }]));
    let stats = site.ask(json!({ "do": "stats" }));
    assert_eq!((&stats["connections"], &stats["commands"]["CONNECT (1000)"]), (&json!(1), &json!(1)));
    site.ask(json!({ "do": "restart" }));
    assert_eq!(std::io::Read::read(&mut client, &mut answer).unwrap_or(0), 0, "the session has ended");
}

#[test]
fn an_event_reaches_who_registered_for_it() {
    let mut site = Site::one(terminal(0));
    let mut client = TcpStream::connect(site.servers[0].addr()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut out = bytes::BytesMut::new();
    zk_proto::frame::encode(zk_proto::Command::CONNECT, SessionId(0), ReplyId(0), &[], &mut out);
    zk_proto::frame::encode(zk_proto::Command::REG_EVENT, SessionId(0), ReplyId(1), &0x200u32.to_le_bytes(), &mut out);
    client.write_all(&out).unwrap();
    let mut answer = [0; 32];
    std::io::Read::read_exact(&mut client, &mut answer).unwrap();
    site.ask(json!({ "do": "emit", "event": 0x100, "data": "00" }));
    site.ask(json!({ "do": "emit", "event": 0x200, "data": "37000000" }));
    let mut event = [0; 20];
    std::io::Read::read_exact(&mut client, &mut event).unwrap();
    assert_eq!((&event[8..10], &event[12..14]), (&[0xF4, 1][..], &[0, 2][..]), "the other event was not asked for");
    assert_eq!(event[16..], [0x37, 0, 0, 0]);
}

#[test]
fn users_are_told_with_the_bytes_of_their_names() {
    let mut site = Site::one(terminal(0));
    let users = site.ask(json!({ "do": "users" }));
    let first = &users["users"][0];
    assert_eq!((&first["uid"], &first["user_id"], &first["privilege"]), (&json!(1), &json!("1001"), &json!(14)));
    assert_eq!(hex::decode(first["name_hex"].as_str().unwrap()).unwrap(), first["name"].as_str().unwrap().as_bytes());
    assert_eq!(users["users"].as_array().unwrap().len(), 3);
}

#[test]
fn options_are_told_as_clients_read_them() {
    let mut site = Site::one(terminal(0).option("LockOn", "7"));
    let told = site.ask(json!({ "do": "options" }));
    assert_eq!((&told["options"]["LockOn"], &told["options"]["~SerialNumber"]), (&json!("7"), &json!("FRONT1")));
    assert_eq!(told["firmware"], "Ver 6.60 Jun 16 2015");
}

#[test]
fn several_terminals_are_told_apart_by_number_and_by_serial() {
    let mut site = Site::new([terminal(1), terminal(5).serial("BACK2").profile(Profile::named("bw8").unwrap())]);
    let all = site.ask(json!({ "do": "terminals" }));
    let told =
        |n: usize| (all["terminals"][n]["serial"].as_str().unwrap(), all["terminals"][n]["records"].as_u64().unwrap());
    assert_eq!((told(0), told(1)), (("FRONT1", 1), ("BACK2", 5)));
    for which in [json!(1), json!("BACK2")] {
        assert_eq!(site.ask(json!({ "do": "state", "terminal": which }))["profile"], "bw8");
    }
    assert_eq!(site.ask(json!({ "do": "state" }))["serial"], "FRONT1");
    assert!(site.refused(r#"{"do":"state","terminal":2}"#).contains("no terminal 2"));
}

#[test]
fn mistakes_are_answered_in_words_and_the_port_stays_open() {
    let mut site = Site::one(terminal(0).profile(Profile::named("bw8").unwrap()));
    for (line, words) in [
        ("what?", "not JSON"),
        ("[1]", "a JSON object"),
        (r#"{"what":"punch"}"#, "\"do\" is missing"),
        (r#"{"do":"fly"}"#, "none of terminals, state"),
        (r#"{"do":"restart","now":true}"#, "unknown field `now`"),
        (r#"{"do":"punch","user_id":"1001","tome":1}"#, "unknown field `tome`"),
        (r#"{"do":"punch","user_id":"1001","time":"noon"}"#, "is no time such as"),
        (r#"{"do":"punch","user_id":"9"}"#, "needs a uid"),
        (r#"{"do":"punch","user_id":"1001","mode":300}"#, "300"),
        (r#"{"do":"set-faults","faults":["cut-hat"]}"#, "no fault is called"),
        (r#"{"do":"set-key","key":-1}"#, "-1"),
        (r#"{"do":"set-clock"}"#, "either time or seconds"),
        (r#"{"do":"set-clock","seconds":9223372036854775807}"#, "too many"),
        (r#"{"do":"emit","event":1,"data":"0g"}"#, "no hex"),
        (r#"{"do":"drop-oldest"}"#, "missing field `count`"),
    ] {
        let said = site.refused(line);
        assert!(said.contains(words), "{line}: {said}");
    }
    assert!(site.refused(&"x".repeat(3 << 20)).contains("at most"));
    assert!(site.servers[0].handle().records().is_empty());
    site.lines.get_mut().write_all(b"\n\r\n").unwrap();
    site.ask(json!({ "do": "state" }));
}

#[test]
fn every_request_that_is_listed_is_known() {
    let mut site = Site::one(terminal(0));
    let listed = site.ask(json!({ "do": "help" }));
    assert_eq!(listed["requests"].as_object().unwrap().len(), REQUESTS.len());
    for (name, about) in REQUESTS {
        let plain = include_str!("../README.md").replace(['`', '\n'], "");
        assert!(plain.contains(&format!("| {name} | {about} |")), "{name} in the README");
        let answer = site.send(format!("{}\n", json!({ "do": name })).as_bytes());
        assert!(answer["ok"] == true || !answer["error"].as_str().unwrap().contains("none of"), "{name}: {answer}");
    }
}

#[test]
fn lines_may_come_in_pieces_and_several_at_once() {
    let mut site = Site::one(terminal(0));
    let stream = site.lines.get_mut();
    stream.write_all(b"{\"do\":").unwrap();
    stream.write_all(b"\"punch\"}\n{\"do\":\"punch\"}\n{\"do\":\"records\"}\n").unwrap();
    let mut answers = Vec::new();
    for _ in 0..3 {
        let mut line = String::new();
        site.lines.read_line(&mut line).unwrap();
        answers.push(serde_json::from_str::<Value>(&line).unwrap());
    }
    assert_eq!(answers[2]["count"], 2);
}

#[test]
fn the_port_closes_when_it_is_dropped_and_the_terminals_go_on() {
    let Site { servers, mut lines, control, _runtime } = Site::one(terminal(2));
    drop(control);
    let mut line = String::new();
    assert_eq!(lines.read_line(&mut line).unwrap_or(0), 0);
    assert_eq!(servers[0].handle().records().len(), 2);
    TcpStream::connect(servers[0].addr()).unwrap();
}
