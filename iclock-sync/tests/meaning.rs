//! The meaning of what terminals say: whose punch it is, when it was, and what the report says about both.

mod common;

use std::sync::Arc;

use attendance_model::{AttendanceEvent, Capabilities, IdScheme, MemorySink, Policy, Reason, Rules};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use common::clock::HostInUtc;
use common::{Gate, State, memory, only, sync, sync_with};
use iclock_sync::clock::Clock;
use iclock_sync::quarantine::{QuarantineFilter, Resolve};
use iclock_sync::report::{Hint, ReadMode};
use iclock_sync::{Bound, DeviceOptions, EngineBuilder, Ledger, RunOptions, Window};
use zk_proto::{DeviceTime, UserId};
use zk_sim::{Profile, Punch, Terminal};

/// 40 punches, a minute apart; those of the first four name the person by bytes that are no text. Source: F-id-bytes.
fn with_id_bytes() -> Vec<Punch> {
    let first = DeviceTime::new(2025, 5, 18, 7, 0, 0).unwrap();
    let odd = [&b"5\xD2"[..], b"\xD25", b"\xD2", b"5\x03"].map(|field| UserId::from_field(field).0);
    let ids = odd.into_iter().chain((0..36).map(|_| "5".to_owned()));
    ids.zip(0..).map(|(id, n)| Punch::new(1, &id, DeviceTime(first.0 + 60 * n), 0, 1)).collect()
}

#[tokio::test]
async fn no_byte_that_is_no_text_gives_a_punch_to_another_person() {
    for profile in ["tft40", "face49"] {
        let terminal = Terminal::builder().profile(Profile::named(profile).unwrap()).punches(with_id_bytes());
        let (gate, state, (stored, sink)) = (Gate::start("gate", terminal).await, State::new(), memory("db"));
        let report = sync(&state.engine(&[&gate], &[sink])).await;
        let device = only(&report).0;
        assert_eq!((device.new, device.quarantined), (36, 4), "{profile}: {device:?}");
        assert_eq!(device.rejected.get(&Reason::UndecodableUserId), Some(&4));
        assert!(stored.stored().iter().all(|event| event.user_id == "5" && event.raw[3] == 0), "{profile}");
        let waiting = state.ledger().quarantine(&QuarantineFilter::default(), 10).unwrap();
        let ids: Vec<&str> = waiting.iter().map(|record| record.user_id.as_str()).collect();
        assert_eq!(ids, ["5\u{FFFD}D2", "\u{FFFD}D25", "\u{FFFD}D2", "5\u{3}"], "{profile}");
    }
}

#[tokio::test]
async fn a_rule_leaves_such_bytes_out_as_the_python_tool_did() {
    let rules = Rules::default().policy(Reason::UndecodableUserId, Policy::Accept).unwrap();
    let options = common::quick_with(|options| options.rules = rules);
    let gate = Gate::start("gate", Terminal::builder().punches(with_id_bytes())).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let engine = state.builder().options(options).device(gate.device()).sink(sink).build().unwrap();
    let report = sync(&engine).await;
    assert_eq!((only(&report).0.new, only(&report).0.quarantined), (38, 2), "{report:?}");
    assert!(stored.stored().iter().all(|event| event.user_id == "5"));
}

