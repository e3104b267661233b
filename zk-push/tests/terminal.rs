//! Whole exchanges against the vectors: what a terminal is answered, and what has to be stored first.

mod push;

use std::collections::BTreeMap;

use serde_json::Value;
use zk_push::chrono::{DateTime, Utc};
use zk_push::command::{Command, CommandId, Numbered, Outcome, UserUpdate};
use zk_push::settings::{Registration, Settings};
use zk_push::terminal::{Batch, Content, Manner, Step, Terminal, refuse};
use zk_push::{Dialect, Reply, Request, ZoneOffset};

use push::{cases, text};

/// What a case says about the time before it.
struct Given<'a> {
    case: &'a Value,
    dialect: Option<Dialect>,
}

impl Given<'_> {
    fn terminal(&self, request: &Request) -> Terminal {
        let given = &self.case["given"];
        let (code, session) = (given["registry_code"].as_str(), given["session_id"].as_str());
        let registration = Registration::new(code.unwrap_or("Uy47fxftP3"), session.unwrap_or("S1")).unwrap();
        let mut settings = Settings::default();
        settings.zone = match given["device_zone"].as_str() {
            Some("Asia/Kolkata") => ZoneOffset::from_minutes(330),
            Some("Asia/Shanghai") => ZoneOffset::from_minutes(480),
            None => None,
            Some(other) => panic!("a zone that this test does not know: {other}"),
        };
        let mut terminal = Terminal::new(request.head.serial.clone()).with_settings(settings);
        terminal = terminal.with_registration(registration, given["registered"] == true);
        if let Some(dialect) = self.dialect {
            terminal = terminal.with_dialect(dialect);
        }
        let stamps = given["stamps"].as_object().cloned().unwrap_or_default();
        stamps.iter().fold(terminal, |terminal, (table, stamp)| terminal.with_stamp(table, text(stamp)))
    }

    fn queue(&self, request: &Request) -> Vec<Numbered> {
        let is_other = self.case["given"]["approved_also"][0] == request.head.serial.as_str();
        let queue = self.case["given"]["queue"].as_array().cloned().unwrap_or_default();
        let commands = queue.iter().filter(|_| !is_other).map(|queued| {
            let user = &queued["update_user"];
            let command = match queued["cmd"].as_str() {
                Some(command) => Command::new(command).unwrap(),
                None => {
                    let update = UserUpdate {
                        user_id: text(&user["pin"]),
                        name: user["name"].as_str(),
                        privilege: user["privilege"].as_u64().map(|privilege| u8::try_from(privilege).unwrap()),
                        card: user["card"].as_str(),
                        ..UserUpdate::default()
                    };
                    Command::update_user(self.dialect.unwrap_or(Dialect::Attendance), &update).unwrap()
                }
            };
            Numbered { id: CommandId::new(text(&queued["id"]).parse().unwrap()).unwrap(), command }
        });
        commands.collect()
    }

    fn now(&self) -> DateTime<Utc> {
        let clock = self.case["given"]["clock_utc"].as_str().unwrap_or("2026-07-03T06:53:01Z");
        clock.parse().unwrap()
    }
}

/// The answer to one request, the batch that was stored for it, and the commands that were sent.
fn exchange(given: &Given<'_>, request: Request) -> (Terminal, Reply, Option<Batch>, Vec<CommandId>) {
    let mut terminal = given.terminal(&request);
    if given.case["given"]["approved"] == false {
        let reply = refuse(&request.head, Manner::KeepCalling);
        return (terminal, reply, None, Vec::new());
    }
    let queue = given.queue(&request);
    match terminal.handle_request(given.now(), request) {
        Step::Reply(reply) => (terminal, reply, None, Vec::new()),
        Step::Accept(accept) if given.case["given"]["storage"] == "failing" => {
            (terminal, accept.failed(), None, Vec::new())
        }
        Step::Accept(accept) => {
            let batch = accept.batch().clone();
            (terminal, accept.stored(), Some(batch), Vec::new())
        }
        Step::Poll(poll) => {
            let (reply, sent) = poll.deliver(&queue, None);
            (terminal, reply, None, sent)
        }
    }
}

