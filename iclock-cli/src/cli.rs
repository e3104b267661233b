//! The command line of `iclock-cli`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::config::Flags;
use crate::config::duration::When;

/// Attendance from ZKTeco/iClock terminals into your database.
#[derive(Debug, Parser)]
#[command(name = "iclock-cli", version, max_term_width = 80, after_help = "First steps: iclock-cli demo")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Configuration: a TOML file, or the Python tool's devices.json
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the ledger; created if missing [default: state, next to the
    /// configuration file or here]
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Log more on stderr: -v a line per terminal and sink, -vv each step
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Only errors on stderr, no progress; no report of a run that went well
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the terminals and deliver what is new
    Sync(Sync),
    /// Try everything out: three simulated terminals into a SQLite file
    Demo(Demo),
    /// Run simulated terminals
    Simulate(Simulate),
    /// Tell who a terminal is, what it holds and how its clock goes
    Info(Info),
    /// Find what is amiss in a Firestore collection
    #[cfg(feature = "firestore")]
    #[command(subcommand)]
    Doctor(Doctor),
    /// Move over from the Python tool, or write its cache for going back
    Migrate(Migrate),
    /// Look into what was refused
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// Send again what was delivered to a sink that has lost it
    Replay(Replay),
    /// Look at logs that could not be verified, and accept them
    #[command(subcommand)]
    Unproven(Unproven),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Which terminals and sinks.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Targets {
    /// A terminal, instead of the configured ones; repeats:
    /// [NAME=]HOST[:PORT][?OPTION=VALUE&...], options
    /// key=ENV:NAME, transport=tcp|udp|auto, timeout=5s,
    /// zone=Indian/Maldives, serial=..., encoding=gbk, layout=40
    #[arg(long, value_name = "SPEC", verbatim_doc_comment)]
    pub(crate) device: Vec<String>,
    /// A sink, instead of the configured ones; repeats:
    /// sqlite:attendance.db, postgres://USER@HOST/DB, mysql://USER@HOST/DB,
    /// firestore://PROJECT/COLLECTION, mongodb://USER@HOST/DB, jsonl:out.jsonl,
    /// csv:out.csv
    #[arg(long, value_name = "URL", verbatim_doc_comment)]
    pub(crate) sink: Vec<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Sync {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// Read the terminals, tell what would go out, change nothing anywhere
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Send only what was punched since: days (2), a span (36h), a date, a time.
    /// Without a zone, a time is the terminal's wall clock
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_negative_numbers = true)]
    pub(crate) since: Option<When>,
    /// Send only what was punched until then
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_negative_numbers = true)]
    pub(crate) until: Option<When>,
    /// Run again and again; a bare number counts seconds [default: the configured
    /// interval, else 5m]
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, default_missing_value = "", value_parser = interval)]
    pub(crate) r#loop: Option<String>,
    /// As --loop, but listen to the terminals between the runs: a punch is sent within
    /// seconds
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) live: bool,
    /// Read every log from its first record
    #[arg(long)]
    pub(crate) full: bool,
    /// Send nothing to a sink for which there are more new events than this
    #[arg(long, value_name = "N")]
    pub(crate) max_new: Option<u64>,
    /// Send what --max-new would stop
    #[arg(long)]
    pub(crate) force: bool,
    /// Write simplified_logs_<time>.json instead of sending
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) export_simple: bool,
    /// Write normalized_logs_<time>.json instead of sending
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) export_normalized: bool,
    /// Directory of exports [default: ./output], and of one logs_<time>.json for each
    /// run that stored something [default: none]
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Print one JSON report a run on stdout (schema: docs/report.schema.json)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where the demo keeps its database and its ledger
    #[arg(long, value_name = "DIR", default_value = crate::command::sync::demo::DIR)]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Where to listen, TCP and UDP; port 0 takes a free one. Further terminals count
    /// up from the port
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:4370")]
    pub(crate) listen: SocketAddr,
    /// Punches in the log
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) records: usize,
    /// People in the user table [default: 20; with --data, whoever punched]
    #[arg(long, value_name = "N")]
    pub(crate) users: Option<u16>,
    /// What the data are drawn from
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
    /// The log from a file instead: punches (.jsonl, .csv), or a captured data set as it
    /// came (.hex, .bin)
    #[arg(long, value_name = "FILE", conflicts_with = "records")]
    pub(crate) data: Option<std::path::PathBuf>,
    /// The family of terminal; see --list-profiles
    #[arg(long, value_name = "P")]
    pub(crate) profile: Option<String>,
    /// A fault, NAME[=VALUE][xTIMES][@SKIP]; repeats; see --list-faults
    #[arg(long, value_name = "FAULT", value_parser = fault)]
    pub(crate) fault: Vec<zk_sim::Fault>,
    /// The comm key that it demands; 0 for none
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub(crate) key: u32,
    /// How many terminals
    #[arg(long, value_name = "TERMINALS", default_value_t = 1)]
    pub(crate) count: u16,
    /// Let somebody punch this often, e.g. 1s
    #[arg(long, value_name = "INTERVAL", value_parser = span)]
    pub(crate) punch_every: Option<std::time::Duration>,
    /// Let other programs look at the terminals and change them while they run: one JSON
    /// object per line each way, e.g. {"do":"punch"}; {"do":"help"} lists what there is.
    /// Port 0 takes a free one; a line "control ADDR:PORT" follows those of the terminals
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) control: Option<SocketAddr>,
    /// List the faults and end
    #[arg(long)]
    pub(crate) list_faults: bool,
    /// List the families and end
    #[arg(long)]
    pub(crate) list_profiles: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// A terminal, as for sync, instead of the configured ones; repeats
    #[arg(long, value_name = "SPEC")]
    pub(crate) device: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(feature = "firestore")]