#[tokio::test]
async fn no_punch_of_a_deleted_person_goes_to_somebody_with_the_number_of_the_slot() {
    let first = DeviceTime::new(2025, 5, 18, 7, 0, 0).unwrap();
    let id = |slot: u16| if slot == 200 { "5".to_owned() } else { (1_000 + slot).to_string() };
    let slots: Vec<u16> = (1..=39).chain([200]).collect();
    for profile in ["bw8", "bw8a"] {
        let punches = (0..200).map(|n| {
            let slot = slots[n % 40];
            Punch::new(slot, &id(slot), DeviceTime(first.0 + 60 * n as u32), 0, 1)
        });
        // The person in slot 5 has left.
        let people = slots.iter().filter(|slot| **slot != 5).map(|&uid| zk_sim::Person {
            uid,
            user_id: id(uid).into(),
            name: String::new(),
            privilege: 0,
        });
        let terminal = Terminal::builder().profile(Profile::named(profile).unwrap());
        let terminal = terminal.punches(punches.collect::<Vec<_>>()).people(people.collect::<Vec<_>>());
        let (gate, state, (stored, sink)) = (Gate::start("gate", terminal).await, State::new(), memory("db"));
        let report = sync(&state.engine(&[&gate], &[sink])).await;
        let device = only(&report).0;
        assert_eq!((device.new, device.quarantined), (195, 5), "{profile}: {device:?}");
        assert_eq!(device.rejected.get(&Reason::UnknownSlot), Some(&5));
        let of_5 = stored.stored().iter().filter(|event| event.user_id == "5").count();
        assert_eq!(of_5, 5, "{profile}: those of slot 200 alone");
    }
}

#[tokio::test]
async fn the_next_person_in_a_slot_gets_no_punch_of_the_one_before() {
    let first = DeviceTime::new(2025, 5, 18, 7, 0, 0).unwrap();
    let punches = |more: u32| {
        let punch = |n: u32| Punch::new(1 + n as u16 % 40, "", DeviceTime(first.0 + 60 * n), 0, 1);
        (0..200 + more).map(punch).collect::<Vec<_>>()
    };
    let people = |in_slot_5: Option<&str>| {
        let person = |uid: u16, id: &str| zk_sim::Person {
            uid,
            user_id: id.to_owned().into(),
            name: String::new(),
            privilege: 0,
        };
        let others = (1..=40).filter(|uid| *uid != 5).map(|uid| person(uid, &(1_000 + uid).to_string()));
        others.chain(in_slot_5.map(|id| person(5, id))).collect::<Vec<_>>()
    };
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let read = async |more, in_slot_5, options| {
        let terminal = Terminal::builder().profile(Profile::named("bw8").unwrap());
        let gate = Gate::start("gate", terminal.punches(punches(more)).people(people(in_slot_5))).await;
        let report = sync_with(&state.engine(&[&gate], std::slice::from_ref(&sink)), options).await;
        let of_5 = stored.stored().iter().filter(|event| event.user_id == "9005").count();
        (only(&report).0.new, only(&report).0.quarantined, of_5)
    };
    assert_eq!(read(0, None, RunOptions::default()).await, (195, 5, 0));
    // One of the old punches was a test, says somebody who knows.
    let ledger = Ledger::open(&state.dir.path().join("state")).unwrap();
    let waiting = ledger.quarantine(&QuarantineFilter::default(), 10).unwrap();
    ledger.resolve(Resolve::Records(&[waiting[0].id]), "a test", Utc::now()).unwrap();
    drop(ledger);
    // Somebody new is in the slot, and has punched there once.
    let whole = RunOptions::default().full(true);
    assert_eq!(read(5, Some("9005"), whole.clone()).await, (5, 0, 1));
    // The other old punches are hers, says somebody who knows.
    assert_eq!(read(5, Some("9005"), whole.new_owners(true)).await, (4, 0, 5));
}

