//! Each fault, seen from the client's side.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Client, LOG, USERS, u32_at};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder, FingerTemplate, Who};
use zk_proto::{Command, DeviceTime, SessionId, Uid};
use zk_sim::{Fault, FaultKind, Profile, Punch, Terminal, TerminalBuilder, Transport};

fn terminal(profile: &str, records: usize) -> TerminalBuilder {
    let now = chrono::NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(9, 0, 0).unwrap();
    Terminal::builder().profile(Profile::named(profile).unwrap()).records(records).seed(5).now(now)
}

fn with(profile: &str, records: usize, faults: &[&str]) -> Client {
    let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap());
    let builder = faults.fold(terminal(profile, records), TerminalBuilder::fault);
    Client::connected(builder.build(), Transport::Tcp)
}

fn udp(fault: &str) -> Client {
    Client::connected(terminal("tft40", 200).fault(Fault::parse(fault).unwrap()).build(), Transport::Udp)
}

/// The records that a client reads from a data set, as the terminal's own.
fn decoded(layout: AttendanceLayout, set: &Bytes) -> Vec<(String, u32, u8, u8)> {
    let records = set.slice(4..);
    (0..records.len() / layout.width())
        .map(|place| records.slice(place * layout.width()..(place + 1) * layout.width()))
        .map(|raw| AttendanceRecord::decode(layout, FieldOrder::StateFirst, raw).unwrap())
        .map(|record| {
            let who = match record.who {
                Who::UserId(user_id) => user_id.0,
                Who::Uid(uid) => uid.0.to_string(),
            };
            (who, record.time.0, record.punch_state.0, record.verify_mode.0)
        })
        .collect()
}

fn shown(layout: AttendanceLayout, punches: &[Punch]) -> Vec<(String, u32, u8, u8)> {
    let who = |punch: &Punch| match layout {
        AttendanceLayout::Sixteen if punch.user_id.is_empty() => "0".to_owned(),
        _ if layout.needs_users() => punch.uid.to_string(),
        _ => punch.user_id.to_string(),
    };
    punches.iter().map(|punch| (who(punch), punch.time.0, punch.state, punch.mode)).collect()
}

#[test]
fn a_sound_terminal_shows_its_truth_in_every_family() {
    for profile in Profile::ALL {
        let transport = if profile.tcp { Transport::Tcp } else { Transport::Udp };
        let mut client = Client::connected(terminal(profile.name, 700).build(), transport);
        let set = client.read(LOG);
        assert_eq!(set.len(), 4 + 700 * profile.log.width(), "{}", profile.name);
        assert_eq!(decoded(profile.log, &set), shown(profile.log, client.device.records()), "{}", profile.name);
        assert_eq!(client.read(USERS).len(), 4 + 20 * profile.users.width(), "{}", profile.name);
        assert_eq!(client.count(), 700);
    }
}

#[test]
fn heads_are_cut_at_every_byte_of_every_width() {
    for profile in ["bw8", "bw8a", "tft16", "tft40", "face49"] {
        let width = Profile::named(profile).unwrap().log.width();
        let whole = with(profile, 50, &[]).read(LOG);
        for count in 1..width {
            let short = with(profile, 50, &[&format!("cut-head={count}")]).read(LOG);
            assert_eq!(short[..4], whole[..4]);
            assert_eq!(short[4..], whole[4 + count..]);

            let sized = with(profile, 50, &[&format!("cut-head-sized={count}")]).read(LOG);
            assert_eq!(u32_at(&sized, 0) as usize, 50 * width - count);
            assert_eq!(sized[4..], whole[4 + count..]);

            let filled = with(profile, 50, &[&format!("cut-head-filled={count}")]).read(LOG);
            assert_eq!((filled.len(), &filled[..4]), (whole.len(), &whole[..4]));
            assert_eq!(filled[4..whole.len() - count], whole[4 + count..]);
            assert!(filled[whole.len() - count..].iter().all(|byte| *byte == 0));
        }
    }
}

#[test]
fn the_sizes_of_a_cut_log_are_announced_as_its_kind_says() {
    let announced = |fault: &str| {
        let mut client = with("tft40", 50, &[fault]);
        u32_at(&client.ask(Command::DATA_WRRQ, LOG).packets[0].data, 1)
    };
    assert_eq!(announced("cut-head=12"), 2004);
    assert_eq!(announced("cut-head-filled=12"), 2004);
    assert_eq!(announced("cut-head-sized=12"), 1992);
}

