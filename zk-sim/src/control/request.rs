//! The requests of the control port, and their answers.

use chrono::TimeDelta;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::shown::{all, faults, punch_row, state, stats, user_row};
use crate::event::TerminalEvent;
use crate::faults::Fault;
use crate::file::device_time_of;
use crate::handle::Handle;
use crate::punch::Punch;

/// The values of `do`, and what each does with which fields; those in brackets are optional.
pub const REQUESTS: &[(&str, &str)] = &[
    ("terminals", "every terminal: number, serial, profile, records, users"),
    ("state", "profile, clock, enabled, records, users, faults"),
    ("punch", "lets the next person punch, [times] over; or somebody: user_id, [uid, time, state, mode, work_code]"),
    ("punches", "stores the given punches in their order"),
    ("records", "the log as a client finds it, [from] a place, at most [limit]"),
    ("users", "the user table"),
    ("options", "firmware, and every option with its value"),
    ("clear-log", "empties the log"),
    ("drop-oldest", "drops the count oldest records, as a full log does"),
    ("set-faults", "replaces all faults by faults, a list of texts"),
    ("clear-faults", "ends all faults"),
    ("list-faults", "every fault that there is"),
    ("set-key", "sets the comm key for sessions to come; 0 for none"),
    ("set-clock", "sets the clock to time, or moves it by seconds"),
    ("emit", "tells an event to the clients that registered for its kind: event, its code, [data] in hex"),
    ("restart", "ends every session, as a restart does"),
    ("transcript", "what clients sent, [from] a place, at most [limit]"),
    ("stats", "connections, bytes, and packets received by command"),
    ("help", "this list"),
];

type Fields = Map<String, Value>;

/// The answer to one request, or why it failed.
pub(super) fn answer(terminals: &[Handle], line: &[u8]) -> Result<Value, String> {
    let request: Value = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(mut fields) = request else { return Err("a request is a JSON object".to_owned()) };
    let Some(Value::String(what)) = fields.remove("do") else {
        return Err(format!("\"do\" is missing: one of {}", names()));
    };
    let which = fields.remove("terminal");
    let mut answer = match what.as_str() {
        "terminals" => nothing(fields).map(|()| all(terminals)),
        "list-faults" => nothing(fields).map(|()| faults()),
        "help" => nothing(fields).map(|()| json!({ "requests": Value::from_iter(REQUESTS.iter().copied()) })),
        _ => of_one(pick(terminals, which.as_ref())?, &what, fields),
    }?;
    if let Value::Object(answer) = &mut answer {
        answer.insert("ok".to_owned(), Value::Bool(true));
    }
    Ok(answer)
}

fn of_one(terminal: &Handle, what: &str, fields: Fields) -> Result<Value, String> {
    match what {
        "state" => nothing(fields).map(|()| state(terminal)),
        "punch" => punch(terminal, fields),
        "punches" => {
            let given: Punches = read(fields)?;
            let punches =
                given.punches.into_iter().map(|given| given.punch(terminal)).collect::<Result<Vec<_>, _>>()?;
            Ok(stored(terminal, punches))
        }
        "records" => {
            let range: Range = read(fields)?;
            Ok(range.of(&terminal.records(), "records", punch_row))
        }
        "users" => nothing(fields).map(|()| {
            let users = terminal.inspect(|terminal| terminal.users());
            json!({ "users": users.iter().map(user_row).collect::<Vec<_>>() })
        }),
        "options" => nothing(fields).map(|()| {
            terminal.inspect(|terminal| {
                let options = terminal.options.iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
                json!({ "firmware": terminal.profile.firmware, "options": options.collect::<Map<_, _>>() })
            })
        }),
        "clear-log" => nothing(fields).map(|()| done(|| terminal.clear_log())),
        "drop-oldest" => read(fields).map(|Count { count }| done(|| terminal.drop_oldest(count))),
        "set-faults" => {
            let Faults { faults } = read(fields)?;
            let faults = faults.iter().map(|fault| Fault::parse(fault)).collect::<Result<Vec<_>, _>>();
            faults.map(|faults| done(|| terminal.set_faults(&faults))).map_err(|error| error.to_string())
        }
        "clear-faults" => nothing(fields).map(|()| done(|| terminal.clear_faults())),
        "set-key" => read(fields).map(|Key { key }| done(|| terminal.set_key(key))),
        "set-clock" => set_clock(terminal, fields),
        "emit" => {
            let Event { event, data } = read(fields)?;
            let data = hex::decode(&data).map_err(|error| format!("data is no hex: {error}"))?;
            Ok(done(|| terminal.emit(TerminalEvent::Other(event, data.into()))))
        }
        "restart" => nothing(fields).map(|()| done(|| terminal.restart())),
        "transcript" => {
            let range: Range = read(fields)?;
            Ok(range.of(&terminal.received(), "packets", |packet| {
                let (command, data) = (packet.command, hex::encode(&packet.data));
                json!({ "link": packet.link.number(), "command": command.0, "name": command.to_string(), "data": data })
            }))
        }
        "stats" => nothing(fields).map(|()| stats(terminal)),
        _ => Err(format!("{what:?} is none of {}", names())),
    }
}

