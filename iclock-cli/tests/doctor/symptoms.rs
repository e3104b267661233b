//! What people say of a terminal ("cannot connect", "0 records"), and the causes behind each.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};

use iclock_sync::diagnose::{Cause, Check};
use zk_proto::DeviceTime;
use zk_sim::{Person, Profile, Punch, TerminalBuilder};

use super::cases::{case, examine, examine_under, terminal};

/// What a line that breaks at any moment comes to.
const BROKEN: &[&str] = &[
    "line_breaks",
    "hangs_up",
    "session_taken",
    "session_lost",
    "session_pause",
    "session_contested",
    "session_silent",
    "clock_missing",
    "count_missing",
    "users_unreadable",
    "read_again",
];

/// "Cannot connect": each case is another cause, from the outside in.
#[test]
fn cannot_connect() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    // Nobody listens, and nobody else gets the port meanwhile.
    let reserved = tokio::net::TcpSocket::new_v4().unwrap();
    reserved.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let closed = reserved.local_addr().unwrap().port();
    let web = web_server();
    let any = || terminal("tft40", 20);
    let at = |port: u16, carrier: &str| format!("port = {port}\ntransport = \"{carrier}\"\ntimeout = \"1s\"");
    examine(vec![
        case("a name without an address", any(), &["name_unknown"]).set("host = \"gate.invalid\""),
        case("a closed port", any(), &["port_closed"]).set(&at(closed, "tcp")),
        case("a machine that does not answer", any(), &["no_answer"]).set(&at(silent_port, "udp")),
        case("a web server", any(), &["not_a_terminal"]).set(&at(web, "tcp")),
        case("a terminal with a key", any().key(4711), &["key_missing"]),
        case("a wrong key", any().key(4711), &["key_wrong"]).set("comm_key = \"1\""),
        case("another terminal", any(), &["wrong_terminal"]).set("serial = \"OTHER\""),
        case("one session, and it is taken", one_session(), &["session_taken"]).held(),
        case("one session, which another program leaves", one_session(), &["session_contested"]).left(),
        case("a terminal that speaks UDP", terminal("udp-only", 20), &[]),
        case("two programs that end each other's sessions", any(), BROKEN)
            // So slow that the other program comes amid the questions.
            .faults("kill-first latency=20ms")
            .contested(),
    ]);
}

/// "0 records".
#[test]
fn no_records() {
    let nobody = || terminal("tft40", 0).people(Vec::new());
    examine(vec![
        case("a log without records", terminal("tft40", 0), &["empty_log"]),
        case("a terminal without people", nobody(), &["no_users", "empty_log"]),
        case("a count of 0", terminal("tft40", 60), &["count_zero", "read_again"]).faults("count-zero"),
        case("a refused log", terminal("tft40", 60), &["log_refused"]).faults("refuse-log"),
        case("push mode", terminal("tft40", 60), &["refuses_all"]).faults("refuse-all"),
    ]);
}

/// "Empty staff ids", and other ids that no list of staff has.
#[test]
fn empty_staff_ids() {
    let person = |uid: u16, id: &str| Person { uid, user_id: id.into(), name: "x".into(), privilege: 0 };
    let vacant = with_ids(&["1"]).profile(Profile::named("bw8").unwrap()).people(Vec::new());
    let nameless = terminal("tft40", 60).people(vec![person(1, "1"), person(2, "")]);
    examine(vec![
        case("punches without an id", terminal("tft40", 60), &["empty_user_ids"]).faults("empty-user-ids=20"),
        case("a user without an id", nameless, &["empty_user_ids", "users_without_id"]),
        case("slots that nobody has", vacant, &["no_users", "unknown_slots"]),
        case("bytes that are no text", terminal("tft40", 60), &["garbled_ids"]).faults("garbled-user-ids"),
        case("ids of zero", with_ids(&["0", "7"]), &["zero_ids"]),
        case("ids with letters", with_ids(&["NB2401004"]), &["letters_in_ids"]),
    ]);
    examine_under(
        "[rules]\nallow_list = [\"7\"]\n",
        vec![case("ids of strangers", with_ids(&["7", "8"]), &["foreign_ids"])],
    );
}

