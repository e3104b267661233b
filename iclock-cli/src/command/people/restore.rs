//! `restore`: writes the users and fingerprints of a backup to a terminal.

use std::path::PathBuf;

use clap::Args;
use zk_backup::Contents;

use super::key::Opening;
use super::source::{Source, Writing};
use crate::command::terminal::base::{Otherwise, Terminals};
use crate::context::{Context, Outcome};
use crate::output::printable;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli restore gate.tar 192.0.2.10 --dry-run
  iclock-cli restore gate.tar.age back-gate --passphrase-file pass.txt
  iclock-cli restore gate.tar 192.0.2.10 --user 1042 --yes")]
pub(crate) struct Restore {
    /// The file that backup wrote
    file: PathBuf,
    /// The terminals, as with --device
    #[arg(conflicts_with = "all")]
    terminal: Vec<String>,
    #[command(flatten)]
    terminals: Terminals,
    #[command(flatten)]
    opening: Opening,
    #[command(flatten)]
    writing: Writing,
}

impl Restore {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let terminals = self.terminals.and(&self.terminal).choose(context, Otherwise::One, "restore")?;
        // All of it is checked before the terminal is contacted.
        let contents = Contents::read(&self.file, &self.opening.key(&self.file)?)?;
        let serial = contents.manifest.terminal.serial.as_deref().map(printable);
        let of = serial.map(|serial| format!(" of {serial}")).unwrap_or_default();
        let title = format!("the backup{of} of {}", contents.manifest.taken_at);
        let encoding = contents.encoding();
        let source = Source { people: contents.people, encoding, title, not_to: None };
        source.write(context, &terminals, &self.writing)
    }
}
