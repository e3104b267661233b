//! The forms of a transfer, refusals, and what happens to datagrams.

use crate::common::{Client, LOG, u32_at};
use zk_proto::Command;
use zk_sim::{Fault, Transport};

use super::{terminal, udp, with};

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
    assert_eq!(ranged("short-chunks=3").data(), whole.slice(..whole.len() - 3));
    assert_eq!(ranged("short-chunks=3").codes(), [1500, 1501, 2000]);
    for fault in ["latency=0ms", "bare-data", "no-final-ack", "event-mid-transfer", "not-ready@1"] {
        assert_eq!(ranged(fault).data(), whole, "{fault}");
    }
    let mut streaming = with("tft40", 50, &["prepare-to-1503"]);
    let answer = streaming.ask(Command::DATA_WRRQ, LOG);
    assert_eq!((answer.codes(), answer.data()), (vec![1500, 1501, 2000], whole.clone()));
    let mut streaming = with("tft40", 50, &["prepare-to-1503", "short-stream=0"]);
    assert_eq!(streaming.ask(Command::DATA_WRRQ, LOG).codes(), [1500]);
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