#[test]
fn a_limited_cut_leaves_the_next_transfer_whole() {
    let mut client = with("tft40", 50, &["cut-head=12x1"]);
    let whole = with("tft40", 50, &[]).read(LOG);
    assert_eq!(client.read(USERS).len(), 4 + 20 * 72);
    assert_eq!(client.read(LOG).len(), whole.len() - 12);
    assert_eq!(client.read(LOG), whole);
}

#[test]
fn records_are_shown_as_they_are_sent_whatever_changes_them() {
    let kinds = [
        "impossible-dates=30",
        "reset-dates=30",
        "future-dates=30",
        "empty-user-ids=50",
        "garbled-user-ids=30",
        "duplicate-records=20",
    ];
    for profile in ["bw8", "bw8a", "tft16", "tft40", "face49"] {
        let layout = Profile::named(profile).unwrap().log;
        let sound = with(profile, 200, &[]).device.records().to_vec();
        for kind in kinds {
            let mut client = with(profile, 200, &[kind]);
            let set = client.read(LOG);
            assert_eq!(decoded(layout, &set), shown(layout, client.device.records()), "{profile} {kind}");
            assert_ne!(client.device.records(), sound, "{profile} {kind}");
            assert_eq!(client.count() as usize, client.device.records().len());
        }
    }
}

#[test]
fn record_faults_are_what_their_names_say() {
    let punches = |fault: &str| with("tft40", 400, &[fault]).device.records().to_vec();
    let share = |punches: &[Punch], hit: fn(&Punch) -> bool| punches.iter().filter(|punch| hit(punch)).count();
    assert!((150..250).contains(&share(&punches("empty-user-ids=50"), |punch| punch.user_id.is_empty())));
    assert_eq!(share(&punches("impossible-dates=100"), |punch| (punch.time.month(), punch.time.day()) == (2, 30)), 400);
    assert_eq!(share(&punches("impossible-dates=100x3"), |punch| !punch.time.exists()), 3);
    assert_eq!(share(&punches("reset-dates=100"), |punch| punch.time == DeviceTime::RESET), 400);
    assert_eq!(share(&punches("garbled-user-ids=100"), |punch| punch.user_id.contains('\u{1b}')), 400);
    assert_eq!(punches("duplicate-records=100").len(), 800);
}

#[test]
fn record_faults_end_when_they_are_cleared_and_hit_what_is_added_meanwhile() {
    let mut client = with("tft40", 10, &["empty-user-ids=100"]);
    client.device.punch(Punch::new(1, "1001", DeviceTime(900_000_000), 0, 1));
    assert!(client.device.records().iter().all(|punch| punch.user_id.is_empty()));
    client.device.set_faults(&[]);
    assert_eq!(client.device.records().len(), 11);
    assert!(client.device.records().iter().all(|punch| !punch.user_id.is_empty()));
}

#[test]
fn counts_are_off_by_what_is_told() {
    assert_eq!(with("tft40", 10, &["count-larger=3"]).count(), 13);
    assert_eq!(with("tft40", 10, &["count-smaller=3"]).count(), 7);
    assert_eq!(with("tft40", 10, &["count-zero"]).count(), 0);
}

#[test]
fn garbage_and_wrong_words_surround_sound_records() {
    let whole = with("tft40", 50, &[]).read(LOG);
    let counted = with("tft40", 50, &["counted-garbage=13"]).read(LOG);
    assert_eq!((u32_at(&counted, 0), counted.len()), (50 * 40 + 13, 4 + 50 * 40 + 13));
    let garbage = with("tft40", 50, &["trailing-garbage=24"]).read(LOG);
    assert_eq!((garbage.len(), &garbage[..whole.len()]), (whole.len() + 24, &whole[..]));
    let zero = with("tft40", 50, &["zero-length-word"]).read(LOG);
    assert_eq!((u32_at(&zero, 0), &zero[4..]), (0, &whole[4..]));
    let mut absurd = with("tft40", 50, &["absurd-length=4000000000"]);
    assert_eq!(u32_at(&absurd.ask(Command::DATA_WRRQ, LOG).packets[0].data, 1), 4_000_000_000);
    assert_eq!(absurd.range(0, 65_472).data()[4..], whole[4..]);
}

#[test]
fn packets_are_damaged_as_often_as_told() {
    let mut client = with("tft40", 0, &["bad-checksum=2"]);
    let intact: Vec<_> = (0..4).map(|_| client.ask(Command::GET_TIME, &[]).packets[0].intact).collect();
    // The answer to CONNECT was the first packet.
    assert_eq!(intact, [false, true, false, true]);

    let mut client = with("tft40", 0, &["wrong-reply-id=1x1@1"]);
    assert_ne!(client.ask(Command::GET_TIME, &[]).packets[0].reply_id.0, 1);
    assert_eq!(client.ask(Command::GET_TIME, &[]).packets[0].reply_id.0, 2);
}

