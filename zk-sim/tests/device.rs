//! A sound terminal, command by command.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use common::{Client, LOG, USERS, u32_at};
use zk_proto::record::{FreeSizes, TemplateSet, User, UserLayout};
use zk_proto::{Command, DeviceTime, Packet, ReplyId, SessionId, Uid, UserId};
use zk_sim::{Profile, Punch, Terminal, TerminalBuilder, Transport};

const TEMPLATES: &[u8] = &[1, 7, 0, 2, 0, 0, 0, 0, 0, 0, 0];

fn terminal(profile: &str) -> TerminalBuilder {
    Terminal::builder().profile(Profile::named(profile).unwrap()).records(100).users(10).seed(1)
}

fn connected(profile: &str) -> Client {
    Client::connected(terminal(profile).build(), Transport::Tcp)
}

fn record(layout: UserLayout, uid: u16, user_id: &str) -> BytesMut {
    let mut out = BytesMut::new();
    let user =
        User { uid: Uid(uid), name: Bytes::from_static(b"Neu"), user_id: UserId(user_id.into()), ..User::default() };
    user.encode(layout, &mut out).unwrap();
    out
}

fn punch(user_id: &str) -> Punch {
    Punch::new(1, user_id, DeviceTime::new(2026, 3, 4, 5, 6, 7).unwrap(), 0, 1)
}

#[test]
fn options_are_read_written_and_missing_as_the_family_says() {
    let mut client = Client::connected(terminal("tft40").serial("OSIM42").build(), Transport::Tcp);
    let mut read = |name: &[u8]| client.ask(Command::OPTIONS_RRQ, name).packets[0].clone();
    assert_eq!(&read(b"~SerialNumber\0").data[..], b"~SerialNumber=OSIM42\0");
    assert_eq!(read(b"NoSuchThing\0").command, Command::ACK_ERROR);
    assert_eq!(connected("d2").ask(Command::OPTIONS_RRQ, b"NoSuchThing\0").codes(), [65535]);
    assert_eq!(client.ask(Command::OPTIONS_WRQ, b"LockOn=9").codes(), [2000]);
    assert_eq!(&client.ask(Command::OPTIONS_RRQ, b"LockOn\0").packets[0].data[..], b"LockOn=9\0");
}

#[test]
fn users_are_written_and_deleted_in_the_terminals_own_layout() {
    for (profile, layout, other) in [
        ("tft40", UserLayout::SeventyTwo, UserLayout::TwentyEight),
        ("bw8", UserLayout::TwentyEight, UserLayout::SeventyTwo),
    ] {
        let mut client = connected(profile);
        assert_eq!(client.ask(Command::USER_WRQ, &record(layout, 77, "770")).codes(), [2000]);
        assert_eq!(client.ask(Command::USER_WRQ, &record(other, 78, "780")).codes(), [2001]);
        let set = client.read(USERS);
        let last = User::parse(layout, set.slice(set.len() - layout.width()..)).unwrap();
        assert_eq!((last.uid, last.user_id.0.as_str()), (Uid(77), "770"));
        assert_eq!(client.ask(Command::DELETE_USER, &77u16.to_le_bytes()).codes(), [2000]);
        assert_eq!(client.ask(Command::DELETE_USER, &77u16.to_le_bytes()).codes(), [2001]);
        assert_eq!(client.read(USERS).len(), 4 + 10 * layout.width());
    }
}

#[test]
fn a_fingerprint_is_uploaded_committed_read_and_deleted() {
    let mut client = connected("tft40");
    let template = vec![0x4D; 1214];
    client.ask(Command::PREPARE_DATA, &1214u32.to_le_bytes());
    for chunk in template.chunks(1024) {
        assert_eq!(client.ask(Command::DATA, chunk).codes(), [2000]);
    }
    assert_eq!(client.ask(Command::DATA, &[1]).codes(), [2001], "more than was announced");
    assert_eq!(client.ask(Command::TMP_WRITE, &[3, 0, 6, 1, 0xBE, 0x04]).codes(), [2000]);
    assert_eq!(client.ask(Command::TMP_WRITE, &[3, 0, 6, 1, 0xBE, 0x04]).codes(), [2001], "the slot is taken");
    let set = TemplateSet::parse(client.read(TEMPLATES)).unwrap();
    assert_eq!((set.templates.len(), &set.templates[0].template[..]), (1, &template[..]));
    let padded = client.ask(Command::GET_USERTEMP, &[3, 0, 6]).data();
    assert_eq!(padded[..], [&template[..], &[0]].concat());
    assert_eq!(client.ask(Command::DELETE_USERTEMP, &[3, 0, 6]).codes(), [2000]);
    assert_eq!(client.ask(Command::GET_USERTEMP, &[3, 0, 6]).codes(), [2001]);
}

