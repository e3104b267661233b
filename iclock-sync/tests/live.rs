//! Live capture: a punch is at the sink long before the next run is due.

use std::sync::Arc;
use std::time::Duration;

use attendance_model::MemorySink;
use iclock_sync::{CancellationToken, DeviceOptions, Engine, Schedule, ServiceOptions};
use zk_proto::Command;
use zk_sim::{Handle, Server, Terminal};

async fn until_registered(terminal: &Handle, times: usize) {
    let registered =
        || terminal.received().iter().filter(|received| received.command == Command::REG_EVENT).count() >= times;
    let wait = async {
        while !registered() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the engine listens");
}

#[tokio::test]
async fn a_punch_brings_the_next_run_forward_and_a_restart_is_survived() {
    let terminal = Terminal::builder().records(50).users(5).seed(3).build();
    let server = Server::start(terminal, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let terminal = server.handle();
    let state = tempfile::tempdir().unwrap();
    let sink = MemorySink::new("memory");
    let mut device = DeviceOptions::new("gate", "127.0.0.1");
    device.port = server.addr().port();
    let engine = Engine::builder(state.path()).device(device).sink(Arc::new(sink.clone())).build().unwrap();

    // Without live capture the second poll would be an hour away.
    let options = ServiceOptions::new(Schedule::fixed(Duration::from_secs(3600))).live(true);
    let service = engine.start(options, &CancellationToken::new()).await.unwrap();
    let mut reports = service.reports();
    let mut next = async || {
        let report = tokio::time::timeout(Duration::from_secs(30), reports.recv()).await.unwrap().unwrap();
        (report.totals.new, report.run.exit_code)
    };
    assert_eq!(next().await, (50, 0));

    until_registered(&terminal, 1).await;
    terminal.punch_now().unwrap();
    assert_eq!(next().await, (1, 0));
    assert_eq!(sink.stored().len(), 51);

    // The line breaks, somebody punches unheard, and the line comes back.
    until_registered(&terminal, 2).await;
    terminal.restart();
    terminal.punch_now().unwrap();
    assert_eq!(next().await, (1, 0));
    assert_eq!(sink.stored().len(), 52);

    service.shutdown(Duration::from_secs(30)).await.unwrap();
}
