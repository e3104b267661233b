//! A terminal, from the outside in: name, connection, session, key, identity, counts, clock, users, log, records.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use zk_proto::{Client, ClientError, Transport};

use super::questions::{Questions, failed, opened};
use super::{Cause, Check, Finding, log};
use crate::report::{DeviceReport, ErrorKind};
use crate::{DeviceOptions, Engine, EngineOptions, RunOptions};

/// A terminal that ends every connection is tried again after this rest: some need a pause between two sessions.
const REST: Duration = Duration::from_secs(6);

/// Right after the end of a session: a terminal that needs a pause needs a longer one than this.
const AT_ONCE: Duration = Duration::from_millis(500);

/// How much longer a session that is being opened is waited for after a stop.
const STOPPED_WITHIN: Duration = Duration::from_secs(1);

/// Looks for what is wrong with a terminal. Reads its users and its whole log, and keeps none of it. `engine` has the
/// rules that judge the records, and the deadlines. A stop ends the session, and returns what was found until then.
pub async fn terminal(device: &DeviceOptions, engine: &EngineOptions, stop: &CancellationToken) -> Vec<Finding> {
    let mut found = Vec::new();
    match soon(stop, resolve(device)).await {
        Some(Ok(finding)) => found.push(finding),
        Some(Err(finding)) => return vec![finding],
        None => return found,
    }
    let client = match soon(stop, connect(device, &mut found)).await {
        Some(Ok(client)) => client,
        Some(Err(error)) => {
            found.push(not_opened(device, &error));
            return found;
        }
        None => return found,
    };
    found.push(opened(&client));
    let mut questions = Questions::new(client, device);
    let ended = stop.run_until_cancelled(questions.ask()).await;
    let is_refused = questions.is_refused();
    let Questions { client, found: of_questions, .. } = questions;
    client.exit().await;
    found.extend(of_questions);
    let Some(ended) = ended else { return found };
    if let Err(error) = ended {
        found.push(failed(&error));
        return found;
    }
    // The log of another terminal would be taken for this one's.
    if is_refused || found.iter().any(|finding| finding.cause == Some(Cause::WrongTerminal)) {
        return found;
    }
    found.extend(read(device, engine, stop).await);
    found
}

/// Does the work; after a stop it has a moment more, so that a session that is being opened can be ended. `None` if
/// that is too short.
async fn soon<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    let stopped = async {
        stop.cancelled().await;
        tokio::time::sleep(STOPPED_WITHIN).await;
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = stopped => None,
    }
}

async fn resolve(device: &DeviceOptions) -> Result<Finding, Finding> {
    if device.host.parse::<IpAddr>().is_ok() {
        return Ok(Finding::ok(Check::Name, format!("{} is an address", device.host)));
    }
    let mut addresses = tokio::net::lookup_host((device.host.as_str(), device.port))
        .await
        .map_err(|error| Finding::of(Cause::NameUnknown, format!("{}: {error}", device.host)))?;
    match addresses.next().as_ref().map(SocketAddr::ip) {
        Some(ip) => Ok(Finding::ok(Check::Name, format!("{} is {ip}", device.host))),
        None => Err(Finding::of(Cause::NameUnknown, format!("{} has no address", device.host))),
    }
}

/// Opens a session; a terminal that hangs up gets a second try after a rest.
async fn connect(device: &DeviceOptions, found: &mut Vec<Finding>) -> Result<Client, ClientError> {
    let options = device.connect_options();
    match Client::connect(&options).await {
        Err(ClientError::Busy { .. } | ClientError::Broken { .. }) => {
            tokio::time::sleep(REST).await;
            Client::connect(&options).await?.exit().await;
            let (client, cause) = again(device).await;
            found.push(Finding::of(cause, "it ended the first connection at once, and took a later one"));
            match client {
                Some(client) => Ok(client),
                None => {
                    tokio::time::sleep(REST).await;
                    Client::connect(&options).await
                }
            }
        }
        connected => connected,
    }
}

/// Opens a session right after the end of another one. A terminal that takes it needs no pause: it was another program
/// that had its session before.
async fn again(device: &DeviceOptions) -> (Option<Client>, Cause) {
    tokio::time::sleep(AT_ONCE).await;
    match Client::connect(&device.connect_options()).await {
        Ok(client) => (Some(client), Cause::SessionContested),
        Err(_) => (None, Cause::SessionPause),
    }
}

/// The finding about a session that did not begin. Over UDP no port is open before an answer comes: silence means that
/// nothing is there.
fn not_opened(device: &DeviceOptions, error: &ClientError) -> Finding {
    let finding = failed(error);
    if device.transport == Transport::Udp && finding.cause == Some(Cause::SessionSilent) {
        return Finding::of(Cause::NoAnswer, finding.evidence);
    }
    finding
}

/// Reads the log as a sync would.
async fn read(device: &DeviceOptions, engine: &EngineOptions, stop: &CancellationToken) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut report = match dry_run(device, engine, stop).await {
        Ok(report) => report,
        Err(finding) => return vec![finding],
    };
    if matches!(report.error_kind, Some(ErrorKind::Busy | ErrorKind::Broken)) && report.bytes_read == 0 {
        stop.run_until_cancelled(tokio::time::sleep(REST)).await;
        match dry_run(device, engine, stop).await {
            Ok(again) if again.error_kind.is_none() => {
                let why = report.error.unwrap_or_default();
                let (client, cause) = self::again(device).await;
                if let Some(client) = client {
                    client.exit().await;
                }
                found.push(Finding::of(cause, format!("{why}; after a rest it answered")));
                report = again;
            }
            Ok(again) => report = again,
            Err(finding) => return vec![finding],
        }
    }
    found.extend(log::findings(&report));
    found
}

async fn dry_run(
    device: &DeviceOptions,
    engine: &EngineOptions,
    stop: &CancellationToken,
) -> Result<DeviceReport, Finding> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let failed = |error: crate::SyncError| Finding::of(Cause::BadBytes, crate::chain(&error));
    // A dry run makes no such directory.
    let name = format!("iclock-doctor-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let options = EngineOptions { audit: false, audit_dir: None, ..engine.clone() };
    let device = DeviceOptions { clock: None, ..device.clone() };
    let engine =
        Engine::builder(std::env::temp_dir().join(name)).options(options).device(device).build().map_err(failed)?;
    let run = RunOptions::default().dry_run(true);
    let report = engine.run(&run, stop).await.map_err(failed)?;
    report.devices.into_iter().next().ok_or_else(|| Finding::of(Cause::BadBytes, "the run has no report"))
}
