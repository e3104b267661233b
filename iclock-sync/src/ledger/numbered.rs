//! Events with their numbers, a numbered page at a time: for readers that count pages instead of following a place.

use attendance_model::AttendanceEvent;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, ToSql, named_params};

use super::events::{self, EventReader, last_seq};
use super::query::Filter;
use super::{gaps, shrunk};
use crate::{Ledger, LedgerError};

/// An event with its place in the ledger.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NumberedEvent {
    /// Its number. An event that enters later has a higher one, and no number is given twice.
    pub number: i64,
    /// The event.
    pub event: AttendanceEvent,
    /// The time of the poll, or of the call of a terminal that pushes, that brought it.
    pub read_at: DateTime<Utc>,
}

/// The order of numbered pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageOrder {
    /// As the events entered: what enters goes to the end, and moves no other event to another page.
    #[default]
    Entered,
    /// The event that entered last comes first.
    LastEntered,
    /// By the terminals' clocks.
    Time,
    /// The latest by the terminals' clocks comes first.
    LatestTime,
}

/// Some events of a selection, and how many the selection has at that moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct NumberedPage {
    /// The events.
    pub events: Vec<NumberedEvent>,
    /// The number of events in the selection.
    pub count: u64,
}

impl PageOrder {
    const fn by(self) -> &'static str {
        match self {
            Self::Entered => "seq",
            Self::LastEntered => "seq DESC",
            Self::Time => "time, seq",
            Self::LatestTime => "time DESC, seq DESC",
        }
    }
}

impl Ledger {
    /// Returns events of a selection; see [`Query::numbered`](crate::query::Query::numbered).
    pub(crate) fn numbered_page(
        &self,
        filter: &Filter,
        order: PageOrder,
        skip: u64,
        most: usize,
    ) -> Result<NumberedPage, LedgerError> {
        self.read("read a page of events", |connection| {
            // The count and the events are those of one moment.
            let moment = connection.unchecked_transaction()?;
            let (skip, most) = (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(most).unwrap_or(i64::MAX));
            if *filter == Filter::default() {
                return unfiltered(&moment, order, skip, most);
            }
            let terminals = filter.terminals(&moment)?;
            let (index, condition) = filter.source(terminals.as_deref());
            let (from, to) = filter.span();
            let selection = format!("FROM events e INDEXED BY {index} WHERE {condition}");
            let bounds = named_params! { ":from": from, ":to": to, ":user": filter.user };
            let count = moment
                .prepare_cached(&format!("SELECT count(*) {selection}"))?
                .query_row(bounds, |row| row.get::<_, i64>(0))?;
            let numbers = format!("SELECT e.seq {selection} ORDER BY {} LIMIT :most OFFSET :skip", order.by());
            let place = named_params! { ":most": most, ":skip": skip };
            let events = of_numbers(&moment, &numbers, order, &[bounds, place].concat())?;
            Ok(NumberedPage { events, count: count.cast_unsigned() })
        })
    }

    /// Returns the event of a number; see [`Query::numbered_event`](crate::query::Query::numbered_event).
    pub(crate) fn numbered_event(&self, number: i64) -> Result<Option<NumberedEvent>, LedgerError> {
        self.read("read an event", |connection| {
            connection
                .prepare_cached(&format!("SELECT {} FROM events WHERE seq = ?1", events::COLUMNS))?
                .query_row([number], |row| EventReader::default().numbered(connection, row))
                .optional()
        })
    }
}

/// A page of all events. A page far behind costs no more than the first one, where the numbers have no gaps.
fn unfiltered(connection: &Connection, order: PageOrder, skip: i64, most: i64) -> rusqlite::Result<NumberedPage> {
    let count: i64 = connection.prepare_cached("SELECT count(*) FROM events")?.query_row((), |row| row.get(0))?;
    let last = last_seq(connection)?;
    let gaps = gaps::last_of_gaps(connection)?.max(shrunk::shrunk(connection)?.map_or(0, |sum| sum.through));
    // Above the last gap each number has its event.
    let dense = (last - gaps).clamp(0, count);
    let (condition, skip) = match order {
        PageOrder::Entered if skip >= count - dense => {
            ("seq > :bound", (skip - (count - dense)).saturating_add(gaps.min(last)))
        }
        PageOrder::LastEntered if skip <= dense => ("seq <= :bound", last - skip),
        _ => return paged(connection, order, skip, most, count),
    };
    let numbers = format!("SELECT seq FROM events WHERE {condition} ORDER BY {} LIMIT :most", order.by());
    let events = of_numbers(connection, &numbers, order, named_params! { ":bound": skip, ":most": most })?;
    Ok(NumberedPage { events, count: count.cast_unsigned() })
}

/// A page that is counted from the first event on.
fn paged(
    connection: &Connection,
    order: PageOrder,
    skip: i64,
    most: i64,
    count: i64,
) -> rusqlite::Result<NumberedPage> {
    let numbers = format!("SELECT seq FROM events ORDER BY {} LIMIT :most OFFSET :skip", order.by());
    let events = of_numbers(connection, &numbers, order, named_params! { ":skip": skip, ":most": most })?;
    Ok(NumberedPage { events, count: count.cast_unsigned() })
}

