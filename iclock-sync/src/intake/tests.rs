use std::convert::Infallible;

use attendance_model::{MemorySink, RawPunch, VerifyMode};

use super::*;
use crate::ledger::{Poll, Removal, Stamp, TerminalState};
use crate::{Engine, RunOptions, Window};

impl Punches for std::vec::IntoIter<ReadPunch> {
    type Unreadable = Infallible;

    fn left(&self) -> u64 {
        self.len() as u64
    }

    fn next(&mut self, most: usize) -> Result<Vec<ReadPunch>, Infallible> {
        Ok(self.take(most).collect())
    }
}

fn host_now() -> NaiveDateTime {
    "2026-03-02T12:00:00".parse().unwrap()
}

/// A punch as a line of text, as no terminal's log has it.
fn punch(user_id: &str, second: i64) -> ReadPunch {
    let time = host_now() - TimeDelta::hours(4) + TimeDelta::seconds(second);
    let mut punch = RawPunch::new("PUSHED1", "gate", user_id, time, Source::Push);
    (punch.verify_mode, punch.raw) = (VerifyMode(1), format!("{user_id}\t{time}\t0\t1").into_bytes());
    ReadPunch { punch, unproven: None }
}

fn batch(punches: Vec<ReadPunch>) -> Batch<std::vec::IntoIter<ReadPunch>> {
    let poll = Poll {
        serial: "PUSHED1".to_owned(),
        device_name: "gate".to_owned(),
        zone: None,
        drift_ms: None,
        clock_offset: None,
        layout: None,
        source: Source::Push,
        read_at: host_now().and_utc().timestamp(),
    };
    let cursor = TerminalState {
        serial: poll.serial.clone(),
        name: poll.device_name.clone(),
        records: punches.len() as u64,
        ..TerminalState::default()
    };
    let provenance = Provenance { poll, host_now: host_now(), by_hand: false, new_owners: false, epoch: 0, start: 0 };
    Batch {
        provenance,
        punches: punches.into_iter(),
        cursor: Some(cursor),
        accepts: None,
        stamp: None,
        resolves: vec![],
        whole: false,
    }
}

#[tokio::test]
async fn rules_that_change_hold_for_the_rest_of_a_batch_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
    let rules = Rules::default().allow_list(["8".to_owned()]);
    let intake = Intake::new(Arc::clone(&ledger), rules, 1, Arc::new(watch::Sender::default()));
    let mut commits = Vec::new();
    let on_commit = |entered: Entered| {
        commits.push((entered.new, entered.quarantined));
        intake.changed(Rules::default(), 1);
    };
    let batch = batch(vec![punch("7", 0), punch("7", 1)]);
    intake.enter(batch, &CancellationToken::new(), on_commit).await.unwrap();
    assert_eq!(commits, [(0, 1), (1, 0)]);
}

/// A poll of a log whose records name people by their slot: the punches of slot 5, one a second, of a person or nobody.
fn of_slot_5(punches: i64, person: &str, new_owners: bool) -> Batch<std::vec::IntoIter<ReadPunch>> {
    let read = |second| {
        let mut read = punch(person, second);
        (read.punch.source, read.punch.uid, read.punch.raw) = (Source::Pull, Some(5), second.to_be_bytes().to_vec());
        read
    };
    let mut batch = batch((0..punches).map(read).collect());
    batch.provenance.poll.source = Source::Pull;
    batch.provenance.poll.layout = Some("8".to_owned());
    (batch.provenance.epoch, batch.provenance.new_owners) = (1, new_owners);
    batch
}

