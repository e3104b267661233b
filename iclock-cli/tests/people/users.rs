//! `users`: what is shown, the plan, the change, files there and back, and what is refused.

use serde_json::{Value, json};
use zk_proto::Command;
use zk_sim::Server;

use crate::common::{Run, World, configure, interrupted, lines, nowhere};
use crate::{WAYS, empty, fault, held, spec, staffed, users};

/// The ids of the users of a terminal.
fn ids(server: &Server) -> Vec<String> {
    server.handle().inspect(|terminal| terminal.users().iter().map(|user| user.user_id.0.clone()).collect())
}

/// The name, card, password and privilege of a user.
fn fields(server: &Server, id: &str) -> (String, u64, String, u8) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    server.handle().inspect(|terminal| {
        let all = terminal.users();
        let user = all.iter().find(|user| user.user_id.as_str() == id).unwrap();
        (text(&user.name), user.card, text(user.password.as_bytes()), user.privilege.0)
    })
}

#[test]
fn users_are_listed_and_passwords_only_on_request() {
    for (profile, carrier) in WAYS {
        let world = World::new();
        let server = world.serve(staffed(profile));
        let spec = spec("gate", &server, carrier);
        world.cli(&["users", "set", "1003", "--password", "2468", "--card", "77", "--yes", "--device", &spec]).ended(0);
        let run = world.cli(&["users", "list", "--device", &spec]).ended(0);
        let table = [
            " Terminal  user id  name  privilege  card  group  password  slot",
            " gate      1001     Ali   user             1                1",
            " gate      1002     Eva   admin            1                2",
            " gate      1003     Zoe   user       77    1      set       3",
        ];
        assert_eq!((run.stdout.lines().collect::<Vec<_>>(), run.stderr.as_str()), (table.to_vec(), ""), "{profile}");
        let run = world.cli(&["users", "list", "--json", "--device", &spec]).ended(0);
        let zoe = &lines(&run.stdout)[0]["users"][2];
        let expected =
            json!({"user_id": "1003", "name": "Zoe", "privilege": "user", "card": 77, "group": 1, "slot": 3});
        assert_eq!((zoe, run.stdout.contains("2468")), (&expected, false), "{profile} {carrier}");
        let run = world.cli(&["users", "get", "1003", "--show-passwords", "--device", &spec]).ended(0);
        assert!(run.stdout.contains("2468") && !run.stdout.contains("1001"), "{}", run.stdout);
    }
}

#[test]
fn an_id_that_nobody_has_is_an_error() {
    let world = World::new();
    let server = world.serve(staffed("tft40"));
    let spec = spec("gate", &server, "tcp");
    for command in [&["users", "get", "1001", "9"][..], &["users", "delete", "1001", "9", "--yes"]] {
        let run = world.cli(&[command, &["--device", &spec]].concat()).ended(2);
        assert!(run.stderr.contains("no terminal here has user 9") && run.stderr.contains("try:"), "{}", run.stderr);
    }
    assert_eq!(users(&server), 3);
}

#[test]
fn a_user_is_created_and_then_only_what_is_named_is_changed() {
    for (profile, carrier) in WAYS {
        let world = World::new();
        let server = world.serve(staffed(profile));
        let spec = spec("gate", &server, carrier);
        let set = |more: &[&str]| world.cli(&[&["users", "set", "7", "--yes", "--device", &spec], more].concat());
        let run = set(&["--name", "Visitor", "--card", "99"]).ended(0);
        assert_eq!(run.stdout, "gate: 1 user written and verified\n");
        assert!(run.stderr.contains("users: 1 added, 0 changed, 0 unchanged\n"), "{}", run.stderr);
        assert!(run.stderr.contains("+ 7 Visitor (slot "), "{}", run.stderr);
        let run = set(&["--privilege", "admin", "--password", "1234", "--json"]).ended(0);
        assert_eq!(lines(&run.stdout)[0]["plan"]["list"][0]["fields"], json!(["password", "privilege"]));
        assert!(!(run.stdout + &run.stderr).contains("1234"));
        assert_eq!(fields(&server, "7"), ("Visitor".into(), 99, "1234".into(), 14), "{profile} {carrier}");
        let run = set(&["--card", "99"]).ended(0);
        assert_eq!(run.stdout, "gate: nothing to write: all of it is there\n");
        assert!(users(&server) == 4 && server.handle().is_enabled());
    }
}