#[tokio::test]
async fn the_punches_of_a_terminal_without_users_are_nobodys_unless_a_rule_says_so() {
    let first = DeviceTime::new(2025, 5, 18, 7, 0, 0).unwrap();
    let punches = (0..200).map(|n| Punch::new(1 + n % 40, "", DeviceTime(first.0 + 60 * u32::from(n)), 0, 1));
    let punches: Vec<_> = punches.collect();
    for profile in ["bw8", "bw8a"] {
        let empty = Terminal::builder().profile(Profile::named(profile).unwrap());
        let empty = empty.punches(punches.clone()).people(Vec::new());
        let (gate, state, (stored, sink)) = (Gate::start("gate", empty).await, State::new(), memory("db"));
        let report = sync(&state.engine(&[&gate], std::slice::from_ref(&sink))).await;
        let device = only(&report).0;
        assert_eq!((device.new, device.quarantined), (0, 200), "{device:?}");
        assert_eq!(device.rejected, [(Reason::UnknownSlot, 200)].into());
        assert!(device.notes.join("\n").contains("nothing says whose punches they are"), "{device:?}");
        assert!(device.hints.iter().any(|hint| hint.to_string().ends_with("unknown_slot = \"flag\"")), "{device:?}");
        // As in the Python tool: those that wait are judged again without a new reading.
        let rules = Rules::default().policy(Reason::UnknownSlot, Policy::Flag).unwrap();
        let options = common::quick_with(|options| options.rules = rules);
        let lenient = state.builder().options(options).device(gate.device()).sink(sink).build().unwrap();
        let report = sync(&lenient).await;
        assert_eq!((only(&report).0.released, stored.stored().len()), (200, 200), "{report:?}");
        assert!(stored.stored().iter().all(|event| {
            (1..=40).contains(&event.user_id.parse::<u16>().unwrap()) && event.flags == [Reason::UnknownSlot]
        }));
    }
    let others = Terminal::builder().profile(Profile::named("bw8").unwrap()).records(200);
    let (gate, state, (_, sink)) = (Gate::start("gate", others).await, State::new(), memory("db"));
    let report = sync(&state.engine(&[&gate], &[sink])).await;
    assert_eq!((only(&report).0.new, only(&report).0.quarantined), (200, 0), "{report:?}");
    assert!(!only(&report).0.notes.join("\n").contains("whose punches"), "{report:?}");
}

const ZONES: [Tz; 3] = [Tz::America__New_York, Tz::Pacific__Auckland, Tz::Indian__Maldives];

/// A terminal that shows the right time of its zone, and punches so many minutes ago.
async fn in_zone(zone: Tz, now: DateTime<Utc>, minutes_ago: &[i64]) -> Gate {
    let wall = |moment: DateTime<Utc>| moment.with_timezone(&zone).naive_local();
    // Earlier ones, so that the log is long enough for its proof.
    let ago = (0..30).map(|n| 3 * 1_440 - 7 * n).chain(minutes_ago.iter().copied());
    let punches = ago.map(|minutes| punch(wall(now - TimeDelta::minutes(minutes)))).collect();
    let serial = zone.name().replace('/', "-");
    Gate::start(zone.name(), Terminal::builder().serial(&serial).now(wall(now)).punches(punches)).await
}

fn punch(wall: NaiveDateTime) -> Punch {
    Punch::new(7, "7", device_time(wall), 0, 1)
}

fn device_time(wall: NaiveDateTime) -> DeviceTime {
    DeviceTime::from_naive(wall).unwrap()
}

fn last(hours: i64, now: DateTime<Utc>) -> RunOptions {
    let since = Bound::Instant(now - TimeDelta::hours(hours));
    RunOptions::default().window(Window::since(since))
}

/// The devices of the gates, each with its zone or none.
fn zoned(gates: &[Gate], configured: bool) -> impl Iterator<Item = DeviceOptions> {
    gates.iter().zip(ZONES).map(move |(gate, zone)| {
        let mut device = gate.device();
        device.zone = configured.then_some(zone);
        device
    })
}

fn minutes_old(events: &[AttendanceEvent], zone: Tz, now: DateTime<Utc>) -> Vec<i64> {
    let mine = events.iter().filter(|event| event.device_name == zone.name());
    let moment = |event: &AttendanceEvent| event.local_time.and_local_timezone(zone).unwrap().to_utc();
    let mut ages: Vec<i64> = mine.map(|event| (now - moment(event)).num_minutes()).collect();
    ages.sort_unstable();
    ages
}

