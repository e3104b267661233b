//! Commands that read terminals and write to sinks.

pub(crate) mod alert;
pub(crate) mod demo;
pub(crate) mod health;
pub(crate) mod iclock;
pub(crate) mod live;
pub(crate) mod serve;
#[expect(clippy::module_inception, reason = "the group has the name of its main command")]
pub(crate) mod sync;

use clap::Subcommand;

use crate::context::{Context, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the terminals and deliver what is new
    Sync(sync::Sync),
    /// Show punches as they happen, with names
    Live(live::Live),
    /// Receive what terminals push, and poll the others
    Serve(serve::Serve),
    /// Say whether the running service is well
    Health(health::Health),
    /// Try the ways by which alerts go out
    #[command(subcommand)]
    Alert(alert::Alert),
    /// Try everything out: three simulated terminals into a SQLite file
    Demo(demo::Demo),
}

impl Command {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Sync(command) => command.run(context),
            Self::Live(command) => command.run(context),
            Self::Serve(command) => command.run(context),
            Self::Health(command) => command.run(context),
            Self::Alert(command) => command.run(context),
            Self::Demo(command) => command.run(context),
        }
    }
}
