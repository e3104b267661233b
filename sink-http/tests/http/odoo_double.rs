//! A site that behaves as Odoo's `hr.employee` and `hr.attendance` do, over JSON-RPC: errors are answers with status
//! 200, a call is done as a whole or not at all, and an attendance may not overlap another one of the same person.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use attendance_model::Settings;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::NaiveDateTime;
use serde_json::{Value, json};
use sink_http::{OdooOptions, OdooSink};

const MOMENT: &str = "%Y-%m-%d %H:%M:%S";
const USER: i64 = 7;

/// A row of `hr.attendance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) employee: i64,
    pub(crate) r#in: NaiveDateTime,
    pub(crate) out: Option<NaiveDateTime>,
}

/// An error: the class and its words.
#[derive(Clone, Debug)]
struct Fault(&'static str, String);

#[derive(Clone, Debug, Default)]
pub(crate) struct Inside {
    pub(crate) rows: Vec<Row>,
    last: i64,
    /// Employees by badge. Everybody has one, unless the test says otherwise.
    pub(crate) badges: BTreeMap<String, Vec<i64>>,
    pub(crate) nobody: BTreeSet<String>,
    /// The functions that were called, with their arguments.
    pub(crate) calls: Vec<(String, Value)>,
    /// The answer to all that follows, instead of the right one.
    pub(crate) instead: Option<(u16, String)>,
    /// The answer to the next write is lost on its way.
    pub(crate) loses_answer: bool,
    /// Somebody writes this between the next time that attendances are read, and the answer.
    pub(crate) meanwhile: Vec<(i64, &'static str, Option<&'static str>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    inside: Arc<Mutex<Inside>>,
}

pub(crate) fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, MOMENT).unwrap()
}

