//! `info`: shows a terminal's identity, capacity and clock. Reads only.

use chrono::{DateTime, Local, NaiveDateTime, Utc};
use clap::Args;
use futures::future::join_all;
use iclock_sync::{DeviceOptions, TerminalError, chain};
use serde::Serialize;
use zk_proto::{Client, ClientError, DeviceTime, Identity};

use crate::config::ConfigError;
use crate::context::{Context, Outcome};
use crate::exit_code::ExitCode;
use crate::global::Targets;
use crate::output::{self, grouped, human};

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// A terminal, as for sync, instead of the configured ones; repeats
    #[arg(long, value_name = "SPEC")]
    device: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The facts about one terminal; `null` for those that it does not have.
#[derive(Debug, Default, Serialize)]
struct Facts {
    name: String,
    address: String,
    error: Option<String>,
    /// A hint for the error.
    #[serde(rename = "try")]
    hint: Option<&'static str>,
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

impl Info {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let config = context.config(&Targets { device: self.device, ..Targets::default() })?;
        if config.devices.is_empty() {
            return Err(ConfigError::new(None, "device", "no terminal is configured")
                .hint("give --device 192.0.2.10, or write [[device]] in iclock.toml")
                .into());
        }
        let facts = context.runtime()?.block_on(join_all(config.devices.iter().map(ask)));
        for one in &facts {
            match serde_json::to_string(one) {
                Ok(json) if self.json => output::line(json),
                _ => print(one),
            }
        }
        Ok(if facts.iter().any(|one| one.error.is_some()) { ExitCode::Terminal } else { ExitCode::Done })
    }
}

async fn ask(device: &DeviceOptions) -> Facts {
    let mut facts = Facts { name: device.name.clone(), address: device.address(), ..Facts::default() };
    if let Err(error) = read(device, &mut facts).await {
        facts.error = Some(chain(&error));
        facts.hint = TerminalError::Client(error).hint();
    }
    facts
}

async fn read(device: &DeviceOptions, facts: &mut Facts) -> Result<(), ClientError> {
    let mut client = Client::connect(&device.connect_options()).await?;
    facts.transport = Some(format!("{:?}", client.transport()).to_lowercase());
    let read = ask_all(&mut client, device, facts).await;
    client.exit().await;
    read
}

async fn ask_all(client: &mut Client, device: &DeviceOptions, facts: &mut Facts) -> Result<(), ClientError> {
    let Identity { serial, firmware, platform, device_name, mac } = client.identity().await?;
    (facts.serial, facts.firmware, facts.platform, facts.model, facts.mac) =
        (serial, firmware, platform, device_name, mac);
    // Control characters could change the screen.
    for text in [&mut facts.serial, &mut facts.firmware, &mut facts.platform, &mut facts.model, &mut facts.mac] {
        if let Some(text) = text.as_mut().filter(|text| text.contains(char::is_control)) {
            *text = text.escape_debug().to_string();
        }
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

fn print(facts: &Facts) {
    output::line(format_args!("{} at {}", facts.name, facts.address));
    let of = |count: Option<u32>, capacity: Option<u32>| {
        let count = grouped(count?.into());
        Some(capacity.map_or_else(|| count.clone(), |capacity| format!("{count} of {}", grouped(capacity.into()))))
    };
    let clock = facts.clock.zip(facts.clock_drift_s).map(|(clock, drift)| match drift {
        0 => format!("{clock}, right"),
        1.. => format!("{clock}, {drift} s ahead"),
        _ => format!("{clock}, {} s behind", drift.unsigned_abs()),
    });
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
        ("error", facts.error.clone()),
        ("try", facts.hint.map(str::to_owned)),
    ];
    for (name, value) in lines {
        if let Some(value) = value {
            output::line(format_args!("  {name:14} {}", human::folded(&value, 17)));
        }
    }
}
