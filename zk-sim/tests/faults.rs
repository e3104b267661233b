//! Each fault, seen from the client's side.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "faults/everything.rs"]
mod everything;
#[path = "faults/firmware.rs"]
mod firmware;
#[path = "faults/packets.rs"]
mod packets;
#[path = "faults/people.rs"]
mod people;
#[path = "faults/records.rs"]
mod records;
#[path = "faults/transfers.rs"]
mod transfers;

use bytes::Bytes;
use common::Client;
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder, Who};
use zk_sim::{Fault, Profile, Punch, Terminal, TerminalBuilder, Transport};

/// The table of fingerprints, as 1503 asks for it.
const TEMPLATES: &[u8] = &[1, 7, 0, 2, 0, 0, 0, 0, 0, 0, 0];

fn terminal(profile: &str, records: usize) -> TerminalBuilder {
    let now = chrono::NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(9, 0, 0).unwrap();
    Terminal::builder().profile(Profile::named(profile).unwrap()).records(records).seed(5).now(now)
}

fn with(profile: &str, records: usize, faults: &[&str]) -> Client {
    let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap());
    let builder = faults.fold(terminal(profile, records), TerminalBuilder::fault);
    Client::connected(builder.build(), Transport::Tcp)
}

fn udp(fault: &str) -> Client {
    Client::connected(terminal("tft40", 200).fault(Fault::parse(fault).unwrap()).build(), Transport::Udp)
}

/// The records that a client reads from a data set, as the terminal's own.
fn decoded(layout: AttendanceLayout, set: &Bytes) -> Vec<(String, u32, u8, u8)> {
    let records = set.slice(4..);
    (0..records.len() / layout.width())
        .map(|place| records.slice(place * layout.width()..(place + 1) * layout.width()))
        .map(|raw| AttendanceRecord::decode(layout, FieldOrder::StateFirst, raw).unwrap())
        .map(|record| {
            let who = match record.who {
                Who::UserId(user_id) => user_id.0,
                Who::Uid(uid) => uid.0.to_string(),
            };
            (who, record.time.0, record.punch_state.0, record.verify_mode.0)
        })
        .collect()
}

fn shown(layout: AttendanceLayout, punches: &[Punch]) -> Vec<(String, u32, u8, u8)> {
    let who = |punch: &Punch| match layout {
        AttendanceLayout::Sixteen if punch.user_id.is_empty() => "0".to_owned(),
        _ if layout.needs_users() => punch.uid.to_string(),
        _ => punch.user_id.to_string(),
    };
    punches.iter().map(|punch| (who(punch), punch.time.0, punch.state, punch.mode)).collect()
}

/// A 72-byte record for a slot and an id that no generated user has.
fn new_user() -> [u8; 72] {
    let mut record = [0; 72];
    record[0] = 77;
    record[48] = b'7';
    record
}
