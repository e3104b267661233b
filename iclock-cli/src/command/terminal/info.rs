//! `info`: shows a terminal's identity, capacity and clock. Reads only.

use chrono::{DateTime, Local, NaiveDateTime, Utc};
use clap::Args;
use iclock_sync::DeviceOptions;
use serde::Serialize;
use zk_proto::{Client, ClientError, DeviceTime, Identity};

use super::base::{Answer, Failure, Named, Otherwise, Visit, each};
use crate::context::{Context, Outcome};
use crate::output::drift::drift;
use crate::output::{self, grouped, human};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli info 192.0.2.10
  iclock-cli info --all --json
  iclock-cli info --device 192.0.2.10?key=ENV:KEY --record wire.zkt")]
pub(crate) struct Info {
    #[command(flatten)]
    terminals: Named,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The facts about one terminal; `null` for those that it does not have.
#[derive(Debug, Default, Serialize)]
struct Facts {
    transport: Option<String>,
    serial: Option<String>,
    firmware: Option<String>,
    platform: Option<String>,
    model: Option<String>,
    mac: Option<String>,
    users: Option<u32>,
    user_capacity: Option<u32>,
    fingers: Option<u32>,
    records: Option<u32>,
    record_capacity: Option<u32>,
    clock: Option<NaiveDateTime>,
    clock_drift_s: Option<i64>,
}

impl Facts {
    /// Returns true if the terminal answered no question.
    fn are_none(&self) -> bool {
        let texts = [&self.serial, &self.firmware, &self.platform, &self.model, &self.mac];
        let is_without_counts = self.users.is_none() && self.records.is_none();
        texts.iter().all(|text| text.is_none()) && is_without_counts && self.clock.is_none()
    }
}

impl Info {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let terminals = self.terminals.choose(context, Otherwise::All, "info")?;
        let answers = each(context, &terminals, async |visit: &Visit<'_>, facts: &mut Facts| {
            visit
                .session(async |client| {
                    facts.transport = Some(format!("{:?}", client.transport()).to_lowercase());
                    ask_all(client, visit.terminal().device(), facts).await?;
                    if facts.are_none() {
                        let hint = "restart it; if that does not help, switch off its push or cloud mode \
                                    (menu: Comm, Cloud server)";
                        return Err(Failure::new("it takes a session, and refuses every question").hint(hint));
                    }
                    Ok(())
                })
                .await
        })?;
        if self.json {
            answers.print_json();
        } else {
            answers.0.iter().for_each(print);
            answers.complain();
        }
        Ok(answers.code())
    }
}

async fn ask_all(client: &mut Client, device: &DeviceOptions, facts: &mut Facts) -> Result<(), ClientError> {
    let Identity { serial, firmware, platform, device_name, mac } = client.identity().await?;
    (facts.serial, facts.firmware, facts.platform, facts.model, facts.mac) =
        (serial, firmware, platform, device_name, mac);
    for text in [&mut facts.serial, &mut facts.firmware, &mut facts.platform, &mut facts.model, &mut facts.mac] {
        *text = text.as_deref().map(output::printable);
    }
    if let Some(sizes) = optional(client.free_sizes().await, client).await? {
        (facts.users, facts.user_capacity, facts.fingers) = (sizes.users(), sizes.user_capacity(), sizes.fingers());
        (facts.records, facts.record_capacity) = (sizes.records(), sizes.record_capacity());
    }
    facts.clock = optional(client.time().await, client).await?.and_then(DeviceTime::to_naive);
    let shown_here = match device.zone {
        Some(zone) => DateTime::<Utc>::with_timezone(&Utc::now(), &zone).naive_local(),
        None => Local::now().naive_local(),
    };
    facts.clock_drift_s = facts.clock.map(|clock| (clock - shown_here).num_seconds());
    Ok(())
}

/// Leaves out a fact that the terminal cannot answer.
async fn optional<T>(answer: Result<T, ClientError>, client: &mut Client) -> Result<Option<T>, ClientError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(why) => client.skip(why).await.map(|_| None),
    }
}

/// Prints what a terminal told. Of one that was never reached there is nothing to print.
fn print(answer: &Answer<Facts>) {
    let facts = &answer.told;
    if facts.transport.is_none() {
        return;
    }
    output::line(format_args!("{} at {}", answer.name, answer.address));
    let of = |count: Option<u32>, capacity: Option<u32>| {
        let count = grouped(count?.into());
        Some(capacity.map_or_else(|| count.clone(), |capacity| format!("{count} of {}", grouped(capacity.into()))))
    };
    let clock = facts.clock.zip(facts.clock_drift_s).map(|(clock, off)| format!("{clock}, {}", drift(off)));
    let lines = [
        ("serial number", facts.serial.clone()),
        ("model", facts.model.clone()),
        ("firmware", facts.firmware.clone()),
        ("platform", facts.platform.clone()),
        ("MAC", facts.mac.clone()),
        ("transport", facts.transport.clone()),
        ("users", of(facts.users, facts.user_capacity)),
        ("fingerprints", of(facts.fingers, None)),
        ("records", of(facts.records, facts.record_capacity)),
        ("clock", clock),
    ];
    for (name, value) in lines {
        if let Some(value) = value {
            output::line(format_args!("  {name:14} {}", human::folded(&value, 17)));
        }
    }
}
