//! The flags of a command that changes terminals.

use clap::Args;

use super::choose::{Otherwise, Terminal, Terminals};
use super::consent::Consent;
use crate::context::Context;
use crate::error::CliError;

/// The flags of a command that changes terminals: which ones, consent, and how the answers are printed. `T` says if
/// terminals are plain arguments, too: [`Terminals`], or [`Named`](super::Named).
#[derive(Clone, Debug, Args)]
pub(crate) struct Changing<T: Args> {
    #[command(flatten)]
    terminals: T,
    #[command(flatten)]
    consent: Consent,
    /// Print JSON: a line for each terminal
    #[arg(long)]
    pub(crate) json: bool,
}

impl<T: Args> Changing<T>
where
    for<'a> Terminals: From<&'a T>,
{
    /// As [`Terminals::choose`]: of several terminals, one has to be named.
    ///
    /// # Errors
    /// As [`Terminals::choose`].
    pub(crate) fn choose(&self, context: &Context, noted: &str) -> Result<Vec<Terminal>, CliError> {
        Terminals::from(&self.terminals).choose(context, Otherwise::One, noted)
    }

    /// As [`Consent::ask`].
    ///
    /// # Errors
    /// As [`Consent::ask`].
    pub(crate) fn ask(&self, context: &Context, plan: &str) -> Result<(), CliError> {
        self.consent.ask(context, plan)
    }
}
