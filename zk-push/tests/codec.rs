//! Pure functions against `vectors/push/codec.json`.

mod push;

use chrono::NaiveDateTime;
use serde_json::{Value, json};
use zk_push::chrono;
use zk_push::command::{self, Command, Control, ReturnCode, UserUpdate};
use zk_push::record::{Band, DoorAlarm, DoorState, EventTypes, VerifyStyle};
use zk_push::{Card, Dialect, Fields, PackedTime, ZoneOffset};

use push::{cases, text};

const FORM: &str = "%Y-%m-%d %H:%M:%S";

/// Runs one function. `None` is its error.
fn run(function: &str, dialect: Dialect, input: &Value) -> Option<Value> {
    let at = |text: &str| NaiveDateTime::parse_from_str(text, FORM).ok();
    let byte = |key: &str| u8::try_from(input[key].as_u64().unwrap_or_default()).ok();
    Some(match function {
        "packed_decode" => {
            json!(PackedTime(u32::try_from(input.as_u64()?).ok()?).at()?.format(FORM).to_string())
        }
        "packed_encode" => json!(PackedTime::new(at(text(input))?)?.0),
        "timezone_option" => json!(ZoneOffset::parse_clock(text(input))?.option()?),
        "timezone_parse" => json!(ZoneOffset::parse_option(text(input))?.to_string()),
        "card_decode" => json!(Card::parse(&text(input).into()).map(|card| card.0.to_string())),
        "card_encode_hex" => json!(Card::parse(&text(input).into())?.bracketed()?),
        "acc_timeslot_encode" => json!(command::time_slot(text(input))?),
        "acc_timeslot_decode" => json!(command::time_slot_text(u32::try_from(input.as_u64()?).ok()?)?),
        "door_mask" => {
            let doors: Vec<u8> = serde_json::from_value(input.clone()).ok()?;
            json!(command::door_mask(&doors)?)
        }
        "control_device" => {
            let control = match text(&input["op"]) {
                "open" => Control::Open { door: byte("door")?, seconds: byte("seconds")? },
                "close" => Control::Close { door: byte("door")? },
                "cancel_alarm" => Control::CancelAlarm { door: byte("door")? },
                "restart" => Control::Restart,
                other => panic!("unknown act {other}"),
            };
            json!(control.command().ok()?.as_str())
        }
        "event_supported" => {
            let event = usize::try_from(input["event"].as_u64()?).ok()?;
            json!(EventTypes::parse(&text(&input["hex"]).into())?.contains(event))
        }
        "new_event_offsets" => {
            json!(EventTypes::parse(&text(input).into())?.offsets().collect::<Vec<_>>())
        }
        "event_band" => json!(Band::of(i32::try_from(input.as_i64()?).ok()?).as_str()),
        "rtstate_sensor" => {
            let doors = DoorState::read(&Fields::default().with("sensor", text(&input["hex"])));
            let count = usize::try_from(input["doors"].as_u64()?).ok()?;
            json!(doors.iter().take(count).map(|door| door.sensor.as_str()).collect::<Vec<_>>())
        }
        "rtstate_alarm" => {
            let doors = DoorState::read(&Fields::default().with("alarm", text(&input["hex"])));
            let door = doors.get(usize::try_from(input["door"].as_u64()?).ok()?.checked_sub(1)?)?;
            json!(door.alarms.iter().map(|alarm| DoorAlarm::as_str(*alarm)).collect::<Vec<_>>())
        }
        "verify_bits" => {
            let style = VerifyStyle::parse(&text(input).into())?;
            let logic = if style.needs_all() { "and" } else { "or" };
            let factors = style.factors().into_iter().map(|factor| factor.as_str());
            json!(std::iter::once(logic).chain(factors).collect::<Vec<_>>())
        }
        "return_meaning" => json!(ReturnCode::of(dialect, input["code"].as_i64()?).name),
        "build_update_user" => {
            let user = UserUpdate {
                user_id: input["pin"].as_str()?,
                name: input["name"].as_str(),
                privilege: input["privilege"].as_u64().map(|privilege| u8::try_from(privilege).unwrap()),
                password: input["password"].as_str(),
                card: input["card"].as_str(),
                group: input["group"].as_str(),
            };
            json!(Command::update_user(dialect, &user).ok()?.as_str())
        }
        "build_delete_user" => json!(Command::delete_user(dialect, text(&input["pin"])).ok()?.as_str()),
        "build_query_users" => json!(Command::query_users(dialect, input["pin"].as_str()).ok()?.as_str()),
        "build_set_option" => {
            json!(Command::set_option(dialect, text(&input["key"]), text(&input["value"])).ok()?.as_str())
        }
        other => panic!("unknown function {other}"),
    })
}

#[test]
fn every_function_gives_what_the_vectors_say() {
    let cases = cases("codec");
    assert!(cases.len() >= 28);
    for case in &cases {
        let dialect = if case["dialect"] == "acc" { Dialect::Access } else { Dialect::Attendance };
        let found = run(text(&case["function"]), dialect, &case["input"]);
        let expected = &case["expect"]["result"];
        let expected = if expected["error"] == true { None } else { Some(expected.clone()) };
        assert_eq!(found, expected, "{}", case["id"]);
    }
}
