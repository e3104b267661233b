//! A terminal that is disabled for some work is enabled again, however the work ends.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use tokio::task::JoinHandle;
use zk_proto::{Client, ClientError, Command, Transport};
use zk_sim::{Fault, Handle};

use super::{Site, sites, staffed};

fn commands(terminal: &Handle, command: Command) -> usize {
    terminal.received().iter().filter(|packet| packet.command == command).count()
}

#[tokio::test]
async fn it_is_disabled_during_the_work_and_enabled_after_it() {
    for site in sites(|_| true, staffed).await {
        let mut client = site.client().await;
        let terminal = &site.terminal;
        let done = client
            .while_disabled(None, async |client| {
                assert!(!terminal.is_enabled());
                client.time().await
            })
            .await;
        assert!(done.is_ok() && terminal.is_enabled() && !client.owes_enable(), "{}", site.name());
        client.time().await.unwrap();
    }
}

#[tokio::test]
async fn it_is_enabled_after_an_error() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    let done = client.while_disabled(None, async |_| Err::<(), _>(ClientError::WrongKey)).await;
    assert!(matches!(done, Err(ClientError::WrongKey)));
    assert!(site.terminal.is_enabled());
}

#[tokio::test]
async fn it_is_enabled_after_a_panic() {
    let site = Site::plain(staffed()).await;
    let options = site.options();
    let task: JoinHandle<()> = tokio::spawn(async move {
        let mut client = Client::connect(&options).await.unwrap();
        let work = async |client: &mut Client| -> Result<(), ClientError> {
            client.time().await?;
            panic!("of the work");
        };
        client.while_disabled(None, work).await.unwrap();
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(commands(&site.terminal, Command::DISABLEDEVICE), 1);
    assert!(site.terminal.is_enabled());
}

#[tokio::test]
async fn it_is_enabled_after_a_panic_in_the_middle_of_a_transfer() {
    let site = Site::plain(staffed().records(2_000)).await;
    let mut client = site.client().await;
    let work = async |client: &mut Client| -> Result<(), ClientError> {
        let log = client.prepare(zk_proto::Dataset::Attendance).await?;
        client.read_all(&log, |_, _| -> Result<(), ClientError> { panic!("of the sink") }).await?;
        Ok(())
    };
    let guarded = AssertUnwindSafe(client.while_disabled(None, work));
    let mut guarded = Box::pin(guarded);
    let panicked = std::future::poll_fn(|context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| guarded.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(|_| false),
            Err(_) => std::task::Poll::Ready(true),
        }
    });
    assert!(panicked.await);
    drop(guarded);
    assert!(site.terminal.is_enabled() && !client.owes_enable());
    client.time().await.unwrap();
}

#[tokio::test]
async fn a_dropped_future_is_made_up_for_at_exit() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    drop_half_way(&mut client, &site.terminal).await;
    client.exit().await;
    assert!(site.terminal.is_enabled());
}

#[tokio::test]
async fn a_dropped_future_is_made_up_for_at_the_next_reconnect() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    drop_half_way(&mut client, &site.terminal).await;
    client.reconnect().await.unwrap();
    assert!(site.terminal.is_enabled() && !client.owes_enable());
    client.time().await.unwrap();
}

#[tokio::test]
async fn a_dropped_future_is_made_up_for_by_an_abort() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    drop_half_way(&mut client, &site.terminal).await;
    client.abort().await.unwrap();
    assert!(site.terminal.is_enabled() && !client.owes_enable());
    client.time().await.unwrap();
}

#[tokio::test]
async fn a_disable_request_that_nobody_waits_for_is_made_up_for_at_exit() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    drop_in_flight(&mut client, &site.terminal).await;
    client.exit().await;
    assert!(site.terminal.is_enabled());
}

#[tokio::test]
async fn a_disable_request_that_nobody_waits_for_is_made_up_for_at_the_next_reconnect_or_abort() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    drop_in_flight(&mut client, &site.terminal).await;
    client.reconnect().await.unwrap();
    assert!(site.terminal.is_enabled() && !client.owes_enable());
    drop_in_flight(&mut client, &site.terminal).await;
    client.abort().await.unwrap();
    assert!(site.terminal.is_enabled() && !client.owes_enable());
}

#[tokio::test]
async fn a_disable_request_that_goes_out_again_on_a_new_session_is_made_up_for_too() {
    let site = Site::plain(staffed().fault(Fault::parse("key-mid-session=1x1").unwrap())).await;
    let mut client = site.client().await;
    drop_in_flight(&mut client, &site.terminal).await;
    assert_eq!(commands(&site.terminal, Command::DISABLEDEVICE), 2);
    client.exit().await;
    assert!(site.terminal.is_enabled());
}