/// "Times are off".
#[test]
fn times_are_off() {
    let at = |year: u16| DeviceTime::new(year, 6, 1, 12, 0, 0).unwrap();
    examine(vec![
        case("two minutes ahead", terminal("tft40", 60), &["clock_off"]).faults("clock-off=2m"),
        case("another zone", terminal("tft40", 60), &["zone_off"]).faults("clock-off=3h"),
        case("a clock that began again", terminal("tft40", 60), &["clock_reset", "clock_off"])
            .changed(move |handle| handle.set_now(at(2000))),
        case("30 February", terminal("tft40", 60), &["impossible_dates"]).faults("impossible-dates"),
        case("punches of 2000", terminal("tft40", 60), &["reset_dates"]).faults("reset-dates"),
        case("punches from the future", terminal("tft40", 60), &["future_dates"]).faults("future-dates"),
        case("no answer about the clock", terminal("tft40", 60), &["clock_missing"]).faults("refuse-command=201"),
    ]);
}

/// "UNPROVEN", and other logs that do not come.
#[test]
fn unproven() {
    examine(vec![
        case("bytes lost on the way", terminal("tft40", 300), &["log_cut_short"]).faults("cut-head"),
        case("bytes lost, sizes adapted", terminal("tft40", 300), &["log_unknown"]).faults("cut-head-sized"),
        case("a damaged part", terminal("tft40", 400), &["log_damaged"]).faults("damaged-patch=130@200"),
        case("a log of noise", terminal("bw16", 300), &["log_unknown"]).faults("garbage-direct refuse-buffered"),
    ]);
}

/// "It is full".
#[test]
fn no_room() {
    let of = |capacity: usize| {
        let profile = Profile { log_capacity: capacity as _, ..Profile::named("tft40").unwrap() };
        terminal("tft40", 300).profile(profile)
    };
    examine(vec![
        case("nearly", of(320), &["log_nearly_full"]),
        case("full", of(300), &["log_full"]),
        case("room", of(3_000), &[]),
    ]);
}

/// Causes of terminals that no case of these tables makes.
const NOT_MADE: &[(Cause, &str)] = &[
    (Cause::NoRoute, "a test contacts no other machine"),
    (Cause::ClockInvalid, "the simulated clock has no such time"),
    (Cause::LogMisframed, "proven in iclock-sync/src/unproven/verdict.rs"),
    (Cause::LogAmbiguous, "proven in iclock-sync/src/unproven/verdict.rs"),
    (Cause::LogChanges, "proven in iclock-sync/src/unproven/verdict.rs"),
    (Cause::LineDamages, "proven in iclock-sync/src/unproven/verdict.rs"),
    (Cause::LogUnproven, "a verdict that this version does not know"),
    (Cause::TooSlow, "a deadline of minutes"),
    (Cause::UnreadableRecords, "a record of a proven log is decoded"),
];

#[test]
fn each_cause_at_a_terminal_is_made_by_a_case() {
    let tables = concat!(include_str!("faults.rs"), include_str!("field.rs"), include_str!("symptoms.rs"));
    let of_terminal = |cause: &&Cause| cause.check() < Check::Sink;
    let is_made = |cause: &&Cause| tables.contains(&format!("\"{}\"", cause.as_str()));
    let unmade: BTreeSet<Cause> =
        Cause::ALL.iter().filter(of_terminal).filter(|cause| !is_made(cause)).copied().collect();
    let listed: BTreeSet<Cause> = NOT_MADE.iter().map(|row| row.0).collect();
    assert_eq!(unmade, listed, "a case, or a row in NOT_MADE");
    assert!(NOT_MADE.iter().all(|(_, why)| why.len() > 10));
}

fn one_session() -> TerminalBuilder {
    terminal("tft40", 20).profile(Profile { sessions: 1, ..Profile::named("tft40").unwrap() })
}

fn with_ids(ids: &[&str]) -> TerminalBuilder {
    let from = DeviceTime::new(2025, 5, 1, 7, 0, 0).unwrap();
    let people =
        ids.iter().zip(1..).map(|(id, uid)| Person { uid, user_id: (*id).into(), name: "x".into(), privilege: 0 });
    let punches = (0..60u32).map(|n| {
        let at = n as usize % ids.len();
        Punch::new(at as u16 + 1, ids[at], DeviceTime(from.0 + n * 37 * 60), (n % 2) as u8, 1)
    });
    terminal("tft40", 0).people(people.collect()).punches(punches.collect())
}

/// A server that answers whatever it is sent with a line of HTTP. It ends with the process.
fn web_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 512]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    port
}
