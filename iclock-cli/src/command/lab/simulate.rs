//! `simulate`: terminals to try against, with every fault that a real one shows.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use zk_sim::faults::FaultKind;
use zk_sim::{Control, Profile, Server, Terminal, TerminalBuilder};

use crate::cli::{Global, Simulate};
use crate::command::runtime;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::logging::{self, Verbosity};
use crate::output;
use crate::signal::{Asked, Signals};

/// Node.js clients take one read of a socket for one packet, and lose what comes with it: as on a real line, packets have a
/// little time between them.
const PACE: Duration = Duration::from_millis(1);

pub(crate) fn run(global: &Global, args: &Simulate) -> Result<ExitCode, CliError> {
    if args.list_faults {
        let rows = FaultKind::ALL.iter().map(|kind| vec![kind.name().to_owned(), kind.about().to_owned()]);
        output::line(output::human::table(&["Fault", "what it does"], rows));
        return Ok(ExitCode::Done);
    }
    if args.list_profiles {
        let rows = Profile::ALL.iter().map(|profile| vec![profile.name.to_owned(), profile.about.to_owned()]);
        output::line(output::human::table(&["Profile", "which terminals"], rows));
        return Ok(ExitCode::Done);
    }
    logging::start(Verbosity { verbose: global.verbose, quiet: global.quiet }, None)?;
    let mut profile = match &args.profile {
        None => Profile::default(),
        Some(name) => Profile::named(name).ok_or_else(|| {
            let known: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name).collect();
            CliError::new(ExitCode::Usage, format!("--profile: no family is called {name:?}"))
                .hint(format!("one of {}", known.join(", ")))
        })?,
    };
    profile.pace = PACE;
    runtime()?.block_on(serve(args, profile))
}

/// The terminal's log: from the file, or drawn from the seed.
fn with_log(terminal: TerminalBuilder, args: &Simulate, seed: u64) -> Result<TerminalBuilder, CliError> {
    let terminal = terminal.seed(seed);
    // Without a number the simulator enters whoever punched in the file.
    let terminal = match args.users {
        Some(users) => terminal.users(users),
        None => terminal,
    };
    match &args.data {
        None => Ok(terminal.records(args.records)),
        Some(file) => terminal
            .data_file(file)
            .map_err(|error| CliError::because(ExitCode::Usage, "--data: no log can be made of the file", &error)),
    }
}

async fn serve(args: &Simulate, profile: Profile) -> Result<ExitCode, CliError> {
    let signals =
        Signals::listen().map_err(|error| CliError::because(ExitCode::Fault, "cannot listen for signals", &error))?;
    let mut servers = Vec::new();
    for n in 0..args.count {
        let addr = address(args.listen, n)?;
        let seed = args.seed.wrapping_add(n.into());
        let terminal = Terminal::builder().profile(profile.clone()).key(args.key);
        let mut terminal = with_log(terminal, args, seed)?;
        for fault in &args.fault {
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
    match args.punch_every {
        Some(every) => tokio::select! {
            () = signals.stop.cancelled() => {}
            () = punch(&servers, every) => {}
        },
        None => signals.stop.cancelled().await,
    }
    Ok(if signals.asked() == Some(Asked::Interrupt) { ExitCode::Interrupted } else { ExitCode::Done })
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