#[test]
fn users_and_fingerprints_are_committed_together() {
    let mut client = connected("tft40");
    let mut users = BytesMut::from(&[2][..]);
    users.unsplit(record(UserLayout::SeventyTwo, 50, "500"));
    let mut upload = BytesMut::new();
    for length in [users.len(), 8, 5] {
        upload.put_u32_le(length as u32);
    }
    upload.put(users);
    upload.put_slice(&[2, 50, 0, 0x14, 0, 0, 0, 0]);
    upload.put_slice(&[3, 0, 7, 8, 9]);
    client.ask(Command::PREPARE_DATA, &(upload.len() as u32).to_le_bytes());
    client.ask(Command::DATA, &upload);
    assert_eq!(client.ask(Command::SAVE_USERTEMPS, &[12, 0, 0, 0, 0, 0, 8, 0]).codes(), [2000]);
    assert_eq!(client.ask(Command::GET_USERTEMP, &[50, 0, 4]).data()[..], [7, 8, 9, 0], "one byte is padding");
    assert_eq!(
        client.ask(Command::SAVE_USERTEMPS, &[13, 0, 0, 0, 0, 0, 8, 0]).codes(),
        [2001],
        "this flashes firmware"
    );
}

#[test]
fn the_log_is_cleared_when_asked_and_only_then() {
    let mut client = connected("tft40");
    client.ask(Command::FREE_DATA, &[]);
    client.ask(Command::CLEAR_DATA, &[2]);
    assert_eq!(client.count(), 100);
    client.ask(Command::CLEAR_ATTLOG, &[]);
    assert_eq!(client.count(), 0);
    assert_eq!(client.read(LOG)[..], [0; 4]);
}

#[test]
fn free_sizes_have_the_familys_length_and_true_counts() {
    for (profile, length) in [("tft40", 92), ("bw8", 80), ("face49", 112)] {
        let data = connected(profile).ask(Command::GET_FREE_SIZES, &[]).packets[0].data.clone();
        let sizes = FreeSizes::parse(&data).unwrap();
        assert_eq!((data.len(), sizes.users(), sizes.records()), (length, Some(10), Some(100)));
        assert_eq!(sizes.records_left().unwrap() + 100, sizes.record_capacity().unwrap());
    }
}

#[test]
fn a_clock_that_was_set_goes_on_from_there() {
    let now = chrono::NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(9, 0, 0).unwrap();
    let mut client = Client::connected(terminal("tft40").now(now).build(), Transport::Tcp);
    let time = DeviceTime::new(2031, 1, 2, 3, 4, 5).unwrap();
    client.ask(Command::SET_TIME, &time.0.to_le_bytes());
    assert_eq!(u32_at(&client.ask(Command::GET_TIME, &[]).packets[0].data, 0), time.0);
}

#[test]
fn a_client_that_disables_the_terminal_must_enable_it_again() {
    let mut client = connected("tft40");
    client.ask(Command::DISABLEDEVICE, &[]);
    client.device.close(client.link);
    assert!(!client.device.is_enabled());
    client.link = client.device.open(Transport::Tcp).unwrap();
    client.ask(Command::CONNECT, &[]);
    client.ask(Command::ENABLEDEVICE, &[]);
    assert!(client.device.is_enabled());
}

#[test]
fn a_log_is_also_read_directly_in_packets() {
    let mut client = connected("tft40-small-packets");
    let answer = client.ask(Command::ATTLOG_RRQ, &[]);
    assert_eq!(answer.codes(), [1500, 1501, 1501, 1501, 1501, 2000]);
    assert_eq!(answer.packets[5].session.0, 4004);
    assert_eq!(answer.data(), client.read(LOG));
}

#[test]
fn a_terminal_with_a_pace_waits_between_the_packets_of_an_answer() {
    let pace = Duration::from_millis(2);
    let profile = Profile { pace, ..Profile::default() };
    let mut client = Client::connected(terminal("tft40").profile(profile).build(), Transport::Tcp);
    client.ask(Command::DATA_WRRQ, LOG);
    assert_eq!(client.range(0, 4004).paused, pace * 2);
    assert_eq!(client.ask(Command::GET_TIME, &[]).paused, Duration::ZERO);
}

#[test]
fn ranges_outside_of_the_buffer_are_refused() {
    let mut client = connected("tft40");
    assert_eq!(client.range(0, 100).codes(), [2001], "nothing is prepared");
    client.ask(Command::DATA_WRRQ, LOG);
    assert_eq!(client.range(4000, 5).codes(), [2001]);
    assert_eq!(client.range(u32::MAX, u32::MAX).codes(), [2001]);
    assert_eq!(client.range(3999, 5).data().len(), 5);
    client.ask(Command::FREE_DATA, &[]);
    assert_eq!(client.range(0, 100).codes(), [2001]);
}