#[test]
fn a_stale_packet_comes_first_and_bears_another_reply_id() {
    let answer = with("tft40", 0, &["stale-packet"]).ask(Command::GET_TIME, &[]);
    assert_eq!(answer.codes(), [Command::DATA.0, Command::ACK_OK.0]);
    assert_ne!(answer.packets[0].reply_id.0, answer.packets[1].reply_id.0);
}

#[test]
fn a_connection_ends_or_falls_silent_at_the_very_byte() {
    let sent = |fault: &str| {
        let mut client = Client::new(terminal("tft40", 50).fault(Fault::parse(fault).unwrap()).build(), Transport::Tcp);
        let connect = client.ask(Command::CONNECT, &[]);
        let log = client.ask(Command::DATA_WRRQ, LOG);
        let data = client.range(0, 2004);
        let bytes: usize = [&connect, &log, &data].iter().flat_map(|answer| &answer.writes).sum();
        (bytes, connect.closed || log.closed || data.closed)
    };
    for limit in [0, 5, 16, 17, 60, 1000] {
        assert_eq!(sent(&format!("drop-after={limit}")), (limit, true));
        assert_eq!(sent(&format!("stall={limit}")), (limit, false));
    }
}

#[test]
fn writes_are_split_and_joined() {
    let split = with("tft40", 50, &["split-writes=3"]).ask(Command::GET_TIME, &[]);
    assert_eq!(split.writes, [3, 3, 3, 3, 3, 3, 2]);
    let mut joined = with("tft40", 50, &["coalesced-writes"]);
    joined.ask(Command::DATA_WRRQ, LOG);
    let answer = joined.range(0, 2004);
    assert_eq!((answer.writes.len(), answer.packets.len()), (1, 3));
}

#[test]
fn answers_wait_as_long_as_told() {
    assert_eq!(with("tft40", 0, &["latency=40ms"]).ask(Command::GET_TIME, &[]).paused, Duration::from_millis(40));
}

#[test]
fn a_frame_may_claim_anything() {
    let mut client = with("tft40", 0, &["absurd-frame=4000000000x1@1"]);
    assert!(client.ask(Command::GET_TIME, &[]).packets.is_empty());
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
}

#[test]
fn a_key_is_demanded_again_in_the_middle_of_a_session() {
    let mut client = with("tft40", 0, &["key-mid-session=2"]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2005]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2005]);
    let token = zk_proto::CommKey::new(0).scramble(SessionId(client.session), 50);
    assert_eq!(client.ask(Command::AUTH, &token).codes(), [2000]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
}

#[test]
fn sessions_end_badly_or_never_begin() {
    let exit = with("tft40", 0, &["exit-unanswered"]).ask(Command::EXIT, &[]);
    assert!(exit.packets.is_empty() && !exit.closed);
    let silent = Fault::new(FaultKind::SilentConnect);
    let mut client = Client::new(terminal("tft40", 0).fault(silent).build(), Transport::Tcp);
    assert!(client.ask(Command::CONNECT, &[]).packets.is_empty());
    let secure = Fault::new(FaultKind::Secure);
    let mut client = Client::new(terminal("tft40", 0).fault(secure).build(), Transport::Tcp);
    assert_eq!(client.ask(Command::CONNECT, &[]).codes(), [6001]);
    let mut stalled = with("tft40", 0, &["stall-packets=2"]);
    assert_eq!(stalled.ask(Command::GET_TIME, &[]).codes(), [2000]);
    assert!(stalled.ask(Command::GET_TIME, &[]).packets.is_empty());
}

#[test]
fn a_second_connection_is_refused_until_the_first_ends() {
    let mut client = with("tft40", 0, &["refuse-second"]);
    assert!(client.device.open(Transport::Tcp).is_none());
    client.device.close(client.link);
    assert!(client.device.open(Transport::Tcp).is_some());
    let mut single = with("single-session", 0, &[]);
    assert!(single.device.open(Transport::Tcp).is_none());
}

