//! Questions about events, by time, person and terminal.

use std::fmt;
use std::str::FromStr;

use attendance_model::day::Punch;
use attendance_model::{AttendanceEvent, PunchState};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use rusqlite::{Connection, named_params};

use super::events::{self, EventReader, last_seq};
use super::stored::{seconds, wall_clock};
use crate::{Ledger, LedgerError};

const DAY: i64 = 86_400;

/// A selection of events; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Only of this terminal, by serial number or configured name.
    pub terminal: Option<String>,
    /// Only of this person.
    pub user: Option<String>,
    /// Only with this punch state.
    pub state: Option<u8>,
    /// Only from this time on, by the terminal's clock.
    pub from: Option<NaiveDateTime>,
    /// Only before this time.
    pub to: Option<NaiveDateTime>,
}

/// A place between two pages. It can be written as text and read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last event shown: its time, and its number.
    time: i64,
    seq: i64,
    /// The last event in the ledger when the first page was made.
    through: i64,
}

/// Events in the order of their times.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The events.
    pub events: Vec<AttendanceEvent>,
    /// The place of the next page; `None` after the last one.
    pub next: Option<Cursor>,
}

/// The events of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Day {
    /// The day, by the terminals' clocks.
    pub date: NaiveDate,
    /// The number of events.
    pub events: u64,
    /// The number of people.
    pub people: u64,
}

/// The events of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Person {
    /// The user id.
    pub user: String,
    /// The number of events.
    pub events: u64,
    /// The earliest time.
    pub first: NaiveDateTime,
    /// The latest time.
    pub last: NaiveDateTime,
}

impl Filter {
    /// Only events of a terminal, by serial number or configured name.
    #[must_use]
    pub fn terminal(mut self, terminal: impl Into<String>) -> Self {
        self.terminal = Some(terminal.into());
        self
    }

    /// Only events of a person.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Only events from a time on and before another one.
    #[must_use]
    pub fn between(mut self, from: NaiveDateTime, to: NaiveDateTime) -> Self {
        (self.from, self.to) = (Some(from), Some(to));
        self
    }

    /// The first and the last second.
    pub(super) fn span(&self) -> (i64, i64) {
        // A time with a fraction is after its second.
        let whole = |time: NaiveDateTime| seconds(time) + i64::from(time.and_utc().timestamp_subsec_nanos() > 0);
        (self.from.map_or(i64::MIN, whole), self.to.map_or(i64::MAX, |time| whole(time) - 1))
    }