#[test]
fn a_password_may_come_from_a_file_or_a_variable() {
    let world = World::new();
    let server = world.serve(staffed("tft40"));
    let spec = spec("gate", &server, "tcp");
    world.write("pin.txt", "97531\n");
    world.cli(&["users", "set", "1001", "--password", "FILE:pin.txt", "--yes", "--device", &spec]).ended(0);
    assert_eq!(fields(&server, "1001").2, "97531");
    let run = world.cli(&["users", "set", "1001", "--password", "ENV:NO_SUCH", "--yes", "--device", &spec]).ended(10);
    assert!(run.stderr.contains("NO_SUCH is not set"), "{}", run.stderr);
}

#[test]
fn nothing_is_changed_without_consent_by_a_dry_run_or_at_another_terminal() {
    let world = World::new();
    let server = world.serve(staffed("tft40"));
    let spec = spec("gate", &server, "tcp");
    world.write("people.csv", "user_id,name\n1001,Other\n");
    let commands: [&[&str]; 3] =
        [&["users", "set", "7"], &["users", "delete", "1001"], &["users", "import", "people.csv"]];
    let before = held(&server);
    for command in commands {
        let run = world.cli(&[command, &["--device", &spec]].concat()).ended(80);
        assert!(run.stderr.contains("nothing was changed") && run.stderr.contains("--yes"), "{}", run.stderr);
        assert_eq!(run.stdout, "", "{command:?}");
        let other = format!("{spec}&serial=ANOTHER");
        let run = world.cli(&[command, &["--yes", "--device", &other]].concat()).ended(80);
        assert!(run.stderr.contains("wrong terminal"), "{}", run.stderr);
    }
    let run = world.cli(&["users", "set", "7", "--name", "Ned", "--dry-run", "--device", &spec]).ended(0);
    assert!(run.stdout.contains("+ 7 Ned"), "{}", run.stdout);
    let sent = server.handle().stats().commands;
    assert!(held(&server) == before && !sent.contains_key(&Command::DISABLEDEVICE), "{sent:?}");
}

#[test]
fn what_does_not_fit_is_refused_with_its_reason() {
    let world = World::new();
    let server = world.serve(staffed("bw8"));
    let spec = spec("gate", &server, "tcp");
    let run = world.cli(&["users", "set", "A7", "--yes", "--device", &spec]).ended(80);
    assert!(run.stderr.contains("user A7 does not fit the records of this terminal: user id"), "{}", run.stderr);
    let run = world.cli(&["users", "set", "7", "--privilege", "boss", "--device", &spec]).ended(2);
    assert!(run.stderr.contains("user, enroller, manager, admin"), "{}", run.stderr);
    assert_eq!(users(&server), 3);
}

#[test]
fn users_are_deleted_with_their_fingerprints() {
    for (profile, carrier) in WAYS {
        let world = World::new();
        let server = world.serve(staffed(profile));
        let spec = spec("gate", &server, carrier);
        let run = world.cli(&["users", "delete", "1001", "1002", "--yes", "--device", &spec]).ended(0);
        assert_eq!(run.stdout, "gate: user 1001 deleted\ngate: user 1002 deleted\n");
        assert!(run.stderr.contains("- 1001 Ali\n  - 1002 Eva\n"), "{}", run.stderr);
        assert_eq!((ids(&server), held(&server).1.len()), (vec!["1003".to_owned()], 1), "{profile} {carrier}");
        assert!(server.handle().is_enabled());
    }
}

#[test]
fn a_file_of_users_goes_there_and_back() {
    for (profile, carrier) in WAYS {
        for name in ["people.csv", "people.json"] {
            let world = World::new();
            let (old, new) = (world.serve(staffed(profile)), world.serve(empty(profile)));
            let (from, to) = (spec("old", &old, carrier), spec("new", &new, carrier));
            world.cli(&["users", "set", "1003", "--password", "2468", "--yes", "--device", &from]).ended(0);
            let run = world.cli(&["users", "export", name, "--passwords", "--device", &from]).ended(0);
            assert_eq!(run.stdout, format!("old: 3 users in {name}\n"));
            let import = ["users", "import", name, "--yes", "--device", &to];
            assert_eq!(world.cli(&import).ended(0).stdout, "new: 3 users written and verified\n");
            assert!(held(&new).0 == held(&old).0, "{profile} {carrier} {name}");
            assert_eq!(world.cli(&import).ended(0).stdout, "new: nothing to write: all of it is there\n");
        }
    }
}

