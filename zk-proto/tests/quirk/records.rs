//! The content of logs.

use zk_proto::client::Pulled;
use zk_proto::record::{AttendanceLayout, Who};
use zk_proto::{DeviceTime, Uid};
use zk_sim::{Punch, Terminal};

use super::{Site, rows};

async fn layout(profile: &str, faults: &[&str]) -> Option<AttendanceLayout> {
    let site = Site::with(profile, 400, faults).await;
    let pulled = site.pulls_the_truth().await;
    pulled.known.map(|known| known.layout)
}

/// Q2: 49-byte records, of which a reader of 40-byte ones gets only the first right.
#[tokio::test]
async fn the_width_of_records_is_derived_and_not_assumed() {
    assert_eq!(layout("face49", &[]).await, Some(AttendanceLayout::Wide(49)));
    assert_eq!(layout("tft40", &[]).await, Some(AttendanceLayout::Wide(40)));
}

/// Q3: two layouts of 8 bytes; the one that gives believable dates is taken.
#[tokio::test]
async fn eight_byte_records_are_read_by_the_layout_that_makes_sense() {
    assert_eq!(layout("bw8", &[]).await, Some(AttendanceLayout::EightB));
    assert_eq!(layout("bw8a", &[]).await, Some(AttendanceLayout::EightA));
}

/// Q4: 16-byte records, state first and verify mode second.
#[tokio::test]
async fn sixteen_byte_records_are_known_by_their_size() {
    assert_eq!(layout("bw16", &[]).await, Some(AttendanceLayout::Sixteen));
    assert_eq!(layout("tft16", &[]).await, Some(AttendanceLayout::Sixteen));
}

/// Q6: free sizes that count nothing although there is a log: it is read all the same, and the mismatch is reported.
#[tokio::test]
async fn a_count_of_zero_is_no_empty_log() {
    let site = Site::with("tft40", 400, &["count-zero"]).await;
    let pulled = site.pulls_the_truth().await;
    assert!(pulled.remembered.count_off);
    assert_eq!((pulled.counts.before, pulled.records_on_device), (Some(0), Some(400)));
}

/// Q7: a wrong count: the bytes show the number of records.
#[tokio::test]
async fn the_bytes_count_and_not_the_count() {
    for fault in ["count-larger=5", "count-smaller=5", "count-larger=5x1"] {
        let site = Site::with("tft40", 400, &[fault]).await;
        assert_eq!(site.pulls_the_truth().await.records_on_device, Some(400), "{fault}");
    }
}

/// Q22: some firmware numbers records in the first field of 40 bytes: it is never taken for a uid.
#[tokio::test]
async fn the_number_of_a_record_is_no_uid() {
    for profile in ["tft40", "tft40-uid"] {
        let site = Site::with(profile, 100, &[]).await;
        let pulled = site.pull(&mut site.client().await).await;
        let Pulled::Full(mut proven) = pulled.found else { panic!("{:?}", pulled.found) };
        let records = proven.next_batch(100).unwrap();
        assert!(records.iter().all(|record| matches!(record.who, Who::UserId(_))), "{profile}");
    }
}

/// Q23: impossible dates, dates of a reset clock and future ones are kept as they are and can be recognized.
#[tokio::test]
async fn invalid_dates_are_kept_and_told() {
    for fault in ["impossible-dates=5", "reset-dates=5", "future-dates=5"] {
        let site = Site::with("tft40", 400, &[fault]).await;
        site.pulls_the_truth().await;
        let odd = |punch: &Punch| match fault {
            "impossible-dates=5" => !punch.time.exists(),
            "reset-dates=5" => punch.time == DeviceTime::RESET,
            _ => punch.time.year() > site.terminal.now().year() + 5,
        };
        assert!(site.terminal.records().iter().any(odd), "{fault}");
    }
}

/// Q29: punches of people who have left the user table are kept.
#[tokio::test]
async fn punches_of_deleted_users_are_kept() {
    let site = Site::with("tft40", 400, &[]).await;
    let mut client = site.client().await;
    let mut users = client.edit_users().await.unwrap();
    users.delete(Uid(3)).await.unwrap();
    users.finish().await.unwrap();
    assert!(site.terminal.records().iter().any(|punch| punch.uid == 3));
    site.pulls_the_truth_with(&mut client).await;
}

/// Q36: if options claim another format than the bytes have, the bytes win.
#[tokio::test]
async fn bytes_win_over_options() {
    for profile in ["tft40", "tft16", "bw8", "bw16", "face49"] {
        let site = Site::with(profile, 400, &["wrong-formats"]).await;
        let mut client = site.client().await;
        site.pulls_the_truth_with(&mut client).await;
        assert_eq!(client.user_table().await.unwrap().users().len(), 30, "{profile}");
    }
}

/// Q38: the same person twice in one second: both are kept.
#[tokio::test]
async fn duplicate_records_are_kept() {
    let site = Site::with("tft40", 400, &["duplicate-records=20"]).await;
    assert!(site.terminal.records().len() > 400);
    site.pulls_the_truth().await;
}

/// Q39: the last record of a log is read, whether the log is one record or many.
#[tokio::test]
async fn the_last_record_is_read() {
    for records in [1, 2, 25, 26, 400] {
        let site = Site::with("tft40", records, &[]).await;
        let mut pulled = site.pull(&mut site.client().await).await;
        let Pulled::Full(proven) = &mut pulled.found else { panic!("{pulled:?}") };
        assert_eq!(rows(proven).last(), site.truth().last(), "{records}");
    }
}

/// Q46: verify modes that no list names are kept as numbers.
#[tokio::test]
async fn unknown_verify_modes_are_kept() {
    let modes = [4, 1, 15, 25, 101, 104, 255];
    let punches = (0..210).map(|n: u32| {
        let time = DeviceTime::new(2026, 1, 5, (n / 60) as u8 + 7, (n % 60) as u8, 0).unwrap();
        Punch::new(1 + (n % 9) as u16, &format!("{}", 1001 + n % 9), time, 0, modes[n as usize % modes.len()])
    });
    let site = Site::start("tft40", &[], Terminal::builder().punches(punches.collect())).await;
    site.pulls_the_truth().await;
}
