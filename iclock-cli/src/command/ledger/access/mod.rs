//! `access`: who may use `serve`: people by accounts, programs by tokens. All of it works while `serve` runs.

mod account;
mod create;
mod list;
mod role;

use clap::Subcommand;
use iclock_server::access::{Access as Tokens, AccessError};

use crate::config::Config;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum Access {
    /// Make a token for a program, and print it this once
    Create(create::Create),
    /// List accounts and tokens: what each may do, and when it was used last
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Make an account for a person, or give one another role, and print a link that sets
    /// its password
    Link(account::Account),
    /// Set the password of an account here; makes the account if there is none
    Password(account::Account),
    /// Remove an account, and log it out
    Remove {
        /// Its name, as listed
        name: String,
    },
    /// Revoke a token: it is refused from the next request on
    Revoke {
        /// Its name, as listed
        name: String,
    },
}

impl Access {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let config = context.quiet_config()?;
        match self {
            Self::Create(create) => create.run(&config),
            Self::List { json } => list::list(&config, json),
            Self::Link(account) => account.link(&config),
            Self::Password(account) => account.password(&config),
            Self::Remove { name } => account::remove(&config, &name),
            Self::Revoke { name } => revoke(&config, &name),
        }
    }
}

fn open(config: &Config) -> Result<Tokens, CliError> {
    std::fs::create_dir_all(&config.state_dir).map_err(|error| {
        let what = format!("cannot make the state directory {}", config.state_dir.display());
        CliError::because(ExitCode::State, what, &error).hint("check its rights, or choose another with --state")
    })?;
    Tokens::open(&config.state_dir).map_err(|error| refused(&error))
}

fn refused(error: &AccessError) -> CliError {
    match error {
        AccessError::NameTaken(name) => CliError::new(ExitCode::Refused, error.to_string())
            .hint(format!("choose another name, or revoke it first: iclock-cli access revoke {name}")),
        AccessError::Password(_) => {
            CliError::new(ExitCode::Usage, error.to_string()).hint("take a few words that you can remember")
        }
        AccessError::NotAName => CliError::new(ExitCode::Usage, error.to_string()).hint("write it like dashboard"),
        AccessError::TooNew(_) => {
            CliError::new(ExitCode::State, error.to_string()).hint("use the version of the program that wrote it")
        }
        other => CliError::because(ExitCode::State, "accounts and tokens cannot be used", other)
            .hint("check that the state directory may be written, and has room"),
    }
}

fn revoke(config: &Config, name: &str) -> Outcome {
    if !open(config)?.revoke(name).map_err(|error| refused(&error))? {
        return Err(CliError::new(ExitCode::Usage, format!("there is no token {name:?}"))
            .hint("`iclock-cli access list` lists them"));
    }
    output::line(format_args!("{} is revoked", output::printable(name)));
    Ok(ExitCode::Done)
}
