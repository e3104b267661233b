//! `unproven accept`: accepts the good records of a kept log, because a person looked at it and decided so.

use std::io::{BufRead as _, Write as _};

use iclock_sync::unproven::{AcceptError, Acceptance};
use iclock_sync::{Ledger, chain};
use zk_proto::record::AttendanceLayout;

use crate::config::Config;
use crate::context::Outcome;
use crate::error::CliError;
use crate::exit_code::{Ended, ExitCode};
use crate::output::{self, counted, grouped, human, printed};

pub(crate) fn run(config: &Config, which: &str, layout: Option<AttendanceLayout>, yes: bool) -> Outcome {
    // Take the lock first, so that nothing changes between the preview and the work.
    let ledger = Ledger::open(&config.state_dir)?;
    let id = super::find(&ledger, which)?.id;
    let acceptance = match Acceptance::prepare(&ledger, id, layout, &config.engine) {
        Ok(acceptance) => acceptance,
        Err(error @ AcceptError::Already { .. }) => {
            output::line(format_args!("nothing to do: {error}"));
            return Ok(ExitCode::Done);
        }
        Err(error) => return Err(error.into()),
    };
    print(&acceptance);
    let serial = acceptance.serial().to_owned();
    if !yes && !confirmed(&serial) {
        return Err(CliError::new(ExitCode::Refused, "that is not its serial number; nothing was changed")
            .hint("type it as shown, or use --yes"));
    }
    let done = acceptance.carry_out(ledger)?;
    output::line(human::wrap(&format!(
        "Accepted: {}, flagged accepted_by_hand; {} in quarantine. The next sync sends what was accepted and reads \
         what follows.",
        counted(done.new.unwrap_or_default(), "new event", "new events"),
        counted(done.quarantined, "record", "records")
    )));
    Ok(ExitCode::Done)
}

fn print(acceptance: &Acceptance) {
    let (buffer, preview) = (acceptance.buffer(), acceptance.preview());
    output::line(format_args!("Log {} of {} ({})", buffer.id, buffer.device_name, acceptance.serial()));
    output::line(human::wrap(&format!("{}.", buffer.reason)));
    output::line(human::wrap(&format!(
        "Accepted as {:#} records (--layout {}), of {} it holds:",
        acceptance.layout(),
        acceptance.layout(),
        grouped(preview.records)
    )));
    let times = preview.times.map_or_else(String::new, |(first, last)| format!(", {first} to {last}"));
    output::line(human::wrap(&format!(
        "{} in as events, of {}{times}",
        counted(preview.good, "goes", "go"),
        counted(preview.people, "person", "people")
    )));
    output::line(human::wrap(&format!(
        "{} to the quarantine, with all bytes",
        counted(preview.quarantined, "goes", "go")
    )));
}

/// Returns true if the person types the terminal's serial number.
fn confirmed(serial: &str) -> bool {
    eprint!("Type the serial number of the terminal to accept it: ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).is_ok() && line.trim() == serial
}

impl From<AcceptError> for CliError {
    fn from(error: AcceptError) -> Self {
        let code = ExitCode::of(&Ended::NotAccepted(&error));
        let show = || printed::command("unproven show ID");
        let hint = match &error {
            AcceptError::Unknown { .. } | AcceptError::Already { .. } => {
                Some(format!("{} shows what is kept", printed::command("unproven list")))
            }
            AcceptError::Choice { .. } => Some(format!("look at it with {}, then name one with --layout", show())),
            AcceptError::NothingGood { .. } => Some(format!("look at it with {}, and name another layout", show())),
            _ => error.hint().map(str::to_owned),
        };
        let what = Self::new(code, chain(&error));
        match hint {
            Some(hint) => what.hint(hint),
            None => what,
        }
    }
}
