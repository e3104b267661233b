//! Ways in which tables arrive.

use std::time::Duration;

use zk_proto::client::{Pulled, pull, pull_users};
use zk_proto::proof::{Evidence, Patch, possible};
use zk_proto::record::{AttendanceLayout, FingerTemplate};
use zk_proto::{Client, Command, Transport, Uid};
use zk_sim::{Fault, Terminal, TerminalBuilder};

use super::Site;

/// Q5: a direct read brings noise of the right length; 1503 is used, and the noise proves nothing.
#[tokio::test]
async fn direct_reads_are_not_used_and_noise_is_not_believed() {
    let site = Site::with("tft40", 300, &["garbage-direct"]).await;
    site.pulls_the_truth().await;
    assert_eq!(site.sent(Command::ATTLOG_RRQ), 0);

    let site = Site::with("tft40", 300, &["garbage-direct", "refuse-buffered"]).await;
    let pulled = site.pull(&mut site.client().await).await;
    assert!(matches!(pulled.found, Pulled::Unproven { .. }), "{pulled:?}");
}

/// Q8: packets in pieces, an acknowledgement's header split, data and acknowledgement in one segment.
#[tokio::test]
async fn the_bounds_of_reads_mean_nothing() {
    for fault in ["split-writes=1", "split-writes=3", "split-writes=17", "coalesced-writes"] {
        let site = Site::with("tft40-small-packets", 120, &[fault]).await;
        assert_eq!(site.pulls_the_truth().await.sessions, 1, "{fault}");
    }
}

/// Q9: a slow terminal: the time between packets counts, not the total, and one request is open at a time.
#[tokio::test]
async fn a_slow_transfer_takes_longer_than_any_answer_may() {
    let site = Site::with("tft40-small-packets", 1000, &["latency=25ms"]).await;
    let mut client = Client::connect(&site.options().timeout(Duration::from_millis(400))).await.unwrap();
    // Forty packets, each 25 ms after the last.
    assert_eq!(site.pulls_the_truth_with(&mut client).await.sessions, 1);
}

/// Q9: a missing chunk is requested again, and nothing else.
#[tokio::test]
async fn a_lost_chunk_is_asked_for_again() {
    let site = Site::with("tft40", 5000, &["not-readyx1@1"]).await;
    let sound = Site::with("tft40", 5000, &[]).await;
    assert_eq!(site.pulls_the_truth().await.sessions, 1);
    sound.pulls_the_truth().await;
    assert_eq!(site.sent(Command::DATA_WRRQ), sound.sent(Command::DATA_WRRQ), "the buffer is the same one");
    assert!(site.sent(Command::DATA_RDY) > sound.sent(Command::DATA_RDY));
}

/// Q62: a terminal that sends more than requested.
#[tokio::test]
async fn a_terminal_that_sends_too_much_is_cut_short() {
    for profile in ["bw16", "tft40"] {
        for (transport, records) in [(Transport::Tcp, 600), (Transport::Udp, 600), (Transport::Udp, 60)] {
            let site = Site::with(profile, records, &["long-chunks"]).await;
            let mut client = Client::connect(&site.options().transport(transport)).await.unwrap();
            assert_eq!(site.pulls_the_truth_with(&mut client).await.sessions, 1, "{profile} {transport:?} {records}");
        }
    }
}

/// Q10: over UDP the acknowledgement arrives between data packets, and datagrams are lost.
#[tokio::test]
async fn an_acknowledgement_that_overtakes_ends_nothing() {
    for faults in [&["early-ack=3"][..], &["early-ack=2", "udp-loss=3"], &["early-ack", "udp-duplicate=20"]] {
        let site = Site::with("bw16", 600, faults).await;
        let mut client = Client::connect(&site.options().transport(Transport::Udp)).await.unwrap();
        site.pulls_the_truth_with(&mut client).await;
    }
}

/// Reads the log, the users and the templates over UDP, and expects the truth or a named error. Returns how many
/// arrived.
async fn read_over_datagrams(profile: &'static str, records: usize, faults: Vec<String>) -> u32 {
    let fingers = (1..=20).map(|uid| FingerTemplate {
        uid: Uid(uid),
        finger: 2,
        flag: 1,
        template: (0..600 + usize::from(uid) * 70).map(|at| (at * 7 + at / 251 + usize::from(uid)) as u8).collect(),
    });
    let terminal = Terminal::builder().records(records).users(120).seed(21);
    let site = Site::start(profile, &[], fingers.fold(terminal, TerminalBuilder::finger)).await;
    let mut sound = site.client().await;
    let truth = (sound.users().await.unwrap(), sound.fingerprints().await.unwrap());
    site.terminal.set_faults(&faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect::<Vec<_>>());
    let options = site.options().transport(Transport::Udp).timeout(Duration::from_millis(800));
    let Ok(mut client) = Client::connect(&options).await else { return 0 };
    let mut came = 0;
    if let Ok(mut pulled) = site.try_pull(&mut client).await
        && let Pulled::Full(proven) = &mut pulled.found
    {
        assert_eq!(super::rows(proven), site.truth(), "{profile} {faults:?}");
        came += 1;
    }
    if let Ok(users) = client.users().await {
        assert_eq!(users, truth.0, "{profile} {faults:?}");
        came += 1;
    }
    if client.reconnect().await.is_ok()
        && let Ok(fingers) = client.fingerprints().await
    {
        assert_eq!(fingers, truth.1, "{profile} {faults:?}");
        came += 1;
    }
    came
}

