//! `push show`: everything that is known of one terminal that pushes.

use std::collections::BTreeMap;

use chrono::{DateTime, Local, Utc};
use iclock_sync::ledger::{PushAdmission, PushCall, PushState};
use serde::Serialize;

use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, human};

/// What is shown.
#[derive(Debug, Serialize)]
struct Shown {
    serial: String,
    name: Option<String>,
    state: &'static str,
    address: Option<String>,
    last_call: Option<DateTime<Utc>>,
    /// The address before, and the time at which that changed.
    moved_from: Option<String>,
    moved_at: Option<DateTime<Utc>>,
    dialect: Option<String>,
    /// What it told of itself, by the names of the protocol.
    facts: BTreeMap<String, String>,
}

/// Shows a terminal by its serial number.
pub(super) fn show(context: &Context, serial: &str, json: bool) -> Outcome {
    let config = context.quiet_config()?.serving();
    let ledger = context.ledger(&config)?;
    let admission = ledger.push_admissions()?.into_iter().find(|of| of.serial == serial);
    let configured = config.devices.iter().find(|device| device.serial.as_deref() == Some(serial));
    let call = ledger.push_calls()?.remove(serial);
    if admission.is_none() && configured.is_none() && call.is_none() {
        return Err(CliError::new(ExitCode::Usage, format!("terminal {serial} has not called yet"))
            .hint("`iclock-cli push pending --all` lists those that have"));
    }
    let name = configured.map(|device| device.name.clone());
    let state = match &admission {
        Some(of) => of.state.as_str(),
        None => "configured",
    };
    let (address, last_call) = last(admission.as_ref(), call.as_ref());
    let shown = Shown {
        serial: serial.to_owned(),
        name: name.or_else(|| admission.and_then(|of| of.name)),
        state,
        address,
        last_call,
        moved_from: call.as_ref().and_then(|call| call.moved_from.clone()),
        moved_at: call.and_then(|call| call.moved_at),
        dialect: ledger.push_dialect(serial)?,
        facts: ledger.push_facts(serial)?,
    };
    if json {
        output::json(&shown);
    } else {
        shown.print();
    }
    Ok(ExitCode::Done)
}

/// The last address and call: a call that was refused, or one that was admitted.
pub(super) fn last(
    admission: Option<&PushAdmission>,
    call: Option<&PushCall>,
) -> (Option<String>, Option<DateTime<Utc>>) {
    // The time of a decision is none of a call.
    let refused = admission.filter(|of| of.address.is_some() || of.state == PushState::Pending);
    match (refused, call) {
        (Some(refused), Some(call)) if refused.last_seen > call.called_at => {
            (refused.address.clone(), Some(refused.last_seen))
        }
        (refused, Some(call)) => {
            (call.address.clone().or_else(|| refused.and_then(|of| of.address.clone())), Some(call.called_at))
        }
        (refused, None) => (refused.and_then(|of| of.address.clone()), refused.map(|of| of.last_seen)),
    }
}

impl Shown {
    fn print(&self) {
        let time = |time: DateTime<Utc>| time.with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string();
        let moved = self.moved_from.as_ref().zip(self.moved_at);
        let moved = moved.map(|(from, at)| format!("from {from} at {}", time(at)));
        let known = [
            ("serial", Some(self.serial.clone())),
            ("name", self.name.clone()),
            ("state", Some(self.state.to_owned())),
            ("address", self.address.clone()),
            ("moved", moved),
            ("last call", self.last_call.map(time)),
            ("dialect", self.dialect.clone()),
        ];
        let known = known.into_iter().filter_map(|(what, value)| Some((what.to_owned(), value?)));
        let told = self.facts.iter().map(|(name, value)| (name.clone(), value.clone()));
        let rows = known.chain(told).map(|(what, value)| vec![what, output::printable(&value)]);
        output::line(human::table(&["", ""], rows));
    }
}