#[test]
fn transfers_take_every_form_of_the_field() {
    let whole = with("tft40", 50, &[]).read(LOG);
    let ranged = |fault: &str| {
        let mut client = with("tft40", 50, &[fault]);
        client.ask(Command::DATA_WRRQ, LOG);
        client.range(0, whole.len() as u32)
    };
    assert_eq!(ranged("latency=0ms").codes(), [1500, 1501, 2000]);
    assert_eq!(ranged("ack-before-data").codes(), [2000, 1500, 1501, 2000]);
    assert_eq!(ranged("bare-data").codes(), [1501]);
    assert_eq!(ranged("no-final-ack").codes(), [1500, 1501]);
    assert_eq!(ranged("event-mid-transfer").codes(), [1500, 1501, 500, 2000]);
    assert_eq!(ranged("not-ready").codes(), [2000]);
    assert_eq!(ranged("long-chunks=3").data(), [&whole[..], &[0xEE; 3]].concat());
    for fault in ["latency=0ms", "bare-data", "no-final-ack", "event-mid-transfer", "not-ready@1"] {
        assert_eq!(ranged(fault).data(), whole, "{fault}");
    }
    let mut streaming = with("tft40", 50, &["prepare-to-1503"]);
    let answer = streaming.ask(Command::DATA_WRRQ, LOG);
    assert_eq!((answer.codes(), answer.data()), (vec![1500, 1501, 2000], whole.clone()));
    assert_eq!(with("tft40", 50, &["inline"]).ask(Command::DATA_WRRQ, LOG).data(), whole);
}

#[test]
fn refusals_have_the_codes_that_firmware_gives() {
    let first = |faults: &[&str]| with("tft40", 50, faults).ask(Command::DATA_WRRQ, LOG).codes();
    assert_eq!(first(&["refuse-buffered"]), [65535]);
    assert_eq!(first(&["no-data"]), [4989]);
    assert_eq!(first(&["no-data=2001"]), [2001]);
    let mut client = with("tft40", 50, &["refuse-offsets"]);
    client.ask(Command::DATA_WRRQ, LOG);
    assert_eq!(client.range(0, 100).data().len(), 100);
    assert_eq!(client.range(100, 100).codes(), [2001]);
}

#[test]
fn the_clock_is_off_by_what_is_told() {
    let time = |faults: &[&str]| u32_at(&with("tft40", 0, faults).ask(Command::GET_TIME, &[]).packets[0].data, 0);
    assert_eq!(time(&["clock-off=-2h"]), time(&[]) - 7200);
    assert_eq!(time(&["clock-off=90s"]), time(&[]) + 90);
}

#[test]
fn datagrams_are_lost_doubled_and_overtaken() {
    let indexes = |fault: &str| {
        let mut client = udp(fault);
        client.ask(Command::DATA_WRRQ, LOG);
        client.range(0, 8004).packets.iter().map(|packet| packet.session.0).collect::<Vec<_>>()
    };
    let sound = indexes("latency=0ms");
    assert_eq!(sound.len(), 10);
    assert!(indexes("udp-loss=30").len() < 10);
    assert!(indexes("udp-duplicate=50").len() > 10);
    let overtaken = indexes("udp-reorder=50");
    assert!(!sound.starts_with(&overtaken), "{overtaken:?}");
    assert_eq!(indexes("udp-loss=30"), indexes("udp-loss=30"), "the same seed loses the same datagrams");
}

#[test]
fn a_share_of_the_datagrams_may_be_below_one_percent() {
    let lost = |fault: &str| {
        let mut client = udp(fault);
        (0..20_000).filter(|_| client.ask(Command::GET_TIME, &[]).packets.is_empty()).count()
    };
    // Each answer is two datagrams, one either way.
    let (half, fifth) = (lost("udp-loss=0.5"), lost("udp-loss=0.2"));
    assert!((150..250).contains(&half), "{half}");
    assert!((50..110).contains(&fifth), "{fifth}");
}

#[test]
fn the_seed_decides_which_datagrams_are_struck() {
    let lost = |seed: u64| {
        let terminal = terminal("tft40", 5).seed(seed).fault(Fault::parse("udp-loss=20").unwrap());
        let mut client = Client::connected(terminal.build(), Transport::Udp);
        (0..40).map(|_| client.ask(Command::GET_TIME, &[]).packets.len()).collect::<Vec<_>>()
    };
    assert_eq!(lost(1), lost(1));
    assert_ne!(lost(1), lost(2));
}

#[test]
fn the_last_datagram_of_an_answer_may_come_with_the_next_one() {
    let mut client = udp("udp-reorder=100x1@1");
    assert!(client.ask(Command::GET_TIME, &[]).packets.is_empty());
    let ids: Vec<_> = client.ask(Command::GET_TIME, &[]).packets.iter().map(|packet| packet.reply_id.0).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[1], ids[0] - 1);
}