#[tokio::test]
async fn the_next_person_in_a_slot_gets_no_punch_that_was_counted_only() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
    let intake = Intake::new(Arc::clone(&ledger), Rules::default(), 2, Arc::new(watch::Sender::default()));
    let enter = async |batch| {
        let mut all = Entered::default();
        let add = |entered: Entered| {
            all.new += entered.new;
            all.quarantined += entered.quarantined;
            all.counted_only.extend(entered.counted_only);
        };
        intake.enter(batch, &CancellationToken::new(), add).await.unwrap();
        (all.new, all.quarantined, !all.counted_only.is_empty())
    };
    assert_eq!(enter(of_slot_5(1, "", false)).await, (0, 1, false));
    let full = |change: &Transaction<'_>| change.execute("UPDATE quarantine_sizes SET waiting = 100000", ());
    ledger.write("test", full).unwrap();
    assert_eq!(enter(of_slot_5(4, "", false)).await, (0, 0, true));
    // Nothing tells her own last punch from those that were counted.
    assert_eq!(enter(of_slot_5(5, "9005", false)).await, (0, 0, true));
    let counted = || ledger.quarantine_sizes().unwrap().iter().map(|size| size.counted_only).sum::<u64>();
    assert_eq!(counted(), 4);
    assert_eq!(enter(of_slot_5(5, "9005", true)).await, (5, 0, false), "all are hers, says somebody who knows");
    assert_eq!((counted(), enter(of_slot_5(6, "9005", false)).await), (0, (1, 0, false)), "and so is the next");
}

#[tokio::test]
async fn punches_that_came_from_no_log_enter_by_the_same_door_and_reach_a_sink() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
    let news = Arc::new(watch::Sender::new(News::default()));
    let intake = Intake::new(Arc::clone(&ledger), Rules::default(), 2, Arc::clone(&news));
    let stop = CancellationToken::new();
    let punches = vec![punch("7", 0), punch("8", 1), punch("", 2), punch("7", 0), punch("9", 4)];
    let mut commits = Vec::new();
    intake.enter(batch(punches), &stop, |entered| commits.push(entered)).await.unwrap();
    let counts = commits.iter().map(|entered| (entered.new, entered.duplicate, entered.quarantined));
    assert_eq!(counts.collect::<Vec<_>>(), [(2, 0, 0), (0, 1, 1), (1, 0, 0)]);
    assert_eq!(news.borrow().commits, 2, "one for each commit with a new event");
    assert_eq!(ledger.terminal("PUSHED1").unwrap().unwrap().records, 5);
    let mut again = Entered::default();
    intake.enter(batch(vec![punch("9", 4)]), &stop, |entered| again = entered).await.unwrap();
    assert_eq!((again.new, again.duplicate), (0, 1));
    drop((intake, ledger));
    let sink = MemorySink::new("memory");
    let engine = Engine::builder(dir.path()).sink(Arc::new(sink.clone())).build().unwrap();
    engine.run(&RunOptions::default(), &stop).await.unwrap();
    let stored: Vec<_> = sink.stored().iter().map(|event| (event.user_id.clone(), event.source)).collect();
    assert_eq!(stored, ["7", "8", "9"].map(|user_id| (user_id.to_owned(), Source::Push)));
}

#[tokio::test]
async fn punches_of_a_person_who_was_removed_enter_no_more_and_later_ones_do() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
    let intake = Intake::new(Arc::clone(&ledger), Rules::default(), 2, Arc::new(watch::Sender::default()));
    let until = (host_now() - TimeDelta::hours(4)).and_utc().timestamp() + 1;
    ledger.remove_person(&Removal { user_id: "7", until, now: until, unproven: &[], audit: None }).unwrap();
    let punches = vec![punch("7", 0), punch("8", 0), punch("7", 1), punch("7", 2)];
    intake.enter(batch(punches), &CancellationToken::new(), |_| ()).await.unwrap();
    let entered: Vec<_> = ledger.events(Window::default()).map(|event| event.unwrap()).collect();
    let people: Vec<_> = entered.iter().map(|event| (event.user_id.as_str(), event.local_time)).collect();
    let at = |second| host_now() - TimeDelta::hours(4) + TimeDelta::seconds(second);
    assert_eq!(people, [("8", at(0)), ("7", at(2))]);
    assert!(ledger.quarantine_counts().unwrap().is_empty(), "and they do not wait either");
}

#[tokio::test]
async fn a_batch_that_is_stopped_keeps_its_commits_and_moves_no_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
    let intake = Intake::new(Arc::clone(&ledger), Rules::default(), 2, Arc::new(watch::Sender::default()));
    let stop = CancellationToken::new();
    let outcome = intake.enter(batch(vec![punch("7", 0), punch("8", 1), punch("9", 2)]), &stop, |_| stop.cancel());
    assert!(matches!(outcome.await, Err(NotEntered::Stopped)));
    assert_eq!(ledger.event_count().unwrap(), 2);
    assert_eq!(ledger.terminal("PUSHED1").unwrap().unwrap().records, 0);
}

