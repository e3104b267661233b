//! Commands that show the ledger and change it.

pub(crate) mod access;
pub(crate) mod attendance;
pub(crate) mod audit;
mod configured;
mod forget_sink;
mod known;
pub(crate) mod person;
pub(crate) mod push;
pub(crate) mod quarantine;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod unproven;
pub(crate) mod verify;

use clap::Subcommand;

use crate::context::{Context, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show punches: those of the ledger, or a terminal's log
    Attendance(attendance::Attendance),
    /// Add up days and months: hours, lateness, missing punches, absences
    #[command(subcommand)]
    Report(report::Report),
    /// Show what each terminal and sink was doing last, and what needs attention
    Status(status::Status),
    /// Decide which terminals may push
    #[command(subcommand)]
    Push(push::Push),
    /// Decide which programs may ask `serve`
    #[command(subcommand)]
    Access(access::Access),
    /// Remove one person's data
    #[command(subcommand)]
    Person(person::Person),
    /// Show the records that were refused
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// Show when each event was read and stored, and check that nobody changed it
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Compare terminals, ledger and sinks by day, and send again what is missing
    Verify(verify::Verify),
    /// Send again what a sink has lost, or what it refused
    Replay(replay::Replay),
    /// Check, copy, restore or compact the ledger's file
    #[command(subcommand)]
    State(state::State),
    /// Show logs that could not be verified, and accept them
    #[command(subcommand)]
    Unproven(unproven::Unproven),
}

impl Command {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Attendance(command) => command.run(context),
            Self::Report(command) => command.run(context),
            Self::Status(command) => command.run(context),
            Self::Push(command) => command.run(context),
            Self::Access(command) => command.run(context),
            Self::Person(command) => command.run(context),
            Self::Quarantine(command) => command.run(context),
            Self::Audit(command) => command.run(context),
            Self::Verify(command) => command.run(context),
            Self::Replay(command) => command.run(context),
            Self::State(command) => command.run(context),
            Self::Unproven(command) => command.run(context),
        }
    }
}
