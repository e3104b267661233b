//! `discover`: finds terminals on networks. Changes no terminal.

mod known;
pub(crate) mod networks;
mod rebind;
mod show;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use ipnet::IpNet;
use zk_proto::client::{DEFAULT_PORT, DiscoverOptions, Discovery, Found};
use zk_proto::{CommKey, ConnectOptions};

use crate::config::{Config, duration, number};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::Targets;
use crate::output::{self, counted};
use crate::signal::Signals;
use known::Known;
use networks::Networks;
use rebind::Move;
pub(crate) use show::Shown;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli discover
  iclock-cli discover 192.0.2.0/24 --json
  iclock-cli discover 192.0.2.0/24 --rebind")]
pub(crate) struct Discover {
    /// The networks to search, such as 192.0.2.0/24, or single addresses [default:
    /// those of this computer]
    #[arg(value_name = "CIDR", value_parser = networks::parse)]
    networks: Vec<IpNet>,
    /// The port of the terminals
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT, value_parser = number::within::<u16>(1..=65_535))]
    port: u16,
    /// A communication key to try at terminals that demand one, as ENV:NAME or
    /// FILE:PATH; repeats. Anyone who listens at an address can work out a key that is
    /// tried there
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// How long a silent address is waited for, over TCP and again over UDP
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = span)]
    timeout: Duration,
    /// The most addresses that are begun in a second
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = number::within::<u32>(1..=2000))]
    rate: u32,
    /// Also search networks of more than 65,536 addresses
    #[arg(long)]
    large: bool,
    /// Write the new addresses of configured terminals that moved into the
    /// configuration file; they are known by their serial numbers
    #[arg(long)]
    rebind: bool,
    /// Print JSON: a line for each terminal, as it is found
    #[arg(long)]
    json: bool,
}

/// Searches networks for terminals as `discover` does, without keys: those of this computer if none is named.
///
/// # Errors
/// When there is no network to search, or when Ctrl-C ends the search.
pub(crate) fn search(context: &Context, networks: Vec<IpNet>, port: u16) -> Result<Vec<Shown>, CliError> {
    let (timeout, rate) = (Duration::from_secs(1), 200);
    let (key, large, rebind, json) = (Vec::new(), false, false, false);
    let discover = Discover { networks, port, key, timeout, rate, large, rebind, json };
    let nets = discover.networks(context)?;
    context.block_on(async |signals: Signals| {
        let found = discover.search(context, &nets, &[], Vec::new(), &signals).await;
        match signals.asked() {
            Some(_) => Err(CliError::new(ExitCode::Interrupted, "interrupted; nothing was written")),
            None => Ok(found),
        }
    })
}