#[test]
fn a_stamp_is_kept_with_the_last_punches_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
    let mut batch = batch(vec![punch("7", 0), punch("8", 1)]);
    batch.stamp = Some(Stamp { table: "ATTLOG".to_owned(), value: b"77".to_vec() });
    let mut entering = Entering::new(Arc::clone(&ledger), InForce::new(Rules::default()), batch);
    let stamps = || {
        let count = "SELECT count(*) FROM push_stamps";
        ledger.read("test", |connection| connection.query_row(count, (), |row| row.get::<_, i64>(0))).unwrap()
    };
    entering.commit(1).unwrap().unwrap();
    assert_eq!((stamps(), entering.is_over()), (0, false), "the terminal would not send the rest again");
    entering.commit(1).unwrap().unwrap();
    assert_eq!((stamps(), entering.is_over()), (1, true));
}

#[test]
fn a_punch_that_comes_another_way_between_two_commits_of_a_batch_is_one_event() {
    // Of a terminal that is new, and of one that is known.
    for is_known in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
        let entering = |source: Source, punches: Vec<ReadPunch>| {
            let mut batch = batch(punches);
            batch.provenance.poll.source = source;
            Entering::new(Arc::clone(&ledger), InForce::new(Rules::default()), batch)
        };
        if is_known {
            entering(Source::Pull, vec![punch("6", -9)]).commit(1).unwrap().unwrap();
        }
        let mut pulled = entering(Source::Pull, vec![punch("7", 0), punch("8", 0)]);
        assert_eq!(pulled.commit(1).unwrap().unwrap().new, 1);
        // The other protocol numbers verify modes in another way.
        let mut pushed = punch("8", 0);
        (pushed.punch.verify_mode, pushed.punch.raw) = (VerifyMode(15), b"8".to_vec());
        assert_eq!(entering(Source::Push, vec![pushed]).commit(1).unwrap().unwrap().new, 1);
        let rest = pulled.commit(1).unwrap().unwrap();
        assert_eq!((rest.new, rest.duplicate), (0, 1), "known: {is_known}");
    }
}

#[tokio::test]
async fn a_disk_that_is_full_at_any_write_loses_nothing_and_is_used_again_when_there_is_room() {
    let stop = CancellationToken::new();
    let punches = || (0..300).map(|n| punch(&format!("{}", n % 7 + 1), n)).collect::<Vec<_>>();
    let mut failed = 0;
    for room in [0, 1, 2, 3, 5, 8, 12, 16, 20, 99] {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
        let limit = |pages: i64| {
            let set = |connection: &rusqlite::Connection| {
                connection.query_row(&format!("PRAGMA max_page_count = {pages}"), (), |row| row.get::<_, i64>(0))
            };
            ledger.read("test", set).unwrap()
        };
        let pages = ledger
            .read("test", |connection| connection.query_row("PRAGMA page_count", (), |row| row.get::<_, i64>(0)))
            .unwrap();
        limit(pages + room);
        let intake = Intake::new(Arc::clone(&ledger), Rules::default(), 50, Arc::new(watch::Sender::default()));
        let mut durable = 0;
        match intake.enter(batch(punches()), &stop, |entered| durable += entered.new).await {
            Ok(()) => assert_eq!(durable, 300),
            Err(NotEntered::Ledger(error)) => {
                assert!(error.can_be_survived(), "{room}: {error:?}");
                assert!(ledger.terminal("PUSHED1").unwrap().is_none_or(|terminal| terminal.records == 0));
                failed += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
        assert_eq!(ledger.event_count().unwrap(), durable, "{room}: what was told to be durable, and no more");
        limit(1 << 30);
        intake.enter(batch(punches()), &stop, |_| ()).await.unwrap();
        assert_eq!((ledger.event_count().unwrap(), ledger.check().unwrap()), (300, Vec::new()), "{room}");
        assert_eq!(ledger.terminal("PUSHED1").unwrap().unwrap().records, 300);
    }
    assert!((4..10).contains(&failed), "{failed} of 10 found the disk full");
}
