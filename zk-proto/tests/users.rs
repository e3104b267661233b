//! The user records of the golden vectors, decoded and encoded back.

mod vectors;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use vectors::{bytes, load, number};
use zk_proto::encoding::TextEncoding;
use zk_proto::record::{AccessZones, Privilege, User, UserLayout, UserPassword};
use zk_proto::{Uid, UserId};

fn layout(width: u64) -> UserLayout {
    UserLayout::ALL.into_iter().find(|layout| layout.width() as u64 == width).unwrap()
}

/// A user in the words of the vectors.
fn as_json(layout: UserLayout, user: &User, encoding: TextEncoding) -> Value {
    if layout == UserLayout::HundredTwenty {
        return json!({
            "uid": user.uid.0, "privilege": user.privilege.0, "user_id": user.user_id.as_str(),
            "first_name": user.name_text(encoding), "last_name": encoding.decode(&user.last_name),
        });
    }
    let mut value = json!({
        "uid": user.uid.0, "privilege": user.privilege.0, "disabled": user.privilege.is_disabled(),
        "password": std::str::from_utf8(user.password.as_bytes()).unwrap(),
        "name": user.name_text(encoding), "name_hex": hex::encode(&user.name),
        "card": user.card, "group": user.group, "user_id": user.user_id.as_str(),
    });
    match user.zones {
        AccessZones::Listed { flag, zones } => {
            value["tz_flag"] = flag.into();
            value["timezones"] = json!(zones);
        }
        AccessZones::Bits(bits) => value["timezones_bits"] = bits.into(),
        AccessZones::Group => unreachable!("a record that was read says which"),
    }
    value
}

#[test]
fn user_records_decode_as_the_vectors_say_and_encode_back() {
    for vector in load("users") {
        let layout = layout(number(&vector["expect"]["record_size"]));
        let encoding = TextEncoding::named(vector["input"]["encoding"].as_str().unwrap()).unwrap();
        let records = Bytes::from(bytes(&vector["input"]["dataset_hex"])).split_off(4);
        let expected = vector["expect"]["users"].as_array().unwrap();
        assert_eq!(records.len(), expected.len() * layout.width());
        for (n, expected) in expected.iter().enumerate() {
            let raw = records.slice(n * layout.width()..(n + 1) * layout.width());
            let user = User::parse(layout, raw.clone()).unwrap();
            assert_eq!(&as_json(layout, &user, encoding), expected, "{}", vector["id"]);
            let mut back = BytesMut::new();
            match user.encode(layout, &mut back) {
                Ok(()) => assert_eq!(back, raw, "{}", vector["id"]),
                Err(_) => assert_eq!(layout, UserLayout::HundredTwenty, "{}", vector["id"]),
            }
        }
    }
}

#[test]
fn new_users_encode_as_the_vectors_say() {
    for vector in load("users_encode") {
        let input = &vector["input"];
        let layout = layout(number(&input["record_size"]));
        let encoding = TextEncoding::named(input["encoding"].as_str().unwrap()).unwrap();
        let user = User {
            uid: Uid(number(&input["uid"]).try_into().unwrap()),
            privilege: Privilege(number(&input["privilege"]).try_into().unwrap()),
            password: UserPassword::new(input["password"].as_str().unwrap()),
            name: encoding.encode(input["name"].as_str().unwrap(), 23).unwrap().into(),
            card: number(&input["card"]),
            group: number(&input["group"]).try_into().unwrap(),
            user_id: UserId(input["user_id"].as_str().unwrap().to_owned()),
            ..User::default()
        };
        let mut record = BytesMut::new();
        user.encode(layout, &mut record).unwrap();
        assert_eq!(hex::encode(record), vector["expect"]["record_hex"].as_str().unwrap(), "{}", vector["id"]);
    }
}