#[test]
fn a_prepared_buffer_does_not_move_when_somebody_punches() {
    let mut client = connected("tft40");
    client.ask(Command::DATA_WRRQ, LOG);
    client.device.punch(punch("1001"));
    assert_eq!(client.range(0, 4004).data().len(), 4004);
    assert_eq!(client.count(), 101);
}

#[test]
fn a_log_that_grows_is_read_as_if_it_had_always_been_so() {
    let mut client = connected("tft40");
    client.read(LOG);
    for number in 0..3 {
        client.device.punch(punch(&format!("{}", 2000 + number)));
        client.read(LOG);
    }
    let punches = client.device.records().to_vec();
    let whole = Client::connected(terminal("tft40").punches(punches).build(), Transport::Tcp).read(LOG);
    assert_eq!(client.read(LOG), whole);
}

#[test]
fn nobody_is_served_before_the_session_is_open() {
    let mut client = Client::new(terminal("tft40").key(77).build(), Transport::Tcp);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2005]);
    assert_eq!(client.ask(Command::CONNECT, &[]).codes(), [2005]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2005]);
    let token = zk_proto::CommKey::new(77).scramble(SessionId(client.session), 9);
    assert_eq!(client.ask(Command::AUTH, &token).codes(), [2000]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
    assert!(client.ask(Command::EXIT, &[]).closed);
}

#[test]
fn unknown_commands_and_short_packets_do_no_harm() {
    let mut client = connected("tft40");
    assert_eq!(client.ask(Command(321), &[1, 2, 3]).codes(), [65535]);
    assert!(client.send(Bytes::from_static(&[1, 2, 3])).packets.is_empty());
    for code in 0..=2000 {
        if ![Command::EXIT, Command::RESTART, Command::POWEROFF].contains(&Command(code)) {
            client.ask(Command(code), &[]);
        }
    }
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
}

#[test]
fn strict_firmware_ignores_what_is_damaged() {
    let mut packet = BytesMut::new();
    Packet::encode(Command::CONNECT, SessionId(0), ReplyId(0), &[], &mut packet);
    packet[2] ^= 1;
    let damaged = packet.freeze();
    let mut strict = Client::new(terminal("face49").build(), Transport::Tcp);
    assert!(strict.send(damaged.clone()).packets.is_empty());
    let mut lax = Client::new(terminal("tft40").build(), Transport::Tcp);
    assert_eq!(lax.send(damaged).codes(), [2000]);
}

#[test]
fn foreign_session_ids_are_taken_or_refused_by_family() {
    for (profile, code) in [("tft40", 2000), ("single-session", 2005)] {
        let mut client = connected(profile);
        client.session ^= 0x5555;
        assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [code]);
    }
}

#[test]
fn a_datagram_that_comes_again_is_answered_again_and_done_once() {
    let mut client = Client::connected(terminal("tft40").build(), Transport::Udp);
    client.ask(Command::DELETE_USER, &1u16.to_le_bytes());
    client.reply_id -= 1;
    assert_eq!(client.ask(Command::DELETE_USER, &1u16.to_le_bytes()).codes(), [2000]);
    assert_eq!(client.device.stats().repeats, 1);
    client.now = Duration::from_secs(30);
    client.reply_id -= 1;
    assert_eq!(client.ask(Command::DELETE_USER, &1u16.to_le_bytes()).codes(), [2001], "long after it is a new request");
}

#[test]
fn a_silent_udp_client_loses_its_session() {
    let mut client = Client::connected(terminal("tft40").build(), Transport::Udp);
    client.now = Duration::from_secs(61);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2005]);
}

#[test]
fn punches_are_told_to_those_who_registered_until_they_acknowledge() {
    let mut client = connected("tft40");
    client.device.punch(punch("1001"));
    assert!(client.events().packets.is_empty());
    client.ask(Command::REG_EVENT, &1u32.to_le_bytes());
    client.device.punch(punch("1002"));
    let event = client.events().packets.remove(0);
    assert_eq!((event.command, event.session.0, event.reply_id.0, event.data.len()), (Command::REG_EVENT, 1, 0, 36));
    assert_eq!(&event.data[..5], b"1002\0");
    assert!(client.events().packets.is_empty());
    client.now = client.device.poll_timeout(client.link).unwrap();
    assert_eq!(client.events().packets, [event], "nobody acknowledged");
    client.reply_id = 0;
    client.ask(Command::ACK_OK, &[]);
    assert_eq!(client.device.poll_timeout(client.link), None);
}

