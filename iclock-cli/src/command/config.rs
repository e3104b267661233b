//! `config check|show`: what is configured, where, and whether it can be used. Contacts nothing.

use crate::cli::{ConfigCommand, Global};
use crate::config::{self, Config};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::{output, sinks};

pub(crate) fn run(global: &Global, command: &ConfigCommand) -> Result<ExitCode, CliError> {
    let (ConfigCommand::Check(targets) | ConfigCommand::Show(targets)) = command;
    let config = Config::load(&global.flags(targets))?;
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
    if let ConfigCommand::Show(_) = command {
        output::line(config::shown(&config.settings).trim());
        return Ok(ExitCode::Done);
    }
    let opened = sinks::open_all(&config.sinks)?;
    super::sync::engine(&config, opened, None, &[])?;
    output::line(format_args!("ok: {} terminals, {} sinks", config.devices.len(), config.sinks.len()));
    for device in &config.devices {
        output::line(format_args!("  terminal {} at {}", device.name, device.address()));
    }
    for sink in &config.sinks {
        output::line(format_args!("  sink {}", sink.name));
    }
    Ok(ExitCode::Done)
}
