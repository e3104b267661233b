//! Terminals that were ever read.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use iclock_sync::ledger::TerminalOverview;
use iclock_sync::service::status::{Activity, TerminalState};
use serde::Serialize;

use super::local;
use super::paging::Listing;
use super::personnel::{AREA_NAME, Area};
use super::refused::Refused;
use crate::server::Server;

/// The vendor's numbers for what a terminal does.
const PAUSED: &str = "0";
const ONLINE: &str = "1";
const OFFLINE: &str = "3";

/// A terminal as the vendor's server shows it.
#[derive(Debug, Serialize)]
pub(super) struct Terminal {
    /// Its number in the ledger.
    id: i64,
    sn: String,
    ip_address: Option<String>,
    alias: String,
    terminal_name: String,
    fw_ver: Option<String>,
    push_ver: Option<String>,
    state: &'static str,
    terminal_tz: Option<i32>,
    area: Area,
    last_activity: Option<String>,
    user_count: Option<u32>,
    fp_count: Option<u32>,
    face_count: Option<u32>,
    palm_count: Option<u32>,
    /// The records in its log.
    transaction_count: Option<u64>,
    push_time: Option<String>,
    transfer_time: &'static str,
    transfer_interval: u32,
    is_attendance: u8,
    area_name: &'static str,
}

/// The versions that a terminal which pushes has told.
#[derive(Debug, Default)]
struct Versions {
    firmware: Option<String>,
    push: Option<String>,
}

/// Lists the terminals, by number.
pub(super) async fn list(State(server): State<Arc<Server>>, listing: Listing) -> Result<Response, Refused> {
    let filters = [("sn", "sn"), ("alias", "alias"), ("state", "state"), ("area", "area")];
    listing.answer_of(&all(&server).await?, &filters)
}

/// Returns one terminal.
pub(super) async fn one(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Result<Json<Terminal>, Refused> {
    let is_it = |row: &Terminal| id.parse() == Ok(row.id);
    all(&server).await?.into_iter().find(is_it).map(Json).ok_or_else(Refused::not_found)
}

async fn all(server: &Arc<Server>) -> Result<Vec<Terminal>, Refused> {
    let (status, now) = (server.status()?, (server.options.local_now)());
    let kept = server.ask(move |query| {
        query.ask(|ledger| {
            let terminals = ledger.overview(now)?.terminals;
            let with_versions = terminals.into_iter().map(|kept| {
                let mut facts = ledger.push_facts(&kept.serial)?;
                let mut first = |names: [&str; 2]| names.iter().find_map(|name| facts.remove(*name));
                let versions =
                    Versions { firmware: first(["FWVersion", "FirmVer"]), push: first(["pushver", "PushVersion"]) };
                Ok((kept, versions))
            });
            with_versions.collect::<Result<Vec<_>, _>>()
        })
    });
    let mut rows: Vec<Terminal> = kept
        .await?
        .into_iter()
        .map(|(kept, versions)| {
            let by_serial = |state: &&TerminalState| state.serial.as_ref() == Some(&kept.serial);
            let state = status.terminals.values().find(by_serial);
            Terminal::of(kept, versions, state)
        })
        .collect();
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

impl Terminal {
    fn of(kept: TerminalOverview, versions: Versions, state: Option<&TerminalState>) -> Self {
        let of_state = state.map(|state| [state.last_success, state.last_push, state.last_call]);
        let last = of_state.into_iter().flatten().chain([kept.last_call, kept.last_records]).flatten().max();
        let host = |address: &str| address.rsplit_once(':').map(|(host, _)| host.to_owned());
        Self {
            id: kept.number,
            ip_address: kept
                .address
                .or_else(|| state.filter(|state| is_called(state)).and_then(|of| host(&of.address))),
            alias: kept.name.clone(),
            terminal_name: kept.name,
            fw_ver: versions.firmware,
            push_ver: versions.push,
            state: state.map_or(OFFLINE, word),
            terminal_tz: None,
            area: Area::ONE,
            last_activity: last.map(local),
            user_count: kept.users,
            fp_count: None,
            face_count: None,
            palm_count: None,
            transaction_count: state.and_then(|state| state.records),
            push_time: None,
            transfer_time: "00:00;14:05",
            transfer_interval: 1,
            is_attendance: 1,
            area_name: AREA_NAME,
            sn: kept.serial,
        }
    }
}

/// Whether this program calls it; the address of one that calls is none.
fn is_called(state: &TerminalState) -> bool {
    state.activity != Activity::Pushing
}

fn word(state: &TerminalState) -> &'static str {
    match state.activity {
        Activity::Paused => PAUSED,
        Activity::Down { .. } => OFFLINE,
        _ if state.error.is_some() => OFFLINE,
        _ if [state.last_success, state.last_push, state.last_call].iter().any(Option::is_some) => ONLINE,
        _ => OFFLINE,
    }
}
