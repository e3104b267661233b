//! `quarantine`: shows refused records and the reasons, judges them again, and marks those that are dealt with.
//!
//! Looking works while a service runs.

mod export;

use std::fmt::Write as _;

use attendance_model::Reason;
use chrono::Utc;
use clap::{Args, Subcommand};
use iclock_sync::Ledger;
use iclock_sync::clock::SystemClock;
use iclock_sync::ledger::UnprovenBuffer;
use iclock_sync::quarantine::{QuarantineFilter, QuarantinedRecord, Resolve, judge_again};

use super::known::require_terminal;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::Targets;
use crate::output::{self, counted, grouped, human};
use crate::words::{self, Words};

#[derive(Debug, Subcommand)]
pub(crate) enum Quarantine {
    /// List the records that were refused, and logs that could not be verified
    List {
        #[command(flatten)]
        only: Only,
        /// The most records to list
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show one record, with its raw bytes
    Show {
        /// Its number, as listed
        id: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print all records that wait, with their raw bytes in hex
    Export {
        #[command(flatten)]
        only: Only,
        /// The format
        #[arg(long, value_enum, default_value_t)]
        format: export::Format,
    },
    /// Judge the records again, by the rules as they are now
    Replay,
    /// Mark records as dealt with: they leave the quarantine, unused
    Resolve {
        /// Their numbers, as listed
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<i64>,
        /// All that wait, or those that --device and --reason select
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        #[command(flatten)]
        only: Only,
        /// The reason, kept with each record
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

/// The records to which a command applies.
#[derive(Debug, Args)]
pub(crate) struct Only {
    /// Only of this terminal: its name or serial number
    #[arg(long, visible_alias = "terminal", value_name = "NAME")]
    device: Option<String>,
    /// Only with this reason, e.g. empty_user_id
    #[arg(long, value_parser = REASONS, hide_possible_values = true)]
    reason: Option<Reason>,
}

impl From<Only> for QuarantineFilter {
    fn from(only: Only) -> Self {
        let mut filter = Self::default();
        (filter.terminal, filter.reason) = (only.device, only.reason);
        filter
    }
}

impl Quarantine {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let reader = || context.ledger(&context.quiet_config()?);
        match self {
            Self::List { only, limit, json } => list(&reader()?, &only.into(), limit, json),
            Self::Show { id, json } => show(&reader()?, id, json),
            Self::Export { only, format } => export::run(&reader()?, only.into(), format),
            Self::Replay => replay(context),
            Self::Resolve { ids, all: _, only, note } => resolve(context, &ids, &only.into(), &note),
        }
    }
}

fn replay(context: &Context) -> Outcome {
    let config = context.config(&Targets::default())?;
    // Opening it for writing would create one.
    context.ledger(&config)?;
    let ledger = Ledger::open(&config.state_dir)?;
    let released = judge_again(&ledger, &config.engine.rules, &config.devices, &SystemClock::new())?;
    for (name, count) in &released {
        output::line(format_args!("{name}: {} pass now, and were released", grouped(*count)));
    }
    let waiting: u64 = ledger.quarantine_sizes()?.iter().map(|size| size.waiting).sum();
    let next = if released.is_empty() { "" } else { "; the next sync sends what was released" };
    output::line(format_args!("{} still wait{next}", grouped(waiting)));
    Ok(ExitCode::Done)
}

fn resolve(context: &Context, ids: &[i64], filter: &QuarantineFilter, note: &str) -> Outcome {
    let config = context.quiet_config()?;
    let reader = context.ledger(&config)?;
    for id in ids {
        if reader.quarantined(*id)?.is_none() {
            return Err(unknown(*id));
        }
    }
    require_terminal(&reader, filter.terminal.as_deref())?;
    let ledger = Ledger::open(&config.state_dir)?;
    let which = if ids.is_empty() { Resolve::All(filter) } else { Resolve::Records(ids) };
    let resolved = ledger.resolve(which, note, Utc::now())?;
    output::line(format_args!("{} marked as dealt with", grouped(resolved)));
    Ok(ExitCode::Done)
}

fn unknown(id: i64) -> CliError {
    CliError::new(ExitCode::Usage, format!("the quarantine has no record {id}"))
        .hint(format!("{} shows the numbers", output::printed::command("quarantine list")))
}

fn list(ledger: &Ledger, filter: &QuarantineFilter, limit: u32, json: bool) -> Outcome {
    require_terminal(ledger, filter.terminal.as_deref())?;
    let records = ledger.quarantine(filter, limit)?;
    let of_terminal = |buffer: &UnprovenBuffer| {
        filter.terminal.as_ref().is_none_or(|name| *name == buffer.serial || *name == buffer.device_name)
    };
    let unproven: Vec<UnprovenBuffer> =
        if filter.reason.is_some() { Vec::new() } else { ledger.unproven()?.into_iter().filter(of_terminal).collect() };
    if json {
        records.iter().for_each(|record| output::line(as_json(record)));
        unproven.iter().for_each(|buffer| output::line(unproven_as_json(buffer)));
        return Ok(ExitCode::Done);
    }
    if records.is_empty() && unproven.is_empty() {
        output::line("nothing is in quarantine");
        return Ok(ExitCode::Done);
    }
    if !records.is_empty() {
        let header = ["No", "terminal", "reason", "user id", "time on the terminal", "seen"];
        output::line(human::table(
            &header,
            records.iter().map(|record| {
                let time = record.local_time.to_string();
                let row = [
                    record.id.to_string(),
                    record.device_name.clone(),
                    record.reason.to_string(),
                    record.user_id.escape_debug().to_string(),
                    time,
                    grouped(record.times_seen),
                ];
                row.to_vec()
            }),
        ));
        let sizes = ledger.quarantine_sizes()?;
        let all: u64 = sizes.iter().map(|size| size.waiting).sum();
        output::line(format_args!("\n{} shown of {} in all", grouped(records.len() as u64), grouped(all)));
        for size in sizes {
            let more = match size.counted_only {
                0 => String::new(),
                count => format!(", and {} that were only counted", grouped(count)),
            };
            output::line(format_args!("  {}: {} {}{more}", size.device_name, grouped(size.waiting), size.reason));
        }
    }
    if !unproven.is_empty() {
        let gap = if records.is_empty() { "" } else { "\n" };
        output::line(format_args!("{gap}Logs that could not be verified, whole:"));
        for buffer in &unproven {
            let seen_at = buffer.seen_at.format("%Y-%m-%d %H:%M");
            output::line(human::wrap(&format!("{seen_at} {}: {}", buffer.device_name, buffer.reason)));
            output::line(format_args!("    {} in {}", counted(buffer.bytes, "byte", "bytes"), buffer.file.display()));
        }
    }
    Ok(ExitCode::Done)
}

fn show(ledger: &Ledger, id: i64, json: bool) -> Outcome {
    let Some(record) = ledger.quarantined(id)? else {
        return Err(unknown(id));
    };
    if json {
        output::line(as_json(&record));
        return Ok(ExitCode::Done);
    }
    let lines = [
        ("terminal", format!("{} ({})", record.device_name, record.serial)),
        ("reason", record.reason.to_string()),
        ("user id", format!("{:?}", record.user_id)),
        ("time", record.local_time.to_string()),
        ("verify mode", record.verify_mode.0.to_string()),
        ("punch state", record.punch_state.0.to_string()),
        ("occurrence", format!("number {} with these bytes", record.occurrence)),
        ("first seen", record.first_seen.to_rfc3339()),
        (
            "last seen",
            format!(
                "{}, {}",
                record.last_seen.to_rfc3339(),
                if record.times_seen == 1 {
                    "once".to_owned()
                } else {
                    format!("{} times", grouped(record.times_seen))
                }
            ),
        ),
    ];
    let left = record.resolved_at.map(|at| {
        let how = record.resolution.as_deref().unwrap_or("released").replace('_', " ");
        ("left", format!("{}, {how}", at.to_rfc3339()))
    });
    let note = record.note.as_ref().map(|note| ("note", note.escape_debug().to_string()));
    for (name, value) in lines.into_iter().chain(left).chain(note) {
        output::line(format_args!("{name:12} {value}"));
    }
    output::line(format_args!("raw          {}", hex_lines(&record.raw)));
    Ok(ExitCode::Done)
}

fn hex_lines(bytes: &[u8]) -> String {
    let lines: Vec<String> = bytes
        .chunks(16)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "))
        .collect();
    lines.join("\n             ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn as_json(record: &QuarantinedRecord) -> serde_json::Value {
    serde_json::json!({
        "id": record.id,
        "serial": record.serial,
        "device": record.device_name,
        "reason": record.reason,
        "user_id": record.user_id,
        "local_time": record.local_time.to_string(),
        "verify_mode": record.verify_mode.0,
        "punch_state": record.punch_state.0,
        "occurrence": record.occurrence,
        "times_seen": record.times_seen,
        "first_seen": record.first_seen,
        "last_seen": record.last_seen,
        "raw": hex(&record.raw),
    })
}

fn unproven_as_json(buffer: &UnprovenBuffer) -> serde_json::Value {
    serde_json::json!({
        "unproven": buffer.id,
        "serial": buffer.serial,
        "device": buffer.device_name,
        "reason": buffer.reason,
        "bytes": buffer.bytes,
        "file": buffer.file,
        "seen_at": buffer.seen_at,
    })
}

/// The reasons for which records are refused.
const REASONS: Words<Reason> = Words::new(reasons, |word| {
    Reason::from_word(word).ok_or_else(|| {
        let all = reasons();
        words::unknown(word, &all, &format!("there are: {}", all.join(", ")))
    })
});

fn reasons() -> Vec<&'static str> {
    Reason::ALL.iter().map(|reason| reason.as_str()).collect()
}