#[tokio::test]
async fn the_last_two_hours_are_those_of_each_terminals_place() {
    for configured in [true, false] {
        let host = HostInUtc::at("2026-11-28T12:00:00Z");
        let now = host.utc_now();
        let mut gates = Vec::new();
        for zone in ZONES {
            gates.push(in_zone(zone, now, &[10, 50, 90, 119, 121, 150, 360, 1_000]).await);
        }
        for scheme in [IdScheme::Full, IdScheme::IclockSyncV1] {
            let (state, stored) =
                (State::new(), MemorySink::new("db").with_capabilities(Capabilities::new(50, scheme)));
            let clock: Arc<dyn Clock> = Arc::<HostInUtc>::clone(&host);
            let builder = zoned(&gates, configured).fold(state.builder(), EngineBuilder::device);
            let engine = builder.sink(Arc::new(stored.clone())).clock(clock).build().unwrap();
            let report = sync_with(&engine, last(2, now)).await;
            for zone in ZONES {
                let sent = minutes_old(&stored.stored(), zone, now);
                assert_eq!(sent, [10, 50, 90, 119], "{zone}, zone configured: {configured}, {report:?}");
            }
            assert_eq!(report.sinks[0].held, 3 * 34);
            let window = last(2, now).window;
            let inside: Vec<_> = state.ledger().events(window).map(Result::unwrap).collect();
            assert_eq!(inside.len(), 12, "an export has the same");
        }
    }
}

#[tokio::test]
async fn what_is_refused_is_in_the_same_window() {
    for configured in [true, false] {
        let host = HostInUtc::at("2026-11-28T12:00:00Z");
        let now = host.utc_now();
        let mut gates = Vec::new();
        for zone in ZONES {
            let gate = in_zone(zone, now, &[]).await;
            for minutes in [119, 121] {
                let wall = (now - TimeDelta::minutes(minutes)).with_timezone(&zone).naive_local();
                gate.handle().add_punch(Punch { user_id: "NB1".into(), ..punch(wall) });
            }
            gates.push(gate);
        }
        let (state, clock) = (State::new(), Arc::<HostInUtc>::clone(&host));
        let engine =
            zoned(&gates, configured).fold(state.builder(), EngineBuilder::device).clock(clock).build().unwrap();
        sync(&engine).await;
        let refused = state.ledger().refused(&last(2, now).window, 0, 100).unwrap();
        assert_eq!(refused.len(), 3, "zone configured: {configured}: {refused:?}");
        assert_eq!(state.ledger().refused(&Window::default(), 0, 100).unwrap().len(), 6);
    }
}

#[tokio::test]
async fn in_a_loop_the_window_moves_with_the_time() {
    let host = HostInUtc::at("2026-11-28T12:00:00Z");
    let gate = in_zone(Tz::America__New_York, host.utc_now(), &[60]).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let clock: Arc<dyn Clock> = Arc::<HostInUtc>::clone(&host);
    let engine = state.builder().device(gate.device()).sink(sink).clock(clock).build().unwrap();
    let mut sent = Vec::new();
    for _ in 0..4 {
        let now = host.utc_now();
        let wall = now.with_timezone(&Tz::America__New_York).naive_local();
        gate.handle().set_now(device_time(wall));
        gate.handle().add_punch(punch(wall - TimeDelta::minutes(1)));
        sent.push(sync_with(&engine, last(2, now)).await.sinks[0].stored);
        host.pass(TimeDelta::hours(3));
    }
    assert_eq!(sent, [2, 1, 1, 1], "a punch of now is never held");
    assert_eq!(stored.stored().len(), 5);
}