#[test]
fn a_file_has_no_passwords_unless_asked_for_and_leaves_them_as_they_are() {
    let world = World::new();
    let server = world.serve(staffed("tft40"));
    let spec = spec("gate", &server, "tcp");
    world.cli(&["users", "set", "1003", "--password", "2468", "--yes", "--device", &spec]).ended(0);
    let run = world.cli(&["users", "export", "-", "--device", &spec]).ended(0);
    let expected =
        "user_id,name,privilege,card,group,slot\n1001,Ali,user,0,1,1\n1002,Eva,admin,0,1,2\n1003,Zoe,user,0,1,3\n";
    assert_eq!(run.stdout, expected);
    world.write("people.csv", run.stdout.replace("Zoe", "Zoé"));
    world.cli(&["users", "import", "people.csv", "--yes", "--device", &spec]).ended(0);
    assert_eq!(fields(&server, "1003"), ("Zoé".into(), 0, "2468".into(), 0));
    // As a spreadsheet writes it, with gaps.
    world.write("gaps.csv", "\u{feff}user_id;name;card\r\n1001;;55\r\n");
    world.cli(&["users", "import", "gaps.csv", "--yes", "--device", &spec]).ended(0);
    assert_eq!(fields(&server, "1001"), ("Ali".into(), 55, String::new(), 0));
    world.write("none.json", r#"[{"user_id": "1003", "password": ""}]"#);
    world.cli(&["users", "import", "none.json", "--yes", "--device", &spec]).ended(0);
    assert_eq!(fields(&server, "1003").2, "");
}

#[test]
fn a_file_that_is_wrong_is_refused_before_a_terminal_is_contacted() {
    let world = World::new();
    let server = world.serve(staffed("tft40"));
    let spec = spec("gate", &server, "tcp");
    let wrong = [
        ("a.csv", "name\nAli\n", "user_id"),
        ("b.csv", "user_id,shoe\n1,44\n", "shoe"),
        ("c.csv", "user_id,card\n1,many\n", "line: 2"),
        ("d.csv", "user_id,name\n", "it lists nobody"),
        ("e.csv", "user_id,privilege\n1,boss\n", "boss"),
        ("f.json", "{}", "invalid type"),
        ("g.csv", "user_id,name\n,Ali\n", "a row has no user_id"),
    ];
    for (name, text, why) in wrong {
        world.write(name, text);
        let run = world.cli(&["users", "import", name, "--yes", "--device", &spec]).ended(10);
        assert!(run.stderr.contains(name) && run.stderr.contains(why), "{}", run.stderr);
        assert!(run.stderr.contains("try:") && run.stderr.contains("nothing was changed"), "{}", run.stderr);
    }
    let run = world.cli(&["users", "import", "missing.csv", "--yes", "--device", &spec]).ended(10);
    assert!(run.stderr.contains("cannot read missing.csv"), "{}", run.stderr);
    assert_eq!(server.handle().stats().connections, 0);
    world.write("twice.csv", "user_id,name\n7,Ali\n7,Eva\n");
    let run = world.cli(&["users", "import", "twice.csv", "--yes", "--device", &spec]).ended(80);
    assert!(run.stderr.contains("user id 7 is there twice"), "{}", run.stderr);
    assert_eq!(users(&server), 3);
}

#[test]
fn many_terminals_have_a_file_each_and_take_the_same_list() {
    let world = World::new();
    let (front, back) = (world.serve(staffed("tft40")), world.serve(staffed("bw8")));
    configure(&world, &[("front", &front), ("back", &back)]);
    world.cli(&["users", "export", "people.csv", "--all"]).ended(0);
    assert_eq!(world.read("people-front.csv"), world.read("people-back.csv"));
    let run = world.cli(&["users", "export", "people.csv", "--all"]).ended(80);
    assert!(run.stderr.contains("people-front.csv is there already"), "{}", run.stderr);
    let run = world.cli(&["users", "export", "-", "--all"]).ended(2);
    assert!(run.stderr.contains("2 terminals cannot share stdout"), "{}", run.stderr);
    world.write("new.csv", "user_id,name\n7,Ned\n");
    let run = world.cli(&["users", "import", "new.csv", "--all", "--yes"]).ended(0);
    assert_eq!(run.stdout, "front: 1 user written and verified\nback: 1 user written and verified\n");
    let dead = format!("dead={}?transport=tcp&timeout=1s", nowhere());
    let run = world.cli(&["users", "list", "--json", "--device", "front", "--device", &dead]).ended(20);
    let told = lines(&run.stdout);
    assert_eq!((told[0]["users"].as_array().unwrap().len(), &told[1]["users"]), (4, &Value::Array(Vec::new())));
    assert!(told[1]["error"].as_str().unwrap().starts_with("cannot connect"), "{}", told[1]);
}

#[cfg(unix)]
#[test]
fn a_list_that_cannot_be_written_leaves_no_part_and_keeps_the_old_one() {
    let world = World::new();
    let server = world.serve(staffed("tft40"));
    world.write("old.csv", "user_id\n1\n");
    // No file may have a byte, as on a full disk.
    let full = format!("trap '' XFSZ; ulimit -f 0; exec {} users export \"$@\"", env!("CARGO_BIN_EXE_iclock-cli"));
    for (file, flag) in [("new.csv", "--json"), ("old.csv", "--replace")] {
        let spec = spec("gate", &server, "tcp");
        let args = ["-c", &full, "sh", file, flag, "--device", &spec];
        let run = Run::of(world.program("sh").args(args)).ended(10);
        let told = run.stdout + &run.stderr;
        assert!(told.contains(&format!("cannot write {file}: ")) && told.contains("room on the disk"), "{told}");
    }
    let files: Vec<_> = world.files().into_iter().map(|(path, _)| path.file_name().unwrap().to_owned()).collect();
    assert_eq!((files, world.read("old.csv").as_str()), (vec!["old.csv".into()], "user_id\n1\n"));
}

#[test]
fn a_table_without_proof_is_neither_shown_nor_changed() {
    let world = World::new();
    let server = world.serve(staffed("tft40").fault(fault("cut-users=12")));
    let spec = spec("gate", &server, "tcp");
    for command in [&["users", "list"][..], &["users", "set", "7", "--yes"], &["users", "delete", "1001", "--yes"]] {
        let run = world.cli(&[command, &["--device", &spec]].concat()).ended(20);
        assert!(run.stderr.contains("user table cannot be trusted") && run.stderr.contains("try:"), "{}", run.stderr);
        assert_eq!(run.stdout, "", "{command:?}");
    }
    let sent = server.handle().stats().commands;
    assert!(![Command::USER_WRQ, Command::DELETE_USER].iter().any(|command| sent.contains_key(command)));
}

#[test]
fn a_terminal_that_dies_half_way_says_how_far_it_got_and_is_completed_by_the_same_command() {
    for (carrier, number) in [("tcp", "hang-up-at"), ("udp", "stall-at")] {
        let world = World::new();
        let server = world.serve(empty("tft40").fault(fault(&format!("{number}=8@1"))));
        let spec = spec("gate", &server, carrier);
        world.write("people.csv", "user_id\n1\n2\n3\n");
        let import = ["users", "import", "people.csv", "--yes", "--device", &spec];
        let run = world.cli(&import).ended(20);
        assert!(run.stderr.contains("after writing ") && run.stderr.contains("run the same again"), "{}", run.stderr);
        server.handle().clear_faults();
        world.cli(&import).ended(0);
        assert_eq!(ids(&server), ["1", "2", "3"]);
        server.handle().set_faults(&[fault(&format!("{number}=18@1"))]);
        let delete = ["users", "delete", "1", "2", "3", "--yes", "--json", "--device", &spec];
        let told = &lines(&world.cli(&delete).ended(20).stdout)[0];
        assert!(told["deleted"] == json!(["1"]) && told["try"].is_string(), "{told}");
        server.handle().clear_faults();
        assert!(server.handle().is_enabled() || carrier == "udp", "it is enabled again where it can be reached");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_an_import_with_130_and_the_terminal_enabled() {
    let world = World::new();
    let server = world.serve(empty("tft40").fault(fault("ignore-command=8@1")));
    world.write("people.csv", "user_id\n1\n2\n3\n");
    let slow = format!("gate={}?timeout=60s", server.addr());
    let run = interrupted(&world, &["users", "import", "people.csv", "--yes", "--device", &slow], || {
        server.handle().stats().commands.get(&Command::USER_WRQ).is_some_and(|asked| *asked > 1)
    });
    assert_eq!((run.code, users(&server)), (130, 1), "{run:?}");
    assert!(run.stderr.contains("interrupted, after writing 1 user\n") && server.handle().is_enabled(), "{run:?}");
}
