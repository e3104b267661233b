//! Random schedules of faults: whatever befalls a reading, its records are the terminal's or it ends with a reason.
//!
//! A schedule that fails is told as a line, and run again by itself, in a later version too: `SCHEDULE="417 tft40 udp
//! 200 cut-head=12x1@1" cargo test -p zk-proto --test schedules`. `SCHEDULES=20000` runs more of them than usual. Those
//! in memory run on invented time and are the same to the last packet each time.

mod schedules {
    mod datagrams;
    pub(crate) mod memory;
    pub(crate) mod schedule;
}

use std::time::Duration;

use schedules::memory;
use schedules::schedule::{Schedule, Told};
use tokio::task::JoinSet;
use zk_proto::client::{Pull, PullRequest, Pulled, pull, pull_users};
use zk_proto::proof::Proven;
use zk_proto::{Client, ConnectOptions};
use zk_sim::Server;

/// So many schedules, in memory or over loopback; or the one that is asked for, or as many as are asked for.
fn schedules(count: u64) -> Vec<Schedule> {
    let asked = |name| std::env::var(name).ok();
    if let Some(line) = asked("SCHEDULE") {
        return vec![line.parse().unwrap()];
    }
    let count = asked("SCHEDULES").map_or(count, |count| count.parse().unwrap());
    (0..count).map(Schedule::new).collect()
}

#[test]
fn a_schedule_is_read_back_from_its_line() {
    for number in 0..1000 {
        let schedule = Schedule::new(number);
        assert_eq!(schedule.to_string().parse(), Ok(schedule));
    }
    assert_eq!("417".parse(), Ok(Schedule::new(417)));
    for wrong in
        ["", "x", "1 tft41 tcp 5", "1 tft40 tpc 5", "1 tft40 tcp", "1 tft40 tcp 5 cut-hat", "1 tft40 tcp 5 busy busy"]
    {
        assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
    }
}

#[test]
fn a_thousand_schedules_in_memory_bring_no_wrong_record() {
    let (mut whole, mut failed) = (0, 0);
    for schedule in schedules(1000) {
        let _told = Told(&schedule);
        match memory::read_log(&schedule) {
            Ok(proven) => {
                schedule.assert_true(proven);
                whole += 1;
            }
            Err(why) => {
                assert!(!why.is_empty());
                failed += 1;
            }
        }
    }
    // Neither half of the test may quietly fall away.
    assert!(whole + failed < 1000 || (whole > 100 && failed > 100), "{whole} whole, {failed} failed");
}

/// No schedule may last so long, on a machine however busy: far more than all its deadlines.
const BOUND: Duration = Duration::from_secs(120);

async fn over_loopback(schedule: Schedule) {
    let _told = Told(&schedule);
    let server = Server::start(schedule.terminal(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    schedule.arm(|faults| server.handle().set_faults(faults));
    let directory = tempfile::tempdir().unwrap();
    let options = ConnectOptions::new("127.0.0.1").port(server.addr().port()).timeout(Duration::from_millis(150));
    let options = options.transport(schedule.transport());
    let now = server.handle().now();
    let request = PullRequest::new(now).spool_directory(Some(directory.path().into())).spool_memory(16 << 10);
    let work = async {
        let mut client = Client::connect(&options).await.ok()?;
        let pulled = pull(&mut client, &request, &mut |_| ()).await;
        // Whatever became of the log, the table of users is read in the same session or refused.
        let _ = pull_users(&mut client, &request).await;
        client.exit().await;
        match pulled.ok()? {
            Pull { found: Pulled::Full(proven), .. } => Some(proven),
            _ => None,
        }
    };
    let proven: Option<Proven> = tokio::time::timeout(BOUND, work).await.unwrap_or_else(|_| panic!("it does not end"));
    if let Some(proven) = proven {
        schedule.assert_true(proven);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_over_loopback_bring_no_wrong_record_and_end() {
    let mut running = JoinSet::new();
    for schedule in schedules(200) {
        if running.len() >= 40 {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(over_loopback(schedule));
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}
