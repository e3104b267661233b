use std::fs;

use rusqlite::params;
use tempfile::TempDir;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-28T09:00:00Z".parse().unwrap()
}

/// A ledger, and an audit next to it.
struct Kept {
    dir: TempDir,
    ledger: Ledger,
    audit: Audit,
}

impl Kept {
    fn new(file_size: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        Self { dir, ledger, audit: Audit::with_file_size(file_size) }
    }

    /// Three events of one terminal enter the ledger; one sink takes them.
    fn deliver_three(&self) {
        let last = self.enter_three();
        let sent = Sent {
            sink: "db".to_owned(),
            target: "memory:db".to_owned(),
            through: last,
            stored: vec![(last - 2, last)],
            ..Sent::default()
        };
        let head = self.audit.record(&self.ledger, Some(sent), now()).unwrap();
        self.settle(last, Some(head));
    }

    fn enter_three(&self) -> i64 {
        let insert = self.ledger.write("enter", |transaction| {
            transaction.execute("INSERT OR IGNORE INTO terminals (id, serial, name) VALUES (1, 'A1', 'gate')", ())?;
            transaction.execute(
                "INSERT INTO readings (terminal, device_name, source, read_at) VALUES (1, 'gate', 'pull', 1764320400)",
                (),
            )?;
            let reading = transaction.last_insert_rowid();
            let first: i64 =
                transaction.query_row("SELECT coalesce(max(seq), 0) + 1 FROM events", (), |row| row.get(0))?;
            for seq in first..first + 3 {
                transaction.execute(
                    "INSERT INTO events (seq, terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
                     VALUES (?1, 1, ?2, ?3, ?4, ?5, 1, 0, x'')",
                    params![seq, reading, 1_700_000_000 + seq, seq.to_be_bytes().repeat(2), (seq % 3).to_string()],
                )?;
            }
            Ok(first + 2)
        });
        insert.unwrap()
    }

    fn settle(&self, delivered: i64, audit: Option<String>) {
        self.ledger
            .write("a sink", |transaction| {
                transaction.execute("INSERT OR IGNORE INTO sinks (id, target, name) VALUES (1, 'memory:db', 'db')", ())
            })
            .unwrap();
        self.ledger.settle(1, &crate::ledger::Settled { delivered, audit, ..Default::default() }).unwrap();
    }

    fn file(&self, number: u32) -> PathBuf {
        line::path(self.dir.path(), number)
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.file(1)).unwrap().lines().map(str::to_owned).collect()
    }

    /// The problems after the lines were changed.
    fn with_lines(&self, change: impl FnOnce(&mut Vec<String>)) -> Vec<(u64, String)> {
        let before = self.lines();
        let mut lines = before.clone();
        change(&mut lines);
        fs::write(self.file(1), lines.join("\n") + "\n").unwrap();
        let problems = self.problems();
        fs::write(self.file(1), before.join("\n") + "\n").unwrap();
        problems
    }

    fn problems(&self) -> Vec<(u64, String)> {
        let problems = verify(&self.ledger).unwrap().problems;
        problems.into_iter().map(|problem| (problem.line, problem.problem)).collect()
    }
}

#[test]
fn an_audit_that_nobody_touched_has_no_problems_and_opening_it_adds_nothing() {
    let kept = Kept::new(FILE_SIZE);
    (0..3).for_each(|_| kept.deliver_three());
    let lines = kept.lines();
    assert_eq!((lines.len(), kept.problems()), (7, vec![]));
    let again = Audit::with_file_size(FILE_SIZE);
    again.record(&kept.ledger, None, now()).unwrap();
    assert_eq!((kept.lines(), kept.problems()), (lines, vec![]));
}

#[test]
fn a_line_that_was_changed_removed_or_moved_is_named() {
    let kept = Kept::new(FILE_SIZE);
    (0..3).for_each(|_| kept.deliver_three());
    // Lines 1 to 7: the begin, then what was read and what was sent, three times.
    for place in 0..7 {
        let changed = kept.with_lines(|lines| lines[place] = lines[place].replace("2026-11-28T", "2026-11-27T"));
        assert!(
            matches!(&changed[..], [(line, text)] if *line == place as u64 + 1 && text.contains("changed")),
            "{changed:?}"
        );
        let garbled = kept.with_lines(|lines| lines[place] = "{}".to_owned());
        assert!(garbled.iter().any(|(line, _)| *line == place as u64 + 1), "{garbled:?}");
    }
    for place in 0..6 {
        let removed = kept.with_lines(|lines| drop(lines.remove(place)));
        let missing = format!("lines {place} to {place} are missing");
        assert!(
            matches!(&removed[..], [(line, text)] if *line == place as u64 + 1 && text.contains(&missing)),
            "{removed:?}"
        );
        let moved = kept.with_lines(|lines| lines.swap(place, place + 1));
        assert!(
            moved.iter().any(|(line, text)| *line == place as u64 + 2 && text.contains("not in its place")),
            "{moved:?}"
        );
    }
}

