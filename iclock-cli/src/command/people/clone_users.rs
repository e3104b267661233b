//! `clone-users`: copies users and fingerprints from one terminal to others.

use clap::Args;

use super::visit;
use super::write::{Source, Writing, write};
use crate::context::{Context, Outcome};
use crate::exit_code::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli clone-users front-gate back-gate --dry-run
  iclock-cli clone-users 192.0.2.10 192.0.2.11 192.0.2.12
  iclock-cli clone-users front-gate back-gate --user 1042 --yes")]
pub(crate) struct CloneUsers {
    /// The terminal that has the users; it is only read
    from: String,
    /// The terminals to write to
    #[arg(required = true)]
    to: Vec<String>,
    #[command(flatten)]
    writing: Writing,
}

impl CloneUsers {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let from = visit::terminal(context, &self.from)?;
        let to = self.to.iter().map(|text| visit::terminal(context, text)).collect::<Result<Vec<_>, _>>()?;
        let mut read = None;
        context.block_on(async |signals| {
            let backup = visit::session(&from, &signals, async |client| {
                Ok((client.identity().await?.serial, client.backup().await?))
            });
            read = Some(backup.await.map_err(|why| why.at(&from.name))?);
            Ok(ExitCode::Done)
        })?;
        let Some((serial, people)) = read else { return Ok(ExitCode::Fault) };
        let source = Source { people, encoding: from.encoding, title: from.name, not_to: serial };
        write(context, source, &to, &self.writing)
    }
}
