//! The same punches by both ways and in both orders are one row each, in every kind of sink.

use std::collections::BTreeSet;

use zk_push::SerialNumber;
use zk_sim::push::{PushDevice, PushProfile, Pusher};
use zk_sim::{Profile, Punch};

use crate::common::{World, terminal};
use crate::serving::{SERIAL, Serving, until};

/// The punches of each terminal.
const PUNCHES: usize = 20;

/// Pulls and pushes the punches of a terminal. `stored` returns the rows of the sink, user id and time.
fn arrive_once(layout: &str, pushed_first: bool, sink: &str, stored: &dyn Fn(&World) -> Vec<(String, String)>) {
    let world = World::new();
    let gate = world.serve(terminal(PUNCHES).serial(SERIAL).profile(Profile::named(layout).unwrap()));
    let port = gate.addr().port();
    let called = format!("[[device]]\nname = \"branch\"\nhost = \"127.0.0.1\"\nport = {port}\nserial = \"{SERIAL}\"\n");
    let pushing = format!("[[pushing]]\nserial = \"{SERIAL}\"\nname = \"branch\"\n");
    let configure = |terminal: &str| {
        world.write("iclock.toml", format!("state_dir = \"state\"\n{terminal}[[sink]]\n{sink}\n"));
    };
    let pull = || {
        configure(&called);
        world.cli(&["sync"]).ended(0);
    };
    let push = || {
        let serving = Serving::start(&world, &[]);
        let mut device = PushDevice::new(PushProfile::attendance(SerialNumber::new(SERIAL).unwrap()));
        // The push protocol numbers verify modes in its own way.
        gate.handle().records().into_iter().for_each(|punch| device.punch(&Punch { mode: 15, ..punch }));
        let mut pusher = Pusher::new(device, serving.address).unwrap().speed(10_000);
        world.runtime.block_on(pusher.run_until_idle());
        assert_eq!(pusher.device().acknowledged(), PUNCHES);
        until("all is delivered", || stored(&world).len() >= PUNCHES);
        assert_eq!(serving.ends("-TERM"), 0);
    };
    if pushed_first {
        configure(&pushing);
        push();
        pull();
    } else {
        pull();
        world.cli(&["push", "approve", SERIAL]).ended(0);
        push();
    }
    let rows = stored(&world);
    let keys: BTreeSet<_> = rows.iter().cloned().collect();
    let punches: BTreeSet<_> =
        gate.handle().records().into_iter().map(|punch| (punch.user_id.to_string(), punch.time.to_string())).collect();
    assert_eq!((rows.len(), keys), (PUNCHES, punches), "{layout}, pushed first: {pushed_first}");
}

#[test]
fn the_same_punches_pulled_and_pushed_are_one_row_each_in_both_orders() {
    let stored = |world: &World| crate::stored(world).into_iter().collect();
    for layout in ["bw8", "tft16", "tft40"] {
        for pushed_first in [false, true] {
            arrive_once(layout, pushed_first, "url = \"sqlite:att.db\"", &stored);
        }
    }
}

#[cfg(feature = "postgres")]
#[test]
fn the_same_punches_pulled_and_pushed_are_one_row_each_in_postgresql() {
    use std::io::Write as _;

    use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        let test = "the_same_punches_pulled_and_pushed_are_one_row_each_in_postgresql";
        // Not `eprintln!`, which the test harness would swallow.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: TEST_POSTGRES_URL is not set");
        return;
    };
    for (layout, pushed_first) in [("bw8", false), ("tft40", true), ("tft16", true), ("tft16", false)] {
        let table = format!("push_{}_{layout}_{pushed_first}", std::process::id());
        let stored = |world: &World| {
            let question = format!("SELECT user_id, to_char(local_time, 'YYYY-MM-DD HH24:MI:SS') FROM {table}");
            world.runtime.block_on(async {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                // The table appears with the first delivery.
                sqlx::query_as(AssertSqlSafe(question)).fetch_all(&mut connection).await.unwrap_or_default()
            })
        };
        arrive_once(layout, pushed_first, &format!("url = \"{url}?table={table}\""), &stored);
        let world = World::new();
        world.runtime.block_on(async {
            let drop = AssertSqlSafe(format!("DROP TABLE {table}, {table}_schema CASCADE"));
            sqlx::raw_sql(drop).execute(&mut PgConnection::connect(&url).await.unwrap()).await.unwrap();
        });
    }
}

#[cfg(feature = "firestore")]
#[test]
fn the_same_punches_pulled_and_pushed_are_one_document_each_in_firestore() {
    let test = "the_same_punches_pulled_and_pushed_are_one_document_each_in_firestore";
    let Some(address) = crate::common::emulator(test) else { return };
    for (layout, pushed_first) in [("bw8", true), ("tft40", false), ("tft16", true)] {
        let project = format!("both-{}", std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos());
        let sink = format!("url = \"firestore://{project}/punches\"\ntime = \"wall-clock-as-utc\"");
        let stored = |_: &World| {
            let documents = crate::common::documents(&address, &project, "punches");
            let text = |fields: &serde_json::Value, name: &str, kind: &str| {
                fields[name][kind].as_str().unwrap().trim_end_matches('Z').replace('T', " ")
            };
            let row = |of| (text(of, "staffId", "stringValue"), text(of, "timestamp", "timestampValue"));
            documents.values().map(row).collect()
        };
        arrive_once(layout, pushed_first, &sink, &stored);
    }
}