fn names() -> String {
    REQUESTS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The terminal by its number from 0, or its serial number; the first by default.
fn pick<'a>(terminals: &'a [Handle], which: Option<&Value>) -> Result<&'a Handle, String> {
    let found = match which {
        None => terminals.first(),
        Some(Value::String(serial)) => terminals.iter().find(|terminal| terminal.serial() == *serial),
        Some(number) => number.as_u64().and_then(|number| terminals.get(usize::try_from(number).ok()?)),
    };
    found.ok_or_else(|| match which {
        Some(which) => format!("there is no terminal {which}, but {} from number 0 on", terminals.len()),
        None => "there is no terminal".to_owned(),
    })
}

fn read<T: DeserializeOwned>(fields: Fields) -> Result<T, String> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())
}

fn nothing(fields: Fields) -> Result<(), String> {
    match fields.keys().next() {
        Some(field) => Err(format!("unknown field `{field}`")),
        None => Ok(()),
    }
}

fn done(act: impl FnOnce()) -> Value {
    act();
    json!({})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    count: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Faults {
    faults: Vec<String>,
}

/// A live event of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    event: u16,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Punches {
    punches: Vec<Given>,
}

/// Part of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    #[serde(default)]
    from: usize,
    limit: Option<usize>,
}

impl Range {
    /// The rows of this part under `name`, and the total number.
    fn of<T>(&self, items: &[T], name: &str, row: impl Fn(&T) -> Value) -> Value {
        let rows = items.iter().skip(self.from).take(self.limit.unwrap_or(usize::MAX)).map(row).collect();
        let mut answer = Map::new();
        answer.insert("count".to_owned(), items.len().into());
        answer.insert(name.to_owned(), Value::Array(rows));
        Value::Object(answer)
    }
}

/// The punch of a request. Missing fields are those of a finger on the sensor now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    user_id: String,
    uid: Option<u16>,
    time: Option<String>,
    #[serde(default)]
    state: u8,
    #[serde(default = "finger")]
    mode: u8,
    #[serde(default)]
    work_code: u32,
}

fn finger() -> u8 {
    1
}

impl Given {
    fn punch(self, terminal: &Handle) -> Result<Punch, String> {
        let time = self.time.as_deref().map_or_else(|| Ok(terminal.now()), device_time_of)?;
        let (known, by_uid) =
            terminal.inspect(|terminal| (terminal.users.uid(&self.user_id), terminal.profile.log.needs_users()));
        let uid = match self.uid.or(known) {
            Some(uid) => uid,
            None if by_uid => {
                return Err(format!("nobody has the user id {:?}: this log needs a uid", self.user_id));
            }
            None => 0,
        };
        Ok(Punch { work_code: self.work_code, ..Punch::new(uid, &self.user_id, time, self.state, self.mode) })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

fn punch(terminal: &Handle, fields: Fields) -> Result<Value, String> {
    if fields.contains_key("user_id") {
        let given: Given = read(fields)?;
        return Ok(stored(terminal, vec![given.punch(terminal)?]));
    }
    let Times { times } = read(fields)?;
    let punches = (0..times).map(|_| terminal.punch_now()).collect::<Option<Vec<_>>>();
    let punches = punches.ok_or_else(|| "the terminal has no users".to_owned())?;
    Ok(json!({ "punches": punches.iter().map(punch_row).collect::<Vec<_>>() }))
}

/// Stores punches and returns them reduced to the terminal's layout.
fn stored(terminal: &Handle, punches: Vec<Punch>) -> Value {
    let kept = terminal.inspect(|terminal| {
        punches.iter().map(|punch| punch_row(&crate::data::held(terminal.profile.log, punch.clone()))).collect()
    });
    terminal.add_punches(punches);
    json!({ "punches": Value::Array(kept) })
}

/// Either of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    time: Option<String>,
    seconds: Option<i64>,
}

fn set_clock(terminal: &Handle, fields: Fields) -> Result<Value, String> {
    match read(fields)? {
        Clock { time: Some(time), seconds: None } => terminal.set_now(device_time_of(&time)?),
        Clock { time: None, seconds: Some(seconds) } => {
            let by = TimeDelta::try_seconds(seconds).ok_or_else(|| format!("{seconds} seconds are too many"))?;
            terminal.move_clock(by);
        }
        _ => return Err("set-clock takes either time or seconds".to_owned()),
    }
    Ok(json!({ "clock": terminal.now().to_string() }))
}
