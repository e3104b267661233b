//! `time show` and `time set`: the terminal's clock.

use chrono::{DateTime, Local, NaiveDateTime, Timelike, Utc};
use clap::{Args, Subcommand};
use iclock_sync::DeviceOptions;
use serde::Serialize;
use zk_proto::op::SetTime;
use zk_proto::{Client, DeviceTime};

use super::base::{Changing, Failure, Named, Otherwise, Visit, each, named, noted};
use crate::context::{Context, Outcome};
use crate::output::drift::drift;

/// A clock that is read back may be off by so many seconds: it has whole seconds, and the answer takes time.
const READ_BACK_S: i64 = 3;

#[derive(Debug, Subcommand)]
pub(crate) enum Time {
    /// Show the clock, and how far it is off
    Show(Show),
    /// Set the clock to this computer's time, or another one
    Set(Set),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli time show 192.0.2.10
  iclock-cli time show --all --json")]
pub(crate) struct Show {
    #[command(flatten)]
    terminals: Named,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli time set 192.0.2.10
  iclock-cli time set --all --yes
  iclock-cli time set 192.0.2.10 --to \"2026-01-31 08:00:00\"")]
pub(crate) struct Set {
    /// The time on the terminal's wall [default: now, in the zone of the terminal's
    /// configuration, else in that of this computer]
    #[arg(long, value_name = "TIME", value_parser = wall)]
    to: Option<NaiveDateTime>,
    #[command(flatten)]
    changing: Changing<Named>,
}

/// The clock of one terminal; `null` where it shows no time that exists.
#[derive(Debug, Default, Serialize)]
struct Clock {
    clock: Option<NaiveDateTime>,
    /// Seconds by which it is ahead of the time of this computer.
    clock_drift_s: Option<i64>,
}

/// A clock before and after it was set.
#[derive(Debug, Default, Serialize)]
struct Change {
    before: Option<NaiveDateTime>,
    before_drift_s: Option<i64>,
    #[serde(flatten)]
    after: Clock,
}

fn wall(text: &str) -> Result<NaiveDateTime, String> {
    let forms = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    time.filter(|time| DeviceTime::from_naive(*time).is_some())
        .ok_or_else(|| "write it like \"2026-01-31 08:00:00\"; terminals know the years 2000 to 2099".to_owned())
}

/// Now, as a right clock on the terminal's wall shows it.
fn right(device: &DeviceOptions) -> NaiveDateTime {
    match device.zone {
        Some(zone) => DateTime::<Utc>::with_timezone(&Utc::now(), &zone).naive_local(),
        None => Local::now().naive_local(),
    }
}

async fn read(client: &mut Client, device: &DeviceOptions) -> Result<Clock, Failure> {
    let clock = client.time().await?.to_naive();
    Ok(Clock { clock, clock_drift_s: clock.map(|clock| (clock - right(device)).num_seconds()) })
}

impl Time {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Show(show) => show.run(context),
            Self::Set(set) => set.run(context),
        }
    }
}

impl Show {
    fn run(self, context: &Context) -> Outcome {
        let terminals = self.terminals.choose(context, Otherwise::All, "time show")?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, told: &mut Option<Clock>| {
            *told = Some(visit.session(async |client| read(client, visit.terminal().device()).await).await?);
            Ok(())
        })?;
        answers.print_table(self.json, &["clock", ""], |told| {
            told.iter().map(|clock| vec![shown(clock.clock), drifted(clock.clock_drift_s)]).collect()
        });
        Ok(answers.code())
    }
}

impl Set {
    fn run(self, context: &Context) -> Outcome {
        let to = self.to;
        let noted = to.map_or_else(|| "time set".to_owned(), |to| noted(["time", "set", "--to", &to.to_string()]));
        let terminals = self.changing.choose(context, &noted)?;
        let time = to.map_or_else(|| "this computer's time".to_owned(), |to| to.to_string());
        let plan = format!("Sets the clock of {} to {time}. Later punches have the new time.", named(&terminals));
        self.changing.ask(context, &plan)?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, told: &mut Option<Change>| {
            let device = visit.terminal().device();
            visit
                .change(async |client| {
                    let before = read(client, device).await?;
                    // To the nearest second: the terminal has no others.
                    let rounded = right(device) + chrono::TimeDelta::milliseconds(500);
                    let wanted = to.unwrap_or_else(|| rounded.with_nanosecond(0).unwrap_or(rounded));
                    let packed = DeviceTime::from_naive(wanted).ok_or_else(|| {
                        Failure::new("the time to set is outside 2000 to 2099")
                            .hint("set the clock of this computer, or give --to")
                    })?;
                    client.call(&SetTime(packed)).await?;
                    let after = read(client, device).await?;
                    let is_right = after.clock.is_some_and(|c| (c - wanted).num_seconds().abs() <= READ_BACK_S);
                    let shown_now = shown(after.clock);
                    *told = Some(Change { before: before.clock, before_drift_s: before.clock_drift_s, after });
                    if is_right {
                        return Ok(());
                    }
                    Err(Failure::new(format!("it acknowledged {wanted}, but its clock shows {shown_now}"))
                        .hint("set the clock in the terminal's menu; a time server may be set there, too"))
                })
                .await
        })?;
        answers.print_table(self.changing.json, &["before", "", "now"], |told| {
            told.iter()
                .map(|set| vec![shown(set.before), drifted(set.before_drift_s), shown(set.after.clock)])
                .collect()
        });
        Ok(answers.code())
    }
}

fn shown(clock: Option<NaiveDateTime>) -> String {
    clock.map_or_else(|| "no time that exists".to_owned(), |clock| clock.to_string())
}

fn drifted(seconds: Option<i64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), drift)
}