#[tokio::test]
async fn a_clock_that_is_off_by_days_is_corrected_and_one_that_was_set_since_is_not() {
    let host = HostInUtc::at("2026-11-28T12:00:00Z");
    let now = host.utc_now();
    // It is two days behind, and was right before: its older punches look as if they came from the future.
    let behind = now.naive_utc() - TimeDelta::days(2);
    let mut punches: Vec<Punch> = (0..30).map(|n| punch(now.naive_utc() - TimeDelta::minutes(1_440 + n))).collect();
    punches.extend([30, 130].map(|minutes| punch(behind - TimeDelta::minutes(minutes))));
    let gate = Gate::start("gate", Terminal::builder().now(behind).punches(punches)).await;
    let (state, (stored, sink), clock) = (State::new(), memory("db"), Arc::<HostInUtc>::clone(&host));
    let engine = state.builder().device(gate.device()).sink(sink).clock(clock).build().unwrap();
    sync_with(&engine, last(2, now)).await;
    let times: Vec<NaiveDateTime> = stored.stored().iter().map(|event| event.local_time).collect();
    assert_eq!(times, [behind - TimeDelta::minutes(30)]);
}

#[tokio::test]
async fn a_time_without_a_zone_is_the_terminals_wall_clock() {
    let host = HostInUtc::at("2026-11-28T12:00:00Z");
    let gate = in_zone(Tz::Pacific__Auckland, host.utc_now(), &[10, 70]).await;
    let (state, (stored, sink), clock) = (State::new(), memory("db"), Arc::<HostInUtc>::clone(&host));
    let engine = state.builder().device(gate.device()).sink(sink).clock(clock).build().unwrap();
    // Noon in UTC is one in the morning of the next day there.
    let since = "2026-11-29T00:30:00".parse::<NaiveDateTime>().unwrap();
    let window = Window::since(since);
    sync_with(&engine, RunOptions::default().window(window)).await;
    assert_eq!(minutes_old(&stored.stored(), Tz::Pacific__Auckland, host.utc_now()), [10]);
}

/// So many punches, a minute apart.
fn minutes_from(first: &str, count: i64) -> impl Iterator<Item = Punch> {
    let first: NaiveDateTime = first.parse().unwrap();
    (0..count).map(move |n| punch(first + TimeDelta::minutes(n)))
}

#[tokio::test]
async fn punches_of_a_clock_that_started_again_are_flagged_and_delivered() {
    // F-clock-2000, and a clock that starts again in a year that is believable by itself.
    for restart in ["2000-06-01T07:00:00", "2018-01-01T00:00:00"] {
        let host = HostInUtc::at("2026-11-28T12:00:00Z");
        let punches = minutes_from("2026-11-28T04:00:00", 300).chain(minutes_from(restart, 100)).collect();
        let terminal = Terminal::builder().now(host.local_now()).punches(punches);
        let (gate, state, (stored, sink)) = (Gate::start("gate", terminal).await, State::new(), memory("db"));
        let clock: Arc<dyn Clock> = Arc::<HostInUtc>::clone(&host);
        let engine = state.builder().device(gate.device()).sink(sink).clock(clock).build().unwrap();
        let report = sync(&engine).await;
        let device = only(&report).0;
        assert_eq!((device.new, device.flagged.get(&Reason::ClockResetTime)), (400, Some(&100)), "{device:?}");
        assert_eq!(stored.stored().len(), 400);
        // The next ones, read as a tail.
        gate.handle().add_punches(minutes_from("2026-11-28T10:00:00", 2));
        gate.handle().add_punches(minutes_from("2018-01-02T00:00:00", 3));
        let report = sync(&engine).await;
        let device = only(&report).0;
        assert_eq!((device.new, device.flagged.get(&Reason::ClockResetTime)), (5, Some(&3)), "{device:?}");
    }
}

#[tokio::test]
async fn a_log_of_many_years_holds_nothing_to_flag() {
    let host = HostInUtc::at("2026-11-28T12:00:00Z");
    let first: NaiveDateTime = "2012-01-02T07:00:00".parse().unwrap();
    let punches = (0..360).map(|n| punch(first + TimeDelta::days(15 * n))).collect();
    let gate = Gate::start("gate", Terminal::builder().now(host.local_now()).punches(punches)).await;
    let (state, clock) = (State::new(), Arc::<HostInUtc>::clone(&host));
    let report = sync(&state.builder().device(gate.device()).clock(clock).build().unwrap()).await;
    assert_eq!((report.devices[0].new, report.devices[0].flagged.len()), (360, 0), "{report:?}");
}