/// Records of a log that comes at once: a burst that fits into the system's receive buffer on a busy machine, too.
const AT_ONCE: usize = 600;

/// The same for each profile and set of faults, all at once. Returns how many of the three arrived on average.
async fn all_over_datagrams(profiles: &[&'static str], records: usize, faults: &[&str]) -> f64 {
    let mut running = tokio::task::JoinSet::new();
    for profile in profiles {
        for line in faults {
            running.spawn(read_over_datagrams(profile, records, line.split(' ').map(str::to_owned).collect()));
        }
    }
    let (mut came, mut of) = (0, 0);
    while let Some(outcome) = running.join_next().await {
        came += outcome.unwrap();
        of += 1;
    }
    f64::from(came) / f64::from(of)
}

/// Q50: over UDP a datagram arrives twice, or after the next one, and nothing in it shows that.
#[tokio::test(flavor = "multi_thread")]
async fn datagrams_that_come_twice_or_late_change_no_record() {
    let faults = [
        "data-session-id udp-duplicate=0.5",
        "data-session-id udp-duplicate=2",
        "data-session-id udp-duplicate=20",
        "data-session-id udp-reorder=1",
        "data-session-id udp-reorder=5",
        "data-session-id udp-loss=1",
        "data-session-id udp-duplicate=1 udp-reorder=1 udp-loss=1",
    ];
    let came = all_over_datagrams(&["bw8", "bw16", "tft40"], 3000, &faults).await;
    assert!(came > 2.5, "{came} of 3");
}

/// Q51: over UDP the datagrams are smaller than announced, or the requested length is ignored.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_answers_in_more_datagrams_than_asked_is_read_exactly() {
    let faults = [
        "udp-part=300",
        "udp-part=400 data-session-id udp-duplicate=2",
        "ignore-length",
        "ignore-length data-session-id",
    ];
    let came = all_over_datagrams(&["bw16", "tft40"], AT_ONCE, &faults).await;
    assert!(came > 2.9, "{came} of 3");
}

/// Q52: over UDP the log arrives only as one answer: it is read again until answers agree.
#[tokio::test(flavor = "multi_thread")]
async fn a_direct_read_over_datagrams_has_to_agree_with_another() {
    let sound = ["refuse-buffered", "refuse-buffered data-session-id"];
    let came = all_over_datagrams(&["bw8", "bw16", "tft40"], AT_ONCE, &sound).await;
    assert!(came > 2.9, "{came} of 3");
    let faults = [
        "refuse-buffered data-session-id udp-duplicate=0.5",
        "refuse-buffered data-session-id udp-duplicate=2",
        "refuse-buffered data-session-id udp-reorder=1",
        "refuse-buffered udp-reorder=5",
        "refuse-buffered udp-duplicate=20",
    ];
    let came = all_over_datagrams(&["bw8", "bw16", "tft40"], AT_ONCE, &faults).await;
    assert!(came > 1.5, "{came} of 3");
}

/// Next to Q10: over UDP, packets that have the session id instead of a number.
#[tokio::test]
async fn packets_without_numbers_are_taken_as_they_come() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let site = Site::with("bw16", 600, &["data-session-id"]).await;
        let mut client = Client::connect(&site.options().transport(transport)).await.unwrap();
        site.pulls_the_truth_with(&mut client).await;
    }
}

/// Q11: 1503 for the log is not answered, while users are: one retry, then a direct read.
#[tokio::test]
async fn a_log_that_goes_unanswered_is_freed_asked_for_again_and_read_directly() {
    let site = Site::with("tft40", 300, &["ignore-bufferedx1"]).await;
    site.pulls_the_truth_with(&mut site.hasty().await).await;
    assert_eq!((site.sent(Command::DATA_WRRQ), site.sent(Command::ATTLOG_RRQ)), (2, 0));

    let site = Site::with("tft40", 300, &["ignore-buffered"]).await;
    let mut client = site.hasty().await;
    site.pulls_the_truth_with(&mut client).await;
    assert_eq!(site.sent(Command::ATTLOG_RRQ), 1);
    assert_eq!(client.user_table().await.unwrap().users().len(), 30);
}

