//! The attendance logs of the golden vectors: proven, decoded, and encoded back.

mod logs;
mod vectors;

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::Value;
use vectors::{bytes, load, number};
use zk_proto::proof::{Counts, Evidence, prove};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder, Who};
use zk_proto::{DeviceTime, PunchState, Uid, UserId, VerifyMode};

fn layout(expect: &Value) -> Option<AttendanceLayout> {
    let name = expect["layout"].as_str().unwrap();
    (name != "none").then(|| name.to_lowercase().parse().unwrap())
}

fn byte(value: &Value) -> u8 {
    number(value).try_into().unwrap()
}

/// A record as a vector describes it. Bytes without a meaning come as `raw`.
fn described(layout: AttendanceLayout, row: &Value) -> AttendanceRecord {
    let mut raw = vec![0; layout.width()];
    if let Some(flags) = row.get("flags") {
        raw[layout.fields().state.at] = byte(flags);
    }
    let tail = row.get("tail_hex").map(bytes).unwrap_or_default();
    let at = raw.len() - tail.len();
    raw[at..].copy_from_slice(&tail);
    let who = match row.get("uid") {
        Some(uid) => Who::Uid(Uid(number(uid) as u16)),
        None => Who::UserId(user_id(row)),
    };
    let one_of = |names: [&str; 2]| byte(names.iter().find_map(|name| row.get(*name)).unwrap());
    AttendanceRecord {
        who,
        time: DeviceTime(number(&row["raw_time"]) as u32),
        punch_state: PunchState(one_of(["state", "byte8"])),
        verify_mode: VerifyMode(one_of(["verify", "byte9"])),
        work_code: row.get("workcode").map(|code| number(code) as u32),
        number: row.get("index_field").map(|number| vectors::number(number) as u16),
        raw: raw.into(),
    }
}

fn user_id(row: &Value) -> UserId {
    UserId(row["user_id"].as_str().unwrap().into())
}

#[test]
fn vectors_decode_and_encode_back() {
    for vector in load("attlog") {
        let Some(layout) = layout(&vector["expect"]) else { continue };
        let mut set = Bytes::from(bytes(&vector["input"]["dataset_hex"])).split_off(4);
        let rows = vector["expect"]["records"].as_array().unwrap();
        assert_eq!(set.len(), rows.len() * layout.width(), "{}", vector["id"]);
        for row in rows {
            let raw = set.split_to(layout.width());
            let record = AttendanceRecord::decode(layout, FieldOrder::StateFirst, raw.clone()).unwrap();
            let expected = described(layout, row);
            assert_eq!(record, AttendanceRecord { raw: raw.clone(), ..expected.clone() }, "{}", vector["id"]);
            let text = record.time.exists().then(|| record.time.to_string().replace(' ', "T"));
            assert_eq!(text.as_deref(), row["time"].as_str(), "{}", vector["id"]);
            let mut encoded = BytesMut::new();
            expected.encode(layout, FieldOrder::StateFirst, &mut encoded);
            assert_eq!(encoded.freeze(), raw, "{}", vector["id"]);
        }
    }
}

#[test]
fn vectors_are_proven() {
    for vector in load("attlog") {
        let set = bytes(&vector["input"]["dataset_hex"]);
        let count = number(&vector["input"]["record_count"]) as u32;
        let evidence = Evidence::new(set.len() as u64, Counts::steady(count), logs::host_now());
        let proven = prove(logs::spool(&set), &evidence);
        let proven = proven.unwrap_or_else(|unproven| panic!("{}: {unproven}", vector["id"]));
        assert_eq!(proven.layout(), layout(&vector["expect"]), "{}", vector["id"]);
        assert_eq!(logs::given_out(proven), set[4..], "{}", vector["id"]);
    }
}

#[test]
fn a_field_that_does_not_fit_is_cut() {
    let record = AttendanceRecord {
        who: Who::UserId(UserId("7".repeat(30))),
        time: DeviceTime::RESET,
        punch_state: PunchState(255),
        verify_mode: VerifyMode(15),
        work_code: None,
        number: Some(9),
        raw: Bytes::new(),
    };
    let mut wide = BytesMut::new();
    record.encode(AttendanceLayout::Wide(40), FieldOrder::StateFirst, &mut wide);
    let read = AttendanceRecord::decode(AttendanceLayout::Wide(40), FieldOrder::StateFirst, wide.freeze()).unwrap();
    assert_eq!(read.who, Who::UserId(UserId("7".repeat(24))));
    let mut narrow = BytesMut::new();
    record.encode(AttendanceLayout::EightB, FieldOrder::StateFirst, &mut narrow);
    let mut expected = BytesMut::new();
    expected.put_slice(&[0, 0, 3 << 3 | 7, 0, 0, 0, 0, 0]);
    assert_eq!(narrow, expected);
}
