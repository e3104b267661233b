//! `push approve` and `push deny`: into the ledger, or by way of the process that writes it.

use std::path::Path;
use std::time::{Duration, Instant};

use attendance_model::validate::MAX_NAME_CHARS;
use chrono::{DateTime, Utc};
use iclock_sync::ledger::PushState;
use iclock_sync::receive::Decision;
use iclock_sync::{Ledger, LedgerError};

use crate::config::Config;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

/// The time within which a running receiver takes a decision. It looks once a second.
pub(super) const TAKEN_WITHIN: Duration = Duration::from_secs(10);
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Makes a decision, and returns once it is in the ledger.
pub(super) fn decide(context: &Context, decision: &Decision) -> Outcome {
    let config = context.quiet_config()?;
    // Opening it for writing would create one.
    let reader = context.ledger(&config)?;
    let now = Utc::now();
    match Ledger::open(&config.state_dir) {
        Ok(ledger) => {
            ledger.decide_push(decision.serial(), decision.state(), decision.name(), now)?;
        }
        Err(LedgerError::Held { .. }) => hand_over(&config, &reader, decision, now)?,
        Err(error) => return Err(error.into()),
    }
    output::line(match decision.state() {
        PushState::Approved => format!("{} is approved: what it pushes is stored", decision.serial()),
        _ => format!("{} is denied: what it pushes is refused, and it keeps it", decision.serial()),
    });
    Ok(ExitCode::Done)
}

/// Leaves the decision to the process that holds the ledger.
fn hand_over(config: &Config, reader: &Ledger, decision: &Decision, since: DateTime<Utc>) -> Result<(), CliError> {
    let dir = &config.state_dir;
    let failed = |error: std::io::Error| {
        CliError::because(ExitCode::State, format!("cannot leave a decision in {}", dir.display()), &error)
            .hint("check that the state directory may be written, and has room")
    };
    decision.leave(dir).map_err(failed)?;
    let begin = Instant::now();
    while begin.elapsed() < TAKEN_WITHIN {
        if is_taken(reader, decision, since)? {
            return Ok(());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    // Left behind, it would surprise somebody later.
    if decision.withdraw(dir).map_err(failed)? || !is_taken(reader, decision, since)? {
        return Err(not_taken(dir, "the decision"));
    }
    Ok(())
}

/// The error for something that the process did not take which holds the state directory.
pub(super) fn not_taken(dir: &Path, what: &str) -> CliError {
    CliError::new(ExitCode::State, format!("the process that uses {} did not take {what}", dir.display()))
        .hint("only `iclock-cli serve` takes it; stop the other process and try again")
}

fn is_taken(reader: &Ledger, decision: &Decision, since: DateTime<Utc>) -> Result<bool, CliError> {
    let known = reader.push_admissions()?;
    Ok(known.iter().any(|terminal| {
        // The ledger keeps whole seconds.
        let is_new = terminal.decided_at.is_some_and(|at| at.timestamp() >= since.timestamp());
        terminal.serial == decision.serial() && terminal.state == decision.state() && is_new
    }))
}

/// Checks a name that sinks store with each event.
pub(super) fn checked_name(name: String) -> Result<String, CliError> {
    if !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS && !name.contains(char::is_control) {
        return Ok(name);
    }
    let what = format!("the name is empty, has control characters or more than {MAX_NAME_CHARS} characters");
    Err(CliError::new(ExitCode::Usage, what).hint("give it a short name, like branch-gate"))
}
