//! Healthy logs that leave a doubt, and the evidence that settles it.

use zk_proto::client::{Pull, PullRequest, Pulled, pull};
use zk_proto::record::AttendanceLayout;
use zk_proto::{Client, DeviceTime};
use zk_sim::{Profile, Punch, Terminal};

use super::{Row, Site, rows};

/// A number of punches of nine people, five minutes apart, with these states by turns.
fn punches(count: u32, from_hour: u8, states: &[u8]) -> Vec<Punch> {
    let start = DeviceTime::new(2026, 1, 5, from_hour, 0, 0).unwrap().0;
    let punch = |n: u32| {
        let (uid, state) = (1 + (n % 9) as u16, states[n as usize % states.len()]);
        Punch::new(uid, &format!("{}", 1000 + uid), DeviceTime(start + 300 * n), state, 1)
    };
    (0..count).map(punch).collect()
}

async fn pull_as(client: &mut Client, request: PullRequest) -> Pull {
    pull(client, &request, &mut |_| ()).await.unwrap()
}

/// The records of a pull, whether it read the whole log or only the new part.
fn brought(pulled: &mut Pull) -> Vec<Row> {
    match &mut pulled.found {
        Pulled::Full(proven) | Pulled::Tail(proven) => rows(proven),
        other => panic!("{other:?}"),
    }
}

/// Q55: states that an owner assigned to function keys are learned if they recur, in a first log and in its new part.
#[tokio::test]
async fn states_that_an_owner_chose_are_learned() {
    for profile in ["tft40", "face49", "bw16", "tft16"] {
        let site = Site::start(profile, &[], Terminal::builder().punches(punches(60, 7, &[15, 16]))).await;
        let pulled = site.pulls_the_truth().await;
        assert!(pulled.remembered.states.contains(15) && pulled.remembered.states.contains(16), "{profile}");

        let site = Site::start(profile, &[], Terminal::builder().punches(punches(400, 7, &[0, 1]))).await;
        let first = site.pulls_the_truth().await;
        site.terminal.add_punches(punches(600, 7, &[8, 9]).split_off(400));
        let request = site.request().known(first.known).remembered(first.remembered);
        let mut second = pull_as(&mut site.client().await, request).await;
        assert_eq!(brought(&mut second), site.truth()[400..], "{profile}");
        assert!(second.remembered.states.contains(8) && second.remembered.states.contains(9), "{profile}");
    }
}

/// Q56: a new terminal has one to four punches of people in its user table, which prove them.
#[tokio::test]
async fn the_user_table_speaks_for_the_first_punches() {
    for profile in ["tft40", "face49", "bw16", "tft16"] {
        for records in 1..=4 {
            for state in [0, 15] {
                let punches = punches(records, 7, &[state]);
                let known = Site::start(profile, &[], Terminal::builder().users(30).punches(punches.clone())).await;
                known.pulls_the_truth().await;
                // Nothing supports the single state of a short record.
                if state == 15 && records == 1 && profile.ends_with("16") {
                    let nobody =
                        Site::start(profile, &[], Terminal::builder().people(Vec::new()).punches(punches)).await;
                    let pulled = nobody.pull(&mut nobody.client().await).await;
                    assert!(matches!(pulled.found, Pulled::Unproven { .. }), "{profile} {records}: {pulled:?}");
                }
            }
        }
    }
}