#[test]
fn datagrams_may_be_smaller_than_announced_and_the_asked_length_ignored() {
    let mut client = udp("udp-part=300");
    client.ask(Command::DATA_WRRQ, LOG);
    let answer = client.range(0, 700);
    let lengths: Vec<_> = answer.packets.iter().map(|packet| packet.data.len()).collect();
    assert_eq!((u32_at(&answer.packets[0].data, 4), &lengths[1..]), (1024, &[300, 300, 100, 0][..]));

    let mut client = with("tft40", 200, &["ignore-length"]);
    client.ask(Command::DATA_WRRQ, LOG);
    assert_eq!(client.range(4, 100).data().len(), 8000);
}

/// The table of fingerprints, as 1503 asks for it.
const TEMPLATES: &[u8] = &[1, 7, 0, 2, 0, 0, 0, 0, 0, 0, 0];

/// A 72-byte record for a slot and an id that no generated user has.
fn new_user() -> [u8; 72] {
    let mut record = [0; 72];
    record[0] = 77;
    record[48] = b'7';
    record
}

#[test]
fn a_user_record_is_acknowledged_and_ignored() {
    for (faults, more) in [(&[][..], 1), (&["ignored-writes"], 0), (&["ignored-writes@1"], 1)] {
        let mut client = with("tft40", 50, faults);
        let before = client.read(USERS).len();
        assert_eq!(client.ask(Command::USER_WRQ, &new_user()).codes(), [2000]);
        assert_eq!(client.read(USERS).len(), before + more * 72, "{faults:?}");
    }
}

#[test]
fn single_user_records_are_refused_and_uploaded_ones_taken() {
    let mut client = with("tft40", 50, &["refuse-user-writes"]);
    assert_eq!(client.ask(Command::USER_WRQ, &new_user()).codes(), [2001]);
    let upload = [&73u32.to_le_bytes()[..], &[0; 8], &[2], &new_user()].concat();
    client.ask(Command::PREPARE_DATA, &(upload.len() as u32).to_le_bytes());
    client.ask(Command::DATA, &upload);
    assert_eq!(client.ask(Command::SAVE_USERTEMPS, &[12, 0, 0, 0, 0, 0, 8, 0]).codes(), [2000]);
    assert_eq!(client.device.terminal().user(77).unwrap().user_id.as_str(), "7");
}

#[test]
fn the_table_of_fingerprints_loses_its_head() {
    let table = |faults: &[&str]| {
        let finger = FingerTemplate { uid: Uid(1), finger: 6, flag: 1, template: vec![7; 30].into() };
        let builder = faults.iter().fold(terminal("tft40", 0), |builder, fault| builder.fault(fault.parse().unwrap()));
        Client::connected(builder.finger(finger).build(), Transport::Tcp).read(TEMPLATES)
    };
    let (sound, cut) = (table(&[]), table(&["cut-templates=7"]));
    assert_eq!(cut[..4], sound[..4]);
    assert_eq!(cut[4..], [&sound[11..], &[0; 7]].concat());
}

#[test]
fn deleted_users_stand_in_the_table_as_zeros() {
    let sound = with("tft40", 50, &[]).read(USERS);
    let users = with("tft40", 50, &["zeroed-users=2"]).read(USERS);
    assert_eq!(u32_at(&users, 0) as usize, sound.len() - 4 + 2 * 72);
    let zeroed = users[4..].chunks(72).filter(|row| row.iter().all(|byte| *byte == 0)).count();
    assert_eq!(zeroed, 2);
}

/// The first finger of the first generated user, by text.
fn enrolment() -> [u8; 26] {
    let mut request = [0; 26];
    request[..4].copy_from_slice(b"1001");
    request[25] = 1;
    request
}

/// A run through all that faults can touch, without and with a comm key: what came back, as text to compare.
fn everything(fault: Option<Fault>, transport: Transport) -> String {
    everything_with(0, fault, transport) + &everything_with(99, fault, transport)
}