#[derive(Debug, Subcommand)]
pub(crate) enum Doctor {
    /// Find the documents that mis-read logs left behind: an empty staffId, or a time
    /// more than a day after the upload. Each document costs a read
    Firestore(FindGarbage),
}

#[cfg(feature = "firestore")]
#[derive(Debug, Args)]
pub(crate) struct FindGarbage {
    /// Report what the Python tool left behind; ends with 70 when there is any
    #[arg(long, required = true)]
    find_garbage: bool,
    /// Delete what is found, unless somebody changes it meanwhile
    #[arg(long)]
    pub(crate) apply: bool,
    /// Look for empty staffIds alone: a read for each find, not for each document
    #[arg(long)]
    pub(crate) empty_staff_id: bool,
    /// The sink, where several are Firestore: a configured name, or a URL
    #[arg(long, value_name = "NAME|URL")]
    pub(crate) sink: Option<String>,
    /// Print one JSON object for each find
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The Python tool's directory: .env, devices.json, cache/, output/
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The sink that the Python tool wrote to: a configured name, or a URL
    #[arg(long, value_name = "NAME|URL")]
    pub(crate) sink: Option<String>,
    /// Write the configuration found there as TOML, - for stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) write_config: Option<PathBuf>,
    /// For going back: write every id that the sink holds as the Python tool's cache
    #[arg(long, value_name = "FILE", conflicts_with = "write_config")]
    pub(crate) export_cache: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Quarantine {
    /// Records that were refused, and logs that could not be proven
    List {
        /// Of this terminal only: its name or serial number
        #[arg(long, value_name = "NAME")]
        device: Option<String>,
        /// For this reason only, e.g. empty_user_id
        #[arg(long, value_parser = reason)]
        reason: Option<attendance_model::Reason>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// One record, with its raw bytes
    Show {
        /// Its number, as listed
        id: i64,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The sink: a configured name, or a URL
    #[arg(long, value_name = "NAME|URL")]
    pub(crate) sink: String,
    /// Only what was punched since: days (2), a span (36h), a date, a time
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_negative_numbers = true)]
    pub(crate) since: Option<When>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Unproven {
    /// Logs that could not be verified, as they are kept
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
        /// The layout: 40, 49 or another width from 40 on, 16, 8b, 8a
        #[arg(long, value_name = "L", value_parser = layout)]
        layout: zk_proto::record::AttendanceLayout,
        /// How to print the records
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Let the good records of a kept log in, put the others into quarantine, and go on
    /// behind them; asks for the terminal's serial number first
    Accept {
        /// Its number as listed, or the terminal's name or serial number
        #[arg(value_name = "ID|SERIAL")]
        which: String,
        /// The layout, as for decode; needed when more than one is possible
        #[arg(long, value_name = "L", value_parser = layout)]
        layout: Option<zk_proto::record::AttendanceLayout>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// How records are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Table,
    Csv,
    /// JSON lines
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration; contacts nothing
    Check(Targets),
    /// Print the configuration in force and where each setting comes from
    Show(Targets),
    /// Print the JSON Schema of the configuration file, for editors
    Schema,
}

impl Global {
    /// Lets printed commands lead to the same configuration and state.
    pub(crate) fn remember(&self) {
        crate::output::printed::remember(self.config.as_deref(), self.state.as_deref());
    }

    /// What is said here of the configuration.
    pub(crate) fn flags(&self, targets: &Targets) -> Flags {
        let mut flags = Flags {
            config: self.config.clone(),
            devices: targets.device.clone(),
            sinks: targets.sink.clone(),
            ..Flags::default()
        };
        if let Some(dir) = &self.state {
            flags.settings.push(("state_dir", "--state", dir.display().to_string()));
        }
        flags
    }
}

impl Sync {
    /// The settings that flags stand for.
    pub(crate) fn settings(&self) -> Vec<(&'static str, &'static str, String)> {
        let interval = self.r#loop.clone().filter(|text| !text.is_empty());
        let max_new = self.max_new.map(|most| most.to_string());
        let output = self.output.as_ref().map(|dir| dir.display().to_string());
        let all = [("interval", "--loop", interval), ("max_new", "--max-new", max_new), ("output", "--output", output)];
        all.into_iter().filter_map(|(path, flag, text)| Some((path, flag, text?))).collect()
    }
}

fn span(text: &str) -> Result<std::time::Duration, String> {
    crate::config::duration::parse(text, std::time::Duration::from_secs(1))
        .filter(|span| !span.is_zero())
        .ok_or_else(|| "write it like 1s or 500ms".to_owned())
}

/// An interval for the configuration to read; empty for its own.
fn interval(text: &str) -> Result<String, String> {
    let span = crate::config::duration::parse(text, std::time::Duration::from_secs(1));
    match span {
        _ if text.is_empty() => Ok(String::new()),
        Some(span) if !span.is_zero() => Ok(text.to_owned()),
        _ => Err("write it like 30s, 5m or 1h 30m; a bare number counts seconds".to_owned()),
    }
}

fn fault(text: &str) -> Result<zk_sim::Fault, String> {
    text.parse().map_err(|error| format!("{error} (iclock-cli simulate --list-faults)"))
}

fn layout(text: &str) -> Result<zk_proto::record::AttendanceLayout, String> {
    text.parse().map_err(|unknown: zk_proto::record::UnknownLayout| unknown.to_string())
}

fn reason(text: &str) -> Result<attendance_model::Reason, String> {
    attendance_model::Reason::from_word(text).ok_or_else(|| {
        let words: Vec<&str> = attendance_model::Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        format!("no such reason; there are: {}", words.join(", "))
    })
}
