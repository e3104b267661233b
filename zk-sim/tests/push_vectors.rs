//! The terminal's side of the push protocol against `vectors/push/device.json`.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use zk_proto::DeviceTime;
use zk_push::{Dialect, SerialNumber};
use zk_sim::Punch;
use zk_sim::push::{PushDevice, PushProfile, Strictness};

const SECOND: Duration = Duration::from_secs(1);

fn cases() -> Vec<Value> {
    let text = include_str!("../../vectors/push/device.json");
    let file: Value = serde_json::from_str(text).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn device(case: &Value) -> PushDevice {
    let serial = SerialNumber::new("TST7252800001").unwrap();
    let is_access = case["dialect"] == "acc";
    let mut profile = if is_access { PushProfile::access(serial) } else { PushProfile::attendance(serial) };
    let strictness = case["given"]["strictness"].as_str().map(|name| Strictness::named(name).unwrap());
    profile.strictness = strictness.unwrap_or_default();
    profile.batch = 128;
    PushDevice::new(profile)
}

/// Brings a terminal to its first poll.
fn shake_hands(device: &mut PushDevice, options: &str) {
    let handshake = match device.profile().dialect {
        Dialect::Attendance => format!("GET OPTION FROM: TST7252800001\n{options}"),
        Dialect::Access => format!("registry=ok\nRegistryCode=x\n{options}"),
    };
    device.poll_request(Duration::ZERO).unwrap();
    device.handle_answer(Duration::ZERO, 200, None, &handshake.into());
}

/// Answers the first poll with nothing.
fn poll(device: &mut PushDevice) {
    device.poll_request(Duration::ZERO).unwrap();
    device.handle_answer(Duration::ZERO, 200, None, &"OK".into());
}

fn punches(device: &mut PushDevice, count: u64) {
    for number in 0..count {
        let time = DeviceTime::new(2026, 3, 1, 9, 0, u8::try_from(number).unwrap()).unwrap();
        device.punch(&Punch::new(0, "5", time, 0, 1));
    }
}

#[test]
fn a_terminal_takes_each_answer_as_the_vectors_say() {
    for case in cases() {
        let (given, expected, id) = (&case["given"], &case["expect"]["device"], &case["id"]);
        let answer = &case["server_response"];
        let body = Bytes::from(answer["body"]["utf8"].as_str().unwrap_or_default().to_owned());
        let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
        let date = answer["headers"].as_array().into_iter().flatten().find(|header| header[0] == "Date");
        let date: Option<DateTime<Utc>> =
            date.map(|header| DateTime::parse_from_rfc2822(header[1].as_str().unwrap()).unwrap().to_utc());
        let mut device = device(&case);
        if given["handshake"] == true {
            if let Some(cursor) = given["cursor"]["ATTLOG"].as_u64() {
                punches(&mut device, cursor.min(50));
                shake_hands(&mut device, "");
                poll(&mut device);
                upload(&mut device);
                assert_eq!(device.acknowledged(), 50, "{id}");
                device.handle_failure(SECOND);
                device.restart();
            }
            device.poll_request(SECOND * 999).unwrap();
        } else {
            let delay = given["options"]["ErrorDelay"].as_str().map(|delay| format!("ErrorDelay={delay}\n"));
            shake_hands(&mut device, &delay.unwrap_or_default());
            if given["poll"] != true {
                poll(&mut device);
                let records = given["pending_records"].as_u64().unwrap();
                if given["table"] == "user" { users(&mut device, records) } else { punches(&mut device, records) }
            }
            device.poll_request(Duration::ZERO).unwrap();
        }
        device.handle_answer(Duration::ZERO, status, date, &body);
        check(id, &device, expected);
    }
}

/// Uploads what waits.
fn upload(device: &mut PushDevice) {
    let sent = device.poll_request(Duration::ZERO).unwrap();
    let count = sent.body.iter().filter(|byte| **byte == b'\n').count();
    device.handle_answer(Duration::ZERO, 200, None, &format!("OK: {count}").into());
}

/// Gives the terminal users, and asks for them.
fn users(device: &mut PushDevice, count: u64) {
    let mut commands: String = (1..=count).map(|id| format!("C:{id}:DATA UPDATE user Pin={id}\n")).collect();
    commands.push_str("C:99:DATA QUERY tablename=user,fielddesc=*,filter=*\n");
    device.poll_request(SECOND * 60).unwrap();
    device.handle_answer(Duration::ZERO, 200, None, &commands.into());
    // The results go first.
    device.poll_request(SECOND * 60).unwrap();
    device.handle_answer(Duration::ZERO, 200, None, &"OK".into());
}

fn check(id: &Value, device: &PushDevice, expected: &Value) {
    if let Some(advance) = expected["advance"].as_bool() {
        assert_eq!(device.is_idle(), advance, "{id}");
    }
    if let Some(seconds) = expected["retry_after_s"].as_u64() {
        assert_eq!(device.poll_timeout(), Some(Duration::from_secs(seconds)), "{id}");
    }
    if let Some(executed) = expected["executed"].as_array() {
        assert_eq!(device.executed(), executed.as_slice(), "{id}");
    }
    if let Some(results) = expected["results"].as_array() {
        let found: Vec<_> = device
            .results()
            .map(|result| {
                let mut out = bytes::BytesMut::new();
                result.write(&mut out);
                String::from_utf8(out.to_vec()).unwrap()
            })
            .collect();
        assert_eq!(found, results.as_slice().to_vec(), "{id}");
    }
    for (key, value) in expected["options"].as_object().into_iter().flatten() {
        assert_eq!(device.options().get(key).map(ToString::to_string).as_deref(), value.as_str(), "{id} {key}");
    }
    if let Some(clock) = expected["local_clock"].as_str() {
        assert_eq!(device.clock().map(|clock| clock.to_string()).as_deref(), Some(clock), "{id}");
    }
    if let Some(cursor) = expected["cursor"]["ATTLOG"].as_u64() {
        assert_eq!(device.acknowledged() as u64, cursor, "{id}");
    }
}
