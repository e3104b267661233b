//! What faults do to the records of a log, and to the counts.

use crate::common::{Client, LOG, USERS, u32_at};
use zk_proto::{Command, DeviceTime};
use zk_sim::{Profile, Punch, Transport};

use super::{decoded, shown, terminal, with};

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
