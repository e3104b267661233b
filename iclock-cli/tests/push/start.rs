//! `serve` prints every poll, also one that ends before its receiver begins, and its health file has all news soon.

use serde_json::Value;
use zk_sim::Punch;

use crate::common::{World, lines, terminal};
use crate::serving::{SERIAL, Serving, configure, program, until};

/// Holds the receiver until the first two polls with punches are over, and returns what was printed then.
fn printed_of_a_late_receiver(more: &[&str]) -> String {
    let world = World::new();
    let gate = world.serve(terminal(20));
    let port = gate.addr().port();
    world.write(
        "iclock.toml",
        format!(
            "state_dir = \"state\"\ninterval = \"1s\"\n[[device]]\nname = \"gate\"\nhost = \"127.0.0.1\"\n\
             port = {port}\n[[sink]]\nurl = \"sqlite:att.db\"\n"
        ),
    );
    let held = world.path().join("held");
    let mut command = program(&world);
    command.args(["serve", "--push", "127.0.0.1:0"]).args(more);
    command.env("CHAOS_HOLD", format!("{} 0 before receiving", held.display()));
    let runs = || {
        let ledger = iclock_sync::Ledger::open_read_only(&world.path().join("state")).ok().flatten();
        ledger.map_or(0, |ledger| ledger.runs(10).unwrap().len())
    };
    let serving = std::thread::scope(|scope| {
        let starts = scope.spawn(|| Serving::start_command(&world, &mut command));
        until("the receiver is held", || held.exists());
        until("the first poll is over", || runs() == 1);
        // Reports go out one after the other: once there is a second one, the first one is out.
        let last = gate.handle().records().last().unwrap().clone();
        gate.handle().add_punches([Punch { user_id: "77".into(), ..last }]);
        until("the second poll is over", || runs() == 2);
        std::fs::remove_file(&held).unwrap();
        starts.join().unwrap()
    });
    assert_eq!(serving.ends("-TERM"), 0);
    world.read("out")
}

#[test]
fn a_poll_that_ends_before_the_receiver_begins_is_printed() {
    let said = printed_of_a_late_receiver(&[]);
    assert!(said.contains("gate") && said.contains("20 new"), "{said}");
    let reports = lines(&printed_of_a_late_receiver(&["--json"]));
    assert_eq!(reports[0]["totals"]["new"], 20, "{reports:?}");
}

/// Two uploads, the second right after the health file has the first one. Returns the seconds from the start until the
/// file had the second one. The file of many terminals takes its time, so that it rests between the two.
fn until_the_second_upload_is_in_the_health_file() -> f64 {
    let world = World::new();
    let others: String = (0..500).map(|n| format!("[[pushing]]\nserial = \"OTHER{n}\"\n")).collect();
    configure(&world, &others);
    let serving = Serving::start(&world, &[]);
    let health = || {
        let text = std::fs::read_to_string(world.path().join("state/health.json")).unwrap_or_default();
        serde_json::from_str::<Value>(&text).unwrap_or_default()
    };
    for n in 1..=2 {
        assert!(serving.upload(SERIAL, &format!("7\t2026-03-01 08:00:0{n}\t0\t1\n")).unwrap().ends_with("OK: 1"));
        let stored = |health: &Value| health["status"]["sinks"].as_object()?.values().next()?["stored"].as_u64();
        until("the file has it", || stored(&health()) == Some(n));
    }
    let moment = |name: &str| {
        let text = health()["status"][name].as_str().unwrap().to_owned();
        text.parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    };
    let took = moment("at") - moment("started_at");
    assert_eq!(serving.ends("-TERM"), 0);
    took.as_seconds_f64()
}

#[test]
fn the_health_file_does_not_wait_for_its_next_beat_while_there_are_news() {
    // A beat comes every ten seconds. A busy machine may need as long once, but not each time.
    let is_early = (0..3).any(|_| until_the_second_upload_is_in_the_health_file() < 9.0);
    assert!(is_early, "it waits for the beat");
}
