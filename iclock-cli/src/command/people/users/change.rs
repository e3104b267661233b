//! `users set`: creates a user, or changes fields of one.

use clap::Args;
use zk_proto::Client;
use zk_proto::client::UserEdit;
use zk_proto::record::{Privilege, UserPassword};

use super::row::privilege;
use crate::command::people::write::{Doing, Words, write};
use crate::command::terminal::base::{Otherwise, Terminals, Visit, noted};
use crate::config::secret_of_flag;
use crate::context::{Context, Outcome};

/// Creates a user, or changes the fields that are named; the others stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli users set 1042 --name Visitor --device 192.0.2.10
  iclock-cli users set 1042 --card 7654321 --password ENV:PIN --all --yes
  iclock-cli users set 1042 --privilege admin --device front-gate --dry-run")]
pub(crate) struct Set {
    /// The user id
    #[arg(value_name = "ID")]
    id: String,
    /// The name, cut to what the terminal's records can hold
    #[arg(long)]
    name: Option<String>,
    /// The password: ENV:NAME, FILE:PATH, or the digits; empty for none
    #[arg(long)]
    password: Option<String>,
    /// user, enroller, manager, admin, or a number
    #[arg(long, value_parser = privilege)]
    privilege: Option<Privilege>,
    /// The number of the card, 0 for none
    #[arg(long, value_name = "NUMBER")]
    card: Option<u64>,
    /// The access group
    #[arg(long, value_name = "NUMBER")]
    group: Option<u8>,
    #[command(flatten)]
    terminals: Terminals,
    #[command(flatten)]
    doing: Doing,
}

impl Set {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let terminals = self.terminals.choose(context, Otherwise::One, &noted(["users", "set", &self.id]))?;
        let password = self.password.map(|text| secret_of_flag("--password", &text)).transpose()?;
        let edit = UserEdit {
            name: self.name,
            password: password.as_deref().map(UserPassword::new),
            privilege: self.privilege,
            card: self.card,
            group: self.group,
            ..UserEdit::new(self.id)
        };
        let words = Words { compared: String::new(), hint: "give what the terminal's records can hold" };
        write(context, &terminals, &self.doing, &words, async |_: &Visit<'_>, client: &mut Client| {
            let mut plan = client.plan_edits(std::slice::from_ref(&edit)).await?;
            // The others are of no interest here.
            plan.left_alone.clear();
            Ok(plan)
        })
    }
}
