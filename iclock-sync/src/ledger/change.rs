//! Changes of the ledger. Those that come together share one commit, because a commit waits for the disk.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ffi};
use tokio::sync::watch;

use super::events::last_seq;

/// The most changes in one commit.
const MOST: u32 = 256;

/// A group whose first change has waited so long takes no more changes. Tests make groups at leisure.
const AGE: Duration = Duration::from_millis(if cfg!(test) { 10_000 } else { 50 });

/// One change, in the transaction that a group of changes shares.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    connection: &'a Connection,
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// The connection of a ledger, for one thread at a time.
///
/// A change leaves its transaction open if other changes wait for the connection. The last of them commits for all, and
/// none returns before that.
#[derive(Debug)]
pub(super) struct Writer {
    inner: Mutex<Inner>,
    /// Changes that wait for the connection.
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Inner {
    connection: Connection,
    /// The changes that wait for their commit.
    group: Option<Group>,
    /// The last event that is durable.
    durable: watch::Sender<i64>,
}

#[derive(Debug)]
struct Group {
    changes: u32,
    /// The time when its first change was made.
    since: Instant,
    fate: Arc<Fate>,
}

/// The outcome of a commit, for all of its changes.
#[derive(Debug, Default)]
struct Fate {
    outcome: Mutex<Option<Result<(), Failed>>>,
    decided: Condvar,
}

/// The reason why a commit failed, once for each of its changes.
#[derive(Clone, Debug)]
struct Failed {
    code: ffi::Error,
    message: Option<String>,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Self {
        let durable = watch::Sender::new(last_seq(&connection).unwrap_or(0));
        Self { inner: Mutex::new(Inner { connection, group: None, durable }), waiting: AtomicUsize::new(0) }
    }

