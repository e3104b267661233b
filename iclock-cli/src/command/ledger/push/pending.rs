//! `push pending`: the terminals that called and wait.

use iclock_sync::ledger::{PushAdmission, PushState};

use super::show::last;
use crate::context::{Context, Outcome};
use crate::exit_code::ExitCode;
use crate::output::{self, human, printed};

pub(super) fn list(context: &Context, all: bool, json: bool) -> Outcome {
    let ledger = context.ledger(&context.quiet_config()?)?;
    let (mut listed, calls) = (ledger.push_admissions()?, ledger.push_calls()?);
    listed.retain(|terminal| all || terminal.state == PushState::Pending);
    for terminal in &mut listed {
        let (address, at) = last(Some(terminal), calls.get(&terminal.serial));
        terminal.last_seen = at.unwrap_or(terminal.last_seen);
        terminal.address = address;
    }
    if json {
        listed.iter().for_each(|terminal| output::json(as_json(terminal)));
        return Ok(ExitCode::Done);
    }
    if listed.is_empty() {
        output::line(if all { "no terminal has called" } else { "no terminal waits" });
        return Ok(ExitCode::Done);
    }
    let header = ["serial", "state", "name", "address", "first call", "last call"];
    output::line(human::table(
        &header,
        listed.iter().map(|terminal| {
            let time = |time: chrono::DateTime<chrono::Utc>| {
                time.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M").to_string()
            };
            let text = |text: &Option<String>| output::printable(text.as_deref().unwrap_or_default());
            vec![
                terminal.serial.clone(),
                terminal.state.as_str().to_owned(),
                text(&terminal.name),
                text(&terminal.address),
                time(terminal.first_seen),
                time(terminal.last_seen),
            ]
        }),
    ));
    if let Some(first) = listed.iter().find(|terminal| terminal.state == PushState::Pending) {
        output::line("\nTo admit the first of them, if it is yours:");
        output::line(format_args!("  {}", printed::command(&format!("push approve {}", first.serial))));
    }
    Ok(ExitCode::Done)
}

fn as_json(terminal: &PushAdmission) -> serde_json::Value {
    serde_json::json!({
        "serial": terminal.serial,
        "state": terminal.state.as_str(),
        "name": terminal.name,
        "address": terminal.address,
        "first_seen": terminal.first_seen,
        "last_seen": terminal.last_seen,
        "decided_at": terminal.decided_at,
    })
}
