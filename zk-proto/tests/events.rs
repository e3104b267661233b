//! The live events of the golden vectors.

mod vectors;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use vectors::{bytes, load};
use zk_proto::record::{Alarm, EventCode, LiveEvent, Who};
use zk_proto::{Command, Packet, frame};

fn packet(frame: &[u8]) -> Packet {
    Packet::parse(Bytes::copy_from_slice(&frame[frame::PREFIX_LEN..])).unwrap()
}

/// The person, and whether by uid.
fn named(who: &Who) -> (String, bool) {
    match who {
        Who::UserId(id) => (id.0.clone(), false),
        Who::Uid(uid) => (uid.0.to_string(), true),
    }
}

/// An event in the words of the vectors: the name of its object, and the object.
fn as_json(event: &LiveEvent) -> (&'static str, Value) {
    match event {
        LiveEvent::Finger => ("finger", json!({})),
        LiveEvent::FingerScore(score) => ("fpftr", json!({ "score": score })),
        LiveEvent::Verify(uid) => ("verify", json!({ "uid": uid })),
        LiveEvent::Enrolled(enrolment) => {
            let mut value = json!({ "result": enrolment.result.0 });
            if let Some(finger) = &enrolment.finger {
                value["template_size"] = finger.template_size.into();
                value["user"] = finger.user_id.as_str().into();
                value["finger"] = finger.finger.into();
            }
            ("enrollfinger", value)
        }
        LiveEvent::UserEnrolled(who) => {
            let (user, is_uid) = named(who);
            ("enrolluser", json!({ "user": user, "user_is_uid": is_uid }))
        }
        LiveEvent::Button(key) => ("button", json!({ "key": key })),
        LiveEvent::Unlocked(number) => ("unlock", json!({ "number": number })),
        LiveEvent::Started => ("startup", json!({})),
        LiveEvent::Card(number) => ("card", json!({ "number": number })),
        LiveEvent::Alarm(alarm) => {
            let value = match alarm {
                Alarm::Tamper => json!({ "kind": "tamper" }),
                Alarm::ExitButton => json!({ "kind": "exit_button" }),
                Alarm::Misoperation => json!({ "kind": "misoperation" }),
                Alarm::Duress { uid, matched } => json!({ "kind": "duress", "uid": uid.0, "match": matched }),
                Alarm::Antipassback { uid, matched } => {
                    json!({ "kind": "antipassback", "uid": uid.0, "match": matched })
                }
                Alarm::DoorClosed => json!({ "kind": "door_closed" }),
                other => panic!("no vector has {other:?}"),
            };
            ("alarm", value)
        }
        LiveEvent::Punch(punch) => {
            let (user, is_uid) = named(&punch.who);
            let value = json!({
                "user": user, "user_is_uid": is_uid, "verify": punch.verify_mode.0, "state": punch.punch_state.0,
                "time": punch.time.map(|time| time.to_string().replace(' ', "T")), "tail_hex": hex::encode(&punch.tail),
            });
            ("attlog", value)
        }
        other => panic!("no vector has {other:?}"),
    }
}

#[test]
fn events_decode_as_the_vectors_say() {
    for vector in load("events") {
        let packet = packet(&bytes(&vector["input"]["frame_hex"]));
        assert_eq!(packet.command, Command::REG_EVENT);
        assert_eq!(u64::from(packet.session.0), vector["expect"]["event_code"]);
        let events = LiveEvent::parse(EventCode(packet.session.0), packet.data.clone());
        assert_eq!(events.len(), 1, "{}", vector["id"]);
        let (name, value) = as_json(&events[0]);
        assert_eq!(value, vector["expect"][name], "{}", vector["id"]);
    }
}

#[test]
fn two_punches_in_one_payload_are_two_events() {
    let frames: Vec<_> =
        load("events").iter().map(|vector| packet(&bytes(&vector["input"]["frame_hex"])).data).collect();
    let one = frames.iter().find(|payload| payload.len() == 32).unwrap();
    let mut two = BytesMut::from(&one[..]);
    two.extend_from_slice(one);
    let event = LiveEvent::parse(EventCode::ATTENDANCE, one.clone()).remove(0);
    assert_eq!(LiveEvent::parse(EventCode::ATTENDANCE, two.freeze()), vec![event.clone(), event]);
}

#[test]
fn a_payload_of_no_known_form_is_kept_as_it_came() {
    for payload in [&b""[..], &[0; 11], &[0; 33], &[0xFF; 70]] {
        let payload = Bytes::copy_from_slice(payload);
        let expected = vec![LiveEvent::Other { code: EventCode::ATTENDANCE, payload: payload.clone() }];
        assert_eq!(LiveEvent::parse(EventCode::ATTENDANCE, payload), expected);
    }
}