fn everything_with(key: u32, fault: Option<Fault>, transport: Transport) -> String {
    let template = vec![7; 300].into();
    let finger = FingerTemplate { uid: Uid(1), finger: 6, flag: 1, template };
    let builder = terminal("tft40", 300).key(key).finger(finger);
    let builder = fault.map_or(builder.clone(), |fault| builder.fault(fault));
    let mut client = Client::new(builder.build(), transport);
    let mut seen = format!("{:?}", client.ask(Command::CONNECT, &[]));
    let second = client.device.open(Transport::Tcp);
    seen += &format!("{}", second.is_some());
    for key in [1, key] {
        let token = zk_proto::CommKey::new(key).scramble(SessionId(client.session), 50);
        seen += &format!("{:?}", client.ask(Command::AUTH, &token));
    }
    for (command, data) in [
        (Command::GET_FREE_SIZES, &[][..]),
        (Command::GET_TIME, &[]),
        (Command::GET_PINWIDTH, &[]),
        (Command::OPTIONS_RRQ, b"~ExtendFmt\0"),
        (Command::USER_WRQ, &new_user()),
        (Command::DATA_WRRQ, TEMPLATES),
        (Command::STARTENROLL, &enrolment()),
        (Command::DATA_WRRQ, USERS),
        (Command::DATA_RDY, &[0, 0, 0, 0, 100, 0, 0, 0]),
        (Command::FREE_DATA, &[]),
        (Command::DATA_WRRQ, LOG),
        (Command::DATA_RDY, &[0, 0, 0, 0, 0, 16, 0, 0]),
        (Command::DATA_RDY, &[0, 16, 0, 0, 0, 16, 0, 0]),
        (Command::DATA_RDY, &[0, 32, 0, 0, 228, 14, 0, 0]),
        (Command::ATTLOG_RRQ, &[]),
        (Command::REG_EVENT, &[1, 0, 0, 0]),
    ] {
        seen += &format!("{:?}", client.ask(command, data));
        seen += &format!("{:?}", client.device.poll_events(client.link, client.now));
    }
    for _ in 0..2 {
        let punch = client.device.next_punch().unwrap();
        client.device.punch(punch);
        seen += &format!("{:?}", client.events());
        client.now += Duration::from_secs(3);
    }
    seen + &format!("{:?}", client.ask(Command::EXIT, &[]))
}

#[test]
fn every_fault_is_felt() {
    let sound = [Transport::Tcp, Transport::Udp].map(|transport| everything(None, transport));
    for kind in FaultKind::ALL {
        let faulty = [Transport::Tcp, Transport::Udp].map(|transport| everything(Some(Fault::new(*kind)), transport));
        assert_ne!(faulty, sound, "{}", kind.name());
    }
}

#[test]
fn a_checksum_that_is_one_too_small_is_that_and_nothing_else() {
    let mut client = with("tft40", 5, &["small-checksum=2"]);
    let answers: Vec<_> = (0..4).map(|_| client.ask(Command::GET_TIME, &[]).packets[0].clone()).collect();
    let seen: Vec<_> = answers.iter().map(|packet| (packet.intact, packet.is_one_short())).collect();
    assert_eq!(seen, [(false, true), (true, false), (false, true), (true, false)]);
}

#[test]
fn an_open_session_is_refused_everything_but_its_end() {
    for (fault, code) in [("refuse-all", 65533), ("refuse-all=2001", 2001), ("busy", 2003)] {
        let mut client = with("tft40", 5, &[fault]);
        for command in [Command::GET_TIME, Command::GET_FREE_SIZES, Command::ATTLOG_RRQ] {
            assert_eq!(client.ask(command, &[]).codes(), [code], "{fault}");
        }
        assert_eq!(client.ask(Command::EXIT, &[]).codes(), [2000], "{fault}");
    }
    let mut client = with("tft40", 5, &["busyx1"]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2003]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
}

#[test]
fn the_log_may_stay_unanswered_wait_or_be_refused_behind_the_users() {
    let mut client = with("tft40", 50, &["ignore-bufferedx1"]);
    assert!(client.ask(Command::DATA_WRRQ, LOG).packets.is_empty());
    assert_eq!(client.ask(Command::DATA_WRRQ, USERS).codes(), [2000]);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [2000]);

    let slow = with("tft40", 50, &["slow-reads=3s"]).ask(Command::DATA_WRRQ, LOG);
    assert_eq!((slow.paused, slow.codes()), (Duration::from_secs(3), vec![2000]));
    assert_eq!(with("tft40", 50, &["slow-reads=3s"]).ask(Command::GET_TIME, &[]).paused, Duration::ZERO);

    let mut client = with("tft40", 50, &["log-after-users"]);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [2000]);
    client.read(USERS);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [2000], "the buffer was not freed yet");
    client.read(USERS);
    client.ask(Command::FREE_DATA, &[]);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [2001]);
    client.ask(Command::EXIT, &[]);
    client.link = client.device.open(Transport::Tcp).unwrap();
    client.ask(Command::CONNECT, &[]);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [2000], "a fresh session reads it");
}

