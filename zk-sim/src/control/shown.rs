//! A terminal as JSON, for the control port.

use serde_json::{Map, Value, json};
use zk_proto::record::User;

use crate::faults::{Fault, FaultKind, SYNTAX};
use crate::handle::Handle;
use crate::punch::Punch;

pub(super) fn all(terminals: &[Handle]) -> Value {
    let rows = terminals.iter().enumerate().map(|(number, terminal)| {
        let mut row = state(terminal);
        if let Value::Object(row) = &mut row {
            row.insert("terminal".to_owned(), number.into());
        }
        row
    });
    json!({ "terminals": rows.collect::<Vec<_>>() })
}

pub(super) fn state(terminal: &Handle) -> Value {
    let enabled = terminal.is_enabled();
    terminal.inspect(|terminal| {
        json!({
            "serial": terminal.serial(),
            "profile": terminal.profile.name,
            "clock": terminal.now().to_string(),
            "enabled": enabled,
            "records": terminal.log.shown().len(),
            "users": terminal.users.len(),
            "faults": terminal.faults.set().map(|fault| fault.to_string()).collect::<Vec<_>>(),
        })
    })
}

pub(super) fn faults() -> Value {
    let rows = FaultKind::ALL
        .iter()
        .map(|kind| json!({ "name": kind.name(), "about": kind.about(), "default": Fault::new(*kind).to_string() }));
    json!({ "syntax": SYNTAX, "faults": rows.collect::<Vec<_>>() })
}

pub(super) fn stats(terminal: &Handle) -> Value {
    let stats = terminal.stats();
    let commands = stats.commands.iter().map(|(command, count)| (command.to_string(), Value::from(*count)));
    json!({
        "connections": stats.connections,
        "refused": stats.refused,
        "bytes_sent": stats.bytes_sent,
        "bytes_received": stats.bytes_received,
        "repeats": stats.repeats,
        "commands": commands.collect::<Map<_, _>>(),
    })
}

pub(super) fn punch_row(punch: &Punch) -> Value {
    json!({
        "uid": punch.uid,
        "user_id": &*punch.user_id,
        "time": punch.time.to_string(),
        "state": punch.state,
        "mode": punch.mode,
        "work_code": punch.work_code,
    })
}

/// Names are in the terminal's code page. They are shown in hex, and as text as far as they are UTF-8.
pub(super) fn user_row(user: &User) -> Value {
    json!({
        "uid": user.uid.0,
        "user_id": user.user_id.0,
        "name": String::from_utf8_lossy(&user.name),
        "name_hex": hex::encode(&user.name),
        "privilege": user.privilege.0,
        "card": user.card,
        "group": user.group,
        "password": String::from_utf8_lossy(user.password.as_bytes()),
    })
}
