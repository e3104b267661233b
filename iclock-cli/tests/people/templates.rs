//! `templates`: fingerprints as a list and as a file.

use serde_json::json;
use zk_proto::Command;

use crate::common::{World, lines};
use crate::{WAYS, empty, fault, finger, held, spec, staffed};

#[test]
fn fingerprints_are_listed_with_their_owners() {
    for (profile, carrier) in WAYS {
        let world = World::new();
        let server = world.serve(staffed(profile));
        let spec = spec("gate", &server, carrier);
        let run = world.cli(&["templates", "list", "--device", &spec]).ended(0);
        let table = [
            " Terminal  user id  name  finger  kind   bytes",
            " gate      1001     Ali   6       valid  600",
            " gate      1003     Zoe   0       valid  600",
        ];
        assert_eq!((run.stdout.lines().collect::<Vec<_>>(), run.stderr.as_str()), (table.to_vec(), ""), "{profile}");
        let run = world.cli(&["templates", "list", "--user", "1003", "--json", "--device", &spec]).ended(0);
        let told = &lines(&run.stdout)[0]["fingerprints"];
        let zoe = json!([{"user_id": "1003", "name": "Zoe", "finger": 0, "kind": "valid", "bytes": 600}]);
        assert_eq!(told, &zoe);
    }
}

#[test]
fn a_file_of_fingerprints_goes_to_the_users_with_the_same_ids() {
    for (profile, carrier) in WAYS {
        let world = World::new();
        let (old, new) = (world.serve(staffed(profile)), world.serve(empty(profile)));
        let (from, to) = (spec("old", &old, carrier), spec("new", &new, carrier));
        let run = world.cli(&["templates", "export", "fingers.json", "--device", &from]).ended(0);
        assert_eq!(run.stdout, "old: 2 fingerprints in fingers.json\n");
        let import = ["templates", "import", "fingers.json", "--yes", "--device", &to];
        let run = world.cli(&import).ended(80);
        assert!(run.stderr.contains("it has no user 1001 (and 1 more of the file)"), "{}", run.stderr);
        assert!(run.stderr.contains("users import") && held(&new).1.is_empty(), "{}", run.stderr);
        world.cli(&["clone-users", &from, &to, "--no-fingerprints", "--yes"]).ended(0);
        let run = world.cli(&import).ended(0);
        assert_eq!(run.stdout, "new: 2 fingerprints written and verified\n");
        assert!(held(&new) == held(&old) && new.handle().is_enabled(), "{profile} {carrier}");
    }
}

#[test]
fn fingerprints_of_another_version_and_wrong_files_are_refused() {
    let world = World::new();
    let server = world.serve(staffed("tft40"));
    let spec = spec("gate", &server, "tcp");
    world.cli(&["templates", "export", "fingers.json", "--device", &spec]).ended(0);
    let run = world.cli(&["templates", "export", "fingers.json", "--device", &spec]).ended(80);
    assert!(run.stderr.contains("fingers.json is there already"), "{}", run.stderr);
    let mut file: serde_json::Value = serde_json::from_str(&world.read("fingers.json")).unwrap();
    file["algorithm"] = "9".into();
    world.write("old.json", file.to_string());
    let run = world.cli(&["templates", "import", "old.json", "--yes", "--device", &spec]).ended(80);
    assert!(run.stderr.contains("fingerprints are of version 9"), "{}", run.stderr);
    file["fingerprints"][0]["template"] = "no digits".into();
    world.write("bad.json", file.to_string());
    let run = world.cli(&["templates", "import", "bad.json", "--yes", "--device", &spec]).ended(10);
    assert!(run.stderr.contains("cannot use bad.json") && run.stderr.contains("try:"), "{}", run.stderr);
}

#[test]
fn fingerprints_are_deleted_after_consent_and_the_user_stays() {
    for (profile, carrier) in WAYS {
        let world = World::new();
        let server = world.serve(staffed(profile).finger(finger(1, 2)));
        let spec = spec("gate", &server, carrier);
        let delete = ["templates", "delete", "1001", "--device", &spec];
        let run = world.cli(&delete).ended(80);
        assert!(run.stderr.contains("Deletes finger 2, 6 of user 1001 at gate"), "{}", run.stderr);
        assert!(!server.handle().stats().commands.contains_key(&Command::DELETE_USERTEMP));
        let run = world.cli(&[&delete[..], &["--finger", "2", "--yes"]].concat()).ended(0);
        assert_eq!(run.stdout, "gate: finger 2 of user 1001 deleted\n");
        assert_eq!(held(&server).1, [finger(1, 6), finger(3, 0)], "{profile} {carrier}");
        let run = world.cli(&[&delete[..], &["--finger", "2", "--yes"]].concat()).ended(2);
        assert!(run.stderr.contains("no terminal here has such a fingerprint of user 1001"), "{}", run.stderr);
        let run = world.cli(&[&delete[..], &["--yes", "--json"]].concat()).ended(0);
        assert_eq!(lines(&run.stdout)[0]["fingers_deleted"], json!([6]));
        assert_eq!(server.handle().inspect(|terminal| terminal.users().len()), 3);
    }
}

#[test]
fn a_terminal_that_dies_half_way_ends_with_20() {
    let world = World::new();
    let server = world.serve(staffed("tft40").finger(finger(1, 2)).fault(fault("hang-up-at=19@1")));
    let spec = spec("gate", &server, "tcp");
    let run = world.cli(&["templates", "delete", "1001", "--yes", "--json", "--device", &spec]).ended(20);
    let told = &lines(&run.stdout)[0];
    assert!(told["fingers_deleted"] == json!([2]) && told["error"].is_string(), "{told}");
}

#[test]
fn a_terminal_without_fingerprints_or_users_says_so() {
    let world = World::new();
    let server = world.serve(empty("tft40"));
    let spec = spec("gate", &server, "tcp");
    let list = |what: &str| world.cli(&[what, "list", "--device", &spec]).ended(0).stdout;
    assert_eq!((list("templates"), list("users")), ("gate: no fingerprints\n".into(), "gate: no users\n".into()));
}
