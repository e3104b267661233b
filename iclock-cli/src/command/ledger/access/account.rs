//! `access link`, `password` and `remove`: the accounts with which people log in to the pages.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::invalid_html_tags)]

use std::io::{IsTerminal as _, Read as _};

use chrono::Utc;
use clap::Args;
use iclock_server::access::{Access, LINK_HOLDS, Role as Granted};

use super::role::Role;
use super::{open, refused};
use crate::config::{Config, Listen};
use crate::context::Outcome;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

/// A longer input is no password.
const LONGEST: u64 = 4_096;

#[derive(Debug, Args)]
pub(crate) struct Account {
    /// The name with which they log in
    name: String,
    /// What they may do; each role may also do what those before it may [default: what
    /// they may already, or viewer]
    #[arg(long, value_enum)]
    role: Option<Role>,
}

impl Account {
    /// Makes a link by which its owner sets the password.
    pub(super) fn link(&self, config: &Config) -> Outcome {
        let access = open(config)?;
        let role = self.role(&access)?;
        let link = access.invite(&self.name, role, Utc::now()).map_err(|error| refused(&error))?;
        output::text(format_args!("{}/welcome#link={}\n", base(config), link.reveal()));
        eprintln!("it holds once, for {} minutes; open it in a browser", LINK_HOLDS.num_minutes());
        Ok(ExitCode::Done)
    }

    /// Sets the password here.
    pub(super) fn password(&self, config: &Config) -> Outcome {
        let access = open(config)?;
        let (role, password) = (self.role(&access)?, asked()?);
        access.set_account(&self.name, role, &password, Utc::now()).map_err(|error| refused(&error))?;
        output::line(format_args!("{} may log in as {}", output::printable(&self.name), role.as_str()));
        Ok(ExitCode::Done)
    }

    fn role(&self, access: &Access) -> Result<Granted, CliError> {
        if let Some(role) = self.role {
            return Ok(role.granted());
        }
        let accounts = access.accounts().map_err(|error| refused(&error))?;
        Ok(accounts.iter().find(|account| account.name == self.name).map_or(Granted::Viewer, |account| account.role))
    }
}

/// Removes an account.
pub(super) fn remove(config: &Config, name: &str) -> Outcome {
    if !open(config)?.remove(name).map_err(|error| refused(&error))? {
        return Err(CliError::new(ExitCode::Usage, format!("there is no account {name:?}"))
            .hint("`iclock-cli access list` lists them"));
    }
    output::line(format_args!("{} is removed, and logged out", output::printable(name)));
    Ok(ExitCode::Done)
}

/// The password that a person types twice, or another program writes.
fn asked() -> Result<String, CliError> {
    let failed = |error: std::io::Error| {
        CliError::because(ExitCode::Fault, "cannot ask for a password", &error).hint("write it to the standard input")
    };
    if !std::io::stdin().is_terminal() {
        let mut text = String::new();
        std::io::stdin().take(LONGEST).read_to_string(&mut text).map_err(failed)?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    let text = rpassword::prompt_password("Password (12 characters or more): ").map_err(failed)?;
    if rpassword::prompt_password("Once more: ").map_err(failed)? != text {
        return Err(CliError::new(ExitCode::Usage, "the two passwords differ").hint("type them again"));
    }
    Ok(text)
}

/// The address of the pages, as far as the configuration tells.
fn base(config: &Config) -> String {
    let scheme = if config.server.https || config.server.certificate.is_some() { "https" } else { "http" };
    let address = config.server.listen.address().unwrap_or(Listen::USUAL);
    let host = match config.server.hosts.first() {
        Some(host) => host.clone(),
        None if address.ip().is_unspecified() => "localhost".to_owned(),
        None => return format!("{scheme}://{address}"),
    };
    // A proxy in front has the usual port.
    if config.server.https { format!("https://{host}") } else { format!("{scheme}://{host}:{}", address.port()) }
}