#[test]
fn an_end_that_was_cut_off_is_named_and_stays_known() {
    let kept = Kept::new(FILE_SIZE);
    (0..2).for_each(|_| kept.deliver_three());
    let cut = kept.with_lines(|lines| lines.truncate(3));
    assert!(matches!(&cut[..], [(3, text)] if text.contains("lines 3 to 4 are missing")), "{cut:?}");
    let lines = kept.lines();
    fs::write(kept.file(1), lines[..3].join("\n") + "\n").unwrap();
    Audit::with_file_size(FILE_SIZE).record(&kept.ledger, None, now()).unwrap();
    let later = kept.problems();
    assert!(later.iter().any(|(_, text)| text.contains("the ledger knows line 4")), "{later:?}");
}

#[test]
fn a_whole_chain_that_was_made_again_is_not_the_one_that_the_ledger_knows() {
    let kept = Kept::new(FILE_SIZE);
    kept.deliver_three();
    let forged = kept.with_lines(|lines| {
        let mut prev = line::NONE.to_owned();
        for line in lines.iter_mut() {
            let mut object: serde_json::Value = serde_json::from_str(&line.replace("\"pull\"", "\"push\"")).unwrap();
            object["prev"] = prev.into();
            *line = object.to_string();
            prev = line::hash(line.as_bytes());
        }
    });
    assert!(matches!(&forged[..], [(3, text)] if text.contains("the ledger knows it")), "{forged:?}");
}

#[test]
fn a_line_that_a_crash_cut_off_is_removed_and_what_is_missing_is_added() {
    let kept = Kept::new(FILE_SIZE);
    kept.deliver_three();
    let last = kept.enter_three();
    // The sink had them, and the ledger recorded it, but the audit could not be written.
    kept.settle(last, None);
    let mut bytes = fs::read(kept.file(1)).unwrap();
    bytes.extend_from_slice(b"{\"n\":3,\"prev\":\"");
    fs::write(kept.file(1), bytes).unwrap();
    assert_eq!(kept.problems().len(), 1);
    Audit::with_file_size(FILE_SIZE).record(&kept.ledger, None, now()).unwrap();
    assert_eq!(kept.problems(), []);
    let results: Vec<_> = entries(&kept.ledger, &Filter::default()).unwrap();
    let words: Vec<_> = results.iter().map(|entry| (entry.seq, entry.sinks[0].result)).collect();
    let expected = [(1, "stored"), (2, "stored"), (3, "stored"), (4, "known"), (5, "known"), (6, "known")];
    assert_eq!(words, expected);
}

#[test]
fn the_chain_goes_on_in_the_next_file_and_a_missing_file_is_named() {
    let kept = Kept::new(600);
    (0..4).for_each(|_| kept.deliver_three());
    assert!(kept.file(3).exists() && kept.problems().is_empty());
    Audit::with_file_size(600).record(&kept.ledger, None, now()).unwrap();
    assert_eq!(kept.problems(), []);
    assert_eq!(entries(&kept.ledger, &Filter::default()).unwrap().len(), 12);
    fs::remove_file(kept.file(2)).unwrap();
    let missing = kept.problems();
    assert!(matches!(&missing[..], [(1, text)] if text.contains("are missing")), "{missing:?}");
}

#[test]
fn entries_are_of_a_person_a_terminal_or_a_time() {
    let kept = Kept::new(FILE_SIZE);
    kept.deliver_three();
    let count = |filter: Filter| entries(&kept.ledger, &filter).unwrap().len();
    let person = |id: &str| Filter { person: Some(id.to_owned()), ..Filter::default() };
    let terminal = |name: &str| Filter { terminal: Some(name.to_owned()), ..Filter::default() };
    let since = DateTime::from_timestamp(1_700_000_002, 0).unwrap().naive_utc();
    assert_eq!([count(person("1")), count(person("7")), count(terminal("gate")), count(terminal("A2"))], [1, 0, 3, 0]);
    assert_eq!(count(Filter { since: Some(since), ..Filter::default() }), 2);
    let all = entries(&kept.ledger, &Filter::default()).unwrap();
    assert_eq!(
        (all[0].how.as_str(), all[0].terminal.as_str(), all[0].read_at.timestamp()),
        ("pull", "A1", 1_764_320_400)
    );
    assert_eq!((all[0].sinks.len(), all[0].sinks[0].at), (1, now()));
}

