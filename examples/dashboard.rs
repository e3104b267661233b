//! How do I show the dashboard in a server of my own? Under `/attendance`, next to its other pages.
//! `dashboard HOST [PORT]`
//!
//! It prints a link by which the administrator sets a password. Ctrl-C ends it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use attendance_model::Settings;
use axum::Router;
use axum::routing::get;
use chrono::Utc;
use iclock_server::access::{Access, Role};
use iclock_server::{ServerOptions, router};
use iclock_sync::{CancellationToken, DeviceOptions, Engine, Schedule, ServiceOptions};
use sink_sql::{SqlOptions, SqlSink};
use tokio::net::TcpListener;
use zk_push::server::{Limits, listen};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut gate = DeviceOptions::new("gate", args.next().ok_or("usage: dashboard HOST [PORT]")?);
    if let Some(port) = args.next() {
        gate.port = port.parse()?;
    }
    let sink = SqlSink::open(SqlOptions::parse("attendance", "sqlite:attendance.db", Settings::default())?)?;
    let engine = Engine::builder("state").device(gate).sink(Arc::new(sink)).build()?;
    let stop = CancellationToken::new();
    let each_minute = ServiceOptions::new(Schedule::fixed(Duration::from_secs(60)));
    let service = Arc::new(engine.start(each_minute, &stop).await?);

    // The pages find out where they are mounted.
    let attendance = router(&service, ServerOptions::default())?;
    let pages = Router::new().route("/", get(async || "the rest of the program")).nest("/attendance", attendance);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let link = Access::open("state".as_ref())?.invite("administrator", Role::Administrator, Utc::now())?;
    println!("http://{address}/attendance/welcome#link={}", link.reveal());

    let interrupted = async {
        // Without a signal to wait for, it ends at once.
        let _ = tokio::signal::ctrl_c().await;
    };
    listen(listener, pages, Limits::default(), interrupted).await;
    if let Some(service) = Arc::into_inner(service) {
        service.shutdown(Duration::from_secs(10)).await?;
    }
    Ok(())
}
