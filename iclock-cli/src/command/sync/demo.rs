//! `demo`: syncs three simulated terminals, one of them with faults, into a SQLite file, as `sync` does. With `--serve`
//! they go on punching, and the dashboard shows it.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::invalid_html_tags)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{Local, NaiveDate, NaiveDateTime, TimeDelta};
use clap::Args;
use zk_proto::DeviceTime;
use zk_sim::faults::FaultKind;
use zk_sim::{Device, Fault, Handle, Profile, Punch, SchoolDay, Server, Terminal};

use crate::carry_out::carry_out;
use crate::config::{Config, Flags, Listen};
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

/// With `--serve`, the time between two punches, and that before the first of them.
const BETWEEN: Duration = Duration::from_secs(2);
const LULL: TimeDelta = TimeDelta::minutes(1);

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Directory of the demo's database and ledger
    #[arg(long, value_name = "DIR", default_value = crate::command::sync::demo::DIR)]
    dir: PathBuf,
    /// Go on: people punch at the terminals, and the dashboard shows it
    #[arg(long)]
    serve: bool,
    /// The address of the dashboard
    #[arg(long, value_name = "ADDR:PORT", default_value_t = Listen::USUAL, requires = "serve")]
    listen: SocketAddr,
}

impl Demo {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        if self.serve {
            return self.go_on(context);
        }
        context.log(None)?;
        let terminals = context.runtime()?;
        let servers = terminals.block_on(start(last_punch()))?;
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

    /// The service with its dashboard, until a signal ends it. Each has a directory of its own: the terminals begin
    /// afresh each time, with punches up to now.
    fn go_on(self, context: &Context) -> Outcome {
        let now = Local::now().naive_local();
        let dir = self.dir.join(now.format("serve-%Y%m%d-%H%M%S").to_string());
        let state = dir.join("state");
        std::fs::create_dir_all(&state).map_err(|error| {
            CliError::because(ExitCode::State, format!("cannot make {}", state.display()), &error)
                .hint("name another directory with --dir")
        })?;
        let terminals = context.runtime()?;
        let servers = terminals.block_on(start(now - LULL))?;
        let doors: Vec<Handle> = servers.iter().map(|(_, server)| server.handle()).collect();
        begin_the_day(&doors, now);
        let setting = |path, text: &str| (path, "demo", text.to_owned());
        let flags = Flags {
            devices: servers.iter().map(|(name, server)| format!("{name}={}", server.addr())).collect(),
            sinks: vec![format!("sqlite:{}", dir.join("attendance.db").display())],
            settings: vec![
                setting("state_dir", &state.display().to_string()),
                ("server.listen", "--listen", self.listen.to_string()),
                setting("names", "true"),
            ],
            bare: true,
            ..Flags::default()
        };
        let config = Config::load(&flags)?;
        context.start(&config, true)?;
        printed::remember(None, Some(&state));
        output::line("Three simulated terminals, and people who punch at them. Ctrl-C ends it.\n");
        let punching = terminals.spawn(punch(doors));
        let quiet = context.is_quiet();
        let job = Job { repeat: true, live: true, receives: true, quiet, flags, ..Job::default() };
        let ended = carry_out(context, &config, &job);
        punching.abort();
        ended
    }
}

/// The punches of today until now, as on a school day.
fn begin_the_day(doors: &[Handle], now: NaiveDateTime) {
    let users = doors.first().map(|door| door.inspect(Terminal::users)).unwrap_or_default();
    let until = DeviceTime::from_naive(now);
    let day = SchoolDay::new(&users, doors.len(), now.date(), 0);
    for (at, punch) in day.punches().iter().filter(|(_, punch)| Some(punch.time) <= until) {
        if let Some(door) = doors.get(*at) {
            door.add_punch(punch.clone());
        }
    }
}

/// People punch, at one terminal after another.
async fn punch(doors: Vec<Handle>) {
    let mut ticks = tokio::time::interval(BETWEEN);
    for door in doors.iter().cycle() {
        ticks.tick().await;
        door.punch_now();
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

/// Starts the terminals, whose logs end at a time.
async fn start(ends: NaiveDateTime) -> Result<Vec<(&'static str, Server)>, CliError> {
    let mut servers = Vec::new();
    for (name, profile, records, seed) in TERMINALS {
        let mut terminal = terminal(profile, records, seed, ends);
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

/// A terminal whose log ends at a time; the same log for the same time, so that a second demo finds nothing new.
fn terminal(profile: &str, records: usize, seed: u64, ends: NaiveDateTime) -> zk_sim::TerminalBuilder {
    let profile = Profile::named(profile).unwrap_or_default();
    let builder = Terminal::builder().profile(profile).seed(seed).users(40);
    let generated = Device::new(builder.clone().records(records).now(ends).build());
    let punches: Vec<Punch> = generated.records().to_vec();
    builder.punches(punches)
}

fn last_punch() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 1, 30).unwrap_or_default().and_hms_opt(17, 0, 0).unwrap_or_default()
}