#[tokio::test]
async fn a_flagged_time_moves_no_window_and_no_cursor() {
    let host = HostInUtc::at("2026-11-28T12:00:00Z");
    let punches = minutes_from("2026-11-28T04:00:00", 300)
        .chain(minutes_from("2000-06-01T07:00:00", 50))
        .chain(minutes_from("2090-06-01T07:00:00", 5))
        .collect();
    let gate = Gate::start("gate", Terminal::builder().now(host.local_now()).punches(punches)).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let clock: Arc<dyn Clock> = Arc::<HostInUtc>::clone(&host);
    let engine = state.builder().device(gate.device()).sink(sink).clock(clock).build().unwrap();
    let report = sync_with(&engine, last(24, host.utc_now())).await;
    assert_eq!(report.sinks[0].held, 50, "{report:?}");
    for _ in 0..3 {
        assert_eq!(sync_with(&engine, last(24, host.utc_now())).await.devices[0].mode, Some(ReadMode::Unchanged));
        host.pass(TimeDelta::minutes(5));
        gate.handle().add_punch(punch(host.local_now()));
        let report = sync_with(&engine, last(24, host.utc_now())).await;
        let (device, sink) = only(&report);
        assert_eq!((device.mode, device.new, sink.stored), (Some(ReadMode::Tail), 1, 1), "{report:?}");
        assert!(device.flagged.is_empty());
    }
    assert_eq!(stored.stored().len(), 300 + 5 + 3);
}

#[tokio::test]
async fn a_rule_that_refuses_everyone_says_so() {
    // F-letters.
    let punches = (0..60).map(|n| Punch {
        user_id: format!("NB24{:05}", 1004 + n).into(),
        ..punch("2025-05-18T07:00:00".parse::<NaiveDateTime>().unwrap() + TimeDelta::minutes(n))
    });
    let gate = Gate::start("gate", Terminal::builder().punches(punches.collect())).await;
    let state = State::new();
    let engine = state.engine(&[&gate], &[]);
    let report = sync(&engine).await;
    let expected = Hint::Rule {
        rule: Reason::NonNumericUserId,
        refused: 60,
        of: 60,
        example: "NB2401004".to_owned(),
        setting: Some("non_numeric_user_id = \"accept\"".to_owned()),
    };
    assert_eq!(report.devices[0].hints, [expected], "{report:?}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["devices"][0]["hints"][0]["rule"], "non_numeric_user_id");
    let again = sync_with(&engine, RunOptions::default().full(true)).await;
    assert!(again.devices[0].hints.is_empty(), "they are not new any more: {again:?}");
}

#[tokio::test]
async fn a_log_says_when_it_is_nearly_full_and_when_it_is() {
    let profile = Profile { log_capacity: 100, ..Profile::named("tft40").unwrap() };
    let gate = Gate::start("gate", Terminal::builder().profile(profile).records(89).seed(3)).await;
    let state = State::new();
    let engine = state.engine(&[&gate], &[]);
    let mut hints = Vec::new();
    for punches in [0, 1, 10] {
        (0..punches).for_each(|_| drop(gate.handle().punch_now().unwrap()));
        let report = sync(&engine).await;
        assert_eq!(report.run.exit_code, 0);
        hints.extend(report.devices[0].hints.clone());
    }
    let expected = [Hint::NearlyFull { records: 90, capacity: 100 }, Hint::Full { records: 100, capacity: 100 }];
    assert_eq!(hints, expected);
    assert!(expected[1].to_string().contains("overwrites the oldest records or refuses new punches"));
}