fn check_reply(id: &Value, reply: &Reply, expected: &Value) {
    let status = &expected["status"];
    let allowed = status.as_array().cloned().unwrap_or_else(|| vec![status.clone()]);
    assert!(allowed.contains(&reply.status.into()), "{id}: {reply:?}");
    let body = std::str::from_utf8(&reply.body).unwrap();
    let rules = &expected["body"];
    if let Some(allowed) = rules["one_of"].as_array() {
        assert!(allowed.iter().any(|allowed| allowed == body), "{id}: {body:?}");
    }
    if let Some(pattern) = rules["regex"].as_str() {
        assert!(matches(pattern, body), "{id}: {body:?} against {pattern}");
    }
    let lines: Vec<_> = body.lines().collect();
    for line in rules["lines_include"].as_array().into_iter().flatten() {
        assert!(lines.contains(&text(line)), "{id}: {line} in {body}");
    }
}

/// Compares with a pattern of the vectors; the whole body, and a dot is any character.
fn matches(pattern: &str, body: &str) -> bool {
    regex::Regex::new(&format!("(?s){}", pattern.replace("(?!OK)", ""))).unwrap().is_match(body)
}

#[test]
fn every_exchange_is_answered_as_the_vectors_say() {
    let mut answered = 0;
    for case in ["handshake", "att_uploads", "acc_uploads", "commands"].iter().flat_map(|set| cases(set)) {
        if case["kind"] != "exchange" {
            continue;
        }
        let dialect = match text(&case["dialect"]) {
            "att" => Some(Dialect::Attendance),
            "acc" => Some(Dialect::Access),
            _ => None,
        };
        let given = Given { case: &case, dialect };
        let (terminal, reply, batch, sent) = exchange(&given, push::request(&case["request"]));
        let expect = &case["expect"];
        check_reply(&case["id"], &reply, &expect["response"]);
        check_effects(&case, &terminal, batch.as_ref(), &sent);
        answered += 1;
    }
    assert!(answered > 50, "{answered}");
}

fn check_effects(case: &Value, terminal: &Terminal, batch: Option<&Batch>, sent: &[CommandId]) {
    let (id, effects) = (&case["id"], &case["expect"]["effects"]);
    let upload = batch.and_then(|batch| batch.content.upload());
    if let Some(stored) = effects["stored"].as_u64() {
        let good = upload.map_or(0, |upload| upload.records().filter(|line| line.record.is_ok()).count());
        assert_eq!(good as u64, stored, "{id}");
    }
    if let Some(bad) = effects["quarantined"].as_u64() {
        assert_eq!(batch.map_or(0, |batch| batch.bad_lines().count()) as u64, bad, "{id}");
    }
    for (table, stamp) in effects["stamp"].as_object().into_iter().flatten() {
        let found = batch.and_then(|batch| batch.stamp.as_ref()).filter(|(found, _)| found == table);
        assert_eq!(found.map(|(_, stamp)| stamp.to_string()).as_deref(), stamp.as_str(), "{id}");
    }
    if let Some(dialect) = effects["device"]["dialect"].as_str() {
        let found = terminal.dialect().unwrap_or(Dialect::Attendance);
        assert_eq!(found.to_string(), dialect, "{id}");
    }
    let results = results(case, batch);
    for (command, state) in effects["commands"].as_object().into_iter().flatten() {
        let was_sent =
            case["given"]["queue_sent"][command].is_string() || sent.iter().any(|sent| sent.to_string() == *command);
        let is_answer = matches!(batch.map(|batch| &batch.content), Some(Content::Answer(packet, _))
            if packet.command.as_ref().is_some_and(|id| id.to_string() == *command) && packet.is_last());
        let found = match results.get(command) {
            Some(Outcome::Done) => "done",
            Some(Outcome::Failed | Outcome::FailedForNow) => "failed",
            _ if is_answer => "data_received",
            _ if was_sent => "sent",
            _ => "pending",
        };
        assert_eq!(found, text(state), "{id}");
    }
}

/// The outcomes of the commands that the terminal of this case was sent.
fn results(case: &Value, batch: Option<&Batch>) -> BTreeMap<String, Outcome> {
    let Some(Content::Results(results)) = batch.map(|batch| &batch.content) else { return BTreeMap::new() };
    let is_other = case["given"]["approved_also"][0] == batch.unwrap().serial.as_str();
    let outcomes = results.iter().filter(|_| !is_other).filter_map(|line| {
        let result = line.record.as_ref().ok()?;
        let sent = Command::new(case["given"]["queue_sent"][result.id.to_string()].as_str()?).unwrap();
        let dialect = if case["dialect"] == "acc" { Dialect::Access } else { Dialect::Attendance };
        Some((result.id.to_string(), Outcome::of(dialect, sent.verb(), result.code?)))
    });
    outcomes.collect()
}
