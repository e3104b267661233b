//! `clone-users`: from one terminal to others.

use crate::common::{World, configure, lines, nowhere};
use crate::{WAYS, empty, held, spec, staffed, users};

#[test]
fn users_and_fingerprints_are_copied_to_each_terminal() {
    for (profile, carrier) in WAYS {
        let world = World::new();
        let (old, new, newer) = (staffed(profile), empty(profile), empty(profile).seed(7));
        let (old, new, newer) = (world.serve(old), world.serve(new), world.serve(newer));
        let specs = [("old", &old), ("new", &new), ("newer", &newer)].map(|(name, site)| spec(name, site, carrier));
        let run = world.cli(&["clone-users", &specs[0], &specs[1], &specs[2], "--yes"]).ended(0);
        let done = "3 users and 2 fingerprints written and verified\n";
        assert_eq!(run.stdout, format!("new: {done}newer: {done}"));
        assert!(run.stderr.contains("compared with old:") && run.stderr.contains("+ 1001 Ali"), "{}", run.stderr);
        assert!(held(&new) == held(&old) && held(&newer) == held(&old), "{profile} {carrier}");
    }
}

#[test]
fn one_user_is_copied_and_the_others_stay() {
    let world = World::new();
    let (old, new) = (world.serve(staffed("tft40")), world.serve(empty("bw8")));
    let (from, to) = (spec("old", &old, "tcp"), spec("new", &new, "udp"));
    let copy = ["clone-users", &from, &to, "--user", "1003", "--no-fingerprints", "--yes", "--json"];
    let told = &lines(&world.cli(&copy).ended(0).stdout)[0];
    assert_eq!((&told["users_written"], &told["fingerprints_written"]), (&1.into(), &0.into()), "{told}");
    let ids: Vec<String> =
        new.handle().inspect(|terminal| terminal.users().iter().map(|user| user.user_id.0.clone()).collect());
    assert_eq!(ids, ["1003"]);
}

#[test]
fn a_terminal_is_not_copied_to_itself_and_nothing_without_consent() {
    let world = World::new();
    let (old, new) = (world.serve(staffed("tft40")), world.serve(empty("tft40")));
    let (from, to) = (spec("old", &old, "tcp"), spec("new", &new, "tcp"));
    let run = world.cli(&["clone-users", &from, &spec("again", &old, "tcp"), "--yes"]).ended(80);
    assert!(run.stderr.contains("the terminal that the users are from"), "{}", run.stderr);
    let run = world.cli(&["clone-users", &from, &to]).ended(80);
    assert!(run.stderr.contains("nothing was changed") && run.stderr.contains("--yes"), "{}", run.stderr);
    assert_eq!((run.stdout.as_str(), users(&new)), ("", 0));
    world.cli(&["clone-users", &from]).ended(2);
}

#[test]
fn a_dead_terminal_costs_the_others_nothing() {
    let world = World::new();
    let (old, new) = (world.serve(staffed("tft40")), world.serve(empty("tft40")));
    let dead = format!("dead={}?transport=tcp&timeout=1s", nowhere());
    let (from, to) = (spec("old", &old, "tcp"), spec("new", &new, "tcp"));
    let run = world.cli(&["clone-users", &from, &dead, &to, "--yes", "--json"]).ended(20);
    let told = lines(&run.stdout);
    assert!(told[0]["error"].as_str().unwrap().starts_with("cannot connect"), "{}", told[0]);
    assert_eq!((&told[1]["users_written"], users(&new)), (&3.into(), 3), "{}", told[1]);
    let run = world.cli(&["clone-users", &dead, &to, "--yes"]).ended(20);
    assert!(run.stderr.contains("error: dead: cannot connect"), "{}", run.stderr);
}

#[test]
fn all_others_get_the_users_and_the_one_that_has_them_is_only_read() {
    let world = World::new();
    let (old, new) = (world.serve(staffed("tft40")), world.serve(empty("tft40")));
    configure(&world, &[("old", &old), ("new", &new)]);
    let run = world.cli(&["clone-users", "old", "--all", "--yes", "--record", "wire.zkt"]).ended(0);
    assert_eq!(run.stdout, "new: 3 users and 2 fingerprints written and verified\n");
    assert!(held(&new) == held(&old));
    let wire = ["wire-old.zkt", "wire-new.zkt"].map(|name| world.read(name));
    assert!(wire.iter().all(|text| text.contains("iclock-cli clone-users")), "{wire:?}");
    let again = world.cli(&["clone-users", "old", "new", "--yes"]).ended(0);
    assert_eq!(again.stdout, "new: nothing to write: all of it is there\n");
}
