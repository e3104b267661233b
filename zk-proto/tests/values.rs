//! Times, keys, sizes and options against the golden vectors.

mod vectors;

use bytes::BytesMut;
use proptest::prelude::*;
use zk_proto::encoding::TextEncoding;
use zk_proto::op::{GetFreeSizes, Operation, ReadOption};
use zk_proto::reply::Reply;
use zk_proto::{CommKey, Command, DeviceTime, FreeSizes, ProtoError, SessionId};

fn fields(time: DeviceTime) -> [u64; 6] {
    [
        time.year().into(),
        time.month().into(),
        time.day().into(),
        time.hour().into(),
        time.minute().into(),
        time.second().into(),
    ]
}

#[test]
fn every_packed_time_has_its_fields_and_tells_whether_it_exists() {
    for vector in vectors::load("time").iter().filter(|vector| vector["input"]["format"] == "packed_u32") {
        let (input, expect) = (&vector["input"], &vector["expect"]);
        let time = DeviceTime::parse(&vectors::bytes(&input["hex"])).unwrap();
        assert_eq!(u64::from(time.0), vectors::number(&input["value"]), "{}", vector["id"]);
        let expected: [u64; 6] = serde_json::from_value(expect["fields"].clone()).unwrap();
        assert_eq!(fields(time), expected, "{}", vector["id"]);
        assert_eq!(time.exists(), expect["valid_date"].as_bool().unwrap(), "{}", vector["id"]);
        if let Some(iso) = expect["iso"].as_str() {
            assert_eq!(time.to_string().replace(' ', "T"), iso, "{}", vector["id"]);
        }
        let [year, month, day, hour, minute, second] = expected.map(|field| field as u16);
        let packed = DeviceTime::new(year, month as u8, day as u8, hour as u8, minute as u8, second as u8);
        let representable = time.exists() && year <= 2099;
        assert_eq!(packed, representable.then_some(time), "{}", vector["id"]);
    }
}

#[test]
fn every_six_byte_time_is_a_date_or_none() {
    for vector in vectors::load("time").iter().filter(|vector| vector["input"]["format"] == "six_bytes") {
        let bytes: [u8; 6] = vectors::bytes(&vector["input"]["hex"]).try_into().unwrap();
        let time = DeviceTime::from_six_bytes(bytes);
        assert_eq!(
            time.map(|time| time.to_string().replace(' ', "T")).as_deref(),
            vector["expect"]["iso"].as_str(),
            "{}",
            vector["id"]
        );
        if let Some(time) = time {
            assert_eq!(time.to_six_bytes(), bytes, "{}", vector["id"]);
        }
    }
}

#[test]
fn every_key_scrambles_to_its_token_and_the_terminal_accepts_it() {
    for vector in vectors::load("commkey") {
        let input = &vector["input"];
        let key = CommKey::new(vectors::number(&input["key"]) as u32);
        let (session, ticks) = (vectors::number(&input["session_id"]) as u16, vectors::number(&input["ticks"]) as u8);
        let token = key.scramble(SessionId(session), ticks);
        assert_eq!(hex::encode(token), vector["expect"]["token_hex"].as_str().unwrap(), "{}", vector["id"]);
        assert!(key.accepts(SessionId(session), &token), "{}", vector["id"]);
        assert!(!CommKey::new(987_654_321).accepts(SessionId(session), &token), "{}", vector["id"]);
        assert!(!key.accepts(SessionId(session), &token[..3]), "{}", vector["id"]);
    }
}

#[test]
fn a_key_is_never_printed() {
    assert_eq!(format!("{:?}", CommKey::new(123_456)), "CommKey(..)");
}

#[test]
fn every_free_sizes_answer_has_its_counts_and_goes_back_unchanged() {
    for vector in vectors::load("free_sizes") {
        let data = vectors::bytes(&vector["input"]["data_hex"]);
        let reply = Reply { command: GetFreeSizes::COMMAND, code: Command::ACK_OK, field: 0, data: &data };
        let sizes = GetFreeSizes.decode(&reply);
        if vector["expect"]["error"] == "too_short" {
            assert!(matches!(sizes, Err(ProtoError::Truncated { .. })), "{}", vector["id"]);
            continue;
        }
        let sizes = sizes.unwrap();
        for (name, value) in vector["expect"]["fields"].as_object().unwrap() {
            // A negative count means that the terminal does not know.
            let expected = value.as_i64().and_then(|value| u32::try_from(value).ok());
            assert_eq!(field(&sizes, name), expected, "{} {name}", vector["id"]);
        }
        assert_eq!(sizes.words().len() as u64, vectors::number(&vector["expect"]["field_count"]), "{}", vector["id"]);
        let extra: Vec<i32> = serde_json::from_value(vector["expect"]["extra"].clone()).unwrap();
        assert_eq!(sizes.words().get(23..).unwrap_or_default(), extra, "{}", vector["id"]);
        let mut back = BytesMut::new();
        sizes.encode(&mut back);
        assert_eq!(back, data, "{}", vector["id"]);
    }
}

fn field(sizes: &FreeSizes, name: &str) -> Option<u32> {
    match name {
        "users" => sizes.users(),
        "fingers" => sizes.fingers(),
        "records" => sizes.records(),
        "oplog" => sizes.operation_records(),
        "admins" => sizes.admins(),
        "passwords" => sizes.passwords(),
        "fingers_cap" => sizes.finger_capacity(),
        "users_cap" => sizes.user_capacity(),
        "records_cap" => sizes.record_capacity(),
        "fingers_left" => sizes.fingers_left(),
        "users_left" => sizes.users_left(),
        "records_left" => sizes.records_left(),
        "faces" => sizes.faces(),
        "faces_cap" => sizes.face_capacity(),
        other => panic!("unknown field {other}"),
    }
}

#[test]
fn every_option_is_asked_for_by_name_and_its_answer_read() {
    for vector in vectors::load("options") {
        let (input, expect) = (&vector["input"], &vector["expect"]);
        let option = ReadOption(input["name"].as_str().unwrap());
        let mut request = BytesMut::new();
        option.encode(&mut request);
        assert_eq!(request, vectors::bytes(&input["request_data_hex"]), "{}", vector["id"]);
        let reply = Reply {
            command: ReadOption::COMMAND,
            code: Command(vectors::number(&input["reply_command"]) as u16),
            field: 0,
            data: &vectors::bytes(&input["reply_data_hex"]),
        };
        let value = option.decode(&reply).unwrap().map(|value| value.text(TextEncoding::UTF_8));
        assert_eq!(value.as_deref(), expect["value"].as_str(), "{}", vector["id"]);
    }
}

proptest! {
    #[test]
    fn a_time_that_was_packed_has_the_fields_it_was_packed_from(
        year in 2000_u16..=2099, month in 1_u8..=12, day in 1_u8..=28,
        hour in 0_u8..24, minute in 0_u8..60, second in 0_u8..60,
    ) {
        let time = DeviceTime::new(year, month, day, hour, minute, second).unwrap();
        prop_assert!(time.exists());
        let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(u64::from);
        prop_assert_eq!(fields(time), [u64::from(year), month, day, hour, minute, second]);
        prop_assert_eq!(DeviceTime::from_six_bytes(time.to_six_bytes()), Some(time));
    }

    #[test]
    fn times_order_as_their_fields_do(a: u32, b: u32) {
        prop_assert_eq!(a.cmp(&b), fields(DeviceTime(a)).cmp(&fields(DeviceTime(b))));
    }

    #[test]
    fn any_bytes_are_sizes_or_too_few(data in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(FreeSizes::parse(&data).is_ok(), data.len() >= 80);
    }
}