impl Discover {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        context.log(None)?;
        let config = self.config(context)?;
        let keys = self.keys(context)?;
        let nets = self.networks(context)?;
        context.block_on(async |signals: Signals| {
            let known = Known::all(&config).await;
            let found = self.search(context, &nets, &known, keys, &signals).await;
            if signals.asked().is_some() {
                self.show(&found);
                return Ok(ExitCode::Interrupted);
            }
            self.show(&found);
            match self.rebind {
                true => self.rebind(&config, &moves(&known, &found)),
                false => Ok(ExitCode::Done),
            }
        })
    }

    /// The configuration. Without `--rebind` it only serves to recognize terminals, and may have errors.
    fn config(&self, context: &Context) -> Result<Config, CliError> {
        if self.rebind {
            return context.config(&Targets::default());
        }
        Ok(Config::examine(&context.flags(&Targets::default()))?.0)
    }

    fn keys(&self, context: &Context) -> Result<Vec<CommKey>, CliError> {
        let mut keys = Vec::new();
        for text in &self.key {
            // Read as the key of a terminal is.
            let spec = Targets { device: vec![format!("localhost?key={text}")], ..Targets::default() };
            keys.extend(context.config(&spec)?.devices.first().and_then(|device| device.comm_key));
        }
        Ok(keys)
    }

    fn networks(&self, context: &Context) -> Result<Networks, CliError> {
        let (nets, remarks) = match self.networks.is_empty() {
            true => Networks::own()?,
            false => (Networks::named(&self.networks, self.large)?, Vec::new()),
        };
        if !context.is_quiet() {
            remarks.iter().for_each(|remark| eprintln!("{remark}"));
            let count = counted(nets.addresses().count() as u64, "address", "addresses");
            eprintln!("searching {}: {count}, {} a second at most", nets.text(), self.rate);
        }
        Ok(nets)
    }

    /// Searches until the end or Ctrl-C. With `--rebind`, the configured places are tried as well.
    async fn search(
        &self,
        context: &Context,
        nets: &Networks,
        known: &[Known],
        keys: Vec<CommKey>,
        signals: &Signals,
    ) -> Vec<Shown> {
        let of_known = |known: &Known| {
            let options = known.device.connect_options().timeout(self.timeout);
            let at = move |address: IpAddr| (address, host_at(options.clone(), address));
            known.addresses.clone().into_iter().map(at)
        };
        let configured: HashMap<IpAddr, ConnectOptions> =
            known.iter().filter(|known| known.device.port == self.port).flat_map(of_known).collect();
        let elsewhere = known.iter().filter(|_| self.rebind).flat_map(of_known);
        let elsewhere: HashMap<(IpAddr, u16), ConnectOptions> = elsewhere
            .filter(|(address, options)| options.port != self.port || !nets.contain(address))
            .map(|(address, options)| ((address, options.port), options))
            .collect();
        let (port, timeout) = (self.port, self.timeout);
        let in_nets = nets.addresses().map(move |address| {
            let new = || ConnectOptions::new(address.to_string()).port(port).timeout(timeout);
            configured.get(&address).cloned().unwrap_or_else(new)
        });
        let options = DiscoverOptions::default().per_second(self.rate).keys(keys);
        let mut discovery = Discovery::new(in_nets.chain(elsewhere.into_values()), options);
        let progress = if context.is_quiet() || self.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let mut all = Vec::new();
        let mut keep = |found: Found| {
            let shown = Shown::of(found, known);
            if self.json {
                output::json(&shown);
            }
            all.push(shown);
            all.len()
        };
        let mut count = 0;
        loop {
            tokio::select! {
                biased;
                () = signals.stop.cancelled() => {
                    discovery.stop().await.into_iter().for_each(|found| count = keep(found));
                    break;
                }
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
                found = discovery.next() => match found {
                    Some(found) => count = keep(found),
                    None => break,
                },
            }
            progress
                .set_message(format!("{} tried, {count} found", counted(discovery.tried(), "address", "addresses")));
            progress.tick();
        }
        progress.finish_and_clear();
        all.sort_by_key(|shown| (shown.ip, shown.port));
        all
    }

    fn show(&self, found: &[Shown]) {
        if !self.json {
            show::print(found);
        }
    }

    fn rebind(&self, config: &Config, moves: &Moves<'_>) -> Outcome {
        let tell = |line: String| if self.json { eprintln!("{line}") } else { output::line(line) };
        for problem in &moves.unclear {
            CliError::new(ExitCode::Refused, problem.as_str()).hint("write the right address by hand").print();
        }
        let files = rebind::write(config, &moves.clear)?;
        for Move { known, address, port } in &moves.clear {
            let (name, before) = (&known.device.name, known.device.address());
            tell(format!("{name}: {before} is now {}", std::net::SocketAddr::new(*address, *port)));
        }
        files.iter().for_each(|file| tell(format!("changed: {}", file.display())));
        if moves.clear.is_empty() && moves.unclear.is_empty() {
            tell("no configured terminal was found at another address; nothing was changed".to_owned());
        }
        Ok(if moves.unclear.is_empty() { ExitCode::Done } else { ExitCode::Refused })
    }
}

/// The configured terminals that were found elsewhere.
#[derive(Debug, Default)]
struct Moves<'a> {
    clear: Vec<Move<'a>>,
    /// Why others are not among them.
    unclear: Vec<String>,
}

/// Finds the terminals that moved: found elsewhere, at one place, and not where they are configured.
fn moves<'a>(known: &'a [Known], found: &[Shown]) -> Moves<'a> {
    let mut moves = Moves::default();
    for known in known {
        let Some(serial) = known.serial.as_deref() else { continue };
        let places: Vec<&Shown> = found.iter().filter(|shown| shown.serial.as_deref() == Some(serial)).collect();
        if places.iter().any(|shown| known.is_at(shown.ip, shown.port)) {
            continue;
        }
        match places[..] {
            [] => {}
            [place] => moves.clear.push(Move { known, address: place.ip, port: place.port }),
            _ => {
                let all: Vec<&str> = places.iter().map(|place| place.address.as_str()).collect();
                let name = &known.device.name;
                moves.unclear.push(format!("{name}: serial number {serial} was found at {}", all.join(" and ")));
            }
        }
    }
    moves
}

/// The same options for another address.
fn host_at(options: ConnectOptions, address: IpAddr) -> ConnectOptions {
    let mut options = options;
    options.host = address.to_string();
    options
}

fn span(text: &str) -> Result<Duration, String> {
    duration::parse(text, Duration::from_secs(1))
        .filter(|span| (Duration::from_millis(50)..=Duration::from_secs(60)).contains(span))
        .ok_or_else(|| "write it like 1s or 500ms, at most 60s".to_owned())
}
