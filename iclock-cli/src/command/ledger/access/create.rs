//! `access create`: makes a token.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::invalid_html_tags)]

use chrono::{TimeDelta, Utc};
use clap::Args;

use super::role::Role;
use super::{open, refused};
use crate::config::Config;
use crate::context::Outcome;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// A name for it: the program that gets it
    name: String,
    /// What it may do; each role may also do what those before it may
    #[arg(long, value_enum, default_value_t)]
    role: Role,
    /// The days for which it holds [default: until it is revoked]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
}

impl Create {
    pub(super) fn run(self, config: &Config) -> Outcome {
        let now = Utc::now();
        let ends = self.days.map(|days| now + TimeDelta::days(days.into()));
        let access = open(config)?;
        let token = access.create(&self.name, self.role.granted(), ends, now).map_err(|error| refused(&error))?;
        if !output::text(format_args!("{}\n", token.reveal())) {
            // Nobody has seen it: it must not hold.
            access.revoke(&self.name).map_err(|error| refused(&error))?;
            return Err(CliError::new(ExitCode::Fault, "the token could not be printed, and was revoked")
                .hint("make it again, with an output that takes it"));
        }
        Ok(ExitCode::Done)
    }
}