    /// The terminals to which it applies; `None` for all.
    pub(super) fn terminals(&self, connection: &Connection) -> rusqlite::Result<Option<Vec<i64>>> {
        let Some(terminal) = &self.terminal else { return Ok(None) };
        connection
            .prepare_cached("SELECT id FROM terminals WHERE serial = ?1 OR name = ?1")?
            .query_map([terminal], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()
            .map(Some)
    }

    /// The table with the index that has the fewest other events, and a condition on its rows.
    pub(super) fn source(&self, terminals: Option<&[i64]>) -> (&'static str, String) {
        let list = |ids: &[i64]| ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        let (index, terminal) = match terminals {
            None => ("events_time", String::new()),
            // Ordered by time as a whole. Of several terminals it would not be.
            Some([id]) => ("events_identity", format!(" AND e.terminal = {id}")),
            Some(ids) => ("events_time", format!(" AND e.terminal IN ({})", list(ids))),
        };
        let state = self.state.map(|state| format!(" AND e.punch_state = {state}")).unwrap_or_default();
        let condition = "e.time BETWEEN :from AND :to AND (:user IS NULL OR e.user_id = :user)";
        match self.user {
            Some(_) => {
                ("events_person", format!("e.time BETWEEN :from AND :to AND e.user_id = :user{terminal}{state}"))
            }
            None => (index, format!("{condition}{terminal}{state}")),
        }
    }
}

impl Ledger {
    /// Returns the next events of a selection; see [`Query::events`](crate::query::Query::events).
    pub(crate) fn find_events(&self, filter: &Filter, after: Option<Cursor>, most: usize) -> Result<Page, LedgerError> {
        self.read("find events", |connection| {
            let terminals = filter.terminals(connection)?;
            let (index, condition) = filter.source(terminals.as_deref());
            let (from, to) = filter.span();
            let Cursor { time, seq, through } = match after {
                Some(cursor) => cursor,
                None => Cursor { time: i64::MIN, seq: 0, through: last_seq(connection)? },
            };
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {} FROM events e INDEXED BY {index} WHERE {condition}
                 AND (e.time > :time OR e.seq > :seq) AND e.seq <= :through ORDER BY e.time, e.seq LIMIT :most",
                events::COLUMNS
            ))?;
            let most = most.max(1);
            let mut rows = statement.query(named_params! {
                // The rows of earlier pages are not looked at again.
                ":from": from.max(time),
                ":to": to,
                ":user": filter.user,
                ":time": time,
                ":seq": seq,
                ":through": through,
                ":most": i64::try_from(most).unwrap_or(i64::MAX),
            })?;
            let (mut reader, mut page, mut last) = (EventReader::default(), Page::default(), None);
            while let Some(row) = rows.next()? {
                let (seq, event) = reader.event(connection, row)?;
                last = Some(Cursor { time: seconds(event.local_time), seq, through });
                page.events.push(event);
            }
            page.next = last.filter(|_| page.events.len() == most);
            Ok(page)
        })
    }

    /// Returns the latest events of a selection; see [`Query::latest`](crate::query::Query::latest).
    pub(crate) fn latest_events(&self, filter: &Filter, most: usize) -> Result<Vec<AttendanceEvent>, LedgerError> {
        self.read("find the latest events", |connection| {
            let terminals = filter.terminals(connection)?;
            let (index, condition) = filter.source(terminals.as_deref());
            let (from, to) = filter.span();
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {} FROM events e INDEXED BY {index} WHERE {condition}
                 ORDER BY e.time DESC, e.seq DESC LIMIT :most",
                events::COLUMNS
            ))?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let mut rows =
                statement.query(named_params! { ":from": from, ":to": to, ":user": filter.user, ":most": most })?;
            let (mut reader, mut events) = (EventReader::default(), Vec::new());
            while let Some(row) = rows.next()? {
                events.push(reader.event(connection, row)?.1);
            }
            Ok(events)
        })
    }

    /// Passes on the punches of a selection; see [`Query::punches`](crate::query::Query::punches).
    pub(crate) fn find_punches(&self, filter: &Filter, mut each: impl FnMut(&str, Punch)) -> Result<(), LedgerError> {
        self.read("find punches", |connection| {
            let terminals = filter.terminals(connection)?;
            let (index, condition) = filter.source(terminals.as_deref());
            let (from, to) = filter.span();
            let mut statement = connection.prepare_cached(&format!(
                "SELECT e.user_id, e.time, e.utc, e.punch_state FROM events e INDEXED BY {index} WHERE {condition}"
            ))?;
            let mut rows = statement.query(named_params! { ":from": from, ":to": to, ":user": filter.user })?;
            while let Some(row) = rows.next()? {
                let mut punch = Punch::new(wall_clock(row.get(1)?), PunchState(row.get(3)?));
                punch.utc = row.get::<_, Option<i64>>(2)?.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
                each(row.get_ref(0)?.as_str()?, punch);
            }
            Ok(())
        })
    }

    /// Returns the days of a selection; see [`Query::days`](crate::query::Query::days).
    pub(crate) fn days(&self, filter: &Filter) -> Result<Vec<Day>, LedgerError> {
        self.read("count events by day", |connection| {
            let terminals = filter.terminals(connection)?;
            let (index, condition) = filter.source(terminals.as_deref());
            let (from, to) = filter.span();
            connection
                .prepare_cached(&format!(
                    "SELECT (e.time - (e.time % {DAY} + {DAY}) % {DAY}) AS day, count(*), count(DISTINCT e.user_id)
                     FROM events e INDEXED BY {index} WHERE {condition} GROUP BY day ORDER BY day"
                ))?
                .query_map(named_params! { ":from": from, ":to": to, ":user": filter.user }, |row| {
                    Ok(Day {
                        date: wall_clock(row.get(0)?).date(),
                        events: row.get::<_, i64>(1)?.cast_unsigned(),
                        people: row.get::<_, i64>(2)?.cast_unsigned(),
                    })
                })?
                .collect()
        })
    }

    /// Returns the people of a selection; see [`Query::people`](crate::query::Query::people).
    pub(crate) fn people(&self, filter: &Filter, after: &str, most: usize) -> Result<Vec<Person>, LedgerError> {
        self.read("count events by person", |connection| {
            let terminals = filter.terminals(connection)?;
            let (index, condition) = filter.source(terminals.as_deref());
            // People of all times stand side by side there, and those of one page are few.
            let is_ever = filter.from.is_none() && filter.to.is_none() && terminals.is_none();
            let index = if is_ever { "events_person" } else { index };
            let (from, to) = filter.span();
            connection
                .prepare_cached(&format!(
                    "SELECT e.user_id, count(*), min(e.time), max(e.time) FROM events e INDEXED BY {index}
                     WHERE {condition} AND e.user_id > :after GROUP BY e.user_id ORDER BY e.user_id LIMIT :most"
                ))?
                .query_map(
                    named_params! {
                        ":from": from,
                        ":to": to,
                        ":user": filter.user,
                        ":after": after,
                        ":most": i64::try_from(most).unwrap_or(i64::MAX),
                    },
                    |row| {
                        Ok(Person {
                            user: row.get(0)?,
                            events: row.get::<_, i64>(1)?.cast_unsigned(),
                            first: wall_clock(row.get(2)?),
                            last: wall_clock(row.get(3)?),
                        })
                    },
                )?
                .collect()
        })
    }
}