    /// Makes one durable change: all of it or nothing. The inner error is the change's own; then nothing is changed.
    pub(super) fn change<T, E>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, E>>,
    ) -> rusqlite::Result<Result<T, E>> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut inner = self.lock();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let outcome = catch_unwind(AssertUnwindSafe(|| inner.change(change)));
        if outcome.is_err() {
            inner.undo(None);
        }
        // A change that waits takes its turn for certain, and decides again.
        if self.waiting.load(Ordering::SeqCst) == 0 || inner.group.as_ref().is_some_and(Group::is_full) {
            inner.commit();
        }
        drop(inner);
        match outcome {
            Err(panic) => resume_unwind(panic),
            Ok(Err(error)) => Err(error),
            Ok(Ok(Err(reason))) => Ok(Err(reason)),
            Ok(Ok(Ok((value, fate)))) => fate.wait().map(|()| Ok(value)),
        }
    }

    /// Reads what is durable: changes that wait for their commit are committed first.
    pub(super) fn read<T>(&self, question: impl FnOnce(&Connection) -> T) -> T {
        let mut inner = self.lock();
        inner.commit();
        question(&inner.connection)
    }

    /// The number of the last durable event, and its changes.
    pub(super) fn durable(&self) -> watch::Receiver<i64> {
        self.lock().durable.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic leaves no half change: it is undone before the lock is released.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn change<T, E>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, E>>,
    ) -> rusqlite::Result<Result<(T, Arc<Fate>), E>> {
        let group = match &mut self.group {
            Some(group) => {
                self.connection.execute_batch("SAVEPOINT change")?;
                group.changes += 1;
                group
            }
            None => {
                if !self.connection.is_autocommit() {
                    // It could not be rolled back before.
                    self.connection.execute_batch("ROLLBACK")?;
                }
                self.connection.execute_batch("BEGIN IMMEDIATE")?;
                self.group.insert(Group { changes: 1, since: Instant::now(), fate: Arc::default() })
            }
        };
        let fate = Arc::clone(&group.fate);
        let outcome = change(&Transaction { connection: &self.connection });
        match outcome {
            Ok(Ok(value)) => {
                if group.changes > 1
                    && let Err(error) = self.connection.execute_batch("RELEASE change")
                {
                    self.fail(&error);
                    return Err(error);
                }
                if group.changes == 1 {
                    group.since = Instant::now();
                }
                Ok(Ok((value, fate)))
            }
            Ok(Err(reason)) => {
                self.undo(None);
                Ok(Err(reason))
            }
            Err(error) => {
                self.undo(Some(&error));
                Err(error)
            }
        }
    }

    /// Undoes the last change alone. After some errors, SQLite has undone the whole transaction; then the group fails
    /// for that cause.
    fn undo(&mut self, cause: Option<&rusqlite::Error>) {
        let Some(group) = &mut self.group else { return };
        let others = group.changes > 1;
        let undone = if self.connection.is_autocommit() {
            Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ABORT), None))
        } else if others {
            self.connection.execute_batch("ROLLBACK TO change; RELEASE change")
        } else {
            self.connection.execute_batch("ROLLBACK")
        };
        match undone {
            Ok(()) if others => group.changes -= 1,
            Ok(()) => self.group = None,
            Err(error) => self.fail(cause.unwrap_or(&error)),
        }
    }

    /// Commits the open group.
    fn commit(&mut self) {
        let Some(group) = &self.group else { return };
        let fate = Arc::clone(&group.fate);
        let committed = last_seq(&self.connection).and_then(|last| {
            self.connection.execute_batch("COMMIT")?;
            Ok(last)
        });
        match committed {
            Ok(last) => {
                self.group = None;
                self.durable.send_if_modified(|durable| std::mem::replace(durable, last) != last);
                fate.decide(Ok(()));
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Gives the open group up.
    fn fail(&mut self, error: &rusqlite::Error) {
        if !self.connection.is_autocommit() {
            // If this fails too, the next change tries again.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        if let Some(group) = self.group.take() {
            group.fate.decide(Err(Failed::of(error)));
        }
    }
}

impl Group {
    fn is_full(&self) -> bool {
        self.changes >= MOST || self.since.elapsed() >= AGE
    }
}

impl Fate {
    fn decide(&self, outcome: Result<(), Failed>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.decided.notify_all();
    }

    fn wait(&self) -> rusqlite::Result<()> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*outcome {
                Some(Ok(())) => return Ok(()),
                Some(Err(Failed { code, message })) => {
                    return Err(rusqlite::Error::SqliteFailure(*code, message.clone()));
                }
                None => outcome = self.decided.wait(outcome).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Failed {
    fn of(error: &rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(code, message) => Self { code: *code, message: message.clone() },
            other => Self { code: ffi::Error::new(ffi::SQLITE_ERROR), message: Some(other.to_string()) },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::thread;

    use super::*;
    use crate::Ledger;
    use crate::ledger::FILE;

    type Change<'a> = &'a (dyn Fn(&Transaction<'_>) -> rusqlite::Result<()> + Sync);

    fn enter(transaction: &Transaction<'_>, serial: &str) -> rusqlite::Result<usize> {
        transaction.execute("INSERT INTO terminals (serial, name) VALUES (?1, ?1)", [serial])
    }

    fn serials(ledger: &Ledger) -> Vec<String> {
        let mut serials: Vec<String> =
            ledger.terminals().unwrap().into_iter().map(|terminal| terminal.serial).collect();
        serials.sort();
        serials
    }

    /// Commits in the write-ahead log: the last frame of each has the size of the file.
    fn commits(dir: &Path) -> usize {
        let log = fs::read(dir.join(format!("{FILE}-wal"))).unwrap();
        let salts = log[16..24].to_vec();
        let frames = log[32..].chunks_exact(24 + 4_096);
        frames.filter(|frame| frame[8..16] == salts && frame[4..8] != [0; 4]).count()
    }

    /// Runs changes one after the other in one group: each waits until all that come after it wait for their turn.
    fn in_one_group(ledger: &Ledger, changes: &[Change<'_>]) -> Vec<bool> {
        thread::scope(|scope| {
            let running: Vec<_> = changes
                .iter()
                .enumerate()
                .map(|(n, change)| {
                    let turn = move || {
                        ledger
                            .write("test", |transaction| {
                                while n == 0 && ledger.writer.waiting.load(Ordering::SeqCst) + 1 < changes.len() {
                                    thread::yield_now();
                                }
                                change(transaction)
                            })
                            .is_ok()
                    };
                    let running = scope.spawn(turn);
                    while n == 0 && ledger.writer.inner.try_lock().is_ok() && !running.is_finished() {
                        thread::yield_now();
                    }
                    running
                })
                .collect();
            running.into_iter().map(|running| running.join().unwrap_or(false)).collect()
        })
    }

    #[test]
    fn many_small_changes_share_few_commits_and_each_is_durable_when_it_returns() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let before = commits(dir.path());
        thread::scope(|scope| {
            for worker in 0..20 {
                let (ledger, reader) = (&ledger, ledger.reader().unwrap());
                scope.spawn(move || {
                    for n in 0..20 {
                        let serial = format!("S{worker}-{n}");
                        ledger.write("enter", |transaction| enter(transaction, &serial)).unwrap();
                        assert!(reader.terminal(&serial).unwrap().is_some(), "{serial} returned too early");
                    }
                });
            }
        });
        let commits = commits(dir.path()) - before;
        assert!(commits <= 200, "{commits} commits of 400 changes");
        assert_eq!(serials(&ledger).len(), 400);
    }

    #[test]
    fn a_change_that_fails_or_panics_leaves_the_others_of_its_group() {
        for at in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let ledger = Ledger::open(dir.path()).unwrap();
            let before = commits(dir.path());
            let good = |serial: &'static str| move |change: &Transaction<'_>| enter(change, serial).map(|_| ());
            let fails = |change: &Transaction<'_>| {
                enter(change, "FAILS")?;
                change.execute_batch("NONSENSE")
            };
            let panics = |change: &Transaction<'_>| {
                enter(change, "PANICS")?;
                panic!("in a change")
            };
            let (one, two, three) = (good("A"), good("B"), good("C"));
            let mut changes: Vec<Change<'_>> = vec![&one, &two, &three];
            changes.insert(at + 1, &fails);
            changes.insert(at, &panics);
            let done = in_one_group(&ledger, &changes);
            assert_eq!(done.iter().filter(|done| **done).count(), 3, "{at}: {done:?}");
            assert_eq!(serials(&ledger), ["A", "B", "C"], "{at}");
            assert_eq!(commits(dir.path()) - before, 1, "{at}");
        }
    }

    #[test]
    fn a_group_that_cannot_be_committed_is_an_error_for_each_of_it_and_nothing_of_it_stays() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        // A broken reference is found by the commit.
        let one = |change: &Transaction<'_>| enter(change, "A").map(|_| ());
        let broken = |change: &Transaction<'_>| {
            change.execute_batch(
                "PRAGMA defer_foreign_keys = ON;
                 INSERT INTO readings (terminal, device_name, source, read_at) VALUES (99, 'x', 'pull', 0)",
            )
        };
        assert_eq!(in_one_group(&ledger, &[&one, &broken, &one]), [false; 3]);
        assert_eq!(serials(&ledger), Vec::<String>::new());
        ledger.write("enter", |transaction| enter(transaction, "B")).unwrap();
        assert_eq!(serials(&ledger), ["B"]);
    }

    #[test]
    fn a_process_that_is_killed_in_a_group_leaves_nothing_of_it() {
        let (dir, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ledger = Ledger::open(dir.path()).unwrap();
        ledger.write("enter", |transaction| enter(transaction, "BEFORE")).unwrap();
        let one = |change: &Transaction<'_>| enter(change, "A").map(|_| ());
        // The files as a power cut would leave them while the second change of the group is made.
        let two = |change: &Transaction<'_>| {
            enter(change, "B")?;
            for file in [FILE.to_owned(), format!("{FILE}-wal")] {
                fs::copy(dir.path().join(&file), killed.path().join(&file)).unwrap();
            }
            Ok(())
        };
        assert_eq!(in_one_group(&ledger, &[&one, &two, &one]), [true, true, false], "one serial number is unique");
        assert_eq!(serials(&ledger), ["A", "B", "BEFORE"]);
        let after = Ledger::open(killed.path()).unwrap();
        assert_eq!((serials(&after), after.check().unwrap()), (vec!["BEFORE".to_owned()], Vec::new()));
    }

    #[test]
    fn a_read_sees_no_change_that_is_not_durable() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let one = |change: &Transaction<'_>| enter(change, "A").map(|_| ());
        let (seen, before) = (Mutex::new(Vec::new()), commits(dir.path()));
        thread::scope(|scope| {
            // As if a change were waiting that never comes: the group stays open until it is read.
            ledger.writer.waiting.fetch_add(1, Ordering::SeqCst);
            scope.spawn(|| ledger.write("test", one).unwrap());
            while ledger.writer.lock().group.is_none() {
                thread::yield_now();
            }
            assert_eq!(commits(dir.path()), before);
            *seen.lock().unwrap() = serials(&ledger);
            assert_eq!(commits(dir.path()) - before, 1);
            ledger.writer.waiting.fetch_sub(1, Ordering::SeqCst);
        });
        assert_eq!(*seen.lock().unwrap(), ["A"]);
    }
}