impl Site {
    pub(crate) async fn start() -> Self {
        let inside = Arc::<Mutex<Inside>>::default();
        let router = Router::new().route("/jsonrpc", post(answer)).with_state(Arc::clone(&inside));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inside }
    }

    /// The sink of this site. A setting without a value is left out.
    pub(crate) fn sink(&self, settings: &[(&str, &str)]) -> OdooSink {
        let usual = [("database", "school"), ("login", "clerk"), ("password", "k3y"), ("zone", "Indian/Maldives")];
        let mut all: BTreeMap<&str, &str> = usual.into_iter().collect();
        all.extend(settings.iter().copied());
        let settings = all.into_iter().filter(|(_, value)| !value.is_empty());
        let settings = Settings::new(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let url = format!("odoo:http://{}", self.address);
        OdooSink::open(OdooOptions::parse("erp", &url, settings).unwrap()).unwrap()
    }

    pub(crate) fn inside<T>(&self, look: impl FnOnce(&mut Inside) -> T) -> T {
        look(&mut self.inside.lock().unwrap())
    }

    /// The attendances of the employee with this badge, as `IN OUT` in UTC.
    pub(crate) fn spans(&self, badge: &str) -> Vec<String> {
        self.inside(|inside| {
            let employee = inside.employee(badge).unwrap();
            let mut rows: Vec<&Row> = inside.rows.iter().filter(|row| row.employee == employee).collect();
            rows.sort_by_key(|row| (row.r#in, row.out));
            let text = |row: &&Row| format!("{} {}", row.r#in, row.out.map_or("-".to_owned(), |out| out.to_string()));
            rows.iter().map(text).collect()
        })
    }
}

impl Inside {
    /// The number of an employee, who is made when somebody asks.
    pub(crate) fn employee(&mut self, badge: &str) -> Option<i64> {
        if self.nobody.contains(badge) {
            return None;
        }
        let next = 1_000 + self.badges.len() as i64;
        self.badges.entry(badge.to_owned()).or_insert_with(|| vec![next]).first().copied()
    }

    pub(crate) fn badge_of(&self, employee: i64) -> String {
        let found = self.badges.iter().find(|(_, employees)| employees.contains(&employee));
        found.unwrap().0.clone()
    }

    pub(crate) fn add(&mut self, employee: i64, r#in: &str, out: Option<&str>) {
        self.last += 1;
        self.rows.push(Row { id: self.last, employee, r#in: at(r#in), out: out.map(at) });
    }

    /// `_check_validity` and `_check_validity_check_in_check_out` of `hr.attendance`.
    fn check(&self, id: i64) -> Result<(), Fault> {
        let this = self.rows.iter().find(|row| row.id == id).unwrap();
        let refused = |words: String| Err(Fault("odoo.exceptions.ValidationError", words));
        if this.out.is_some_and(|out| out < this.r#in) {
            return refused("\"Check Out\" time cannot be earlier than \"Check In\" time.".to_owned());
        }
        let others = || self.rows.iter().filter(|row| row.employee == this.employee && row.id != id);
        let newest = |rows: Vec<&Row>| rows.into_iter().max_by_key(|row| row.r#in).map(|row| (row.id, row.out));
        let begin = "Cannot create new attendance record for Ann, the employee";
        let before_in = newest(others().filter(|row| row.r#in <= this.r#in).collect());
        if before_in.is_some_and(|(_, out)| out.is_some_and(|out| out > this.r#in)) {
            return refused(format!("{begin} was already checked in on {}", this.r#in));
        }
        match this.out {
            None if others().any(|row| row.out.is_none()) => refused(format!("{begin} hasn't checked out since")),
            None => Ok(()),
            Some(out) => {
                let before_out = newest(others().filter(|row| row.r#in < out).collect());
                match before_out {
                    Some(found) if before_in != Some(found) => {
                        refused(format!("{begin} was already checked in on {out}"))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// The commands for a list of records, in the order in which Odoo carries them out.
    fn write(&mut self, employee: i64, commands: &[Value]) -> Result<(), Fault> {
        let moment = |value: &Value| value.as_str().map(at);
        let of_kind = |kind: i64| commands.iter().filter(move |command| command[0] == kind);
        for command in of_kind(1) {
            let id = command[1].as_i64().unwrap();
            let Some(row) = self.rows.iter_mut().find(|row| row.id == id) else {
                return Err(Fault("odoo.exceptions.MissingError", "Record does not exist".to_owned()));
            };
            (row.r#in, row.out) = (moment(&command[2]["check_in"]).unwrap(), moment(&command[2]["check_out"]));
            self.check(id)?;
        }
        for command in of_kind(2) {
            self.rows.retain(|row| row.id != command[1].as_i64().unwrap());
        }
        let first = self.last;
        for command in of_kind(0) {
            self.last += 1;
            let (r#in, out) = (moment(&command[2]["check_in"]).unwrap(), moment(&command[2]["check_out"]));
            self.rows.push(Row { id: self.last, employee, r#in, out });
        }
        assert_eq!(commands.len(), [0, 1, 2].into_iter().map(|kind| of_kind(kind).count()).sum::<usize>());
        (first + 1..=self.last).try_for_each(|id| self.check(id))
    }

    fn execute(&mut self, model: &str, function: &str, arguments: &Value, named: &Value) -> Result<Value, Fault> {
        assert_eq!(named["context"]["lang"], "en_US");
        match (model, function) {
            ("hr.employee", "search_count") => Ok(json!(self.badges.len())),
            ("hr.employee", "search_read") => {
                let [field, operator, values] = arguments[0][0].as_array().unwrap().as_slice() else { panic!() };
                assert!(operator == "in" && named["fields"] == json!(["id", field]), "{arguments} {named}");
                let badges = values.as_array().unwrap().iter().map(|badge| badge.as_str().unwrap());
                let known: Vec<&str> = badges.filter(|badge| self.employee(badge).is_some()).collect();
                let field = field.as_str().unwrap();
                let of = |badge: &str| self.badges[badge].iter().map(|id| json!({ "id": id, field: badge })).collect();
                Ok(Value::Array(known.into_iter().flat_map(|badge| -> Vec<Value> { of(badge) }).collect()))
            }
            ("hr.employee", "write") => {
                let before = self.clone();
                let commands = arguments[1]["attendance_ids"].as_array().unwrap();
                let done = self.write(arguments[0][0].as_i64().unwrap(), commands);
                if let Err(fault) = done {
                    *self = before;
                    return Err(fault);
                }
                Ok(json!(true))
            }
            ("hr.attendance", "search_read") => Ok(self.read(arguments[0].as_array().unwrap(), named)),
            (model, "write" | "search_read" | "search_count") => {
                Err(Fault("odoo.exceptions.UserError", format!("Object {model} doesn't exist")))
            }
            _ => Err(Fault("builtins.AttributeError", format!("{model} has no {function}"))),
        }
    }

    fn read(&self, domain: &[Value], named: &Value) -> Value {
        let text = |moment: NaiveDateTime| json!(moment.format(MOMENT).to_string());
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| (row.r#in, row.id));
        let shown = |row: &Row| {
            json!({
                "id": row.id, "employee_id": row.employee, "check_in": text(row.r#in),
                "check_out": row.out.map_or(json!(false), text),
            })
        };
        let limit = named["limit"].as_u64().unwrap_or(u64::MAX) as usize;
        rows.into_iter().map(shown).filter(|row| fits(domain, row)).take(limit).collect()
    }
}

/// Evaluates a domain: terms that all hold, or prefix operators before their two.
fn fits(domain: &[Value], row: &Value) -> bool {
    fn term<'d>(domain: &mut impl Iterator<Item = &'d Value>, row: &Value) -> bool {
        let next = domain.next().unwrap();
        if next == "|" || next == "&" {
            let (one, other) = (term(domain, row), term(domain, row));
            return if next == "|" { one || other } else { one && other };
        }
        let [field, operator, value] = next.as_array().unwrap().as_slice() else { panic!("{next}") };
        let have = &row[field.as_str().unwrap()];
        match operator.as_str().unwrap() {
            "=" => have == value,
            ">=" => have.as_str().is_some_and(|have| have >= value.as_str().unwrap()),
            other => panic!("{other}"),
        }
    }
    let mut domain = domain.iter().peekable();
    let mut holds = true;
    while domain.peek().is_some() {
        holds &= term(&mut domain, row);
    }
    holds
}

async fn answer(State(inside): State<Arc<Mutex<Inside>>>, body: Bytes) -> Response {
    let mut inside = inside.lock().unwrap();
    if let Some((status, body)) = inside.instead.clone() {
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    let question: Value = serde_json::from_slice(&body).unwrap();
    assert!(question["jsonrpc"] == "2.0" && question["method"] == "call");
    let params = &question["params"];
    let arguments = params["args"].as_array().unwrap();
    let is_clerk = |user: &Value| arguments[1] == *user && arguments[2] == "k3y";
    let result = match (params["service"].as_str().unwrap(), params["method"].as_str().unwrap()) {
        _ if arguments[0] != "school" => {
            Err(Fault("psycopg2.OperationalError", "FATAL:  database \"other\" does not exist\n".to_owned()))
        }
        ("common", "login") => Ok(if is_clerk(&json!("clerk")) { json!(USER) } else { json!(false) }),
        ("object", "execute_kw") if !is_clerk(&json!(USER)) => {
            Err(Fault("odoo.exceptions.AccessDenied", "Access Denied".to_owned()))
        }
        ("object", "execute_kw") => {
            let (model, function) = (arguments[3].as_str().unwrap(), arguments[4].as_str().unwrap());
            inside.calls.push((format!("{model}.{function}"), arguments[5].clone()));
            let result = inside.execute(model, function, &arguments[5], &arguments[6]);
            if (model, function) == ("hr.attendance", "search_read") {
                for (employee, r#in, out) in std::mem::take(&mut inside.meanwhile) {
                    inside.add(employee, r#in, out);
                }
            }
            if function == "write" && std::mem::take(&mut inside.loses_answer) {
                return StatusCode::BAD_GATEWAY.into_response();
            }
            result
        }
        other => panic!("{other:?}"),
    };
    let said = match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }),
        Err(Fault(name, words)) => json!({ "jsonrpc": "2.0", "id": question["id"], "error": {
            "code": 200, "message": "Odoo Server Error",
            "data": { "name": name, "message": words, "arguments": [words], "debug": "Traceback (most recent call…" },
        }}),
    };
    said.to_string().into_response()
}
