//! `restart` and `poweroff`: the session ends with the request.

use clap::Args;
use serde::Serialize;
use zk_proto::{Client, ClientError};

use super::base::{Changing, Named, Visit, each, named};
use crate::context::{Context, Outcome};

/// The arguments of both.
#[derive(Debug, Args)]
struct Power {
    #[command(flatten)]
    changing: Changing<Named>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli restart 192.0.2.10
  iclock-cli restart --all --yes")]
pub(crate) struct Restart {
    #[command(flatten)]
    power: Power,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli poweroff 192.0.2.10")]
pub(crate) struct PowerOff {
    #[command(flatten)]
    power: Power,
}

/// The result at one terminal.
#[derive(Debug, Default, Serialize)]
struct Done {
    /// It took the request.
    done: bool,
}

impl Restart {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let about =
            |names: &str| format!("Restarts {names}. It takes 30 to 90 seconds, and nobody can punch meanwhile.");
        self.power.run(context, "restart", about, "restarts now", async |client| client.restart().await)
    }
}

impl PowerOff {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let about =
            |names: &str| format!("Switches {names} off. Only a person at the terminal can switch it on again.");
        self.power.run(context, "poweroff", about, "switches off now", async |client| client.power_off().await)
    }
}

impl Power {
    fn run(
        self,
        context: &Context,
        command: &str,
        plan: impl Fn(&str) -> String,
        done: &str,
        work: impl AsyncFn(&mut Client) -> Result<(), ClientError>,
    ) -> Outcome {
        let terminals = self.changing.choose(context, command)?;
        self.changing.ask(context, &plan(&named(&terminals)))?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, told: &mut Done| {
            visit.change(async |client| Ok(work(client).await?)).await?;
            told.done = true;
            Ok(())
        })?;
        answers.print(self.changing.json, |told| told.done.then(|| done.to_owned()).into_iter().collect());
        Ok(answers.code())
    }
}
