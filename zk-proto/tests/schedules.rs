//! Random schedules of faults: whatever befalls a reading, its records are the terminal's or it ends with a reason.
//!
//! A schedule is drawn from its number alone, so one that fails is run again by itself: `SCHEDULE=417 cargo test -p zk-proto
//! --test schedules`. `SCHEDULES=20000` runs more of them. Those in memory run on invented time and are the same to the last packet each time.

mod schedules {
    pub(crate) mod memory;
    pub(crate) mod schedule;
}

use std::time::Duration;

use schedules::memory;
use schedules::schedule::Schedule;
use tokio::task::JoinSet;
use zk_proto::client::{Pull, PullRequest, Pulled, pull, pull_users};
use zk_proto::proof::Proven;
use zk_proto::{Client, ConnectOptions};
use zk_sim::Server;

/// How many schedules are run, in memory and over loopback; or the one that is asked for, or as many as are asked for.
fn numbers(count: u64) -> Vec<u64> {
    let asked = |name| std::env::var(name).ok().and_then(|number| number.parse().ok());
    match (asked("SCHEDULE"), asked("SCHEDULES")) {
        (Some(number), _) => vec![number],
        (None, more) => (0..more.unwrap_or(count)).collect(),
    }
}

#[test]
fn a_thousand_schedules_in_memory_bring_no_wrong_record() {
    let (mut whole, mut failed) = (0, 0);
    for number in numbers(1000) {
        let schedule = Schedule::new(number);
        match memory::read_log(&schedule) {
            Ok(proven) => {
                schedule.assert_true(proven);
                whole += 1;
            }
            Err(why) => {
                assert!(!why.is_empty(), "{schedule:?}");
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
    let server = Server::start(schedule.terminal(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    schedule.arm(|faults| server.handle().set_faults(faults));
    let directory = tempfile::tempdir().unwrap();
    let options = ConnectOptions::new("127.0.0.1").port(server.addr().port()).timeout(Duration::from_millis(150));
    let options = options.transport(schedule.transport());
    let now = server.handle().now();
    let request =
        PullRequest { spool_directory: Some(directory.path().into()), spool_memory: 16 << 10, ..PullRequest::new(now) };
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
    let proven: Option<Proven> =
        tokio::time::timeout(BOUND, work).await.unwrap_or_else(|_| panic!("{schedule:?} does not end"));
    if let Some(proven) = proven {
        schedule.assert_true(proven);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_over_loopback_bring_no_wrong_record_and_end() {
    let mut running = JoinSet::new();
    for number in numbers(200) {
        if running.len() >= 40 {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(over_loopback(Schedule::new(number)));
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}
