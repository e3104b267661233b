//! `version`: what this build is and can do.

use clap::Args;
use serde_json::json;

use crate::context::Outcome;
use crate::exit_code::ExitCode;
use crate::{output, sinks};

#[derive(Debug, Args)]
pub(crate) struct Version {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Version {
    pub(crate) fn run(self) -> Outcome {
        let (version, system) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS);
        let (machine, ledger) = (std::env::consts::ARCH, iclock_sync::ledger::FORMAT);
        let kinds: Vec<&str> = sinks::kinds().collect();
        if self.json {
            output::line(json!({
                "version": version,
                "system": system,
                "machine": machine,
                "ledger_format": ledger,
                "sinks": kinds,
            }));
            return Ok(ExitCode::Done);
        }
        output::line(format_args!("iclock-cli {version} for {system} on {machine}"));
        output::line(format_args!("ledger format {ledger}"));
        output::line(format_args!("sinks: {}", if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }));
        Ok(ExitCode::Done)
    }
}
