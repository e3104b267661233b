//! Every fault of the simulator: the causes that `doctor` names, or why it has nothing to name.

use std::collections::BTreeSet;

use zk_sim::faults::FaultKind;

use super::cases::{Case, case, examine, terminal};

/// How the terminal is met.
#[derive(Clone, Copy)]
enum Met {
    Tcp,
    Udp,
    /// Over TCP, with little patience: nothing answers for a while.
    Impatient,
    /// It has a communication key, and the configuration has none.
    KeyMissing,
    /// It has another key than the configuration.
    KeyWrong,
    /// Its key was changed and is demanded again.
    KeyAgain,
    /// Another program holds a session.
    Held,
}

use Met::{Held, Impatient, KeyAgain, KeyMissing, KeyWrong, Tcp, Udp};

/// The faults that somebody can meet, how they are met, and the causes.
const MET: &[(&str, Met, &[&str])] = &[
    ("absurd-frame", Tcp, &["not_a_terminal"]),
    ("absurd-length", Tcp, &["bad_bytes"]),
    ("access-panel", Tcp, &["access_panel"]),
    ("bad-checksum", Tcp, &["users_unreadable", "read_again"]),
    ("bad-data-checksum", Tcp, &["users_unreadable", "read_again"]),
    ("busy", Tcp, &["terminal_busy"]),
    ("clock-off", Tcp, &["clock_off"]),
    ("clock-off=-5h", Tcp, &["zone_off"]),
    ("clock-off=-90s", Tcp, &["clock_off"]),
    ("close-on-wrong-key", KeyMissing, &["key_missing"]),
    ("close-on-wrong-key", KeyWrong, &["key_wrong"]),
    ("count-larger", Tcp, &["count_off", "read_again"]),
    ("count-smaller", Tcp, &["count_off", "read_again"]),
    ("count-zero", Tcp, &["count_zero", "read_again"]),
    ("counted-garbage", Tcp, &["stray_bytes"]),
    ("cut-head", Tcp, &["log_cut_short"]),
    ("cut-head-filled", Tcp, &["log_unknown"]),
    ("cut-head-sized", Tcp, &["log_unknown"]),
    ("cut-users", Tcp, &["users_unreadable"]),
    ("damaged-patch", Tcp, &["log_damaged"]),
    ("drop-after", Tcp, &["users_unreadable", "line_breaks"]),
    ("drop-after=0", Tcp, &["session_taken"]),
    ("empty-command", Tcp, &["clock_missing"]),
    ("empty-command=50", Tcp, &["count_missing", "read_again"]),
    ("empty-options", Tcp, &["no_serial"]),
    ("empty-user-ids", Tcp, &["empty_user_ids", "read_again"]),
    ("future-dates", Tcp, &["future_dates"]),
    ("garbage-direct refuse-buffered", Tcp, &["log_unknown"]),
    ("garbled-user-ids", Tcp, &["garbled_ids"]),
    ("hang-up-at", Tcp, &["clock_missing"]),
    ("ignore-command", Tcp, &["clock_missing"]),
    ("ignore-offsets", Impatient, &["stalls"]),
    ("impossible-dates", Tcp, &["impossible_dates"]),
    ("key-mid-session", Tcp, &["session_lost"]),
    ("key-mid-session", KeyAgain, &["session_lost"]),
    ("latency=2s", Impatient, &["session_silent"]),
    ("lose-session", Tcp, &["no_serial", "count_missing", "clock_missing", "session_lost"]),
    ("no-data", Tcp, &["log_refused"]),
    ("not-ready", Impatient, &["stalls"]),
    ("option-code", Tcp, &["no_serial"]),
    ("refuse-all", Tcp, &["refuses_all"]),
    ("refuse-command", Tcp, &["clock_missing"]),
    ("refuse-command=50", Tcp, &["count_missing", "read_again"]),
    ("refuse-log", Tcp, &["log_refused"]),
    ("refuse-second", Held, &["session_taken"]),
    ("reset-dates", Tcp, &["reset_dates"]),
    ("secure", Tcp, &["secure_firmware"]),
    ("short-chunks", Tcp, &["log_cut_short", "users_unreadable"]),
    ("silent-connect", Impatient, &["session_silent"]),
    ("sizes-length", Tcp, &["count_missing", "read_again"]),
    ("slow-reads=30s", Impatient, &["stalls"]),
    ("stall", Impatient, &["stalls"]),
    ("stall-at", Impatient, &["stalls"]),
    ("stall-packets", Impatient, &["count_missing", "stalls"]),
    ("trailing-garbage", Tcp, &["stray_bytes"]),
    ("udp-loss=100", Udp, &["no_answer"]),
    ("wrong-reply-id", Impatient, &["session_silent"]),
    ("zeroed-users", Tcp, &["users_deleted"]),
];

