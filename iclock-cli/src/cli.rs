//! The tree of commands. The arguments of each are in its own file, its group and examples in `help.rs`.

use clap::{Parser, Subcommand};

use crate::command::{lab, ledger, people, setup, sync, terminal};
use crate::global::Global;

/// Attendance from ZKTeco/iClock terminals into your database.
#[derive(Debug, Parser)]
#[command(name = "iclock-cli", version, max_term_width = 80, after_help = "First steps: iclock-cli demo")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the terminals and deliver what is new
    Sync(sync::sync::Sync),
    /// Show punches as they happen, with names
    Live(sync::live::Live),
    /// Say whether the running service is well
    Health(sync::health::Health),
    /// Try everything out: three simulated terminals into a SQLite file
    Demo(sync::demo::Demo),
    /// Run simulated terminals
    Simulate(lab::simulate::Simulate),
    /// Decode and prove the raw bytes of a log
    Decode(lab::decode::Decode),
    /// Show what --record wrote, or run its command again from it
    #[command(subcommand)]
    Transcript(lab::transcript::TranscriptCommand),
    /// Find terminals on networks
    Discover(terminal::discover::Discover),
    /// Show a terminal's identity, capacity and clock
    Info(terminal::info::Info),
    /// Show or change a terminal's options
    #[command(subcommand)]
    Options(terminal::options::Options),
    /// Show or set a terminal's clock
    #[command(subcommand)]
    Time(terminal::time::Time),
    /// Open the door
    Unlock(terminal::panel::UnlockDoor),
    /// Restart a terminal
    Restart(terminal::power::Restart),
    /// Switch a terminal off
    Poweroff(terminal::power::PowerOff),
    /// Play a message, for example to find a terminal
    Voice(terminal::panel::PlayVoice),
    /// Write on a terminal's screen
    Lcd(terminal::panel::Lcd),
    /// Clear a terminal's log, once all of it is kept and delivered
    Clear(terminal::clear::Clear),
    /// Keep a terminal's people, options and log in one file
    Backup(people::backup::Backup),
    /// Write the users and fingerprints of a backup to a terminal
    Restore(people::restore::Restore),
    /// Copy users and fingerprints from one terminal to others
    CloneUsers(people::clone_users::CloneUsers),
    /// Find what is wrong with terminals, sinks and the ledger, and how to fix it
    Doctor(setup::doctor::Doctor),
    /// Move over from the Python tool, or write its cache for going back
    Migrate(setup::migrate::Migrate),
    /// Show punches: those of the ledger, or a terminal's log
    Attendance(ledger::attendance::Attendance),
    /// Add up days and months: hours, lateness, missing punches, absences
    #[command(subcommand)]
    Report(ledger::report::Report),
    /// Show what each terminal and sink was doing last, and what needs attention
    Status(ledger::status::Status),
    /// Remove one person's data
    #[command(subcommand)]
    Person(ledger::person::Person),
    /// Show the records that were refused
    #[command(subcommand)]
    Quarantine(ledger::quarantine::Quarantine),
    /// Show when each event was read and stored, and check that nobody changed it
    #[command(subcommand)]
    Audit(ledger::audit::Audit),
    /// Compare terminals, ledger and sinks by day, and send again what is missing
    Verify(ledger::verify::Verify),
    /// Send again what a sink has lost, or what it refused
    Replay(ledger::replay::Replay),
    /// Check, copy, restore or compact the ledger's file
    #[command(subcommand)]
    State(ledger::state::State),
    /// Show logs that could not be verified, and accept them
    #[command(subcommand)]
    Unproven(ledger::unproven::Unproven),
    /// Write a configuration from questions or flags, and try it
    Init(setup::init::Init),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(setup::config::ConfigCommand),
    /// Keep it running: install, remove or look at the service
    #[command(subcommand)]
    Service(setup::service::Service),
    /// Print the completions of a shell
    Completions(setup::completions::Completions),
    /// Print the manual pages
    Man(setup::man::Man),
    /// Show the version, and the sinks of this build
    Version(setup::version::Version),
}
