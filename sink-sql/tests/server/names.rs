//! The table of people on a server.

use attendance_model::conformance::{Harness, NamesHarness, View, sample};
use attendance_model::{NamedPerson, Outcome, Sink, SinkErrorKind};
use chrono::DateTime;
use sink_sql::SqlSink;

use super::{Server, Table, skipped, url};
use crate::common::{open, unique};

/// A table with one of people next to it.
pub(crate) struct Naming<S: Server> {
    table: Table<S>,
    sink: SqlSink,
}

impl<S: Server> Harness for Naming<S> {
    fn available() -> Result<(), String> {
        Table::<S>::available()
    }

    async fn fresh() -> Self {
        let table = Table::<S>::new();
        let sink = table.open("names=true");
        Self { table, sink }
    }

    fn sink(&self) -> &dyn Sink {
        &self.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(self.table.open("names=true"))
    }

    async fn stored(&self) -> Vec<View> {
        self.table.stored().await
    }
}

impl<S: Server> NamesHarness for Naming<S> {
    async fn people(&self) -> Vec<NamedPerson> {
        people::<S>(&self.table.name).await
    }
}

async fn people<S: Server>(table: &str) -> Vec<NamedPerson> {
    let columns = ["device_serial", "device_name", "user_id", "name"].map(S::text);
    let seen_at = S::column("utc_time").replace("utc_time", "seen_at");
    let rows = S::rows(format!("SELECT {}, {seen_at} FROM {table}_people", columns.join(", "))).await;
    let person = |row: Vec<Option<String>>| {
        let [serial, device, user, name, seen_at] =
            row.into_iter().map(Option::unwrap).collect::<Vec<_>>().try_into().unwrap();
        NamedPerson::new((serial, device), user, name, DateTime::parse_from_rfc3339(&seen_at).unwrap().into())
    };
    rows.into_iter().map(person).collect()
}

/// Names never hold up events, and with the rights of the manual they are stored too.
pub(crate) async fn a_user_without_rights_to_the_people_writes_events_all_the_same<S: Server>() {
    if skipped::<S>() {
        return;
    }
    let (table, user) = (Table::<S>::new(), unique("clerk"));
    let address = url::<S>();
    let (scheme, rest) = address.split_once("://").unwrap();
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let as_user = open(&format!("{scheme}://{user}:secret@{place}"), &format!("table={}&names=true", table.name));
    let [create, drop] = S::user(&user);
    S::execute(create).await;
    table.sink.probe().await.unwrap();
    S::execute(S::grant("SELECT, INSERT", &table.name, &user)).await;
    S::execute(S::grant("SELECT", &format!("{}_schema", table.name), &user)).await;
    let person = NamedPerson::new(("A1", "gate"), "7", "Ahmed", DateTime::UNIX_EPOCH);

    let notices = as_user.probe().await.unwrap();
    let outcomes = as_user.write(&sample(2)).await;
    let refused = as_user.write_names(std::slice::from_ref(&person)).await.unwrap_err();
    // Somebody with more rights makes the table once.
    table.open("names=true").probe().await.unwrap();
    S::execute(S::grant("SELECT, INSERT, UPDATE", &format!("{}_people", table.name), &user)).await;
    S::execute(S::grant("SELECT", &format!("{}_people_schema", table.name), &user)).await;
    let granted = as_user.write_names(std::slice::from_ref(&person)).await;
    let without_notice = as_user.probe().await;
    S::execute(drop).await;

    assert!(notices.iter().any(|notice| notice.message.contains("names cannot be stored")), "{notices:?}");
    assert_eq!(outcomes.unwrap(), vec![Outcome::Stored; 2]);
    assert_eq!(refused.kind, SinkErrorKind::Rights, "{refused:?}");
    assert_eq!(granted.unwrap(), 1);
    assert_eq!(people::<S>(&table.name).await, [person]);
    let is_of_names = |notice: &attendance_model::Notice| notice.message.contains("names");
    assert!(!without_notice.unwrap().iter().any(is_of_names));
}
