//! The tree of commands. The arguments of each are in its own file, its group and examples in `help.rs`.

use clap::{Parser, Subcommand};

use crate::command::lab::simulate::Simulate;
use crate::command::ledger::attendance::Attendance;
use crate::command::ledger::audit::Audit;
use crate::command::ledger::person::Person;
use crate::command::ledger::quarantine::Quarantine;
use crate::command::ledger::replay::Replay;
use crate::command::ledger::report::Report;
use crate::command::ledger::state::State;
use crate::command::ledger::status::Status;
use crate::command::ledger::unproven::Unproven;
use crate::command::ledger::verify::Verify;
use crate::command::people::backup::Backup;
use crate::command::people::clone_users::CloneUsers;
use crate::command::people::restore::Restore;
use crate::command::setup::completions::Completions;
use crate::command::setup::config::ConfigCommand;
use crate::command::setup::doctor::Doctor;
use crate::command::setup::init::Init;
use crate::command::setup::man::Man;
use crate::command::setup::migrate::Migrate;
use crate::command::setup::service::Service;
use crate::command::setup::version::Version;
use crate::command::sync::demo::Demo;
use crate::command::sync::health::Health;
use crate::command::sync::sync::Sync;
use crate::command::terminal::clear::Clear;
use crate::command::terminal::info::Info;
use crate::command::terminal::options::Options;
use crate::command::terminal::panel::{Lcd, PlayVoice, UnlockDoor};
use crate::command::terminal::power::{PowerOff, Restart};
use crate::command::terminal::time::Time;
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
    Sync(Sync),
    /// Say whether the running service is well
    Health(Health),
    /// Try everything out: three simulated terminals into a SQLite file
    Demo(Demo),
    /// Run simulated terminals
    Simulate(Simulate),
    /// Show a terminal's identity, capacity and clock
    Info(Info),
    /// Show or change a terminal's options
    #[command(subcommand)]
    Options(Options),
    /// Show or set a terminal's clock
    #[command(subcommand)]
    Time(Time),
    /// Open the door
    Unlock(UnlockDoor),
    /// Restart a terminal
    Restart(Restart),
    /// Switch a terminal off
    Poweroff(PowerOff),
    /// Play a message, for example to find a terminal
    Voice(PlayVoice),
    /// Write on a terminal's screen
    Lcd(Lcd),
    /// Clear a terminal's log, once all of it is kept and delivered
    Clear(Clear),
    /// Keep a terminal's people, options and log in one file
    Backup(Backup),
    /// Write the users and fingerprints of a backup to a terminal
    Restore(Restore),
    /// Copy users and fingerprints from one terminal to others
    CloneUsers(CloneUsers),
    /// Find what is wrong with terminals, sinks and the ledger, and how to fix it
    Doctor(Doctor),
    /// Move over from the Python tool, or write its cache for going back
    Migrate(Migrate),
    /// Show punches: those of the ledger, or a terminal's log
    Attendance(Attendance),
    /// Add up days and months: hours, lateness, missing punches, absences
    #[command(subcommand)]
    Report(Report),
    /// Show what each terminal and sink was doing last, and what needs attention
    Status(Status),
    /// Remove one person's data
    #[command(subcommand)]
    Person(Person),
    /// Show the records that were refused
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// Show when each event was read and stored, and check that nobody changed it
    #[command(subcommand)]
    Audit(Audit),
    /// Compare terminals, ledger and sinks by day, and send again what is missing
    Verify(Verify),
    /// Send again what a sink has lost, or what it refused
    Replay(Replay),
    /// Check, copy, restore or compact the ledger's file
    #[command(subcommand)]
    State(State),
    /// Show logs that could not be verified, and accept them
    #[command(subcommand)]
    Unproven(Unproven),
    /// Write a configuration from questions or flags, and try it
    Init(Init),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Keep it running: install, remove or look at the service
    #[command(subcommand)]
    Service(Service),
    /// Print the completions of a shell
    Completions(Completions),
    /// Print the manual pages
    Man(Man),
    /// Show the version, and the sinks of this build
    Version(Version),
}
