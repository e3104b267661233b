//! `enroll`: makes a terminal ask a person for a finger.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use zk_proto::client::EnrolError;
use zk_proto::enrolment::Step;
use zk_proto::op::{CancelCapture, EnrolmentUser, StartEnrolment, StartVerification};
use zk_proto::record::{EnrolmentResult, User, UserLayout};
use zk_proto::{Client, ClientError, Uid};

use crate::command::terminal::base::{Changing, Failure, Terminals, Visit, each, named};
use crate::config::{duration, number};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::printable;

/// Makes a terminal ask for a finger of a person who stands in front of it.
///
/// The terminal must have the user, without this finger. It says when to press. Many newer terminals show the screen
/// and report nothing: then the fingerprint is looked for in the end.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli enroll 1042 --finger 6 --device 192.0.2.10
  iclock-cli enroll 1042 --finger 6 --wait 2m --device front-gate --yes --json")]
pub(crate) struct Enroll {
    /// The user id
    #[arg(value_name = "ID")]
    id: String,
    /// The finger, 0 to 9, as the terminal numbers them
    #[arg(long, value_name = "N", value_parser = number::within::<u8>(0..=9))]
    finger: u8,
    /// The finger means duress, on terminals with a colour screen
    #[arg(long)]
    duress: bool,
    /// How long to wait for each press
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = wait)]
    wait: Duration,
    #[command(flatten)]
    changing: Changing<Terminals>,
}

/// The result at the terminal.
#[derive(Debug, Default, Serialize)]
struct Enrolled {
    user_id: String,
    finger: u8,
    /// The size of the template in bytes; `null` if nothing was enrolled.
    template_bytes: Option<usize>,
}

fn wait(text: &str) -> Result<Duration, String> {
    let time = duration::parse(text, Duration::from_secs(1));
    let bounds = Duration::from_secs(1)..=Duration::from_secs(600);
    time.filter(|time| bounds.contains(time)).ok_or_else(|| "write a time from 1s to 10m, such as 90s".to_owned())
}

impl Enroll {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let terminals = self.changing.choose(context, "enroll")?;
        if terminals.len() > 1 {
            let what = format!("a person cannot stand in front of {} terminals", terminals.len());
            return Err(
                CliError::new(ExitCode::Usage, what).hint("name one with --device; clone-users copies the rest")
            );
        }
        let plan = format!(
            "Asks for finger {} of user {} at {}. The person has to be there.",
            self.finger,
            printable(&self.id),
            named(&terminals)
        );
        self.changing.ask(context, &plan)?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, told: &mut Enrolled| {
            (told.user_id, told.finger) = (self.id.clone(), self.finger);
            let is_loud = !context.is_quiet();
            let mut client = visit.connect().await?;
            let work = async {
                visit.require_serial(&mut client).await?;
                self.enrol(&mut client, is_loud).await
            };
            let done = visit.unless_stopped(work).await;
            if done.as_ref().is_err_and(|failure| failure.code == ExitCode::Interrupted) {
                // Otherwise the terminal would go on to ask for the finger, and recognize nobody.
                recognize_again(&mut client).await;
            }
            client.exit().await;
            told.template_bytes = Some(done?);
            Ok(())
        })?;
        answers.print(self.changing.json, |told| {
            let line = |bytes| {
                let id = printable(&told.user_id);
                format!("finger {} of user {id} is enrolled, {bytes} bytes", told.finger)
            };
            told.template_bytes.map(line).into_iter().collect()
        });
        Ok(answers.code())
    }

    /// Enrols the finger, looks it up at the terminal, and returns its size.
    async fn enrol(&self, client: &mut Client, is_loud: bool) -> Result<usize, Failure> {
        let table = client.user_table().await?;
        let user = table.users().iter().find(|user| user.user_id.as_str() == self.id);
        let Some(user) = user else {
            return Err(Failure::refused(format!("it has no user {}; nothing was changed", printable(&self.id)))
                .hint(format!("create the user first: iclock-cli users set {}", printable(&self.id))));
        };
        if self.size(client, user.uid).await?.is_some() {
            let what = format!("user {} has finger {} already; nothing was changed", printable(&self.id), self.finger);
            return Err(Failure::refused(what).hint("choose another finger, or delete it: iclock-cli templates delete"));
        }
        let request = StartEnrolment { user: person(user, table.layout())?, finger: self.finger, duress: self.duress };
        let enrolled = client.enrol(&request, self.wait, |step| {
            if is_loud {
                eprintln!("{}", shown(step));
            }
        });
        let enrolled = enrolled.await;
        // Terminals that report nothing may have enrolled the finger, and some report what they did not keep.
        match (enrolled, self.size(client, user.uid).await) {
            (Ok(_) | Err(EnrolError::Silent { .. }), Ok(Some(size))) => Ok(size),
            (Err(error), _) => Err(failed(error)),
            (Ok(_), Ok(None)) => Err(Failure::new("it reported success, and does not have the fingerprint")
                .hint("enrol at the terminal, then read it: iclock-cli templates list")),
            (Ok(_), Err(error)) => Err(error.into()),
        }
    }

    async fn size(&self, client: &mut Client, uid: Uid) -> Result<Option<usize>, ClientError> {
        Ok(client.fingerprint(uid, self.finger).await?.map(|template| template.len()))
    }
}

/// Ends an enrolment that was left half-way, on a new session: the last call may still be open on the old one.
async fn recognize_again(client: &mut Client) {
    let again = async {
        client.reconnect().await?;
        client.call(&CancelCapture).await?;
        client.call(&StartVerification::Anybody).await
    };
    if let Err(error) = again.await {
        tracing::warn!("the terminal may still ask for the finger, until its own time is over: {error}");
    }
}

/// The person, as the terminal's family names people.
fn person(user: &User, layout: Option<UserLayout>) -> Result<EnrolmentUser, Failure> {
    if layout != Some(UserLayout::TwentyEight) {
        return Ok(EnrolmentUser::Text(user.user_id.clone()));
    }
    let number = user.user_id.as_str().parse().map(EnrolmentUser::Number);
    number.map_err(|_| {
        Failure::refused(format!("{} is no number, as this terminal needs", user.user_id))
            .hint("give the person a user id of digits, then enroll it")
    })
}

fn shown(step: &Step) -> String {
    match step {
        Step::Placed { press } => format!("press {press}: finger on the sensor"),
        Step::Captured { press } => format!("press {press}: good; lift the finger"),
        Step::Repeat { press } => format!("press {press}: not good, again"),
        Step::Ended(_) => "the terminal is done".to_owned(),
    }
}

fn failed(error: EnrolError) -> Failure {
    match error {
        EnrolError::Client(error) => error.into(),
        EnrolError::Ended(result) => Failure::new(format!("nothing was enrolled: {result}")).hint(match result {
            EnrolmentResult::FINGER_KNOWN => "find out whose it is, or take another finger",
            _ => "try again, with the person in front of the terminal",
        }),
        other => {
            Failure::new(other.to_string()).hint("enrol at the terminal: many newer ones cannot be asked from afar")
        }
    }
}
