//! The flags that every command takes, and those that name terminals and sinks.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::broken_intra_doc_links)]

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::config::Flags;
use crate::output::printed;

/// The part of a help page with the flags that every command takes.
const HEADING: &str = "Options of every command";

/// The flags that every command takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// Configuration: a TOML file, or the Python tool's devices.json
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING)]
    config: Option<PathBuf>,
    /// Directory of the ledger; created if missing [default: state, next to the
    /// configuration file or here]
    #[arg(long, global = true, value_name = "DIR", help_heading = HEADING)]
    state: Option<PathBuf>,
    /// Log more on stderr: -v a line per terminal and sink, -vv each step
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = HEADING)]
    pub(crate) verbose: u8,
    /// Only errors on stderr, no progress; no report of a run that went well
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = HEADING)]
    pub(crate) quiet: bool,
}

/// The terminals and sinks of a command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Targets {
    /// Only this terminal; repeats: a configured name, or a new one,
    /// [NAME=]HOST[:PORT][?OPTION=VALUE&...], options
    /// key=ENV:NAME, transport=tcp|udp|auto, timeout=5s,
    /// zone=Indian/Maldives, serial=..., encoding=gbk, layout=40
    #[arg(long, value_name = "SPEC", verbatim_doc_comment)]
    pub(crate) device: Vec<String>,
    /// A sink, instead of the configured ones; repeats:
    /// sqlite:attendance.db, postgres://USER@HOST/DB, mysql://USER@HOST/DB,
    /// firestore://PROJECT/COLLECTION, mongodb://USER@HOST/DB, jsonl:out.jsonl,
    /// csv:out.csv, https://HOST/PATH, frappe:https://SITE,
    /// odoo:https://SITE
    #[arg(long, value_name = "URL", verbatim_doc_comment)]
    pub(crate) sink: Vec<String>,
}

impl Global {
    /// Lets printed commands lead to the same configuration and state.
    pub(crate) fn remember(&self) {
        printed::remember(self.config.as_deref(), self.state.as_deref());
    }

    /// The layer of the configuration that flags make.
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

impl Targets {
    /// The sink that `--sink NAME|URL` gives: a URL is a sink of its own, a name is one of the configured.
    pub(crate) fn of_sink(name_or_url: Option<&String>) -> Self {
        let url = name_or_url.filter(|text| is_url(text));
        Self { sink: url.cloned().into_iter().collect(), ..Self::default() }
    }
}

/// Returns true if `--sink NAME|URL` has a URL.
pub(crate) fn is_url(text: &str) -> bool {
    text.contains(':')
}
