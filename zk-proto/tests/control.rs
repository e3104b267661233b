//! Requests that control a terminal, and what it answers, against the golden vectors.

mod vectors;

use std::time::Duration;

use bytes::BytesMut;
use serde_json::{Value, json};
use vectors::{bytes, load, number};
use zk_proto::encoding::TextEncoding;
use zk_proto::op::{
    ClearAttendanceLog, ClearLcd, ClearOperationLog, ClearTable, DeleteMessage, DeviceState, DoorState, EnableClock,
    EraseEverything, GetDoorState, GetState, LinkMessage, PowerOff, ReadAccessGroup, ReadMessage,
    ReadUnlockCombination, ReadUserGroup, ReadUserZones, ReadVerifyStyle, ReadWeeklyZone, RefreshOptions, Restart,
    Resume, Sleep, TestVoice, UnlinkMessage, Unlock, UnlockUnit, Voice, WriteAccessGroup, WriteLcd, WriteMessage,
    WriteOption, WriteUnlockCombination, WriteUserGroup, WriteUserZones, WriteVerifyStyle, WriteWeeklyZone,
};
use zk_proto::record::{
    AccessGroup, Bell, Hours, MessageKind, MessageLink, OperationRecord, ShortMessage, UnlockCombination,
    UserVerifyStyle, UserZones, VerifyStyle, WeeklyZone,
};
use zk_proto::reply::Reply;
use zk_proto::session::Config;
use zk_proto::{Command, Dataset, DeviceTime, Operation, Packet, ProtoError, Session, Uid};

fn request<O: Operation>(operation: &O) -> (u16, String) {
    let mut data = BytesMut::new();
    operation.encode(&mut data);
    (O::COMMAND.0, hex::encode(data))
}

