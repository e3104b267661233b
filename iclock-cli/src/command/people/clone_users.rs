//! `clone-users`: copies users and fingerprints from one terminal to others.

use clap::Args;
use zk_proto::client::Backup;

use super::source::{Source, Writing};
use crate::command::terminal::base::{Terminals, Visit, each};
use crate::context::{Context, Outcome};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli clone-users front-gate back-gate --dry-run
  iclock-cli clone-users 192.0.2.10 192.0.2.11 192.0.2.12
  iclock-cli clone-users front-gate --all
  iclock-cli clone-users front-gate back-gate --user 1042 --yes")]
pub(crate) struct CloneUsers {
    /// The terminal that has the users; it is only read
    from: String,
    /// The terminals to write to, as with --device
    #[arg(required_unless_present_any = ["device", "all"], conflicts_with = "all")]
    to: Vec<String>,
    #[command(flatten)]
    terminals: Terminals,
    #[command(flatten)]
    writing: Writing,
}

impl CloneUsers {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let (from, to) = self.terminals.and(&self.to).choose_besides(context, &self.from, "clone-users")?;
        let read = each(context, std::slice::from_ref(&from), async |visit: &Visit<'_>, read: &mut Option<_>| {
            *read =
                Some(visit.change(async |client| Ok((client.identity().await?.serial, client.backup().await?))).await?);
            Ok(())
        })?;
        let code = read.code();
        read.complain();
        let Some((not_to, people)) = read.0.into_iter().find_map(|answer| answer.told) else { return Ok(code) };
        let people: Backup = people;
        let source = Source { people, encoding: from.device().encoding, title: from.name().to_owned(), not_to };
        source.write(context, &to, &self.writing)
    }
}
