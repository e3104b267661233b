//! `users list` and `users get`.

use clap::Args;
use serde::Serialize;

use super::row::Row;
use crate::command::terminal::base::{Otherwise, Terminals, Visit, each, noted};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The flags of both.
#[derive(Debug, Args)]
struct Look {
    #[command(flatten)]
    terminals: Terminals,
    /// Show passwords, too
    #[arg(long)]
    show_passwords: bool,
    /// Print JSON: a line for each terminal
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli users list --device 192.0.2.10
  iclock-cli users list --all --json")]
pub(crate) struct List {
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli users get 1042 --device 192.0.2.10
  iclock-cli users get 1042 1043 --all --json")]
pub(crate) struct Get {
    /// User ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    look: Look,
}

/// The users of one terminal.
#[derive(Debug, Default, Serialize)]
struct Found {
    users: Vec<Row>,
    /// The ids that were asked for and nobody has.
    missing: Vec<String>,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        self.look.run(context, "users list", &[])
    }
}

impl Get {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let words = ["users", "get"].into_iter().chain(self.ids.iter().map(String::as_str));
        self.look.run(context, &noted(words), &self.ids)
    }
}

impl Look {
    fn run(self, context: &Context, command: &str, ids: &[String]) -> Outcome {
        let terminals = self.terminals.choose(context, Otherwise::All, command)?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, found: &mut Found| {
            let table = visit.session(async |client| Ok(client.user_table().await?)).await?;
            let encoding = visit.terminal().device().encoding;
            let is_wanted = |id: &str| ids.is_empty() || ids.iter().any(|wanted| wanted == id);
            let users = table.users().iter().filter(|user| is_wanted(user.user_id.as_str()));
            found.users = users.map(|user| Row::of(user, encoding, self.show_passwords)).collect();
            let is_missing = |id: &&String| table.users().iter().all(|user| user.user_id.as_str() != **id);
            found.missing = ids.iter().filter(is_missing).cloned().collect();
            Ok(())
        })?;
        answers.print_table(self.json, &Row::HEADER, |found| found.users.iter().map(Row::cells).collect());
        answers.say_none(self.json, "no users", |found| ids.is_empty() && found.users.is_empty());
        let is_whole = answers.code() == ExitCode::Done;
        let is_nowhere = |id: &&String| answers.0.iter().all(|answer| answer.told.missing.contains(id));
        match ids.iter().find(is_nowhere).filter(|_| is_whole) {
            Some(id) => Err(CliError::new(ExitCode::Usage, format!("no terminal here has user {id}"))
                .hint("check the id: iclock-cli users list")),
            None => Ok(answers.code()),
        }
    }
}