fn narrow<T: TryFrom<u64>>(value: &Value) -> T {
    T::try_from(number(value)).ok().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The request that a vector speaks of.
fn asked(input: &Value) -> (u16, String) {
    match text(&input["operation"]) {
        "power_off" => request(&PowerOff),
        "restart" => request(&Restart),
        "sleep" => request(&Sleep),
        "resume" => request(&Resume),
        "refresh_options" => request(&RefreshOptions),
        "enable_clock" => request(&EnableClock { blink: input["blink"].as_bool().unwrap() }),
        "state" => request(&GetState),
        "door_state" => request(&GetDoorState),
        "unlock" => {
            let unit = if input["unit"] == "tenths" { UnlockUnit::Tenths } else { UnlockUnit::Seconds };
            request(&Unlock::seconds(narrow(&input["seconds"]), unit))
        }
        "voice" => request(&TestVoice(Voice(narrow(&input["index"])))),
        "write_lcd" => {
            let encoding = TextEncoding::named(text(&input["encoding"])).unwrap();
            request(&WriteLcd::new(narrow(&input["line"]), text(&input["text"]), encoding).unwrap())
        }
        "clear_lcd" => request(&ClearLcd),
        "clear_attendance_log" => request(&ClearAttendanceLog),
        "clear_operation_log" => request(&ClearOperationLog),
        "clear_table" => request(&match text(&input["table"]) {
            "attendance" => ClearTable::Attendance,
            "templates" => ClearTable::Templates,
            "operations" => ClearTable::Operations,
            _ => ClearTable::Users,
        }),
        "erase_everything" => request(&EraseEverything),
        "set_bell" => {
            let bell = input["bell"].as_array().map(|at| Bell::new(narrow(&at[0]), narrow(&at[1])).unwrap());
            let name = Bell::option(narrow(&input["number"])).unwrap();
            request(&WriteOption { name: &name, value: &Bell::value(bell) })
        }
        "read_dataset" => (Command::DATA_WRRQ.0, hex::encode(dataset(input).buffered_request())),
        _ => access(input).or_else(|| message(input)).unwrap_or_else(|| panic!("no such operation: {input}")),
    }
}

fn dataset(input: &Value) -> Dataset {
    match text(&input["dataset"]) {
        "messages" => Dataset::Messages,
        "message_links" => Dataset::MessageLinks,
        "work_codes" => Dataset::WorkCodes,
        "operations" => Dataset::Operations,
        _ => Dataset::AttendanceBetween { from: time(&input["from"]), to: time(&input["to"]) },
    }
}

fn time(fields: &Value) -> DeviceTime {
    let field = |place: usize| narrow::<u8>(&fields[place]);
    DeviceTime::new(narrow(&fields[0]), field(1), field(2), field(3), field(4), field(5)).unwrap()
}

fn list<T: TryFrom<u64> + Copy + Default, const N: usize>(values: &Value) -> [T; N] {
    let mut list = [T::default(); N];
    list.iter_mut().zip(values.as_array().unwrap()).for_each(|(slot, value)| *slot = narrow(value));
    list
}

/// A request about access control.
fn access(input: &Value) -> Option<(u16, String)> {
    let uid = || Uid(narrow(&input["uid"]));
    Some(match text(&input["operation"]) {
        "read_verify_style" => request(&ReadVerifyStyle(uid())),
        "write_verify_style" => {
            let own = input["style"].as_u64().map(|style| UserVerifyStyle::own(VerifyStyle(style.try_into().unwrap())));
            request(&WriteVerifyStyle { uid: uid(), style: own.unwrap_or(UserVerifyStyle::GROUP) })
        }
        "read_user_group" => request(&ReadUserGroup(uid())),
        "write_user_group" => request(&WriteUserGroup { uid: uid(), group: narrow(&input["group"]) }),
        "read_user_zones" => request(&ReadUserZones(uid())),
        "write_user_zones" => {
            let zones = UserZones { own: input["own"].as_bool().unwrap(), zones: list(&input["zones"]) };
            request(&WriteUserZones { uid: uid(), zones })
        }
        "read_access_group" => request(&ReadAccessGroup(narrow(&input["number"]))),
        "write_access_group" => request(
            &WriteAccessGroup::new(&AccessGroup {
                number: narrow(&input["number"]),
                zones: list(&input["zones"]),
                style: VerifyStyle(narrow(&input["style"])),
                holidays: input["holidays"].as_bool().unwrap(),
            })
            .unwrap(),
        ),
        "read_weekly_zone" => request(&ReadWeeklyZone(narrow(&input["number"]))),
        "write_weekly_zone" => {
            let days = input["days"].as_array().unwrap().iter().map(|day| {
                let [a, b, c, d] = list(day);
                Hours { from: (a, b), to: (c, d) }
            });
            let days: Vec<_> = days.collect();
            let zone = WeeklyZone { number: narrow(&input["number"]), days: days.try_into().unwrap() };
            request(&WriteWeeklyZone::new(&zone).unwrap())
        }
        "read_unlock_combination" => request(&ReadUnlockCombination(narrow(&input["number"]))),
        "write_unlock_combination" => request(&WriteUnlockCombination(UnlockCombination {
            number: narrow(&input["number"]),
            groups: list(&input["groups"]),
            people: narrow(&input["people"]),
        })),
        _ => return None,
    })
}

/// A request about short messages.
fn message(input: &Value) -> Option<(u16, String)> {
    let link = || MessageLink { uid: Uid(narrow(&input["uid"])), message: narrow(&input["message"]) };
    Some(match text(&input["operation"]) {
        "read_message" => request(&ReadMessage(narrow(&input["id"]))),
        "write_message" => {
            let kind = MessageKind(narrow(&input["kind"]));
            let (id, minutes) = (narrow(&input["id"]), narrow(&input["minutes"]));
            let start = time(&input["start"]);
            let message = ShortMessage::new(kind, id, start, minutes, text(&input["text"]), TextEncoding::UTF_8);
            request(&WriteMessage::new(&message.unwrap()).unwrap())
        }
        "delete_message" => request(&DeleteMessage(narrow(&input["id"]))),
        "link_message" => request(&LinkMessage(link())),
        "unlink_message" => request(&UnlinkMessage(link())),
        _ => return None,
    })
}

#[test]
fn requests_are_those_of_the_vectors() {
    for vector in load("control") {
        let expect = &vector["expect"];
        let expected = (narrow(&expect["command"]), text(&expect["data_hex"]).to_owned());
        assert_eq!(asked(&vector["input"]), expected, "{}", vector["id"]);
    }
    // These were written after what other clients send.
    let known = load("packets_requests");
    for asked in [
        request(&Unlock::seconds(3, UnlockUnit::Tenths)),
        request(&TestVoice(Voice::BEEP)),
        request(&WriteLcd::new(1, "Hello", TextEncoding::UTF_8).unwrap()),
        request(&GetState),
    ] {
        let same = |vector: &&Value| {
            (narrow(&vector["input"]["command"]), text(&vector["input"]["data_hex"]).to_owned()) == asked
        };
        assert!(known.iter().any(|vector| same(&vector)), "{asked:?}");
    }
}

/// The answer of a vector, its TCP prefix cut off.
fn answer(id: &str) -> Packet {
    let vector = load("packets_replies").into_iter().find(|vector| vector["id"] == id).unwrap();
    let frame = bytes(&vector["input"]["frame_hex"]);
    let packet = if vector["input"]["transport"] == "tcp" { &frame[8..] } else { &frame[..] };
    Packet::parse(bytes::Bytes::copy_from_slice(packet)).unwrap()
}

fn read<O: Operation>(operation: &O, packet: &Packet) -> Result<O::Answer, ProtoError> {
    let (code, field) = (packet.command, packet.session.0);
    operation.decode(&Reply { command: O::COMMAND, code, field, data: &packet.data })
}

#[test]
fn the_state_stands_in_the_session_field() {
    assert_eq!(read(&GetState, &answer("S-packets-replies-003")), Ok(DeviceState::IDENTIFYING));
}

#[test]
fn the_byte_tells_whether_the_door_is_open_not_the_acknowledgement() {
    let open = answer("S-packets-replies-034");
    assert_eq!(read(&GetDoorState, &open), Ok(DoorState::OPEN));
    let silent = Reply { command: Command::DOORSTATE_RRQ, code: Command::ACK_OK, field: 0, data: &[] };
    assert!(matches!(GetDoorState.decode(&silent), Err(ProtoError::Truncated { need: 1, have: 0, .. })));
    assert_eq!(GetDoorState.decode(&Reply { data: &[0], ..silent }), Ok(DoorState::CLOSED));
}

/// How often a request goes out over UDP when no answer comes.
fn sendings<O: Operation>(operation: &O) -> usize {
    let mut session = Session::datagrams(Config::default());
    session.call(Duration::ZERO, operation);
    let mut sent = 0;
    while let Some(next) = session.poll_timeout() {
        sent += std::iter::from_fn(|| session.poll_transmit()).count();
        session.handle_timeout(next);
    }
    sent
}

#[test]
fn what_destroys_or_goes_down_is_sent_once() {
    assert!(sendings(&GetState) > 1);
    assert_eq!([sendings(&ClearAttendanceLog), sendings(&ClearOperationLog), sendings(&ClearTable::Users)], [1; 3]);
    assert_eq!([sendings(&EraseEverything), sendings(&Restart), sendings(&PowerOff)], [1; 3]);
    assert_eq!([sendings(&DeleteMessage(1)), sendings(&Unlock { ticks: 1 })], [1; 2]);
}

#[test]
fn a_text_that_the_code_page_lacks_is_not_sent_to_the_screen() {
    let cp1256 = TextEncoding::named("windows-1256").unwrap();
    assert_eq!(WriteLcd::new(0, "张", cp1256), Err(ProtoError::Invalid { what: "text for the screen" }));
}

#[test]
fn captured_answers_about_access_are_read() {
    let zone = read(&ReadWeeklyZone(48), &answer("S-packets-replies-004")).unwrap();
    let hours = |from, to| Hours { from, to };
    let middle = hours((17, 37), (17, 37));
    let (sunday, saturday) = (hours((17, 12), (17, 13)), hours((17, 35), (17, 36)));
    assert_eq!(zone, WeeklyZone { number: 48, days: [sunday, middle, middle, middle, middle, middle, saturday] });

    let combination = read(&ReadUnlockCombination(7), &answer("S-packets-replies-005")).unwrap();
    assert_eq!(combination, UnlockCombination { number: 7, groups: [1, 2, 0, 0, 0], people: 2 });

    let group = read(&ReadAccessGroup(77), &answer("S-packets-replies-006")).unwrap();
    let style = VerifyStyle::FINGER_AND_CARD_OR_USER_ID;
    assert_eq!(group, AccessGroup { number: 77, zones: [8, 7, 6], style, holidays: true });

    // What a client wrote; a terminal answers with the same record.
    let written = answer("S-packets-replies-009");
    let reply = Reply { command: Command::VERIFY_RRQ, code: Command::ACK_OK, field: 0, data: &written.data };
    let own = UserVerifyStyle::own(VerifyStyle::USER_ID_AND_FINGER_AND_PASSWORD);
    assert_eq!((ReadVerifyStyle(Uid(13)).decode(&reply), own.style()), (Ok(own), Some(VerifyStyle(13))));
    let asked = request(&WriteVerifyStyle { uid: Uid(13), style: own });
    assert_eq!(asked, (written.command.0, hex::encode(&written.data)));
}

#[test]
fn the_flag_of_a_users_zones_means_the_opposite_when_it_is_written() {
    let read = |flag: u8| UserZones::parse(&[flag, 0, 2, 0, 7, 0, 0, 0]).unwrap();
    assert_eq!(read(1), UserZones { own: false, zones: [2, 7, 0] });
    assert_eq!(read(0), UserZones { own: true, zones: [2, 7, 0] });
    let mut written = BytesMut::new();
    read(0).encode(&mut written);
    assert_eq!(written[..8], [1, 0, 0, 0, 2, 0, 0, 0]);
}

#[test]
fn short_answers_are_truncated_and_what_has_no_place_is_not_written() {
    for short in 0..8 {
        let data = &[0; 8][..short];
        assert!(AccessGroup::parse(data).is_err() && UserZones::parse(data).is_err(), "{short}");
        assert!(UnlockCombination::parse(data).is_err() && ShortMessage::parse(data).is_err(), "{short}");
    }
    assert!(WeeklyZone::parse(&[0; 29]).is_err() && WeeklyZone::parse(&[0; 30]).is_ok());
    let zone = |hours| WeeklyZone { number: 1, days: [hours; 7] };
    assert!(WriteWeeklyZone::new(&zone(Hours { from: (8, 0), to: (24, 0) })).is_err());
    assert!(WriteWeeklyZone::new(&zone(Hours { from: (8, 60), to: (9, 0) })).is_err());
    let group = AccessGroup { style: VerifyStyle(128), ..AccessGroup::default() };
    assert!(WriteAccessGroup::new(&group).is_err());
}

#[test]
fn the_operation_logs_of_the_vectors_are_read_and_go_back() {
    for vector in load("operations") {
        let (input, expect) = (&vector["input"], &vector["expect"]);
        let bytes = bytes(&input["dataset_hex"]);
        let count = input["count"].as_u64().map(|count| count.try_into().unwrap());
        let parsed = OperationRecord::parse_log(bytes.clone().into(), count);
        let Ok(entries) = parsed else {
            let error = if matches!(parsed, Err(ProtoError::Invalid { .. })) { "invalid" } else { "truncated" };
            assert_eq!(expect["error"], error, "{}", vector["id"]);
            continue;
        };
        let found: Vec<_> = entries
            .iter()
            .map(|entry| {
                json!({
                    "admin": entry.admin, "operation": entry.operation.0, "unknown": entry.unknown,
                    "raw_time": entry.time.0, "time": entry.time.to_string().replace(' ', "T"),
                    "parameters": entry.parameters, "tail_hex": hex::encode(&entry.tail),
                })
            })
            .collect();
        assert_eq!(json!(found), expect["operations"], "{}", vector["id"]);
        let mut back = BytesMut::new();
        entries.iter().for_each(|entry| entry.encode(&mut back));
        assert_eq!(back, bytes[4..], "{}", vector["id"]);
    }
}

#[test]
fn the_messages_of_the_vectors_are_read_and_go_back() {
    for vector in load("messages") {
        let (input, expect) = (&vector["input"], &vector["expect"]);
        let table = bytes(&input["dataset_hex"]);
        let mut back = BytesMut::new();
        let parsed = if input["encoding"].is_null() {
            MessageLink::parse_table(&table).map(|links| {
                links.iter().for_each(|link| link.encode(&mut back));
                json!({ "links": links.iter().map(|link| json!([link.uid.0, link.message])).collect::<Vec<_>>() })
            })
        } else {
            let encoding = TextEncoding::named(text(&input["encoding"])).unwrap();
            let told = |message: &ShortMessage| {
                json!({
                    "kind": message.kind.0, "id": message.id, "minutes": message.minutes, "reserved": message.reserved,
                    "raw_time": message.start.0, "text": message.text(encoding),
                })
            };
            ShortMessage::parse_table(&table).map(|messages| {
                messages.iter().for_each(|message| message.encode(&mut back).unwrap());
                json!({ "messages": messages.iter().map(told).collect::<Vec<_>>() })
            })
        };
        match parsed {
            Ok(found) => {
                assert_eq!(found, *expect, "{}", vector["id"]);
                let unused = vector["note"].is_string();
                assert!(unused || back == table[4..], "{}", vector["id"]);
            }
            Err(ProtoError::Invalid { .. }) => assert_eq!(expect["error"], "invalid", "{}", vector["id"]),
            Err(_) => assert_eq!(expect["error"], "truncated", "{}", vector["id"]),
        }
    }
}

#[test]
fn a_text_that_does_not_fit_a_message_is_refused() {
    let new = |text: &str| ShortMessage::new(MessageKind::PUBLIC, 1, DeviceTime::RESET, 0, text, TextEncoding::UTF_8);
    assert_eq!(new(&"x".repeat(60)).unwrap().text.len(), 60);
    assert!(new(&"x".repeat(61)).is_err() && new("a\0b").is_err());
}
