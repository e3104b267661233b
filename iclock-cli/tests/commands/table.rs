//! The commands that talk to a terminal: what each prints, and the request at which the tests refuse it, let the
//! terminal die, or press Ctrl-C.

use crate::row::{Json, ROW, Row};

/// A look at everything.
const DOCTOR: Row = Row {
    keys: &["about", "name", "check", "level", "evidence"],
    at: "1503",
    refusal: "refuse-all=65535",
    refused: (70, &["PROBLEM", "try: "]),
    died: (70, &["PROBLEM", "try: "]),
    interrupted: &[],
    ..ROW
};

/// A command that reads a terminal's people.
const READS: Row = Row { at: "1503", refusal: "refuse-all=65535", ..ROW };

pub(crate) const TABLE: &[Row] = &[
    Row {
        name: "info",
        with: "gate",
        says: &["gate at ADDR\n", "GATE1", "40 of "],
        at: "50",
        refusal: "refuse-all=65535",
        ..ROW
    },
    Row {
        name: "discover",
        with: "127.0.0.1 --port {port}",
        says: &["ADDR  GATE1"],
        stderr: "searching 127.0.0.1: 1 address, 200 a second at most\n",
        keys: &["address", "serial", "records", "error", "try"],
        at: "50",
        refusal: "refuse-all=65535",
        refused: (0, &[]),
        died: (0, &[]),
        interrupted: &[],
        ..ROW
    },
    Row { name: "doctor", says: &["terminal back at ADDR\n", "Nothing is wrong; 3 notes."], ..DOCTOR },
    Row { name: "doctor device", with: "gate", says: &["40 records, proven", "Nothing is wrong."], ..DOCTOR },
    Row { name: "doctor all", says: &["terminal back at ADDR\n", "Nothing is wrong; 3 notes."], ..DOCTOR },
    Row {
        name: "attendance",
        with: "--device {gate}",
        says: &["2026-", "  gate "],
        json: Json::One,
        keys: &[],
        at: "1503",
        refusal: "refuse-all=65535",
        refused: (20, &["error: gate: "]),
        died: (20, &["error: gate: "]),
        interrupted: &["interrupted; nothing was kept"],
        ..ROW
    },
    Row {
        name: "sync",
        says: &["Done in ", ": 40 new, 40 stored, 0 pending, 0 quarantined."],
        json: Json::One,
        keys: &["run", "devices", "sinks", "totals"],
        at: "1503",
        refusal: "refuse-all=65535",
        refused: (20, &["  gate: cannot read the terminal: "]),
        died: (20, &["  gate: cannot read the terminal: "]),
        interrupted: &[" gate      stopped ", "Interrupted after "],
        ..ROW
    },
    Row {
        name: "verify",
        before: &["sync -q"],
        says: &[" gate           40             0\n", "Nothing is missing."],
        json: Json::One,
        keys: &["exit_code", "missing", "terminals", "sinks", "repairs"],
        at: "1503",
        refusal: "refuse-all=65535",
        refused: (20, &["gate: "]),
        died: (20, &["gate: "]),
        interrupted: &[],
        ..ROW
    },
    Row {
        name: "live",
        with: "gate",
        code: 130,
        says: &["  gate  "],
        stderr: "gate: listening\n",
        keys: &["terminal", "user_id", "name", "local_time"],
        at: "500",
        goes_on: true,
        died: (130, &["gate: ", "trying again: "]),
        interrupted: &[],
        ..ROW
    },
    Row {
        name: "serve",
        with: "--push 127.0.0.1:0 --device gate",
        code: 130,
        says: &["  gate  40 new, 40 records on the terminal; next poll ", "  db    40 stored, 0 pending\n"],
        stderr: "terminals may call http://",
        keys: &["run", "devices", "sinks", "totals"],
        at: "1503",
        goes_on: true,
        refusal: "refuse-all=65535",
        refused: (130, &["  gate  "]),
        died: (130, &["  gate  "]),
        interrupted: &[],
        ..ROW
    },
    Row {
        name: "clear",
        with: "gate --serial GATE1",
        says: &["Cleared 40 records of GATE1.\n  Backup: state/cleared/GATE1-"],
        stderr: " WARN its log was cleared terminal=gate records=40\n",
        json: Json::None,
        at: "15",
        refused: (20, &["error: gate: not cleared", "refused CLEAR_ATTLOG"]),
        died: (20, &["error: gate: ", "did not confirm", "try: run a sync"]),
        interrupted: &["error: gate: ", "did not confirm"],
        ..ROW
    },
    Row {
        name: "users list",
        with: "--device gate",
        says: &[" gate      1003     Zoe   user "],
        keys: &["name", "users", "missing"],
        ..READS
    },
    Row { name: "users get", with: "1002 --device gate", says: &[" gate      1002     Eva   admin "], ..READS },
    Row {
        name: "users set",
        with: "1002 --name Eve --yes --device gate",
        says: &["gate: 1 user written and verified\n"],
        stderr: "gate (ADDR):\n  users: 0 added, 1 changed, 0 unchanged\n  ~ 1002 Eve (name)\n",
        keys: &["plan", "users_written", "fingerprints_written"],
        at: "8",
        ..ROW
    },
    Row {
        name: "users delete",
        with: "1001 1002 --yes --device gate",
        says: &["gate: user 1001 deleted\ngate: user 1002 deleted\n"],
        stderr: "Deletes at gate (ADDR), with their fingerprints:\n  - 1001 Ali\n  - 1002 Eva\n",
        keys: &["deleted", "missing"],
        at: "18@1",
        ..ROW
    },
    Row {
        name: "users export",
        with: "out.csv --device gate",
        says: &["gate: 3 users in out.csv\n"],
        keys: &["file", "users"],
        ..READS
    },
    Row {
        name: "users import",
        with: "people.csv --yes --device gate",
        says: &["gate: 3 users written and verified\n"],
        stderr: "gate (ADDR), compared with people.csv:\n  \
                 users: 3 added, 0 changed, 0 unchanged, 3 only here (left alone)\n  \
                 + 7 Ned (slot ",
        keys: &["plan", "users_written"],
        at: "8@1",
        ..ROW
    },
    Row {
        name: "templates list",
        with: "--device gate",
        says: &[" gate      1003     Zoe   0       valid  600\n"],
        keys: &["algorithm", "fingerprints"],
        ..READS
    },
    Row {
        name: "templates export",
        with: "out.json --device gate",
        says: &["gate: 2 fingerprints in out.json\n"],
        keys: &["file", "fingerprints"],
        ..READS
    },
    Row {
        name: "templates import",
        with: "fingers.json --yes --device gate",
        before: &["templates export fingers.json --device gate", "templates delete 1001 --yes --device gate"],
        says: &["gate: 1 fingerprint written and verified\n"],
        stderr: "gate (ADDR), compared with fingers.json:\n  users: 0 added, 0 changed, 2 unchanged\n  \
                 fingerprints: 1 added, 0 changed, 1 unchanged\n",
        keys: &["plan", "fingerprints_written"],
        at: "87",
        // Each family has another way to write one.
        refusal: "refuse-command=87 refuse-command=10 refuse-command=110",
        ..ROW
    },
    Row {
        name: "templates delete",
        with: "1001 --yes --device gate",
        says: &["gate: finger 6 of user 1001 deleted\n"],
        stderr: "Deletes finger 6 of user 1001 at gate (ADDR).\n",
        keys: &["fingers_deleted"],
        at: "19",
        ..ROW
    },
    Row {
        name: "enroll",
        with: "1002 --finger 6 --yes --device gate",
        says: &["gate: finger 6 of user 1002 is enrolled, 512 bytes\n"],
        stderr: "Asks for finger 6 of user 1002 at gate (ADDR). The person has to be there.\n\
                 press 1: finger on the sensor\npress 1: good; lift the finger\n\
                 press 2: finger on the sensor\npress 2: good; lift the finger\n\
                 press 3: finger on the sensor\npress 3: good; lift the finger\nthe terminal is done\n",
        keys: &["user_id", "finger", "template_bytes"],
        at: "61",
        ..ROW
    },
    Row {
        name: "time show",
        with: "gate",
        says: &[" gate      20", "  right\n"],
        keys: &["clock", "clock_drift_s"],
        at: "201",
        ..ROW
    },
    Row {
        name: "time set",
        with: "gate --to 2026-01-31T08:00:00 --yes",
        says: &["before", "now", "2026-01-31 08:00:0"],
        stderr: "Sets the clock of gate (ADDR) to 2026-01-31 08:00:00. Later punches have the new time.\n",
        keys: &["before", "before_drift_s", "clock"],
        at: "202",
        ..ROW
    },
    Row {
        name: "options get",
        with: "VoiceOn LockOn --device gate",
        says: &[" gate      VoiceOn  1\n gate      LockOn   5\n"],
        keys: &["options"],
        at: "11@1",
        refused: (0, &["LockOn   (none)"]),
        ..ROW
    },
    Row {
        name: "options set",
        with: "VoiceOn=0 LockOn=9 --yes --device gate",
        says: &["gate: LockOn is now 9\ngate: VoiceOn is now 0\n"],
        stderr: "Sets VoiceOn=0, LockOn=9 at gate (ADDR). A wrong value may cut it off.\n",
        keys: &["written"],
        at: "12@1",
        ..ROW
    },
    Row {
        name: "clone-users",
        with: "gate back --yes",
        says: &["back: 3 users and 2 fingerprints written and verified\n"],
        stderr: "back (ADDR), compared with gate:\n  users: 3 added, 0 changed, 0 unchanged\n  \
                 fingerprints: 2 added, 0 changed, 0 unchanged\n  + 1001 Ali\n  + 1002 Eva\n  + 1003 Zoe\n",
        keys: &["plan", "users_written", "fingerprints_written"],
        ..READS
    },
    Row {
        name: "unlock",
        with: "gate --yes",
        says: &["gate: door opened\n"],
        stderr: "Opens the door at gate (ADDR) for 3 s.\n",
        keys: &["done"],
        at: "31",
        ..ROW
    },
    Row { name: "voice", with: "10 --device gate", says: &["gate: played\n"], keys: &["done"], at: "1017", ..ROW },
    Row {
        name: "lcd",
        with: "Closed --yes --device gate",
        says: &["gate: text written\n"],
        stderr: "Writes on line 0 of the screen of gate (ADDR).\n",
        keys: &["done"],
        at: "66",
        ..ROW
    },
    Row {
        name: "restart",
        with: "gate --yes",
        says: &["gate: restarts now\n"],
        stderr: "Restarts gate (ADDR). It takes 30 to 90 seconds, and nobody can punch meanwhile.\n",
        keys: &["done"],
        at: "1004",
        // As after a request that was carried out.
        died: (0, &["gate: restarts now"]),
        ..ROW
    },
    Row {
        name: "poweroff",
        with: "gate --yes",
        says: &["gate: switches off now\n"],
        stderr: "Switches gate (ADDR) off. Only a person at the terminal can switch it on again.\n",
        keys: &["done"],
        at: "1005",
        // As after a request that was carried out.
        died: (0, &["gate: switches off now"]),
        ..ROW
    },
    Row {
        name: "backup",
        with: "gate gate.tar",
        says: &["gate: 3 users, 2 fingerprints, ", " 40 attendance records in gate.tar\n"],
        stderr: " WARN gate.tar is not encrypted, and has people's passwords and fingerprints\n",
        keys: &["file", "encrypted", "counts", "attendance"],
        ..READS
    },
    Row {
        name: "restore",
        with: "gate.tar gate --yes",
        before: &["backup gate gate.tar", "users delete 1001 1002 --yes --device gate"],
        says: &["gate: 2 users and 1 fingerprint written and verified\n"],
        stderr: "  users: 2 added, 0 changed, 1 unchanged\n  fingerprints: 1 added, 0 changed, 1 unchanged\n  \
                 + 1001 Ali\n  + 1002 Eva\n",
        keys: &["plan", "users_written"],
        at: "8@1",
        ..ROW
    },
    Row {
        name: "init",
        with: "new.toml --device {gate} --sink sqlite:new.db",
        says: &["written: new.toml\nNext:\n"],
        stderr: "sqlite: works\ngate: works\n",
        json: Json::None,
        at: "50",
        refusal: "refuse-all=65535",
        refused: (20, &["gate: ", "something does not work yet"]),
        died: (20, &["gate: ", "something does not work yet"]),
        interrupted: &[],
        ..ROW
    },
];
