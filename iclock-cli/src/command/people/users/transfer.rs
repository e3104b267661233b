//! `users export` and `users import`: a table of users as a file.

use std::path::{Path, PathBuf};

use clap::Args;
use iclock_sync::chain;
use zk_proto::Client;
use zk_proto::client::UserEdit;

use super::row::{Listed, Row};
use crate::command::people::export::{Exporting, What};
use crate::command::people::file;
use crate::command::people::write::{Doing, Words, write};
use crate::command::terminal::base::{Failure, Otherwise, Terminals, Visit};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The columns of a file, for messages.
const COLUMNS: &str = "user_id, and any of name, privilege, card, group, slot, password";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli users export people.csv --device 192.0.2.10
  iclock-cli users export people.json --all --passwords
  iclock-cli users export - --device front-gate")]
pub(crate) struct Export {
    /// The file, or - for stdout; of several terminals, people.csv is people-NAME.csv
    file: PathBuf,
    /// Write passwords, too
    #[arg(long)]
    passwords: bool,
    #[command(flatten)]
    exporting: Exporting,
}

/// Creates the users of a file that a terminal does not have, and changes those that differ. Nobody is deleted.
/// Columns and cells that are missing stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli users import people.csv --device 192.0.2.10 --dry-run
  iclock-cli users import people.json --all --yes")]
pub(crate) struct Import {
    /// The file: CSV with a line of names, or JSON if it is called so
    file: PathBuf,
    #[command(flatten)]
    terminals: Terminals,
    #[command(flatten)]
    doing: Doing,
}

impl Export {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let what = What { noted: "users export", otherwise: Otherwise::All, one: "user", many: "users" };
        self.exporting.run(context, &self.file, what, async |visit: &Visit<'_>| {
            let table = visit.session(async |client| Ok(client.user_table().await?)).await?;
            let encoding = visit.terminal().device().encoding;
            let rows: Vec<Row> = table.users().iter().map(|user| Row::of(user, encoding, self.passwords)).collect();
            let text = text(&rows, file::is_json(&self.file));
            let text = text.map_err(|error| Failure::new(format!("cannot write the list: {error}")))?;
            Ok((text, rows.len()))
        })
    }
}

fn text(rows: &[Row], json: bool) -> Result<Vec<u8>, String> {
    if json {
        let mut text = serde_json::to_vec_pretty(rows).map_err(|error| error.to_string())?;
        text.push(b'\n');
        return Ok(text);
    }
    let mut csv = csv::Writer::from_writer(Vec::new());
    rows.iter().try_for_each(|row| csv.serialize(row)).map_err(|error| error.to_string())?;
    csv.into_inner().map_err(|error| error.to_string())
}

impl Import {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let terminals = self.terminals.choose(context, Otherwise::One, "users import")?;
        // All of it is read before a terminal is contacted.
        let edits = edits(&self.file)?;
        let words = Words {
            compared: format!(", compared with {}", self.file.display()),
            hint: "correct the file; nobody was changed",
        };
        write(context, &terminals, &self.doing, &words, async |_: &Visit<'_>, client: &mut Client| {
            Ok(client.plan_edits(&edits).await?)
        })
    }
}

/// Reads the users of a file.
fn edits(path: &Path) -> Result<Vec<UserEdit>, CliError> {
    let wrong = |why: String| {
        CliError::new(ExitCode::Configuration, format!("cannot use {}: {why}", path.display()))
            .hint(format!("it needs {COLUMNS}; nothing was changed"))
    };
    let text = file::read(path)?;
    let listed: Result<Vec<Listed>, String> = if file::is_json(path) {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        // Spreadsheets of some countries separate by semicolons.
        let heading = text.lines().next().unwrap_or_default();
        let delimiter = if heading.contains(';') && !heading.contains(',') { b';' } else { b',' };
        let mut csv = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
        csv.deserialize().collect::<Result<_, csv::Error>>().map_err(|error| chain(&error))
    };
    let edits: Result<Vec<UserEdit>, String> = listed.map_err(&wrong)?.into_iter().map(Listed::edit).collect();
    match edits.map_err(&wrong)? {
        none if none.is_empty() => Err(wrong("it lists nobody".to_owned())),
        edits => Ok(edits),
    }
}