#[test]
fn a_direct_read_may_bring_noise_of_the_right_length() {
    let whole = with("tft40", 50, &[]).ask(Command::ATTLOG_RRQ, &[]).data();
    let answer = with("tft40", 50, &["garbage-direct"]).ask(Command::ATTLOG_RRQ, &[]);
    assert!(answer.packets.iter().all(|packet| packet.intact));
    let noise = answer.data();
    assert_eq!((noise.len(), &noise[..4]), (whole.len(), &whole[..4]));
    assert_ne!(noise, whole);
    assert_eq!(with("tft40", 50, &["garbage-direct"]).read(LOG), whole, "the buffered read is sound");
}

#[test]
fn a_length_word_may_say_more_than_there_is() {
    let whole = with("tft40", 50, &[]).read(LOG);
    let long = with("tft40", 50, &["long-length-word=48"]).read(LOG);
    assert_eq!((u32_at(&long, 0), &long[4..]), (2048, &whole[4..]));
}

#[test]
fn options_are_refused_empty_or_untrue() {
    let option = |name: &[u8], faults: &[&str]| {
        let answer = with("tft16", 0, faults).ask(Command::OPTIONS_RRQ, name).packets[0].clone();
        (answer.command.0, answer.data.to_vec())
    };
    assert_eq!(option(b"MAC\0", &["option-code"]), (4999, vec![]));
    assert_eq!(option(b"MAC\0", &["empty-options"]), (2000, vec![]));
    assert_eq!(option(b"~ExtendFmt\0", &[]), (2000, b"~ExtendFmt=1\0".to_vec()));
    assert_eq!(option(b"~ExtendFmt\0", &["wrong-formats"]), (2000, b"~ExtendFmt=0\0".to_vec()));
    assert_eq!(option(b"~UserExtFmt\0", &["wrong-formats"]), (2000, b"~UserExtFmt=0\0".to_vec()));
    assert_eq!(option(b"MAC\0", &["wrong-formats"]), option(b"MAC\0", &[]));
    let width = with("tft40", 0, &["empty-pin-width"]).ask(Command::GET_PINWIDTH, &[]).packets[0].data.clone();
    assert!(width.is_empty());
}

#[test]
fn free_sizes_may_have_any_length_and_less_than_nothing_left() {
    let sizes = |faults: &[&str]| with("tft40", 5, faults).ask(Command::GET_FREE_SIZES, &[]).packets[0].data.clone();
    let sound = sizes(&[]);
    for length in [0, 3, 16, 79, 92] {
        assert_eq!(sizes(&[&format!("sizes-length={length}")]), sound[..length]);
    }
    assert!(sizes(&["sizes-length=4000000000"]).len() <= 1024);
    let negative = sizes(&["negative-sizes"]);
    assert!((17..20).all(|place| u32_at(&negative, 4 * place) as i32 <= -1));
    assert_eq!(negative[..68], sound[..68]);
}

#[test]
fn a_handshake_takes_turns() {
    let client = |key: u32, fault: &str| {
        let terminal = terminal("tft40", 0).key(key).fault(Fault::parse(fault).unwrap()).build();
        Client::new(terminal, Transport::Tcp)
    };
    let token = |client: &Client, key| zk_proto::CommKey::new(key).scramble(SessionId(client.session), 50);

    let mut demands = client(0, "demand-key");
    assert_eq!(demands.ask(Command::CONNECT, &[]).codes(), [2005]);
    let zero = token(&demands, 0);
    assert_eq!(demands.ask(Command::AUTH, &zero).codes(), [2000]);
    assert_eq!(demands.ask(Command::GET_TIME, &[]).codes(), [2000]);

    let mut moves = client(7, "new-session-id");
    moves.ask(Command::CONNECT, &[]);
    let right = token(&moves, 7);
    let first = moves.session;
    let answer = moves.ask(Command::AUTH, &right);
    assert_eq!(answer.codes(), [2000]);
    assert_ne!(answer.packets[0].session.0, first);
    assert_eq!(moves.ask(Command::GET_TIME, &[]).codes(), [2005], "the first id holds no more");
    moves.session = answer.packets[0].session.0;
    assert_eq!(moves.ask(Command::GET_TIME, &[]).codes(), [2000]);

    let mut closes = client(7, "close-on-wrong-key");
    closes.ask(Command::CONNECT, &[]);
    let wrong = token(&closes, 8);
    let answer = closes.ask(Command::AUTH, &wrong);
    assert_eq!((answer.codes(), answer.closed), (vec![2005], true));
}

