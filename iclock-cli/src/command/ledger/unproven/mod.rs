//! `unproven list|show|decode|accept`: shows logs that could not be verified, and accepts them.

mod accept;
mod decode;
mod show;

use clap::Subcommand;
use iclock_sync::Ledger;
use iclock_sync::unproven::{UnprovenBuffer, UnprovenKind};
use zk_proto::record::{AttendanceLayout, UnknownLayout};

use self::decode::Format;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, grouped, human};
use crate::words::Words;

#[derive(Debug, Subcommand)]
pub(crate) enum Unproven {
    /// List the logs that could not be verified
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Explain why a log was refused, and show its records in each possible layout
    Show {
        /// Its number as listed, or the terminal's name or serial number
        #[arg(value_name = "ID|SERIAL")]
        which: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print every record of a kept log in a layout; contacts nothing
    Decode {
        /// Its number as listed, or the terminal's name or serial number
        #[arg(value_name = "ID|SERIAL")]
        which: String,
        /// The layout: 40, 49 or another width from 40 to 512, 16, 8b, 8a
        #[arg(long, value_name = "L", value_parser = LAYOUTS, hide_possible_values = true)]
        layout: AttendanceLayout,
        /// How to print the records
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Accept the good records of a kept log, put the others into quarantine, and continue
    /// after them; asks for the terminal's serial number first
    Accept {
        /// Its number as listed, or the terminal's name or serial number
        #[arg(value_name = "ID|SERIAL")]
        which: String,
        /// The layout, as for decode; needed when more than one is possible
        #[arg(long, value_name = "L", value_parser = LAYOUTS, hide_possible_values = true)]
        layout: Option<AttendanceLayout>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

impl Unproven {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let config = context.quiet_config()?;
        let ledger = context.ledger(&config)?;
        match self {
            Self::List { json } => list(&ledger, json),
            Self::Show { which, json } => show::run(&find(&ledger, &which)?, json),
            Self::Decode { which, layout, format } => decode::run(&find(&ledger, &which)?, layout, format),
            Self::Accept { which, layout, yes } => {
                drop(ledger);
                accept::run(&config, &which, layout, yes)
            }
        }
    }
}

fn list(ledger: &Ledger, json: bool) -> Outcome {
    let buffers = ledger.unproven()?;
    if json {
        buffers.iter().for_each(|buffer| output::line(as_json(buffer)));
        return Ok(ExitCode::Done);
    }
    if buffers.is_empty() {
        output::line("every log could be verified: nothing is kept");
        return Ok(ExitCode::Done);
    }
    let header = ["No", "terminal", "last read", "bytes", "polls", "what", "accepted"];
    output::line(human::table(
        &header,
        buffers.iter().map(|buffer| {
            let row = [
                buffer.id.to_string(),
                buffer.device_name.clone(),
                buffer.last_seen.format("%Y-%m-%d %H:%M").to_string(),
                grouped(buffer.bytes),
                grouped(buffer.times_seen),
                what(buffer).to_owned(),
                buffer.accepted_at.map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string()),
            ];
            row.to_vec()
        }),
    ));
    Ok(ExitCode::Done)
}

/// Finds a buffer by its number, or the latest of a terminal: one that is not accepted, if there is one.
pub(super) fn find(ledger: &Ledger, which: &str) -> Result<UnprovenBuffer, CliError> {
    if let Ok(id) = which.parse::<i64>()
        && let Some(buffer) = ledger.unproven_buffer(id)?
    {
        return Ok(buffer);
    }
    // The ledger knows a terminal that gave its serial number late by its first identity.
    let known = ledger.terminals()?.into_iter().find(|terminal| terminal.alias.as_deref() == Some(which));
    let identity = known.map(|terminal| terminal.serial);
    let mut of_terminal: Vec<UnprovenBuffer> = ledger.unproven()?;
    of_terminal.retain(|buffer| {
        buffer.serial == which || buffer.device_name == which || identity.as_ref() == Some(&buffer.serial)
    });
    of_terminal.sort_by_key(|buffer| (buffer.accepted_at.is_some(), buffer.kind == UnprovenKind::Users));
    of_terminal.into_iter().next().ok_or_else(|| {
        CliError::new(ExitCode::Usage, format!("no unproven log has the number, terminal or serial number {which:?}"))
            .hint("iclock-cli unproven list shows what is kept")
    })
}

pub(super) fn what(buffer: &UnprovenBuffer) -> &'static str {
    match buffer.kind {
        UnprovenKind::Users => "user table",
        UnprovenKind::Attendance if buffer.evidence.as_ref().is_some_and(|known| known.offset > 0) => "tail of a log",
        UnprovenKind::Attendance => "log",
    }
}

pub(super) fn as_json(buffer: &UnprovenBuffer) -> serde_json::Value {
    serde_json::json!({
        "id": buffer.id,
        "serial": buffer.serial,
        "device": buffer.device_name,
        "kind": buffer.kind.as_str(),
        "verdict": buffer.reason,
        "bytes": buffer.bytes,
        "file": buffer.file,
        "sha256": buffer.digest,
        "seen_at": buffer.seen_at,
        "last_seen": buffer.last_seen,
        "times_seen": buffer.times_seen,
        "accepted_at": buffer.accepted_at,
        "evidence": buffer.evidence,
    })
}

/// The layouts of records, by name.
pub(crate) const LAYOUTS: Words<AttendanceLayout> = Words::new(
    || vec!["40", "49", "16", "8b", "8a"],
    |text| text.parse().map_err(|unknown: UnknownLayout| unknown.to_string()),
);

#[cfg(test)]
mod tests {
    use clap::builder::TypedValueParser as _;

    use super::*;

    #[test]
    fn shells_offer_every_layout_that_is_known() {
        let offered: Vec<String> = LAYOUTS.possible_values().unwrap().map(|one| one.get_name().to_owned()).collect();
        assert_eq!(offered, AttendanceLayout::known().map(|layout| layout.to_string()).collect::<Vec<_>>());
    }
}