/// The faults that need nothing done: the log is read and proven under them. Each is examined too, and nothing may be
/// found.
const HARMLESS: &[(&str, Met, &str)] = &[
    ("ack-before-data", Tcp, "the data that follow are waited for"),
    ("bare-data", Tcp, "the packet has all the data"),
    ("coalesced-writes", Tcp, "the bounds of reads mean nothing"),
    ("data-session-id", Udp, "the sizes tell what came"),
    ("demand-key", Tcp, "key 0 is tried if none is known"),
    ("duplicate-records", Tcp, "the log is right: one event is made of them"),
    ("early-ack", Udp, "the announced bytes are waited for"),
    ("empty-pin-width", Tcp, "it counts as unknown"),
    ("first-chunk", Tcp, "a log of one chunk has no other offset"),
    ("exit-unanswered", Tcp, "the end of a session is not waited for"),
    ("ignore-buffered", Tcp, "the log is read directly"),
    ("ignore-length", Tcp, "the surplus is cut"),
    ("inline", Tcp, "the data are in the answer"),
    ("latency", Tcp, "a slow line is waited for; one that is too slow is met above"),
    ("log-after-users", Tcp, "the log is read in a session of its own"),
    ("long-chunks", Tcp, "the surplus is cut"),
    ("long-length-word", Tcp, "the other witnesses prove the log"),
    ("negative-sizes", Tcp, "the free room is not believed"),
    ("new-session-id", KeyAgain, "the new number is taken"),
    ("no-final-ack", Tcp, "the size tells when all is there"),
    ("prepare-to-1503", Tcp, "the transfer is taken"),
    ("refuse-buffered", Tcp, "the log is read directly"),
    ("refuse-offsets", Tcp, "the log is read whole"),
    ("rewritten", Tcp, "a log of one chunk is one answer"),
    ("short-stream", Tcp, "the log does not come in one answer"),
    ("slow-reads", Tcp, "a full memory is waited for; one that is too slow is met above"),
    ("small-checksum", Tcp, "firmware is known that counts so"),
    ("split-writes", Tcp, "the bounds of reads mean nothing"),
    ("stale-packet", Tcp, "an answer is known by its number"),
    ("udp-duplicate", Udp, "a datagram is known by its number"),
    ("udp-loss", Udp, "a lost datagram is requested again; a line that loses all is met above"),
    ("udp-part", Udp, "less is requested at a time"),
    ("udp-reorder", Udp, "a datagram is known by its number"),
    ("wrong-formats", Tcp, "the bytes decide, and not the options"),
    ("zero-length-word", Tcp, "the other witnesses prove the log"),
];

/// The faults that nobody can meet with `doctor`, because it does not do what they strike. The command that does says
/// so itself.
const ELSEWHERE: &[(&str, &str)] = &[
    ("cut-templates", "only backup and templates read fingerprints, and refuse such a table"),
    ("enrol-fails", "only enroll enrols, and prints the result"),
    ("enrol-repeat", "only enroll enrols, and waits for the next press"),
    ("enrol-silent", "only enroll enrols, and gives up after a time"),
    ("enrol-twice", "only enroll enrols, and ignores the second end"),
    ("event-mid-transfer", "only live asks for events: an event that nobody asked for is left out"),
    ("event-twice", "only live asks for events, and a punch is one event however often it is heard"),
    ("events-once", "only live asks for events, and each leads to a read of the log"),
    ("ignored-writes", "only users and restore write people, and read them back"),
    ("kill-first", "the other program loses its session, and doctor keeps its own"),
    ("lose-events", "only live asks for events, and what it does not hear is read with the next poll"),
    ("refuse-user-writes", "only users and restore write people, and then write them another way"),
];

fn met(fault: &str, how: Met, number: usize, expected: &[&'static str]) -> Case {
    let name = format!("{number:02} {fault}");
    let with = |how: Met| {
        case(&name, terminal("tft40", 300), expected).faults(fault).set(match how {
            Udp => "transport = \"udp\"",
            _ => "transport = \"tcp\"",
        })
    };
    let keyed = |text: &str| case(&name, terminal("tft40", 300).key(4711), expected).faults(fault).set(text);
    match how {
        Tcp | Udp => with(how),
        Impatient => with(how).set("timeout = \"500ms\""),
        KeyMissing => keyed("transport = \"tcp\""),
        KeyWrong => keyed("comm_key = \"4712\""),
        KeyAgain => keyed("comm_key = \"4711\""),
        Held => with(how).held(),
    }
}

#[test]
fn each_fault_that_somebody_can_meet_is_named_with_its_cause_and_fix() {
    let cases = MET.iter().enumerate().map(|(n, (fault, how, causes))| met(fault, *how, n, causes));
    examine(cases.collect());
}

#[test]
fn faults_that_do_no_harm_are_not_complained_of() {
    let harmless = HARMLESS.iter().map(|(fault, how, _)| (*fault, *how));
    let cases = harmless.chain(ELSEWHERE.iter().map(|(fault, _)| (*fault, Tcp)));
    examine(cases.enumerate().map(|(n, (fault, how))| met(fault, how, n, &[])).collect());
}

#[test]
fn each_fault_of_the_simulator_has_its_row() {
    let kind = |text: &'static str| text.split('=').next().unwrap();
    let met = MET.iter().flat_map(|(faults, ..)| faults.split(' '));
    let rows = met.chain(HARMLESS.iter().map(|row| row.0)).chain(ELSEWHERE.iter().map(|row| row.0)).map(kind);
    let rows: BTreeSet<&str> = rows.collect();
    let all: BTreeSet<&str> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(rows, all, "MET, HARMLESS or ELSEWHERE has a row for each fault");
    let reasons = HARMLESS.iter().map(|row| row.2).chain(ELSEWHERE.iter().map(|row| row.1));
    assert!(reasons.into_iter().all(|why| why.len() > 15), "each says why");
}