/// Q30: the data follows the acknowledgement in a second packet.
#[tokio::test]
async fn an_empty_acknowledgement_may_come_before_the_data() {
    let site = Site::with("tft40", 300, &["ack-before-data"]).await;
    site.pulls_the_truth().await;
}

/// Q31: the log is refused in a session that has read users and freed the buffer: a new session reads it.
#[tokio::test]
async fn a_log_that_is_refused_after_the_users_is_read_in_a_new_session() {
    let site = Site::with("tft40", 300, &["log-after-users"]).await;
    let mut client = site.client().await;
    pull_users(&mut client, &site.request()).await.unwrap().unwrap();
    assert_eq!(site.pulls_the_truth_with(&mut client).await.sessions, 2);
}

/// Q32: 1503 starts the transfer itself.
#[tokio::test]
async fn a_transfer_that_begins_by_itself_is_taken() {
    let site = Site::with("tft40", 300, &["prepare-to-1503"]).await;
    site.pulls_the_truth().await;
}

/// Q33: firmware without 1503.
#[tokio::test]
async fn firmware_without_the_buffered_read_is_read_directly() {
    for profile in ["bw8", "bw16", "tft40"] {
        let site = Site::with(profile, 300, &["refuse-buffered"]).await;
        site.pulls_the_truth().await;
        assert!(site.sent(Command::ATTLOG_RRQ) > 0, "{profile}");
    }
}

/// Q37: a full memory makes a terminal very slow: gathering the log has a longer deadline and is retried.
#[tokio::test]
async fn a_terminal_that_gathers_for_long_is_waited_for() {
    let site = Site::with("tft40", 300, &["slow-reads=500ms"]).await;
    let options = site.options().timeout(Duration::from_millis(250));
    let mut client = Client::connect(&options).await.unwrap();
    assert_eq!(site.pulls_the_truth_with(&mut client).await.sessions, 1);

    let site = Site::with("tft40", 300, &["slow-reads=1sx1"]).await;
    let mut client = Client::connect(&options.port(site.options().port)).await.unwrap();
    site.pulls_the_truth_with(&mut client).await;
}

/// Q43: a set that ends in part of a record: the part is reported and is no record.
#[tokio::test]
async fn the_part_of_a_record_at_the_end_is_reported() {
    let site = Site::with("tft40", 300, &["trailing-garbage=24"]).await;
    let pulled = site.pulls_the_truth().await;
    let Pulled::Full(proven) = pulled.found else { panic!("{:?}", pulled.found) };
    assert_eq!((proven.trailing(), proven.records()), (24, 300));
}

/// Q44: a length word of 0 or above the bytes that arrived is no witness. The others may prove the set, and never a
/// wrong record.
#[tokio::test]
async fn a_wrong_length_word_yields_the_truth_or_nothing() {
    for fault in ["zero-length-word", "long-length-word=48", "long-length-word=40"] {
        let site = Site::with("tft40", 300, &[fault]).await;
        let mut pulled = site.pull(&mut site.client().await).await;
        match &mut pulled.found {
            Pulled::Full(proven) => assert_eq!(super::rows(proven), site.truth(), "{fault}"),
            Pulled::Unproven { .. } => {}
            other => panic!("{fault}: {other:?}"),
        }
        // The next reading is sound and is accepted.
        site.terminal.clear_faults();
        let mut client = site.client().await;
        let request = site.request().remembered(pulled.remembered);
        let mut pulled = pull(&mut client, &request, &mut |_| ()).await.unwrap();
        let Pulled::Full(proven) = &mut pulled.found else { panic!("{fault}: {pulled:?}") };
        assert_eq!(super::rows(proven), site.truth(), "{fault}");
    }
}

/// Q90: noise in a row of records while all sizes are right: refused, and readable by force with the patch named.
#[tokio::test]
async fn a_damaged_patch_is_refused_and_a_forced_reading_names_it() {
    let site = Site::with("tft40", 400, &["damaged-patch=130@200"]).await;
    let mut client = site.client().await;
    let pulled = site.pull(&mut client).await;
    client.exit().await;
    let Pulled::Unproven { mut last, .. } = pulled.found else { panic!("{pulled:?}") };
    let evidence = Evidence::new(last.announced_bytes().unwrap(), last.counts(), site.terminal.now());
    let begin = last.begin();
    let found = possible(last.spool(), begin, &evidence).unwrap();
    let [forced] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((forced.layout(), forced.tally().good), (AttendanceLayout::Wide(40), 270));
    assert_eq!(forced.patches(), [Patch { first: 200, records: 130 }]);
}
