//! The state of the ledger at a glance: each terminal, each sink, and what waits for a person.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _};

use super::sinks::state;
use super::stored::{moment, seconds, wall_clock};
use crate::{Ledger, LedgerError};

/// The state of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overview {
    /// Every terminal that was ever read, by name.
    pub terminals: Vec<TerminalOverview>,
    /// Every target that events ever went to, in the order in which they came.
    pub sinks: Vec<SinkOverview>,
}

/// A terminal in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TerminalOverview {
    /// Its number in the ledger, which it keeps.
    pub number: i64,
    /// The serial number, or `name:NAME`.
    pub serial: String,
    /// The configured name when it was last read.
    pub name: String,
    /// Other names that it had when records were read, in alphabetical order.
    pub other_names: Vec<String>,
    /// The last poll that brought records.
    pub last_records: Option<DateTime<Utc>>,
    /// The last time at which it called a receiver, a minute late at most. Only of terminals that push.
    pub last_call: Option<DateTime<Utc>>,
    /// The address from which it called last. Only of terminals that push.
    pub address: Option<String>,
    /// It has called over TLS before, and calls over plain HTTP now. Only of terminals that push.
    pub fell_back: bool,
    /// The latest punch, by the terminal's clock. Those of a clock that ran far ahead do not count.
    pub last_punch: Option<NaiveDateTime>,
    /// The users in its table when names were last read.
    pub users: Option<u32>,
    /// Records that wait in the quarantine.
    pub quarantined: u64,
    /// Logs that could not be proven and that nobody has accepted.
    pub unproven: u64,
}

/// A sink in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkOverview {
    /// The configured name when it was last served.
    pub name: String,
    /// The target, without credentials.
    pub target: String,
    /// Events that still have to go out.
    pub pending: u64,
    /// Events outside the window.
    pub held: u64,
    /// Events that it will never take.
    pub set_aside: u64,
}

impl Ledger {
    /// Returns the state of the ledger. `now` is the time on the terminals' walls.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn overview(&self, now: NaiveDateTime) -> Result<Overview, LedgerError> {
        let (terminals, targets) = self.read("look at the whole", |connection| {
            Ok((terminals(connection, seconds(now).saturating_add(86_400))?, targets(connection)?))
        })?;
        let mut sinks = Vec::with_capacity(targets.len());
        for (name, target, set_aside) in targets {
            let waiting = self.waiting(&target)?;
            sinks.push(SinkOverview { name, target, pending: waiting.pending, held: waiting.held, set_aside });
        }
        Ok(Overview { terminals, sinks })
    }
}

fn terminals(connection: &Connection, until: i64) -> rusqlite::Result<Vec<TerminalOverview>> {
    let read = by_terminal(connection, "SELECT terminal, max(read_at) FROM readings GROUP BY terminal")?;
    let quarantined = by_terminal(
        connection,
        "SELECT terminal, sum(waiting + counted_only) FROM quarantine_sizes GROUP BY terminal",
    )?;
    let unproven =
        by_terminal(connection, "SELECT terminal, count(*) FROM unproven WHERE accepted_at IS NULL GROUP BY terminal")?;
    let mut names = other_names(connection)?;
    let count = |of: &HashMap<i64, i64>, id| of.get(&id).copied().unwrap_or(0).cast_unsigned();
    let mut last = connection.prepare_cached("SELECT max(time) FROM events WHERE terminal = ?1 AND time <= ?2")?;
    let mut statement = connection.prepare_cached(
        "SELECT t.id, t.serial, t.name, c.called_at, coalesce(p.tls = 2, 0), c.address, r.users
         FROM terminals t LEFT JOIN push_calls c ON c.serial = coalesce(t.alias, t.serial)
         LEFT JOIN push_terminals p ON p.serial = t.serial LEFT JOIN people_readings r ON r.terminal = t.id
         ORDER BY t.name, t.id",
    )?;
    let mut rows = statement.query(())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let punch: Option<Option<i64>> = last.query_row((id, until), |row| row.get(0)).optional()?;
        found.push(TerminalOverview {
            number: id,
            serial: row.get(1)?,
            name: row.get(2)?,
            other_names: names.remove(&id).unwrap_or_default(),
            last_records: read.get(&id).map(|at| moment(*at)),
            last_call: row.get::<_, Option<i64>>(3)?.map(moment),
            fell_back: row.get(4)?,
            address: row.get(5)?,
            users: row.get(6)?,
            last_punch: punch.flatten().map(wall_clock),
            quarantined: count(&quarantined, id),
            unproven: count(&unproven, id),
        });
    }
    Ok(found)
}

/// The names under which each terminal was read, but for the present one.
fn other_names(connection: &Connection) -> rusqlite::Result<HashMap<i64, Vec<String>>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT r.terminal, r.device_name FROM readings r JOIN terminals t ON t.id = r.terminal
         WHERE r.device_name <> t.name ORDER BY r.device_name",
    )?;
    let mut rows = statement.query(())?;
    let mut names = HashMap::<i64, Vec<String>>::new();
    while let Some(row) = rows.next()? {
        names.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(names)
}

fn by_terminal(connection: &Connection, question: &str) -> rusqlite::Result<HashMap<i64, i64>> {
    connection.prepare_cached(question)?.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// The name and the target of each sink, and the number of events that it will never take.
fn targets(connection: &Connection) -> rusqlite::Result<Vec<(String, String, u64)>> {
    connection
        .prepare_cached(
            "SELECT s.name, s.target, coalesce((
                 SELECT sum(k.events) FROM exception_counts k WHERE k.sink = s.id AND k.state = ?1
             ), 0) FROM sinks s ORDER BY s.id",
        )?
        .query_map([state::REJECTED], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.cast_unsigned())))?
        .collect()
}