#[test]
fn a_removal_that_a_crash_cuts_off_is_completed_or_undone_when_the_audit_is_opened() {
    for is_committed in [false, true] {
        let mut kept = Kept::new(600);
        (0..3).for_each(|_| kept.deliver_three());
        let state = kept.dir.path().to_owned();
        let events = kept.ledger.person("1").unwrap().events;
        let redacted = redact::redact(&state, "1", &events, now()).unwrap().unwrap();
        if is_committed {
            let audit = Some(redacted.head.as_str());
            let removal = crate::ledger::Removal { user_id: "1", until: 0, now: 0, unproven: &[], audit };
            kept.ledger.remove_person(&removal).unwrap();
        }
        // The crash comes before the files are put in their place.
        drop(redacted);
        kept.audit = Audit::with_file_size(600);
        kept.deliver_three();
        assert_eq!(verify(&kept.ledger).unwrap().problems, [], "{is_committed}");
        assert_eq!(redact::count(&state, "1").unwrap(), if is_committed { 1 } else { 4 });
        let names = fs::read_dir(line::dir(&state)).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.into_iter().all(|name| name.to_str().unwrap().ends_with(".jsonl")), "nothing is left");
    }
}

#[test]
fn readings_that_are_added_together_are_all_there() {
    let kept = Kept::new(FILE_SIZE);
    for _ in 0..3 {
        kept.enter_three();
    }
    kept.audit.record(&kept.ledger, None, now()).unwrap();
    let seqs: Vec<i64> = entries(&kept.ledger, &Filter::default()).unwrap().iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (1..=9).collect::<Vec<_>>());
}

#[test]
fn deliveries_that_were_recorded_without_the_audit_are_added_without_those_that_are_missing() {
    let kept = Kept::new(FILE_SIZE);
    for _ in 0..2 {
        kept.enter_three();
    }
    kept.settle(0, None);
    let rejected = vec![(4, "too long".to_owned())];
    let settled = crate::ledger::Settled { delivered: 6, skipped: vec![2], rejected, ..Default::default() };
    kept.ledger.settle(1, &settled).unwrap();
    kept.audit.record(&kept.ledger, None, now()).unwrap();
    let known = |entry: &Entry| entry.sinks.iter().any(|sink| sink.result == "known").then_some(entry.seq);
    let known: Vec<i64> = entries(&kept.ledger, &Filter::default()).unwrap().iter().filter_map(known).collect();
    assert_eq!(known, [1, 3, 5, 6]);
}

#[test]
fn what_was_released_and_has_not_gone_out_is_not_said_to_be_stored() {
    use attendance_model::IdScheme;

    use crate::Window;
    use crate::ledger::Admission;
    let kept = Kept::new(FILE_SIZE);
    kept.enter_three();
    let admit = |window, max_new| {
        let ids = IdScheme::Full;
        kept.ledger.admit(&Admission { target: "memory:db", name: "db", ids, window, max_new }).unwrap()
    };
    // The third is inside the first window; the other two are inside the next, and too many at once.
    let since = DateTime::from_timestamp(1_700_000_003, 0).unwrap().naive_utc();
    admit(Window::since(since), None);
    kept.settle(3, None);
    assert_eq!(admit(Window::default(), Some(1)).over_limit, Some(2));
    kept.audit.record(&kept.ledger, None, now()).unwrap();
    let stored: Vec<usize> =
        entries(&kept.ledger, &Filter::default()).unwrap().iter().map(|one| one.sinks.len()).collect();
    assert_eq!(stored, [0, 0, 1]);
}

#[test]
fn orders_are_in_the_chain_and_pages_of_them_have_each_once() {
    let kept = Kept::new(600);
    for n in 0..20 {
        let order = Order::new("board", "pause terminal", format!("gate {n}")).from("192.0.2.7");
        let said = vec![Beside::Order(order)];
        kept.audit.record_all(&kept.ledger, None, said, now()).unwrap();
        kept.deliver_three();
    }
    assert!(line::files(kept.dir.path()).unwrap().len() > 3, "pages go over several files");
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = order_entries(&kept.ledger, before, 3).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.n);
        seen.extend(page);
    }
    let of: Vec<_> = seen.iter().map(|entry| entry.order.of.clone()).collect();
    assert_eq!(of, (0..20).rev().map(|n| format!("gate {n}")).collect::<Vec<_>>());
    assert!(seen.iter().all(|entry| entry.order.by == "board" && entry.order.from.as_deref() == Some("192.0.2.7")));
    assert_eq!(verify(&kept.ledger).unwrap().problems, []);
    // An order that somebody takes out is missed.
    let (_, path) = line::files(kept.dir.path()).unwrap().remove(0);
    let text = fs::read_to_string(&path).unwrap();
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("\"order\"")).collect();
    fs::write(&path, without.join("\n") + "\n").unwrap();
    assert_ne!(verify(&kept.ledger).unwrap().problems, []);
}

#[test]
fn pages_of_events_have_each_once() {
    let kept = Kept::new(FILE_SIZE);
    (0..4).for_each(|_| kept.deliver_three());
    let all = entries(&kept.ledger, &Filter::default()).unwrap();
    assert_eq!(all.len(), 12);
    let (mut seen, mut filter) = (Vec::new(), Filter { most: Some(5), ..Filter::default() });
    loop {
        let page = entries(&kept.ledger, &filter).unwrap();
        let Some(last) = page.last() else { break };
        filter.after = last.seq;
        seen.extend(page);
    }
    assert_eq!(seen, all);
}
