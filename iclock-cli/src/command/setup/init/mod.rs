//! `init`: writes a configuration from questions or flags, after it tried the terminals and the sinks.

mod ask;
mod interview;
mod offer;
mod write;

use std::path::PathBuf;

use chrono_tz::Tz;
use clap::Args;
use futures::future::join_all;
use iclock_sync::CancellationToken;
use iclock_sync::diagnose::{self, Finding};
use ipnet::IpNet;
use zk_proto::client::DEFAULT_PORT;

use crate::command::terminal::discover::{self, networks};
use crate::config::{self, Config, Flags, Layer, Origin, Setting};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, human, printed};
use crate::sinks;
use ask::Person;
use interview::Secret;
use offer::Offer;

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The file to write
    #[arg(value_name = "FILE", default_value = "iclock.toml")]
    file: PathBuf,
    /// A terminal, as for sync, instead of questions; repeats
    #[arg(long, value_name = "SPEC")]
    device: Vec<String>,
    /// A sink, as for sync, instead of questions; repeats
    #[arg(long, value_name = "URL")]
    sink: Vec<String>,
    /// Search networks for terminals and take all that answer: such as 192.0.2.0/24, or
    /// those of this computer. Without a flag for terminals, a person is asked
    #[arg(long, value_name = "CIDR", num_args = 0.., value_parser = networks::parse, conflicts_with = "device")]
    discover: Option<Vec<IpNet>>,
    /// The port of the terminals to search for
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// The time zone of the terminals, such as Indian/Maldives
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    zone: Option<Tz>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    /// Contact neither the terminals nor the sinks
    #[arg(long)]
    no_test: bool,
}

impl Init {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        context.log(None)?;
        if self.file.exists() && !self.force {
            let refused = format!("{} exists already; it was not changed", self.file.display());
            return Err(CliError::new(ExitCode::Refused, refused).hint("name another file, or replace it with --force"));
        }
        let (mut settings, secrets) = self.gather(context)?;
        if let Some(zone) = self.zone {
            for n in 0..settings.list_len("device") {
                let path = format!("device.{n}.zone");
                if settings.get(&path).is_none() {
                    settings.set(path, Setting::new(zone.name(), Origin::Flag("--zone")));
                }
            }
        }
        let draft = write::Draft::write(&self.file, &config::commented(&settings), &secrets)?;
        // The file is read as a sync will read it, so that its paths mean the same.
        let config = Config::load(&Flags { config: Some(draft.path().to_owned()), ..Flags::default() })?;
        let opened = sinks::open_all(&config.sinks)?;
        let code = if self.no_test {
            ExitCode::Done
        } else {
            context.block_on(|signals| async move { Ok(test(&config, &opened, &signals.stop).await) })?
        };
        if code == ExitCode::Interrupted {
            return Ok(code);
        }
        draft.keep()?;
        self.tell(code);
        Ok(code)
    }

    /// The settings of the flags, or of the answers to questions.
    fn gather(&self, context: &Context) -> Result<(Layer, Vec<Secret>), CliError> {
        let devices = match &self.discover {
            Some(networks) => self.found(context, networks.clone())?,
            None => self.device.clone(),
        };
        if devices.is_empty() || self.sink.is_empty() {
            if !Person::is_there() {
                return Err(CliError::new(ExitCode::Usage, "there is nobody to ask: stdin is not a terminal")
                    .hint("give --device front=192.0.2.10, or --discover, and --sink sqlite:attendance.db"));
            }
            let search =
                || Ok(discover::search(context, Vec::new(), self.port)?.iter().map(Offer::of).collect::<Vec<_>>());
            let flags = (&devices[..], &self.sink[..]);
            let answers = interview::ask(context, &mut Person::default(), search, flags, self.zone)?;
            return Ok((answers.settings, answers.secrets));
        }
        Ok((interview::of_flags(&devices, &self.sink)?, Vec::new()))
    }

    /// All terminals that a search finds and that can be used as they are. The others are named.
    fn found(&self, context: &Context, networks: Vec<IpNet>) -> Result<Vec<String>, CliError> {
        let found = discover::search(context, networks, self.port)?;
        let mut devices = Vec::new();
        for one in &found {
            if let Some(obstacle) = one.obstacle() {
                eprintln!("{}", human::folded(&format!("{}: left out: {obstacle}", one.address()), 2));
                continue;
            }
            let Offer { address, serial, about } = Offer::of(one);
            let name = format!("terminal-{}", devices.len() + 1);
            eprintln!("{}", human::folded(&format!("{name}: {address}, {about}"), 2));
            devices.push(offer::spec(&name, &address, serial.as_deref(), None));
        }
        if devices.is_empty() {
            return Err(CliError::new(
                ExitCode::Terminal,
                "no terminal was found that can be used; nothing was written",
            )
            .hint("name one with --device 192.0.2.10, or its network with --discover 192.0.2.0/24"));
        }
        Ok(devices)
    }

    fn tell(&self, code: ExitCode) {
        output::line(format_args!("written: {}", self.file.display()));
        if code != ExitCode::Done {
            output::line("It was written although something does not work yet. When it is fixed, check again:");
            output::line(self.command("    iclock-cli doctor"));
            return;
        }
        output::line("Next:");
        output::line(self.command("    iclock-cli sync --dry-run"));
        output::line(self.command("    iclock-cli sync"));
        if self.file.starts_with("/etc/iclock") {
            output::line("    iclock-cli service install --print");
        } else {
            output::line("For a service, write the configuration to its place:");
            output::line("    sudo iclock-cli init /etc/iclock/iclock.toml");
        }
    }

    fn command(&self, command: &str) -> String {
        if self.file == std::path::Path::new("iclock.toml") {
            return command.to_owned();
        }
        format!("{command} --config {}", printed::quoted(&self.file.display().to_string()))
    }
}

fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| "write a zone of the IANA database, such as Indian/Maldives or Europe/Berlin".to_owned())
}

/// Tries every terminal and every sink, and prints what does not work; nothing after Ctrl-C, when only the sessions
/// with terminals are ended.
async fn test(
    config: &Config,
    opened: &[std::sync::Arc<dyn attendance_model::Sink>],
    stop: &CancellationToken,
) -> ExitCode {
    let terminals = join_all(config.devices.iter().map(|device| diagnose::terminal(device, &config.engine, stop)));
    let of_sinks = join_all(opened.iter().map(|sink| diagnose::sink(sink.as_ref(), config.engine.sink_timeout)));
    let (of_terminals, of_sinks) = futures::join!(terminals, stop.run_until_cancelled(of_sinks));
    let Some(of_sinks) = of_sinks.filter(|_| !stop.is_cancelled()) else { return ExitCode::Interrupted };
    let mut code = ExitCode::Done;
    for (sink, found) in opened.iter().zip(&of_sinks) {
        if !print(sink.name(), found) {
            code = ExitCode::Sink;
        }
    }
    for (device, found) in config.devices.iter().zip(&of_terminals) {
        if !print(&device.name, found) && code == ExitCode::Done && is_out_of_reach(found) {
            code = ExitCode::Terminal;
        }
    }
    code
}

/// Returns true if the terminal cannot be read at all. Bad punches in its log do not make a configuration wrong.
fn is_out_of_reach(found: &[Finding]) -> bool {
    use diagnose::Check;
    let of_reading = |check| !matches!(check, Check::Clock | Check::Capacity | Check::Users | Check::Records);
    found.iter().any(|finding| finding.is_problem() && of_reading(finding.check))
}

/// Prints the problems of one, or that it works. Returns false if there are problems.
fn print(name: &str, found: &[Finding]) -> bool {
    let problems: Vec<&Finding> = found.iter().filter(|finding| finding.is_problem()).collect();
    if problems.is_empty() {
        eprintln!("{name}: works");
        return true;
    }
    for problem in problems {
        let cause = problem.cause.map(|cause| cause.to_string()).unwrap_or_default();
        eprintln!("{}", human::folded(&format!("{name}: {cause}: {}", problem.evidence), 4));
        if let Some(fix) = &problem.fix {
            eprintln!("    {}", human::folded(&format!("try: {fix}"), 9));
        }
    }
    false
}
