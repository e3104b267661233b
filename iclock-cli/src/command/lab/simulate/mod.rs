//! `simulate`: runs simulated terminals, with faults.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::broken_intra_doc_links)]

mod day;
mod push;

use std::io::IsTerminal as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::time::{MissedTickBehavior, interval};
use zk_proto::client::DEFAULT_PORT;
use zk_sim::faults::FaultKind;
use zk_sim::push::{PushFault, PushProfile};
use zk_sim::{Control, Fault, FaultError, Profile, Server, Terminal, TerminalBuilder};

use crate::config::{duration, number};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;
use crate::signal::{Asked, Signals};
use crate::words::{Words, unknown};
use day::{Choice, Passing};

/// The time between two packets. Node.js clients take each read from a socket for one packet and lose a second one in
/// the same read; real terminals leave some time, too.
const PACE: Duration = Duration::from_millis(1);

/// The families; those with --push, too.
const PROFILES: Words<String> = Words::new(profiles, |text| {
    let all = profiles();
    match all.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(unknown(text, &all, &format!("there are: {}", all.join(", ")))),
    }
});

/// The faults; those with --push, too.
const FAULTS: Words<String> = Words::new(faults, |text| match Fault::parse(text) {
    Err(FaultError::Unknown { name }) if PushFault::named(text).is_none() => {
        Err(unknown(&name, &faults(), "iclock-cli simulate --list-faults shows all"))
    }
    Err(error @ FaultError::Value { .. }) => Err(error.to_string()),
    _ => Ok(text.to_owned()),
});

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Address to listen on, TCP and UDP; port 0 takes a free one. Further terminals
    /// count up from the port
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:4370", value_parser = place)]
    listen: SocketAddr,
    /// Punches in the log
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = number::any::<usize>)]
    records: usize,
    /// People in the user table [default: 20; with --data, those who punched]
    #[arg(long, value_name = "N", value_parser = number::any::<u16>)]
    users: Option<u16>,
    /// Seed of the random data
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = number::any::<u64>)]
    seed: u64,
    /// Take the log from a file: punches (.jsonl, .csv), or a captured data set
    /// (.hex, .bin)
    #[arg(long, value_name = "FILE", conflicts_with = "records")]
    data: Option<PathBuf>,
    /// The family of terminal; see --list-profiles
    #[arg(long, value_name = "P", value_parser = PROFILES, hide_possible_values = true)]
    profile: Option<String>,
    /// A fault, NAME[=VALUE][xTIMES][@SKIP]; repeats; see --list-faults. With --push: a
    /// NAME; half of the requests are struck by one of those given
    #[arg(long, value_name = "FAULT", value_parser = FAULTS, hide_possible_values = true)]
    fault: Vec<String>,
    /// The comm key that they demand; 0 for none
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = number::any::<u32>)]
    key: u32,
    /// Number of terminals
    #[arg(long, value_name = "TERMINALS", default_value_t = 1, value_parser = number::positive::<u16>)]
    count: u16,
    /// Add a punch this often, e.g. 1s
    #[arg(long, value_name = "INTERVAL", value_parser = span)]
    punch_every: Option<Duration>,
    /// Punch as on a school day: people come before 8:00 and go after 16:00, a few late,
    /// a few never, each at one or two of the terminals. Reproducible by --seed. Punches
    /// come at their times [default: today], unless --day-in is given
    #[arg(long, value_name = "DATE", num_args = 0..=1, default_missing_value = "today", value_parser = day::date,
          conflicts_with = "punch_every")]
    day: Option<Choice>,
    /// With --day: let the day pass in this time, e.g. 60s [default day: the last working
    /// day]
    #[arg(long, value_name = "TIME", value_parser = span, requires = "day")]
    day_in: Option<Duration>,
    /// Let other programs read and change the terminals while they run: one JSON object
    /// per line each way, e.g. {"do":"punch"}; {"do":"help"} lists the commands.
    /// Port 0 takes a free one; a line "control ADDR:PORT" follows those of the terminals
    #[arg(long, value_name = "ADDR:PORT")]
    control: Option<SocketAddr>,
    #[command(flatten)]
    push: push::Push,
    /// List the faults
    #[arg(long)]
    list_faults: bool,
    /// List the families
    #[arg(long)]
    list_profiles: bool,
}

impl Simulate {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        if self.list_faults {
            let rows = FaultKind::ALL.iter().map(|kind| vec![kind.name().to_owned(), kind.about().to_owned()]);
            output::line(output::human::table(&["Fault", "what it does"], rows));
            let rows = PushFault::ALL.iter().map(|kind| vec![kind.name().to_owned(), kind.about().to_owned()]);
            output::line(format_args!("\n{}", output::human::table(&["Fault with --push", "what it does"], rows)));
            return Ok(ExitCode::Done);
        }
        if self.list_profiles {
            let rows = Profile::ALL.iter().map(|profile| vec![profile.name.to_owned(), profile.about.to_owned()]);
            output::line(output::human::table(&["Profile", "which terminals"], rows));
            let rows = PushProfile::FAMILIES.iter().map(|(name, about)| vec![(*name).to_owned(), (*about).to_owned()]);
            output::line(format_args!("\n{}", output::human::table(&["Profile with --push", "which terminals"], rows)));
            return Ok(ExitCode::Done);
        }
        context.log(None)?;
        if let Some(target) = &self.push.push {
            return context.block_on(async |signals: Signals| push::run(&self, target, &signals).await);
        }
        let mut profile = match &self.profile {
            None => Profile::default(),
            Some(name) => Profile::named(name).ok_or_else(|| {
                let known: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name).collect();
                CliError::new(ExitCode::Usage, format!("--profile: no family is called {name:?}"))
                    .hint(format!("one of {}", known.join(", ")))
            })?,
        };
        profile.pace = PACE;
        context.block_on(async |signals: Signals| serve(&self, profile, &signals).await)
    }
}

