//! The program of the README, run on a log of 100,000 records.
#![cfg(feature = "client")]

use std::net::{Ipv4Addr, SocketAddr};

use zk_proto::client::{PullRequest, Pulled, pull};
use zk_proto::{Client, ConnectOptions, DeviceTime};
use zk_sim::{Server, Terminal};

/// The program's results: the serial number, and the number of records in the log.
async fn program(options: &ConnectOptions) -> Result<(Option<String>, u64), Box<dyn std::error::Error>> {
    let mut client = Client::connect(options).await?;
    let serial = client.identity().await?.serial;
    let now = DeviceTime::new(2026, 1, 31, 12, 0, 0).ok_or("no such day")?;
    let pull = pull(&mut client, &PullRequest::new(now), &mut |_| ()).await?;
    client.exit().await;
    match pull.found {
        Pulled::Full(mut proven) => {
            assert_eq!(proven.next_batch(10)?.len(), 10);
            Ok((serial, proven.records()))
        }
        other => Err(format!("{other:?}").into()),
    }
}

#[tokio::test]
async fn the_program_reads_a_log_of_any_length() {
    let now = chrono::NaiveDate::from_ymd_opt(2026, 1, 31).unwrap().and_hms_opt(12, 0, 0).unwrap();
    let terminal = Terminal::builder().records(100_000).users(30).now(now).seed(7).build();
    let server = Server::start(terminal, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let options = ConnectOptions::new(server.addr().ip().to_string()).port(server.addr().port());
    let (serial, records) = program(&options).await.unwrap();
    assert_eq!((serial, records), (Some(server.handle().serial()), 100_000));
}

#[test]
fn the_readme_has_the_lines_that_are_run_here() {
    let readme = include_str!("../README.md").split("```rust,no_run").nth(1).unwrap().split("```").next().unwrap();
    let run = include_str!("readme.rs");
    for line in
        ["pull(&mut client, &PullRequest::new(now), &mut |_| ()).await?;", "DeviceTime::new(2026, 1, 31, 12, 0, 0)"]
    {
        assert!(readme.contains(line) && run.contains(line), "{line}");
    }
    assert!(!readme.contains("spool"), "the default is enough");
}