/// Q57: the counts are refused, short, zero or wrong: a second, identical reading proves the log, and that is
/// remembered.
#[tokio::test]
async fn a_log_without_a_count_to_rely_on_is_read_twice() {
    let faults = [
        "refuse-command=50",
        "empty-command=50",
        "sizes-length=4",
        "count-zero",
        "count-larger=5",
        "count-smaller=5",
        "count-larger=150",
        "count-smaller=150",
    ];
    for profile in ["tft40", "face49", "bw16", "bw8"] {
        for fault in faults {
            let site = Site::with(profile, 300, &[fault]).await;
            let mut client = site.client().await;
            let countless = client.free_sizes().await.map_or(true, |sizes| sizes.records().is_none());
            let mut first = pull_as(&mut client, site.request().countless(countless)).await;
            assert_eq!(brought(&mut first), site.truth(), "{profile} {fault}");
            assert_eq!(first.readings.len(), 1, "{profile} {fault}: read again once");
            client.exit().await;

            let request = site.request().countless(countless).remembered(first.remembered);
            let mut later = pull_as(&mut site.client().await, request).await;
            assert_eq!(brought(&mut later), site.truth(), "{profile} {fault}");
        }
    }
}

/// Q58: stray bytes after the records, which the length word includes, are left out and reported.
#[tokio::test]
async fn a_remainder_that_is_counted_in_is_left_out() {
    for profile in ["tft40", "face49", "bw16"] {
        let site = Site::with(profile, 300, &["counted-garbage=13"]).await;
        let pulled = site.pulls_the_truth().await;
        let Pulled::Full(proven) = pulled.found else { panic!("{profile}: {:?}", pulled.found) };
        assert_eq!((proven.records(), proven.trailing()), (300, 13), "{profile}");
    }
}

/// Q59: a few dozen bad records in a row may be a damaged transfer: they are read again, and accepted if they are the
/// same.
#[tokio::test]
async fn bad_records_in_a_row_are_read_again_before_they_are_believed() {
    for profile in ["tft40", "face49", "bw16"] {
        let site = Site::with(profile, 400, &["damaged-patch=30@200"]).await;
        let mut first = site.pull(&mut site.client().await).await;
        assert_eq!(first.readings.len(), 1, "{profile}: {:?}", first.readings);
        let (read, truth) = (brought(&mut first), site.truth());
        assert_eq!((&read[..200], &read[230..]), (&truth[..200], &truth[230..]), "{profile}");
        assert!(first.remembered.confirmed.is_some(), "{profile}");

        // Noise of the transfer is gone the second time.
        let site = Site::with(profile, 400, &["damaged-patch=30@200"]).await;
        let mut client = site.client().await;
        let noisy = site.terminal.clone();
        let mut passed = pull(&mut client, &site.request(), &mut |_| noisy.clear_faults()).await.unwrap();
        assert!(!passed.readings.is_empty(), "{profile}");
        assert_eq!(brought(&mut passed), truth, "{profile}");
    }
}

/// Q60: an owner who knows the layout of the records can pin it: no other layout is considered.
#[tokio::test]
async fn a_layout_that_an_owner_names_is_the_only_one() {
    let (sixteen, wide) = (AttendanceLayout::Sixteen, AttendanceLayout::Wide(40));
    for (profile, right, wrong) in [("bw16", sixteen, wide), ("tft40", wide, AttendanceLayout::Wide(49))] {
        let site = Site::with(profile, 300, &[]).await;
        for (layout, is_right) in [(right, true), (wrong, false)] {
            let request = site.request().layout(layout);
            let mut pulled = pull_as(&mut site.client().await, request).await;
            if is_right {
                assert_eq!(brought(&mut pulled), site.truth(), "{profile}");
            } else {
                assert!(matches!(pulled.found, Pulled::Unproven { .. }), "{profile}: {pulled:?}");
            }
        }
    }
}

/// Q61: a log that is nearly full or full is read like any other, and its counts show it.
#[tokio::test]
async fn a_full_log_tells_that_it_is_full() {
    for records in [270, 300] {
        let mut profile = Profile::named("tft40").unwrap();
        profile.log_capacity = 300;
        let site = Site::of(profile, &[], Terminal::builder().records(records).users(30).seed(21)).await;
        let sizes = site.client().await.free_sizes().await.unwrap();
        assert_eq!((sizes.records(), sizes.record_capacity()), (Some(records as u32), Some(300)));
        site.pulls_the_truth().await;
    }
}