impl Simulate {
    /// The day to be simulated, if one is.
    fn passing(&self) -> Option<Passing> {
        self.day.map(|choice| Passing::new(choice, self.day_in))
    }
}

/// Adds the log: from the file, or made from the seed.
fn with_log(terminal: TerminalBuilder, args: &Simulate, seed: u64) -> Result<TerminalBuilder, CliError> {
    let terminal = terminal.seed(seed);
    // Without a number, the simulator has the people who punched in the file.
    let terminal = match args.users {
        Some(users) => terminal.users(users),
        None => terminal,
    };
    match &args.data {
        // The earlier days: those of the simulator end yesterday, where the day may be another one.
        None => Ok(match args.passing() {
            Some(passing) => {
                let terminal = terminal.users(args.users.unwrap_or(day::PEOPLE));
                day::with_earlier_days(terminal, args.records, passing.date())
            }
            None => terminal.records(args.records),
        }),
        Some(file) => terminal.data_file(file).map_err(|error| {
            CliError::because(ExitCode::Usage, "--data: no log can be made of the file", &error)
                .hint("give punches (.jsonl, .csv), or a captured data set (.hex, .bin)")
        }),
    }
}

async fn serve(args: &Simulate, profile: Profile, signals: &Signals) -> Outcome {
    let faults = args.fault.iter().map(|text| fault(text)).collect::<Result<Vec<Fault>, _>>()?;
    let mut servers = Vec::new();
    for n in 0..args.count {
        let addr = address(args.listen, n)?;
        let seed = args.seed.wrapping_add(n.into());
        let terminal = Terminal::builder().profile(profile.clone()).key(args.key);
        let mut terminal = with_log(terminal, args, seed)?;
        for fault in &faults {
            terminal = terminal.fault(*fault);
        }
        let server = Server::start(terminal.build(), addr).await.map_err(|error| {
            CliError::because(ExitCode::Usage, format!("--listen: cannot listen on {addr}"), &error)
                .hint("use another port, or 0 for a free one")
        })?;
        output::line(format_args!("listening {} serial={}", server.addr(), server.handle().serial()));
        servers.push(server);
    }
    let _control = match args.control {
        None => None,
        Some(addr) => {
            let handles = servers.iter().map(Server::handle).collect();
            let control = Control::start(handles, addr).await.map_err(|error| {
                CliError::because(ExitCode::Usage, format!("--control: cannot listen on {addr}"), &error)
                    .hint("use another port, or 0 for a free one")
            })?;
            output::line(format_args!("control {}", control.addr()));
            Some(control)
        }
    };
    if std::io::stderr().is_terminal()
        && let Some(first) = servers.first()
    {
        eprintln!("next, in another window: iclock-cli info {}; Ctrl-C here ends it", first.addr());
    }
    let punches = async {
        match (args.passing(), args.punch_every) {
            (Some(passing), _) => {
                let users = servers.first().map(|first| first.handle().inspect(|terminal| terminal.users()));
                let punch = |door: usize, punch| {
                    if let Some(server) = servers.get(door) {
                        server.handle().add_punch(punch);
                    }
                };
                passing.pass(&users.unwrap_or_default(), servers.len(), args.seed, punch).await;
            }
            (None, Some(every)) => punch(&servers, every).await,
            (None, None) => {}
        }
        // When the day is over, the terminals stay.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = signals.stop.cancelled() => {}
        () = punches => {}
    }
    Ok(if signals.asked() == Some(Asked::Interrupt) { ExitCode::Interrupted } else { ExitCode::Done })
}

fn profiles() -> Vec<&'static str> {
    let pushing = PushProfile::FAMILIES.iter().map(|(name, _)| *name);
    Profile::ALL.iter().map(|profile| profile.name).chain(pushing).collect()
}

fn faults() -> Vec<&'static str> {
    let pushing = PushFault::ALL.iter().map(|fault| fault.name());
    FaultKind::ALL.iter().map(|kind| kind.name()).chain(pushing).collect()
}

fn address(first: SocketAddr, n: u16) -> Result<SocketAddr, CliError> {
    let mut addr = first;
    if first.port() != 0 {
        let port = first.port().checked_add(n).ok_or_else(|| {
            CliError::new(ExitCode::Usage, "--count: there are not so many ports")
                .hint("begin at a lower port, or at 0")
        })?;
        addr.set_port(port);
    }
    Ok(addr)
}

async fn punch(servers: &[Server], every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for server in servers {
            server.handle().punch_now();
        }
    }
}

/// An address with a port; the port of terminals if there is none.
fn place(text: &str) -> Result<SocketAddr, String> {
    let alone = || text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DEFAULT_PORT));
    text.parse().or_else(|_| alone()).map_err(|_| "write it like 127.0.0.1:4370 or [::1]:4370".to_owned())
}

fn span(text: &str) -> Result<Duration, String> {
    duration::parse(text, Duration::from_secs(1))
        .filter(|span| !span.is_zero())
        .ok_or_else(|| "write it like 1s or 500ms".to_owned())
}

fn fault(text: &str) -> Result<Fault, CliError> {
    text.parse().map_err(|error| {
        CliError::because(ExitCode::Usage, format!("--fault {text}"), &error).hint("iclock-cli simulate --list-faults")
    })
}
