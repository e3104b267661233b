//! `serve` prints every poll, also one that ends before its receiver begins.

use zk_sim::Punch;

use crate::common::{World, lines, terminal};
use crate::serving::{Serving, program, until};

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
