//! People of a backup or of another terminal, to be written to terminals.

use clap::Args;
use zk_proto::Client;
use zk_proto::client::{Backup, RestoreOptions};
use zk_proto::encoding::TextEncoding;

use super::write::{Doing, Words, write};
use crate::command::terminal::base::{Failure, Terminal, Visit};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The flags of a command that writes people from elsewhere.
#[derive(Debug, Args)]
pub(crate) struct Writing {
    /// Only the user with this id; repeats
    #[arg(long = "user", value_name = "ID")]
    users: Vec<String>,
    /// Users alone, without their fingerprints
    #[arg(long)]
    no_fingerprints: bool,
    #[command(flatten)]
    doing: Doing,
}

/// The people to be written.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) people: Backup,
    pub(crate) encoding: TextEncoding,
    /// Where they are from, for people.
    pub(crate) title: String,
    /// The serial number of a terminal that must not be written.
    pub(crate) not_to: Option<String>,
}

impl Source {
    /// Leaves only these users, if any are named.
    fn select(&mut self, ids: &[String]) -> Result<(), CliError> {
        if ids.is_empty() {
            return Ok(());
        }
        let people = &mut self.people;
        if let Some(id) = ids.iter().find(|id| people.users.iter().all(|user| user.user_id.as_str() != **id)) {
            return Err(CliError::new(ExitCode::Refused, format!("{} has no user {id}", self.title))
                .hint("check the id; nothing was changed"));
        }
        people.users.retain(|user| ids.iter().any(|id| user.user_id.as_str() == id));
        let slots: Vec<_> = people.users.iter().map(|user| user.uid).collect();
        people.fingers.retain(|finger| slots.contains(&finger.uid));
        Ok(())
    }

    /// Shows what would be done to the terminals, asks, and does it.
    pub(crate) fn write(mut self, context: &Context, terminals: &[Terminal], writing: &Writing) -> Outcome {
        self.select(&writing.users)?;
        let options = RestoreOptions::default().encoding(self.encoding).fingers(!writing.no_fingerprints);
        let words = Words {
            compared: format!(", compared with {}", self.title),
            hint: "--user ID selects users, --no-fingerprints leaves fingerprints out",
        };
        write(context, terminals, &writing.doing, &words, async |_: &Visit<'_>, client: &mut Client| {
            if self.not_to.is_some() && client.identity().await?.serial == self.not_to {
                return Err(
                    Failure::refused("it is the terminal that the users are from").hint("name another terminal")
                );
            }
            Ok(client.plan_restore(&self.people, &options).await?)
        })
    }
}
