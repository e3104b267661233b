//! The commands that talk to no terminal: each is run on what one sync left, one after the other.

use std::fs;

use crate::common::staff::fault;
use crate::common::{World, configure, terminal};
use crate::row::Json;
use crate::scene::has;

/// A command.
pub(crate) struct Local {
    /// Its names, as `--help` lists them.
    pub(crate) name: &'static str,
    pub(crate) with: &'static str,
    code: i32,
    /// A part of stdout.
    says: &'static str,
    /// A part of stderr; if it is empty, so is stderr.
    stderr: &'static str,
    pub(crate) json: Json,
}

const fn local(name: &'static str, with: &'static str, says: &'static str, json: Json) -> Local {
    Local { name, with, code: 0, says, stderr: "", json }
}

pub(crate) const LOCAL: &[Local] = &[
    Local { code: 60, stderr: "error: no service runs on state\n  try: ", ..local("health", "", "", Json::None) },
    local("status", "", "bad: 1 log could not be verified", Json::One),
    local("demo", "--dir demo", "8,160 stored", Json::None),
    local("report daily", "--day 2026-01-30", "nobody has punched", Json::One),
    local("report monthly", "--month 2026-01", "January 2026", Json::One),
    local("quarantine list", "", "empty_user_id", Json::Lines),
    local("quarantine show", "1", "empty_user_id", Json::One),
    local("quarantine export", "", "id,serial,device,reason,", Json::None),
    local("quarantine replay", "", "42 still wait", Json::None),
    local("quarantine resolve", "1 --note test", "1 marked as dealt with", Json::None),
    local("unproven list", "", "16,004", Json::Lines),
    local("unproven show", "1", "Why reading 1 was refused", Json::One),
    local("unproven decode", "1 --layout 40", "good", Json::None),
    Local {
        code: 80,
        stderr: "error: that is not its serial number; nothing was changed\n  try: ",
        ..local("unproven accept", "1 --layout 40", "130 go to the quarantine", Json::None)
    },
    local("audit show", "--person 1001", "1001", Json::Lines),
    local("audit push", "", "no terminal that pushes was told anything", Json::None),
    local("audit verify", "", "as written", Json::None),
    local("doctor sink", "", "db, sqlite:", Json::Lines),
    Local { code: 70, ..local("doctor state", "", "no damage", Json::Lines) },
    local("replay", "--sink db", "0 stored, 0 pending", Json::One),
    local("state check", "", "the ledger is sound", Json::None),
    local("state export", "copy.db", "358 events", Json::None),
    local("state import", "copy.db --state other", "358 events are in other", Json::None),
    local("state compact", "", "bytes freed", Json::None),
    Local { code: 80, stderr: "nothing was changed\n  try: ", ..local("state forget-sink", "db", "", Json::None) },
    Local {
        code: 10,
        stderr: "error: no way for alerts is configured\n  try: ",
        ..local("alert test", "", "", Json::None)
    },
    local("push pending", "", "no terminal waits", Json::None),
    local("push approve", "NEW1 --name yard", "NEW1 is approved", Json::None),
    local("push deny", "NEW1", "NEW1 is denied", Json::None),
    Local {
        code: 2,
        stderr: "terminal NEW1 has not pushed anything yet\n  try: ",
        ..local("push command", "NEW1 info", "", Json::None)
    },
    local("push results", "", "no terminal was given a command", Json::None),
    local("push show", "NEW1", "denied", Json::One),
    local("push captures", "NEW1", "nothing of NEW1 was captured", Json::None),
    local("access create", "board", "ick_", Json::None),
    local("access list", "", "board", Json::Lines),
    local("access revoke", "board", "board is revoked", Json::None),
    Local {
        stderr: "it holds once, for 30 minutes",
        ..local("access link", "office", "/welcome#link=iln_", Json::None)
    },
    Local {
        code: 2,
        stderr: "12 to 256 characters\n  try: ",
        ..local("access password", "office --role operator", "", Json::None)
    },
    local("access remove", "office", "office is removed", Json::None),
    local("simulate", "--list-faults", "latency", Json::None),
    Local { code: 40, stderr: "UNPROVEN: ", ..local("decode", "log.bin --layout 40", "bad", Json::None) },
    local("transcript show", "wire.zkt", "CONNECT", Json::Lines),
    local("transcript replay", "wire.zkt", "serial number", Json::None),
    local("config check", "", "ok: 2 terminals, 1 sink", Json::None),
    local("config show", "", "[[device]]", Json::None),
    local("config schema", "", "$schema", Json::None),
    Local { stderr: " WARN ", ..local("service install", "--print", "[Unit]", Json::None) },
    local("service uninstall", "--print", "systemctl disable", Json::None),
    Local { code: 70, ..local("service status", "--root .", "not installed", Json::None) },
    local("migrate", "OLD --write-config new.toml", "written: new.toml", Json::None),
    local("completions", "bash", "iclock__cli", Json::None),
    local("man", "", ".TH iclock-cli", Json::None),
    local("version", "", "ledger format", Json::One),
    local("person forget", "1001 --yes", "Removed of person 1001", Json::One),
];

#[test]
fn each_command_that_talks_to_no_terminal_says_what_it_did() {
    let world = World::new();
    let gate = world.serve(terminal(400).fault(fault("empty-user-ids=10")));
    let bad = world.serve(terminal(400).serial("BAD1").fault(fault("damaged-patch=130@200")));
    configure(&world, &[("gate", &gate), ("bad", &bad)]);
    world.write("iclock.toml", world.read("iclock.toml") + "[[sink]]\nname = \"db\"\nurl = \"sqlite:att.db\"\n");
    world.cli(&["sync"]).ended(40);
    world.cli(&["info", "gate", "--record", "wire.zkt"]).ended(0);
    let kept = fs::read_dir(world.path().join("state/unproven")).unwrap().next().unwrap().unwrap();
    world.write("log.bin", fs::read(kept.path()).unwrap());
    world.write("OLD/.env", "DEVICE_IPS=192.0.2.10\nDEVICE_NAMES=gate\n");
    for Local { name, with, code, says, stderr, json } in LOCAL {
        let run = |more: &str| {
            let line = format!("{name} {with} {more}");
            let run = world.cli(&line.split_whitespace().collect::<Vec<_>>());
            assert_eq!(run.code, *code, "{name}: {}", run.stderr);
            assert_eq!(run.stderr.is_empty(), stderr.is_empty(), "{name}: {}", run.stderr);
            has(&run.stderr, &[stderr]);
            run.stdout
        };
        has(&run(""), &[says]);
        if *json != Json::None {
            json.first(&run("--json"));
        }
    }
}