/// The events whose numbers a question finds. Only their rows are read: an index answers the question.
fn of_numbers(
    connection: &Connection,
    numbers: &str,
    order: PageOrder,
    parameters: &[(&str, &dyn ToSql)],
) -> rusqlite::Result<Vec<NumberedEvent>> {
    let question = format!("SELECT {} FROM events WHERE seq IN ({numbers}) ORDER BY {}", events::COLUMNS, order.by());
    let mut statement = connection.prepare_cached(&question)?;
    let mut rows = statement.query(parameters)?;
    let (mut reader, mut events) = (EventReader::default(), Vec::new());
    while let Some(row) = rows.next()? {
        events.push(reader.numbered(connection, row)?);
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sample::enter;
    use crate::ledger::{Removal, Transaction};

    /// The numbers on all pages of a size, one after the other, and the count that each page gave.
    fn read(ledger: &Ledger, filter: &Filter, order: PageOrder, size: usize) -> Vec<i64> {
        let mut found = Vec::new();
        loop {
            let page = ledger.numbered_page(filter, order, found.len() as u64, size).unwrap();
            assert!(page.events.len() <= size);
            found.extend(page.events.iter().map(|event| event.number));
            assert!(found.len() as u64 <= page.count, "{found:?} of {}", page.count);
            if found.len() as u64 == page.count {
                for skip in [page.count, u64::MAX] {
                    let behind = ledger.numbered_page(filter, order, skip, size).unwrap();
                    assert_eq!((behind.events.len(), behind.count), (0, page.count), "nothing is behind the last page");
                }
                return found;
            }
            assert!(!page.events.is_empty(), "{found:?} of {}", page.count);
        }
    }

    fn remove(ledger: &Ledger, user_id: &str) {
        ledger.remove_person(&Removal { user_id, until: 0, now: 0, unproven: &[], audit: None }).unwrap();
    }

    #[test]
    fn pages_have_each_event_once_in_each_order_whatever_gaps_there_are() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        assert!(read(&ledger, &Filter::default(), PageOrder::Entered, 3).is_empty());
        enter(&ledger, 23);
        let mut expected: Vec<i64> = (1..=23).collect();
        for step in 0..3 {
            match step {
                // Gaps in the middle and, of number 23, at the end.
                1 => {
                    remove(&ledger, "3");
                    expected.retain(|number| number % 5 != 3);
                }
                // Without gaps again, after those.
                2 => {
                    let last = enter(&ledger, 1);
                    ledger
                        .write("test", |change| {
                            change.execute("UPDATE events SET seq = 24 WHERE seq = ?1", [last]).map(drop)
                        })
                        .unwrap();
                    expected.push(24);
                }
                _ => {}
            }
            for size in [1, 2, 7, 30] {
                for order in [PageOrder::Entered, PageOrder::Time] {
                    assert_eq!(read(&ledger, &Filter::default(), order, size), expected, "{order:?} {size} {step}");
                }
                let mut backwards = expected.clone();
                backwards.reverse();
                for order in [PageOrder::LastEntered, PageOrder::LatestTime] {
                    assert_eq!(read(&ledger, &Filter::default(), order, size), backwards, "{order:?} {size} {step}");
                }
            }
        }
    }

    #[test]
    fn a_selection_is_paged_as_its_events_entered_and_not_by_time() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        enter(&ledger, 20);
        // A punch that came late.
        let late = |change: &Transaction<'_>| change.execute("UPDATE events SET time = 2 WHERE seq = 19", ()).map(drop);
        ledger.write("test", late).unwrap();
        let of_user = Filter::default().user("4");
        assert_eq!(read(&ledger, &of_user, PageOrder::Entered, 2), [4, 9, 14, 19]);
        assert_eq!(read(&ledger, &of_user, PageOrder::LastEntered, 3), [19, 14, 9, 4]);
        assert_eq!(read(&ledger, &of_user, PageOrder::Time, 3), [19, 4, 9, 14]);
        assert_eq!(read(&ledger, &of_user, PageOrder::LatestTime, 1), [14, 9, 4, 19]);
        let mut none = of_user.clone();
        none.state = Some(1);
        assert!(read(&ledger, &none, PageOrder::Entered, 3).is_empty());
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap().naive_utc();
        let early = Filter::default().terminal("gate").between(at(2), at(5));
        assert_eq!(read(&ledger, &early, PageOrder::Entered, 1), [2, 3, 4, 19]);
        assert!(read(&ledger, &Filter::default().terminal("nowhere"), PageOrder::Time, 1).is_empty());
    }

    #[test]
    fn an_event_is_found_by_its_number_with_the_time_at_which_it_came() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        enter(&ledger, 3);
        let page = ledger.numbered_page(&Filter::default(), PageOrder::Entered, 1, 1).unwrap();
        let found = ledger.numbered_event(2).unwrap().unwrap();
        assert_eq!((&found, found.read_at.timestamp(), &*found.event.user_id), (&page.events[0], 2_000_000_000, "2"));
        assert_eq!((ledger.numbered_event(0).unwrap(), ledger.numbered_event(4).unwrap()), (None, None));
    }
}
