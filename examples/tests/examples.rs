//! Each example is run as a user runs it, against a simulated terminal; what it prints is held against what that
//! terminal holds.

mod program;

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use bytes::Bytes;
use chrono::NaiveDate;
use program::{Running, run};
use zk_proto::Uid;
use zk_proto::record::{FingerTemplate, Who};
use zk_sim::{Fault, Handle, Profile, Server, Terminal, TerminalBuilder};

type Outcome = Result<(), Box<dyn Error>>;

/// A terminal at a free port of this machine, and the arguments by which an example finds it.
async fn terminal(terminal: TerminalBuilder) -> Result<(Server, [String; 2]), Box<dyn Error>> {
    let server = Server::start(terminal.build(), ([127, 0, 0, 1], 0).into()).await?;
    let address = [server.addr().ip().to_string(), server.addr().port().to_string()];
    Ok((server, address))
}

/// Families that differ in carrier, layouts and counts.
const FAMILIES: [&str; 5] = ["tft40", "tft16", "bw8", "udp-only", "mb1"];

fn of_family(name: &str) -> TerminalBuilder {
    let profile = Profile::named(name).unwrap_or_else(|| panic!("no family {name}"));
    Terminal::builder().profile(profile).records(300).users(30).seed(7)
}

#[tokio::test(flavor = "multi_thread")]
async fn device_info_tells_identity_and_counts() -> Outcome {
    for family in FAMILIES {
        let (server, address) = terminal(of_family(family).finger(finger(1, 6))).await?;
        let told = run("device_info", &address).ok();
        let profile = Profile::named(family).unwrap();
        let lines = [
            format!("serial number  {}", server.handle().serial()),
            format!("model          {}", profile.device_name),
            format!("platform       {}", profile.platform),
            format!("firmware       {}", profile.firmware),
            format!("users          30 of {}", profile.user_capacity),
            format!("fingerprints   1 of {}", profile.finger_capacity),
            format!("attendance     300 of {}", profile.log_capacity),
        ];
        assert_eq!(told.lines().collect::<Vec<_>>(), lines, "{family}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_and_sans_io_tell_the_terminals_time() -> Outcome {
    let now = NaiveDate::from_ymd_opt(2024, 2, 29).and_then(|day| day.and_hms_opt(23, 59, 58)).unwrap();
    let (_server, address) = terminal(Terminal::builder().now(now)).await?;
    assert_eq!(run("clock", &address).ok(), "the terminal shows 2024-02-29 23:59:58\n");
    assert_eq!(run("sans_io", &[address.join(":")]).ok(), "the terminal shows 2024-02-29 23:59:58\n");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn users_lists_everybody_and_no_password() -> Outcome {
    for family in FAMILIES {
        let (server, address) = terminal(of_family(family)).await?;
        let row = |user: &zk_proto::record::User| {
            let name = String::from_utf8_lossy(&user.name).into_owned();
            format!("slot {:>5}  user id {:<12}  {name}", user.uid.0, user.user_id.as_str())
        };
        let rows: Vec<_> = server.handle().inspect(Terminal::users).iter().map(row).collect();
        assert_eq!(rows.len(), 30);
        assert_eq!(run("users", &address).ok().lines().collect::<Vec<_>>(), rows, "{family}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_user_table_is_not_listed() -> Outcome {
    let (_server, address) = terminal(of_family("tft40").fault(Fault::parse("cut-users=12")?)).await?;
    let why = run("users", &address).failed();
    assert!(why.contains("the user table cannot be trusted"), "{why}");
    Ok(())
}

/// The log as `attendance` prints it.
fn log_of(terminal: &Handle, by_uid: bool) -> Vec<String> {
    let row = |punch: zk_sim::Punch| {
        let who = if by_uid { format!("slot {}", punch.uid) } else { punch.user_id.to_string() };
        format!("{}  {who:<12}  state {}  mode {}", punch.time, punch.state, punch.mode)
    };
    terminal.records().into_iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn attendance_prints_the_whole_log() -> Outcome {
    for family in FAMILIES {
        let (server, address) = terminal(of_family(family)).await?;
        let by_uid = Profile::named(family).unwrap().log.needs_users();
        let printed = run("attendance", &address);
        assert!(printed.stderr.contains("300 records in "), "{family}: {}", printed.stderr);
        assert_eq!(printed.ok().lines().collect::<Vec<_>>(), log_of(&server.handle(), by_uid), "{family}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn attendance_prints_no_record_of_a_cut_log() -> Outcome {
    let (_server, address) = terminal(of_family("tft40").fault(Fault::parse("cut-head-filled=12")?)).await?;
    let why = run("attendance", &address).failed();
    assert!(why.contains("not one record can be trusted"), "{why}");
    Ok(())
}

fn finger(uid: u16, finger: u8) -> FingerTemplate {
    let template: Bytes = (0..800u16).map(|n| (n.wrapping_mul(31) ^ uid) as u8 | 1).collect();
    FingerTemplate { uid: Uid(uid), finger, flag: 1, template }
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_brings_people_and_fingerprints_to_another_terminal() -> Outcome {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("staff.json").display().to_string();
    let full = Terminal::builder().users(5).finger(finger(1, 6)).finger(finger(3, 0));
    let (from, here) = terminal(full).await?;
    let (to, there) = terminal(Terminal::builder()).await?;
    let with = |action: &str, address: &[String; 2]| [&[action.to_owned(), file.clone()], &address[..]].concat();

    assert_eq!(run("backup", &with("save", &here)).ok(), "5 users, 2 fingerprints saved\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    }
    let again = run("backup", &with("save", &here)).failed();
    assert!(again.contains("exists"), "an earlier backup is not written over: {again}");

    let restored = "5 users, 2 fingerprints written, the others were there\n";
    assert_eq!(run("backup", &with("restore", &there)).ok(), restored);
    let held = |server: &Server| server.handle().inspect(|terminal| (terminal.user_records(), terminal.fingers()));
    assert_eq!(held(&to), held(&from));
    assert!(to.handle().is_enabled());
    let nothing = "0 users, 0 fingerprints written, the others were there\n";
    assert_eq!(run("backup", &with("restore", &there)).ok(), nothing);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn live_tells_who_punches_and_who_did_while_nobody_listened() -> Outcome {
    let (server, address) = terminal(of_family("tft40")).await?;
    let terminal = server.handle();
    let row = |punch: &zk_sim::Punch| {
        let who = Who::UserId(zk_proto::UserId(punch.user_id.to_string()));
        format!("{}  {who:?}", punch.time)
    };
    let live = Running::start("live", &address);
    assert_eq!(live.line(), "the log has 300 records");
    let heard = terminal.punch_now().ok_or("no users")?;
    assert_eq!(live.line(), row(&heard));

    terminal.restart();
    let missed = terminal.punch_now().ok_or("no users")?;
    let gap = live.line();
    assert!(gap.starts_with(&format!("nobody listened from {} to ", heard.time)), "{gap}");
    assert!(gap.ends_with("; the log says:"), "{gap}");
    // The log has the punches that were heard, too, after its known end.
    assert_eq!([live.line(), live.line()], [row(&heard), row(&missed)]);
    let heard = terminal.punch_now().ok_or("no users")?;
    assert_eq!(live.line(), row(&heard));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn record_writes_what_replays_without_the_terminal() -> Outcome {
    let directory = tempfile::tempdir()?;
    let (server, address) = terminal(of_family("tft40")).await?;
    let seen = program::run_in(directory.path(), "record", &address).ok();
    assert!(seen.contains(&server.handle().serial()), "{seen}");
    assert!(seen.contains("Some(300) records, "), "{seen}");
    drop(server);
    let replayed = program::run_in(directory.path(), "record", &[format!("{}.zkt", address[0])]).ok();
    assert_eq!(replayed, format!("replaying what {} said\n{seen}", address[0]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn record_reads_a_log_of_any_length() -> Outcome {
    let directory = tempfile::tempdir()?;
    let long = Terminal::builder().profile(Profile::named("tft40").unwrap()).records(100_000).users(30).seed(7);
    let (_server, address) = terminal(long).await?;
    let seen = program::run_in(directory.path(), "record", &address).ok();
    assert!(seen.contains("Some(100000) records, "), "{seen}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_is_there_under_a_path_and_the_rest_of_the_server_next_to_it() -> Outcome {
    let (_server, address) = terminal(Terminal::builder().records(40).users(5).seed(7)).await?;
    let directory = tempfile::tempdir()?;
    let running = Running::start_in(directory.path(), "dashboard", &address);
    let link = running.line();
    let (place, link) = link.trim_start_matches("http://").split_once("/attendance/welcome#link=").ok_or("no link")?;
    assert!(link.starts_with("iln_"), "{link}");
    let get = |path: &str| -> Result<String, Box<dyn Error>> {
        let mut stream = TcpStream::connect(place)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    assert!(get("/")?.ends_with("the rest of the program"));
    assert!(get("/attendance")?.to_ascii_lowercase().contains("location: /attendance/login\r\n"));
    let login = get("/attendance/login")?;
    assert!(login.starts_with("HTTP/1.1 200 ") && login.contains("action=\"/attendance/login\""), "{login}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn school_takes_the_punches_of_its_students_alone_and_hears_the_next_one() -> Outcome {
    let (server, address) = terminal(Terminal::builder().records(40).users(5).seed(7)).await?;
    let ids: Vec<String> = server.handle().records().iter().map(|punch| punch.user_id.to_string()).collect();
    let first = ids[0].clone();
    let of_first = ids.iter().filter(|id| **id == first).count();
    let directory = tempfile::tempdir()?;
    let mut school = Running::start_in(directory.path(), "school", &address);
    assert_eq!(school.line(), "gate: 0 new, 40 wait");
    school.tell(&format!("students {first}"));
    let mut told = [school.line(), school.line()];
    told.sort();
    assert_eq!(told, [format!("{of_first} released"), format!("attendance: {of_first} stored")]);
    school.tell(&format!("students {}", ids.join(" ")));
    let mut told = [school.line(), school.line()];
    told.sort();
    assert_eq!(told, [format!("{} released", 40 - of_first), format!("attendance: {} stored", 40 - of_first)]);
    // Once the terminal is listened to, a punch is read at once.
    server.handle().punch_now().ok_or("nobody punches")?;
    let mut told = [school.line(), school.line()];
    told.sort();
    assert_eq!(told, ["attendance: 1 stored", "gate: 1 new, 0 wait"]);
    school.tell("quit");
    assert!(school.ended_well());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn engine_stores_the_log_once() -> Outcome {
    let directory = tempfile::tempdir()?;
    let (_server, address) = terminal(of_family("tft40")).await?;
    let first = program::run_in(directory.path(), "engine", &address).ok();
    assert_eq!(first, "gate: 300 records read, 300 new\nattendance: 300 stored, 0 pending\n");
    let second = program::run_in(directory.path(), "engine", &address).ok();
    assert!(second.starts_with("gate: 0 records read, 0 new\n"), "{second}");
    assert!(second.contains("attendance: 0 stored, 0 pending\n"), "{second}");
    Ok(())
}

#[test]
fn each_example_says_how_it_is_used() {
    for name in
        ["device_info", "clock", "users", "backup", "attendance", "record", "engine", "school", "live", "sans_io"]
    {
        let usage = run(name, &[""; 0]).failed();
        assert!(usage.contains(&format!("usage: {name} ")), "{name}: {usage}");
    }
}

#[test]
fn own_sink_stores_each_event_once() {
    let directory = tempfile::tempdir().unwrap();
    let args = [directory.path().display().to_string(), "5".to_owned()];
    for new in ["5 of 5", "0 of 5"] {
        let told = run("own_sink", &args).ok();
        assert!(told.ends_with(&format!("{new} events are new\n")), "{told}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 5);
}
