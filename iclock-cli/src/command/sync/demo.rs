//! `demo`: syncs three simulated terminals, one of them with faults, into a SQLite file, as `sync` does.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveDateTime};
use clap::Args;
use zk_sim::faults::FaultKind;
use zk_sim::{Device, Fault, Profile, Punch, Server, Terminal};

use crate::carry_out::carry_out;
use crate::config::{Config, Flags};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::job::Job;
use crate::output::{self, printed};

/// The default of `--dir`.
pub(crate) const DIR: &str = "demo";
/// The name, profile, number of records and seed of each terminal.
const TERMINALS: [(&str, &str, usize, u64); 3] =
    [("front-gate", "tft40", 5000, 1), ("canteen", "bw16", 1200, 2), ("workshop", "tft40", 2000, 3)];
/// The faults of the last one: its first transfer is misframed, as those that polluted the Python tool's collection,
/// and some records have no user id.
const FAULTS: [(FaultKind, i64, Option<u64>); 2] =
    [(FaultKind::CutHead, 12, Some(1)), (FaultKind::EmptyUserIds, 2, None)];

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Directory of the demo's database and ledger
    #[arg(long, value_name = "DIR", default_value = crate::command::sync::demo::DIR)]
    dir: PathBuf,
}

impl Demo {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        context.log(None)?;
        let terminals = context.runtime()?;
        let servers = terminals.block_on(start())?;
        let database = self.dir.join("attendance.db");
        let state = self.dir.join("state");
        let flags = Flags {
            devices: servers.iter().map(|(name, server)| format!("{name}={}", server.addr())).collect(),
            sinks: vec![format!("sqlite:{}", database.display())],
            settings: vec![("state_dir", "demo", state.display().to_string())],
            bare: true,
            ..Flags::default()
        };
        std::fs::create_dir_all(&self.dir).map_err(|error| {
            CliError::because(ExitCode::State, format!("cannot make {}", self.dir.display()), &error)
                .hint("name another directory with --dir")
        })?;
        let config = Config::load(&flags)?;
        printed::remember(None, Some(&state));
        output::line(
            "Three simulated terminals; the workshop's first answer is misframed, and some\n\
             of its records have no user id.\n",
        );
        let code = carry_out(context, &config, &Job { quiet: context.is_quiet(), ..Job::default() })?;
        output::line("\nTry next:");
        for line in next(&self.dir, &database) {
            output::line(format_args!("  {line}"));
        }
        Ok(code)
    }
}

/// The commands to try next; they work as printed.
fn next(dir: &Path, database: &Path) -> Vec<String> {
    let path = |path: &Path| printed::quoted(&path.display().to_string());
    let mut lines = Vec::new();
    // When cargo runs the program, it may not be installed yet.
    if std::env::var_os("CARGO").is_some() {
        lines.push("cargo install --locked --path iclock-cli  # so that it is found".to_owned());
    }
    let again = if dir == Path::new(DIR) { String::new() } else { format!(" --dir {}", path(dir)) };
    lines.push(format!("iclock-cli demo{again}  # again: nothing is new"));
    lines.push(format!("sqlite3 {} 'select * from daily_attendance limit 5'", path(database)));
    lines.push(printed::command("quarantine list"));
    lines.push("iclock-cli info --device 192.0.2.10  # your own terminal".to_owned());
    lines.push("iclock-cli sync --device front=192.0.2.10 --sink sqlite:attendance.db".to_owned());
    lines
}

async fn start() -> Result<Vec<(&'static str, Server)>, CliError> {
    let mut servers = Vec::new();
    for (name, profile, records, seed) in TERMINALS {
        let mut terminal = terminal(profile, records, seed);
        if name == "workshop" {
            for (kind, value, times) in FAULTS {
                let fault = Fault::new(kind).value(value);
                terminal = terminal.fault(times.map_or(fault, |times| fault.times(times)));
            }
        }
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::start(terminal.build(), addr)
            .await
            .map_err(|error| CliError::because(ExitCode::Fault, "cannot start a simulated terminal", &error))?;
        servers.push((name, server));
    }
    Ok(servers)
}

/// A terminal with the same log in each demo, so that a second demo finds nothing new.
fn terminal(profile: &str, records: usize, seed: u64) -> zk_sim::TerminalBuilder {
    let profile = Profile::named(profile).unwrap_or_default();
    let builder = Terminal::builder().profile(profile).seed(seed).users(40);
    let generated = Device::new(builder.clone().records(records).now(last_punch()).build());
    let punches: Vec<Punch> = generated.records().to_vec();
    builder.punches(punches)
}

fn last_punch() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 1, 30).unwrap_or_default().and_hms_opt(17, 0, 0).unwrap_or_default()
}
