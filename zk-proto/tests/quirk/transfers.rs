//! Ways in which a table comes.

use std::time::Duration;

use zk_proto::client::{PullRequest, Pulled, pull, pull_users};
use zk_proto::{Client, Command, Transport};

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

/// Q9: a slow terminal: the time between packets counts, not that of the whole, and one request is under way at a time.
#[tokio::test]
async fn a_slow_transfer_takes_longer_than_any_answer_may() {
    let site = Site::with("tft40-small-packets", 1000, &["latency=25ms"]).await;
    let mut client = Client::connect(&site.options().timeout(Duration::from_millis(400))).await.unwrap();
    // Forty packets, each 25 ms behind the last.
    assert_eq!(site.pulls_the_truth_with(&mut client).await.sessions, 1);
}

/// Q9: a chunk that does not come is asked for again, and nothing else is.
#[tokio::test]
async fn a_lost_chunk_is_asked_for_again() {
    let site = Site::with("tft40", 5000, &["not-readyx1@1"]).await;
    let sound = Site::with("tft40", 5000, &[]).await;
    assert_eq!(site.pulls_the_truth().await.sessions, 1);
    sound.pulls_the_truth().await;
    assert_eq!(site.sent(Command::DATA_WRRQ), sound.sent(Command::DATA_WRRQ), "the buffer is the same one");
    assert!(site.sent(Command::DATA_RDY) > sound.sent(Command::DATA_RDY));
}

/// Q10: over UDP the acknowledgement comes between data packets, and datagrams get lost.
#[tokio::test]
async fn an_acknowledgement_that_overtakes_ends_nothing() {
    for faults in [&["early-ack=3"][..], &["early-ack=2", "udp-loss=3"], &["early-ack", "udp-duplicate=20"]] {
        let site = Site::with("bw16", 600, faults).await;
        let mut client = Client::connect(&site.options().transport(Transport::Udp)).await.unwrap();
        site.pulls_the_truth_with(&mut client).await;
    }
}

/// Beside Q10: over UDP, packets that bear the session id instead of a number.
#[tokio::test]
async fn packets_without_numbers_are_taken_as_they_come() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let site = Site::with("bw16", 600, &["data-session-id"]).await;
        let mut client = Client::connect(&site.options().transport(transport)).await.unwrap();
        site.pulls_the_truth_with(&mut client).await;
    }
}

/// Q11: 1503 for the log is not answered, while users are: once more, and then read directly.
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

/// Q30: an acknowledgement comes first, the data in a packet behind it.
#[tokio::test]
async fn an_empty_acknowledgement_may_come_before_the_data() {
    let site = Site::with("tft40", 300, &["ack-before-data"]).await;
    site.pulls_the_truth().await;
}

/// Q31: the log is refused in a session that has read users and freed the buffer: a fresh session reads it.
#[tokio::test]
async fn a_log_that_is_refused_behind_the_users_is_read_on_a_fresh_session() {
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

/// Q37: a full memory makes a terminal very slow: gathering the log has a longer deadline, and is tried again.
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

/// Q43: a set that ends in part of a record: the part is reported and no record.
#[tokio::test]
async fn the_part_of_a_record_at_the_end_is_reported() {
    let site = Site::with("tft40", 300, &["trailing-garbage=24"]).await;
    let pulled = site.pulls_the_truth().await;
    let Pulled::Full(proven) = pulled.found else { panic!("{:?}", pulled.found) };
    assert_eq!((proven.trailing(), proven.records()), (24, 300));
}

/// Q44: a length word of 0, or of more than came, is no witness; the others may prove the set, and never a wrong record.
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
        // The next reading is sound, and is believed.
        site.terminal.clear_faults();
        let mut client = site.client().await;
        let request = PullRequest { remembered: pulled.remembered, ..site.request() };
        let mut pulled = pull(&mut client, &request, &mut |_| ()).await.unwrap();
        let Pulled::Full(proven) = &mut pulled.found else { panic!("{fault}: {pulled:?}") };
        assert_eq!(super::rows(proven), site.truth(), "{fault}");
    }
}
