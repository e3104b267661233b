//! Live capture: a punch is at the sink long before the next run is due.

use std::sync::Arc;
use std::time::Duration;

use attendance_model::MemorySink;
use iclock_sync::{DeviceOptions, Engine, RunOptions, Schedule};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
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

    let stop = CancellationToken::new();
    let (reports, mut next) = mpsc::unbounded_channel();
    let live = {
        let stop = stop.clone();
        tokio::spawn(async move {
            // Without live capture the second run would be an hour away.
            let schedule = Schedule::fixed(Duration::from_secs(3600));
            let tell =
                move |report: &iclock_sync::Report| reports.send((report.totals.new, report.run.exit_code)).unwrap();
            engine.run_live(&schedule, &stop, |_| RunOptions::default(), tell).await
        })
    };
    let within = Duration::from_secs(30);
    assert_eq!(tokio::time::timeout(within, next.recv()).await.unwrap(), Some((50, 0)));

    until_registered(&terminal, 1).await;
    terminal.punch_now().unwrap();
    assert_eq!(tokio::time::timeout(within, next.recv()).await.unwrap(), Some((1, 0)));
    assert_eq!(sink.stored().len(), 51);

    // The line breaks, somebody punches unheard, and the line comes back.
    until_registered(&terminal, 2).await;
    terminal.restart();
    terminal.punch_now().unwrap();
    assert_eq!(tokio::time::timeout(within, next.recv()).await.unwrap(), Some((1, 0)));
    assert_eq!(sink.stored().len(), 52);

    stop.cancel();
    tokio::time::timeout(within, live).await.expect("it ends").unwrap().unwrap();
}
