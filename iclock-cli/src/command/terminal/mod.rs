//! Commands that ask terminals, and change them.

pub(crate) mod base;
pub(crate) mod clear;
pub(crate) mod discover;
pub(crate) mod info;
pub(crate) mod options;
pub(crate) mod panel;
pub(crate) mod power;
pub(crate) mod time;

use clap::Subcommand;

use crate::context::{Context, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find terminals on networks
    Discover(discover::Discover),
    /// Show a terminal's identity, capacity and clock
    Info(info::Info),
    /// Show or change a terminal's options
    #[command(subcommand)]
    Options(options::Options),
    /// Show or set a terminal's clock
    #[command(subcommand)]
    Time(time::Time),
    /// Open the door
    Unlock(panel::UnlockDoor),
    /// Restart a terminal
    Restart(power::Restart),
    /// Switch a terminal off
    Poweroff(power::PowerOff),
    /// Play a message, for example to find a terminal
    Voice(panel::PlayVoice),
    /// Write on a terminal's screen
    Lcd(panel::Lcd),
    /// Clear a terminal's log, once all of it is kept and delivered
    Clear(clear::Clear),
}

impl Command {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Discover(command) => command.run(context),
            Self::Info(command) => command.run(context),
            Self::Options(command) => command.run(context),
            Self::Time(command) => command.run(context),
            Self::Unlock(command) => command.run(context),
            Self::Restart(command) => command.run(context),
            Self::Poweroff(command) => command.run(context),
            Self::Voice(command) => command.run(context),
            Self::Lcd(command) => command.run(context),
            Self::Clear(command) => command.run(context),
        }
    }

    /// Returns true for commands that only talk to terminals, so that a recording can answer them.
    pub(crate) fn can_be_replayed(&self) -> bool {
        !matches!(self, Self::Discover(_) | Self::Clear(_))
    }
}
