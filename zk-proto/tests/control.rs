//! Requests that control a terminal, and what it answers, against the golden vectors.

mod vectors;

use bytes::BytesMut;
use serde_json::Value;
use vectors::{bytes, load, number};
use zk_proto::encoding::TextEncoding;
use zk_proto::op::{
    ClearAttendanceLog, ClearLcd, ClearOperationLog, ClearTable, DeviceState, DoorState, EnableClock, EraseEverything,
    GetDoorState, GetState, PowerOff, RefreshOptions, Restart, Resume, Sleep, TestVoice, Unlock, UnlockUnit, Voice,
    WriteLcd,
};
use zk_proto::reply::Reply;
use zk_proto::{Command, Operation, Packet, ProtoError};

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
        other => panic!("no such operation: {other}"),
    }
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
    let (code, field) = (packet.command, packet.session);
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

#[test]
fn nothing_that_destroys_is_ever_sent_twice() {
    assert!(!ClearAttendanceLog::REPEATABLE && !ClearOperationLog::REPEATABLE && !ClearTable::REPEATABLE);
    assert!(!EraseEverything::REPEATABLE && !Restart::REPEATABLE && !PowerOff::REPEATABLE);
}

#[test]
fn a_text_that_the_code_page_lacks_is_not_sent_to_the_screen() {
    let cp1256 = TextEncoding::named("windows-1256").unwrap();
    assert_eq!(WriteLcd::new(0, "张", cp1256), Err(ProtoError::Invalid { what: "text for the screen" }));
}