#[test]
fn an_access_panel_answers_in_its_own_tongue() {
    let mut device = zk_sim::Device::new(terminal("tft40", 0).fault(Fault::new(FaultKind::AccessPanel)).build());
    let link = device.open(Transport::Tcp).unwrap();
    let connect = Bytes::from_static(&[0xE8, 0x03, 0x17, 0xFC, 0, 0, 0, 0]);
    let actions = device.handle_packet(link, connect, Duration::ZERO);
    let [zk_sim::Action::Write(frame)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(frame.to_bytes()[..2], [0xAA, 0x01]);
}

#[test]
fn the_end_of_a_transfer_overtakes_its_packets_over_udp() {
    let mut client = udp("early-ack=2");
    client.ask(Command::DATA_WRRQ, LOG);
    assert_eq!(client.range(0, 4096).codes(), [1500, 1501, 1501, 2000, 1501, 1501]);
    let mut client = udp("early-ack=100");
    client.ask(Command::DATA_WRRQ, LOG);
    assert_eq!(client.range(0, 2048).codes(), [1500, 2000, 1501, 1501]);
}

#[test]
fn packets_of_a_transfer_may_bear_the_session_id() {
    let mut client = with("tft40", 50, &["data-session-id"]);
    client.ask(Command::DATA_WRRQ, LOG);
    let answer = client.range(0, 2004);
    assert_eq!(answer.packets[1].session.0, client.session);
}

#[test]
fn a_silent_tcp_side_takes_connections_and_says_nothing() {
    let mut client = Client::new(terminal("silent-tcp", 0).build(), Transport::Tcp);
    let answer = client.ask(Command::CONNECT, &[]);
    assert!(answer.packets.is_empty() && !answer.closed);
    let mut client = Client::new(terminal("silent-tcp", 0).build(), Transport::Udp);
    assert_eq!(client.ask(Command::CONNECT, &[]).codes(), [2000]);
}

#[test]
fn faults_of_a_command_strike_it_and_no_other() {
    let cases = [("ignore-command", vec![]), ("refuse-command", vec![65535]), ("empty-command", vec![2000])];
    for (fault, codes) in cases {
        let mut client = with("tft40", 5, &[&format!("{fault}=201x1")]);
        assert_eq!(client.ask(Command::GET_FREE_SIZES, &[]).codes(), [2000], "{fault}");
        let answer = client.ask(Command::GET_TIME, &[]);
        assert_eq!(answer.codes(), codes, "{fault}");
        assert!(answer.packets.iter().all(|packet| packet.data.is_empty()), "{fault}");
        assert_eq!(client.ask(Command::GET_TIME, &[]).packets[0].data.len(), 4, "{fault}");
    }
    let mut client = with("tft40", 5, &["stall-at=50"]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
    assert!(client.ask(Command::GET_FREE_SIZES, &[]).codes().is_empty());
    assert!(client.ask(Command::GET_TIME, &[]).codes().is_empty());
    let mut client = with("tft40", 5, &["lose-sessionx1@1"]);
    let codes: Vec<_> = (0..3).flat_map(|_| client.ask(Command::GET_TIME, &[]).codes()).collect();
    assert_eq!(codes, [2000, 2005, 2005]);
}

#[test]
fn a_log_may_be_refused_in_every_way_and_data_alone_have_wrong_checksums() {
    let mut client = with("tft40", 50, &["refuse-log=4991x2"]);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [4991]);
    assert_eq!(client.ask(Command::ATTLOG_RRQ, &[]).codes(), [4991]);
    assert_eq!(client.read(LOG).len(), 4 + 50 * 40);
    let mut client = with("tft40", 50, &["bad-data-checksum"]);
    client.ask(Command::DATA_WRRQ, LOG);
    let packets = client.range(0, 2_004).packets;
    assert!(packets.len() > 1);
    assert!(packets.iter().all(|packet| packet.intact == (packet.command != Command::DATA)));
}

#[test]
fn a_damaged_patch_is_the_same_noise_each_time_and_leaves_the_rest_alone() {
    let (sound, mut damaged) = (with("tft40", 400, &[]).read(LOG), with("tft40", 400, &["damaged-patch=130@200"]));
    let set = damaged.read(LOG);
    let at = |record: usize| 4 + record * 40;
    assert_eq!(set.len(), sound.len());
    assert_eq!((&set[..at(200)], &set[at(330)..]), (&sound[..at(200)], &sound[at(330)..]));
    assert!((200..330).all(|record| set[at(record)..at(record + 1)] != sound[at(record)..at(record + 1)]));
    assert_eq!(damaged.read(LOG), set);
}
