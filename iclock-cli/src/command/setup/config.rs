//! `config check|show|schema`: checks the configuration, or shows it with the origin of each setting. Contacts nothing.

use clap::Subcommand;

use crate::config::{self, Config, ConfigErrors};
use crate::context::{Context, Outcome};
use crate::exit_code::ExitCode;
use crate::global::Targets;
use crate::{output, sinks, wiring};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration; contacts nothing
    Check(Targets),
    /// Print the configuration in force and where each setting comes from
    Show(Targets),
    /// Print the JSON Schema of the configuration file, for editors
    Schema,
}

impl ConfigCommand {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let targets = match &self {
            Self::Check(targets) | Self::Show(targets) => targets,
            Self::Schema => {
                output::line(format_args!("{:#}", config::schema()));
                return Ok(ExitCode::Done);
            }
        };
        let (config, mut errors) = Config::examine(&context.flags(targets))?;
        for warning in &config.warnings {
            eprintln!("warning: {warning}");
        }
        if let Self::Show(_) = self {
            if !errors.is_empty() {
                return Err(ConfigErrors::in_order(errors).into());
            }
            if config.settings.iter().next().is_none() {
                eprintln!("nothing is configured: there is no iclock.toml in this directory, and no ICLOCK_ variable");
            }
            output::line(config::shown(&config.settings).trim());
            return Ok(ExitCode::Done);
        }
        let (opened, refused) = sinks::open_each(&config.sinks);
        errors.extend(refused);
        let serves = config.push.listen.is_some() || !config.pushing.is_empty();
        errors.extend(if serves { config.missing_to_serve(true) } else { config.missing(true) });
        if !errors.is_empty() {
            return Err(ConfigErrors::in_order(errors).into());
        }
        wiring::engine(&config.clone().serving(), opened, None, &[])?;
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let (terminals, sinks) = (count(config.devices.len(), "terminal"), count(config.sinks.len(), "sink"));
        output::line(format_args!("ok: {terminals}, {sinks}"));
        for device in &config.devices {
            output::line(format_args!("  terminal {} at {}", device.name, device.address()));
        }
        for device in &config.pushing {
            let serial = device.serial.as_deref().unwrap_or_default();
            output::line(format_args!("  terminal {} calls by itself, as {serial}", device.name));
        }
        for sink in &config.sinks {
            output::line(format_args!("  sink {}", sink.name));
        }
        Ok(ExitCode::Done)
    }
}