/// A text that is no place between two pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place between two pages")]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.time, self.seq, self.through)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let mut numbers = text.split('.').map(|number| number.parse().map_err(|_| NotACursor));
        let mut number = || numbers.next().unwrap_or(Err(NotACursor));
        let cursor = Self { time: number()?, seq: number()?, through: number()? };
        numbers.next().is_none().then_some(cursor).ok_or(NotACursor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ledger::Transaction;
    use crate::query::Query;

    /// Enters events of two terminals and three people, several to a second, not in the order of time.
    fn enter(ledger: &Ledger, from: i64, events: i64) {
        let enter = |transaction: &Transaction<'_>| {
            for id in [1, 2] {
                transaction.execute(
                    "INSERT OR IGNORE INTO terminals (id, serial, name) VALUES (?1, 'S' || ?1, 'gate' || ?1)",
                    [id],
                )?;
                transaction.execute(
                    "INSERT OR IGNORE INTO readings (id, terminal, device_name, source, read_at)
                     VALUES (?1, ?1, 'gate' || ?1, 'pull', 0)",
                    [id],
                )?;
            }
            for n in from..from + events {
                let (terminal, time) = (n % 2 + 1, 1_700_000_000 + (n * 7_919) % 200 * 3_000);
                transaction.execute(
                    "INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
                     VALUES (?1, ?1, ?2, ?3, ?4, 1, 0, x'')",
                    (terminal, time, n.to_be_bytes().repeat(2), (n % 3).to_string()),
                )?;
            }
            Ok(())
        };
        ledger.write("enter", enter).unwrap();
    }

    #[test]
    fn pages_have_each_event_once_in_order_while_others_arrive() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        enter(&ledger, 0, 600);
        let query = Query::open(dir.path()).unwrap().unwrap();
        let mut total = 600;
        let middle = wall_clock(1_700_000_000 + 100 * 3_000);
        for (filter, part) in [
            (Filter::default(), 1),
            (Filter::default().user("1"), 3),
            (Filter::default().terminal("gate2"), 2),
            (Filter::default().terminal("S1").user("2"), 6),
            (Filter { from: Some(middle), ..Filter::default() }, 2),
            (Filter { to: Some(middle), ..Filter::default() }.terminal("S2"), 4),
        ] {
            let expected = query.events(&filter, None, usize::MAX).unwrap().events;
            assert!(expected.len().abs_diff(total / part) < total / 12, "{filter:?}: {} of {total}", expected.len());
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = query.events(&filter, after, 7).unwrap();
                seen.extend(page.events);
                let Some(next) = page.next else { break };
                after = Some(next.to_string().parse().unwrap());
                // They come everywhere, before the page and after it.
                enter(&ledger, i64::try_from(total).unwrap(), 3);
                total += 3;
            }
            assert_eq!(seen, expected, "{filter:?}");
            assert!(seen.is_sorted_by_key(|event| event.local_time));
            let ids: BTreeSet<_> = seen.iter().map(|event| event.id).collect();
            assert_eq!(ids.len(), seen.len());
        }
        assert_eq!("1.2".parse::<Cursor>(), Err(NotACursor));
        assert_eq!("1.2.3.4".parse::<Cursor>(), Err(NotACursor));
    }

    #[test]
    fn days_and_people_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        enter(&ledger, 0, 600);
        let query = Query::open(dir.path()).unwrap().unwrap();
        let days = query.days(&Filter::default()).unwrap();
        assert_eq!(days.iter().map(|day| day.events).sum::<u64>(), 600);
        assert!(days.len() == 8 && days.is_sorted_by_key(|day| day.date) && days.iter().all(|day| day.people == 3));
        let day = days[3].date;
        let one = Filter::default().between(day.into(), day.succ_opt().unwrap().into());
        assert_eq!(query.days(&one).unwrap(), [days[3].clone()]);
        let people = query.people(&Filter::default(), "", 2).unwrap();
        assert_eq!(
            people.iter().map(|person| (person.user.as_str(), person.events)).collect::<Vec<_>>(),
            [("0", 200), ("1", 200)]
        );
        let rest = query.people(&Filter::default().terminal("gate1"), "1", 2).unwrap();
        assert_eq!((rest.len(), rest[0].user.as_str(), rest[0].events), (1, "2", 100));
        assert!(query.people(&Filter::default().terminal("nowhere"), "", 2).unwrap().is_empty());
    }

    #[test]
    fn no_question_reads_all_events() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        enter(&ledger, 0, 10);
        for filter in [Filter::default(), Filter::default().user("1"), Filter::default().terminal("S1")] {
            let plan = ledger.read("test", |connection| {
                let terminals = filter.terminals(connection)?;
                let (index, condition) = filter.source(terminals.as_deref());
                connection
                    .prepare(&format!(
                        "EXPLAIN QUERY PLAN SELECT * FROM events e INDEXED BY {index} WHERE {condition}
                         ORDER BY time, seq"
                    ))?
                    .query_map(named_params! { ":from": 0, ":to": 1, ":user": "1" }, |row| row.get::<_, String>(3))?
                    .collect::<rusqlite::Result<Vec<_>>>()
            });
            let plan = plan.unwrap();
            assert!(plan[0].contains("SEARCH e USING INDEX") && plan[0].contains("time>"), "{filter:?}: {plan:?}");
        }
    }
}