/// Disables the terminal, and drops the future as soon as the terminal has done it, before its answer is read.
async fn drop_in_flight(client: &mut Client, terminal: &Handle) {
    let disabled = async {
        while terminal.is_enabled() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = disabled => {}
        _ = client.disable(None) => panic!("the answer was read first"),
    }
    assert!(!terminal.is_enabled() && client.owes_enable());
}

/// Begins work that never ends, and drops it once the terminal is disabled.
async fn drop_half_way(client: &mut Client, terminal: &Handle) {
    let (started, mut begun) = tokio::sync::mpsc::channel(1);
    let work = async |_: &mut Client| {
        started.send(()).await.unwrap();
        pending::<Result<(), ClientError>>().await
    };
    tokio::select! {
        _ = client.while_disabled(None, work) => panic!("it never ends"),
        _ = begun.recv() => {}
    }
    assert!(!terminal.is_enabled());
    assert!(client.owes_enable());
}

/// On the first session alone: the line breaks, or the terminal falls silent, after it was disabled.
/// Datagrams have no line that breaks.
const LOST: [(&str, bool); 2] = [("drop-after=40x1", false), ("stall-packets=2x1", true)];

/// Every wait of a lost line is waited out: not every family, but each that differs in its sessions.
const FAMILIES: [&str; 3] = ["tft40", "single-session", "udp-only"];

#[tokio::test]
async fn it_is_enabled_on_a_fresh_session_where_the_line_was_lost() {
    for (fault, datagrams) in LOST {
        let terminal = || staffed().fault(Fault::parse(fault).unwrap());
        let sites = sites(|profile| FAMILIES.contains(&profile.name), terminal).await;
        for site in sites.into_iter().filter(|site| site.transport == Transport::Tcp || datagrams) {
            let options = site.options().timeout(Duration::from_millis(200));
            let mut client = Client::connect(&options).await.unwrap();
            let done = client.while_disabled(None, async |client| client.time().await).await;
            assert!(done.is_err(), "{fault} at {}", site.name());
            assert!(site.terminal.is_enabled() && !client.owes_enable(), "{fault} at {}", site.name());
            client.time().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_could_not_be_enabled_is_remembered() {
    let faults = ["drop-after=40x1", "silent-connect@1"].map(|fault| Fault::parse(fault).unwrap());
    let site = Site::plain(staffed().fault(faults[0]).fault(faults[1])).await;
    let mut client = Client::connect(&site.options().timeout(Duration::from_millis(200))).await.unwrap();
    let done = client.while_disabled(None, async |client| client.time().await).await;
    assert!(done.is_err() && client.owes_enable() && !site.terminal.is_enabled());
    site.terminal.clear_faults();
    client.exit().await;
    assert!(site.terminal.is_enabled());
}

#[tokio::test]
async fn a_reconnect_during_the_work_disables_it_again() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    let terminal = &site.terminal;
    let work = async |client: &mut Client| {
        terminal.restart();
        assert!(terminal.is_enabled(), "a restart enables it");
        client.reconnect().await?;
        assert!(!terminal.is_enabled());
        Ok::<_, ClientError>(())
    };
    client.while_disabled(None, work).await.unwrap();
    assert!(terminal.is_enabled());
}

#[tokio::test]
async fn work_within_work_enables_it_once_at_the_end() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    let terminal = &site.terminal;
    let work = async |client: &mut Client| {
        client.while_disabled(None, async |client: &mut Client| client.time().await).await?;
        assert!(!terminal.is_enabled());
        Ok::<_, ClientError>(())
    };
    client.while_disabled(None, work).await.unwrap();
    assert!(terminal.is_enabled());
    assert_eq!((commands(terminal, Command::DISABLEDEVICE), commands(terminal, Command::ENABLEDEVICE)), (1, 1));
}

#[tokio::test]
async fn the_net_is_told_to_the_terminal() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    client.while_disabled(Some(Duration::from_secs(90)), async |client| client.time().await).await.unwrap();
    let asked = site.terminal.received();
    let disabled = asked.iter().find(|packet| packet.command == Command::DISABLEDEVICE).unwrap();
    assert_eq!(disabled.data[..], 90u32.to_le_bytes());
}

#[tokio::test]
async fn a_guard_that_is_no_closure_does_the_same() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    let mut disabled = client.disable(None).await.unwrap();
    disabled.time().await.unwrap();
    assert!(!site.terminal.is_enabled());
    disabled.enable().await.unwrap();
    assert!(site.terminal.is_enabled());

    drop(client.disable(None).await.unwrap());
    assert!(client.owes_enable() && !site.terminal.is_enabled());
    client.exit().await;
    assert!(site.terminal.is_enabled());
}
