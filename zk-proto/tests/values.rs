//! Times, comm keys, counts and options of the golden vectors.

mod vectors;

use bytes::BytesMut;
use serde_json::Value;
use vectors::{bytes, load, number};
use zk_proto::op::{Operation, ReadOption};
use zk_proto::reply::Reply;
use zk_proto::{Command, CommKey, DeviceTime, FreeSizes, ProtoError};

fn fields(time: DeviceTime) -> [u64; 6] {
    let [month, day, hour, minute, second] =
        [time.month(), time.day(), time.hour(), time.minute(), time.second()].map(u64::from);
    [u64::from(time.year()), month, day, hour, minute, second]
}

fn iso(time: DeviceTime) -> Value {
    if time.exists() { time.to_string().replace(' ', "T").into() } else { Value::Null }
}

#[test]
fn packed_times_unpack_as_the_vectors_say_and_pack_again() {
    for vector in load("time").iter().filter(|vector| vector["input"]["format"] == "packed_u32") {
        let time = DeviceTime::parse(&bytes(&vector["input"]["hex"])).unwrap();
        let expect = &vector["expect"];
        assert_eq!(u64::from(time.0), number(&vector["input"]["value"]));
        assert_eq!(serde_json::to_value(fields(time)).unwrap(), expect["fields"], "{}", vector["id"]);
        assert_eq!(time.exists(), expect["valid_date"], "{}", vector["id"]);
        assert_eq!(iso(time), expect["iso"], "{}", vector["id"]);
        let packed = DeviceTime::new(time.year(), time.month(), time.day(), time.hour(), time.minute(), time.second());
        let packable = time.exists() && time.year() <= 2099;
        assert_eq!(packed, packable.then_some(time), "{}", vector["id"]);
    }
}

#[test]
fn six_byte_times_unpack_as_the_vectors_say_and_pack_again() {
    for vector in load("time").iter().filter(|vector| vector["input"]["format"] == "six_bytes") {
        let six: [u8; 6] = bytes(&vector["input"]["hex"]).try_into().unwrap();
        let time = DeviceTime::from_six_bytes(six);
        assert_eq!(time.map_or(Value::Null, iso), vector["expect"]["iso"], "{}", vector["id"]);
        if let Some(time) = time {
            assert_eq!(time.to_six_bytes(), six, "{}", vector["id"]);
        }
    }
}

#[test]
fn comm_keys_scramble_as_other_clients_do_and_are_accepted() {
    for vector in load("commkey") {
        let [key, session, ticks] = ["key", "session_id", "ticks"].map(|name| number(&vector["input"][name]));
        let (key, session) = (CommKey::new(key.try_into().unwrap()), session.try_into().unwrap());
        let token = key.scramble(session, ticks.try_into().unwrap());
        assert_eq!(hex::encode(token), vector["expect"]["token_hex"].as_str().unwrap(), "{}", vector["id"]);
        assert!(key.accepts(session, &token));
        assert!(!CommKey::new(77).accepts(session, &token));
    }
}

#[test]
fn counts_are_read_as_the_vectors_say_and_written_again() {
    let names: [(&str, usize); 14] = [
        ("users", 4),
        ("fingers", 6),
        ("records", 8),
        ("oplog", 10),
        ("admins", 12),
        ("passwords", 13),
        ("fingers_cap", 14),
        ("users_cap", 15),
        ("records_cap", 16),
        ("fingers_left", 17),
        ("users_left", 18),
        ("records_left", 19),
        ("faces", 20),
        ("faces_cap", 22),
    ];
    for vector in load("free_sizes") {
        let data = bytes(&vector["input"]["data_hex"]);
        let expect = &vector["expect"];
        let sizes = match FreeSizes::parse(&data) {
            Ok(sizes) => sizes,
            Err(error) => {
                assert!(matches!(error, ProtoError::Truncated { .. }), "{}", vector["id"]);
                assert_eq!(expect["error"], "too_short", "{}", vector["id"]);
                continue;
            }
        };
        let words = sizes.words();
        assert_eq!(words.len(), expect["field_count"], "{}", vector["id"]);
        for (name, index) in names {
            let word = words.get(index).map_or(Value::Null, |word| (*word).into());
            assert_eq!(word, expect["fields"][name], "{} {name}", vector["id"]);
        }
        assert_eq!(serde_json::to_value(words.get(23..).unwrap_or_default()).unwrap(), expect["extra"]);
        assert_eq!(sizes.records(), expect["fields"]["records"].as_u64().map(|count| count.try_into().unwrap()));
        let mut back = BytesMut::new();
        sizes.encode(&mut back);
        assert_eq!(back, data, "{}", vector["id"]);
    }
}

#[test]
fn options_are_asked_and_answered_as_the_vectors_say() {
    for vector in load("options") {
        let input = &vector["input"];
        let operation = ReadOption(input["name"].as_str().unwrap());
        let mut request = BytesMut::new();
        operation.encode(&mut request);
        assert_eq!(request, bytes(&input["request_data_hex"]), "{}", vector["id"]);
        let data = bytes(&input["reply_data_hex"]);
        let code = Command(number(&input["reply_command"]).try_into().unwrap());
        let value = operation.decode(&Reply { command: Command::OPTIONS_RRQ, code, field: 0, data: &data }).unwrap();
        assert_eq!(value.as_deref(), vector["expect"]["value"].as_str(), "{}", vector["id"]);
    }
}