#[test]
fn events_have_the_length_of_their_family() {
    for profile in Profile::ALL {
        let mut client = Client::connected(terminal(profile.name).build(), Transport::Udp);
        client.ask(Command::REG_EVENT, &0xFFFFu32.to_le_bytes());
        client.device.punch(punch("1003"));
        assert_eq!(client.events().packets[0].data.len(), profile.event_len, "{}", profile.name);
    }
}

#[test]
fn a_full_log_loses_its_oldest_record() {
    let profile = Profile { log_capacity: 100, ..Profile::default() };
    let mut client = Client::connected(terminal("tft40").profile(profile).build(), Transport::Tcp);
    let second = client.device.records()[1].clone();
    client.device.punch(punch("1001"));
    assert_eq!((client.count(), client.device.records()[0].clone()), (100, second));
}

#[test]
fn everybody_takes_a_turn_at_the_sensor() {
    let mut client = connected("bw8");
    let uids: Vec<_> = (0..20)
        .map(|_| {
            let punch = client.device.next_punch().unwrap();
            client.device.punch(punch.clone());
            (punch.uid, punch.state)
        })
        .collect();
    assert_eq!((uids[0].0, uids[9].0, uids[10].0), (1, 10, 1));
    assert_ne!(uids[0].1, uids[10].1);
}

#[test]
fn the_transcript_says_what_was_asked() {
    let mut client = connected("tft40");
    client.ask(Command::GET_TIME, &[]);
    client.ask(Command::OPTIONS_RRQ, b"~OS\0");
    let asked: Vec<_> = client.device.received().iter().map(|received| received.command).collect();
    assert_eq!(asked, [Command::CONNECT, Command::GET_TIME, Command::OPTIONS_RRQ]);
    assert_eq!(client.device.stats().commands[&Command::GET_TIME], 1);
}

#[test]
fn files_stand_for_generated_logs() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let records = |name: &str, content: &str| {
        let terminal = Terminal::builder().data_file(&file(name, content)).map_err(|error| error.to_string());
        terminal.map(|builder| Client::connected(builder.build(), Transport::Tcp).device.records().to_vec())
    };
    let time = DeviceTime::new(2025, 5, 18, 7, 1, 9).unwrap();
    let expected = vec![Punch::new(1, "42", time, 1, 15), Punch::new(2, "A7", time, 0, 1)];
    let lines = "{\"user_id\":\"42\",\"time\":\"2025-05-18 07:01:09\",\"state\":1,\"mode\":15}\n\
                 {\"user_id\":\"A7\",\"time\":\"2025-05-18T07:01:09\"}\n";
    assert_eq!(records("a.jsonl", lines).unwrap(), expected);
    let table = "user_id,time,state,mode\n42,2025-05-18 07:01:09,1,15\nA7,2025-05-18 07:01:09\n";
    assert_eq!(records("a.csv", table).unwrap(), expected);
    // What the sinks for files write.
    let sunk = "{\"event_id\":\"0\",\"device_name\":\"a\",\"user_id\":\"42\",\"local_time\":\"2025-05-18 07:01:09\",\
                \"verify_mode\":15,\"punch_state\":1,\"work_code\":null}\n\
                {\"user_id\":\"A7\",\"local_time\":\"2025-05-18 07:01:09\",\"verify_mode\":1,\"punch_state\":0}\n";
    assert_eq!(records("b.jsonl", sunk).unwrap(), expected);
    let sunk = "event_id,device_name,user_id,local_time,utc_time,verify_mode,punch_state,work_code\n\
                0,\"gate, \"\"north\"\"\",42,2025-05-18 07:01:09,,15,1,\n1,b,A7,2025-05-18 07:01:09,,1,0,0\n";
    assert_eq!(records("b.csv", sunk).unwrap(), expected);
    // The captured record of the vectors, S-attlog-001.
    let hex = "280000000d00393939313131333333000000000000000000000000000000016bb368230000000000ff000000";
    assert_eq!(&*records("a.hex", hex).unwrap()[0].user_id, "999111333");
    let path = file("b.hex", hex);
    let captured = Terminal::builder().data_file(&path).unwrap().build();
    assert_eq!(hex::encode(Client::connected(captured, Transport::Tcp).read(LOG)), hex);

    let error = records("a.csv", "user_id,time\n42,yesterday\n").unwrap_err();
    assert!(error.starts_with("line 2 of ") && error.contains("2025-05-18 07:01:09"), "{error}");
    assert!(records("a.xls", "").unwrap_err().contains(".jsonl, .csv"));
}
