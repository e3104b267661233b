//! What `users export` and `templates export` share: a file for each terminal.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::file::Target;
use crate::command::terminal::base::{Failure, Otherwise, Terminals, Visit, each};
use crate::context::{Context, Outcome};
use crate::output::counted;

/// The flags of an export.
#[derive(Debug, Args)]
pub(crate) struct Exporting {
    #[command(flatten)]
    terminals: Terminals,
    /// Replace the file if it is there already
    #[arg(long)]
    replace: bool,
    /// Print JSON: a line for each terminal
    #[arg(long)]
    json: bool,
}

/// What is exported, for messages and JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What {
    /// The command, for a note in a transcript.
    pub(crate) noted: &'static str,
    /// The terminals if none is named.
    pub(crate) otherwise: Otherwise,
    pub(crate) one: &'static str,
    /// Also the name of the number in JSON.
    pub(crate) many: &'static str,
}

/// The file of one terminal.
#[derive(Debug, Default, Serialize)]
struct Written {
    file: Option<String>,
    #[serde(flatten)]
    counts: BTreeMap<&'static str, usize>,
}

impl Exporting {
    /// Writes the files. `content` reads a terminal and returns the bytes of its file, and how many things are in it.
    pub(crate) fn run(
        &self,
        context: &Context,
        file: &Path,
        what: What,
        content: impl AsyncFn(&Visit<'_>) -> Result<(Vec<u8>, usize), Failure>,
    ) -> Outcome {
        let terminals = self.terminals.choose(context, what.otherwise, what.noted)?;
        let target = Target::new(file, terminals.len(), self.replace)?;
        terminals.iter().try_for_each(|terminal| target.check(terminal.name()))?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, written: &mut Written| {
            written.counts.insert(what.many, 0);
            let (bytes, count) = content(visit).await?;
            written.file = target.write(visit.terminal().name(), &bytes)?;
            written.counts.insert(what.many, count);
            Ok(())
        })?;
        if target.is_stdout() {
            answers.complain();
            return Ok(answers.code());
        }
        answers.print(self.json, |written| {
            let count = written.counts.values().sum::<usize>() as u64;
            let count = counted(count, what.one, what.many);
            written.file.iter().map(|file| format!("{count} in {file}")).collect()
        });
        Ok(answers.code())
    }
}
