//! Live capture from simulated terminals: every punch is told once, and what may have been missed is said.
#![cfg(feature = "client")]

use std::time::Duration;

use zk_proto::client::{Gap, LiveCapture, LiveItem, LiveOptions, PullRequest, Pulled, pull};
use zk_proto::op::RegisterEvents;
use zk_proto::record::{LiveEvent, Who};
use zk_proto::{ClientError, CommKey, Command, ConnectOptions, Transport};
use zk_sim::{Handle, Profile, Server, Terminal, TerminalBuilder, TerminalEvent};

const WITHIN: Duration = Duration::from_secs(20);

fn terminal() -> TerminalBuilder {
    Terminal::builder().records(50).users(5).seed(3)
}

async fn serve(terminal: TerminalBuilder) -> (Server, Handle) {
    let server = Server::start(terminal.build(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let handle = server.handle();
    (server, handle)
}

fn impatient() -> LiveOptions {
    LiveOptions::default().ping_every(Duration::from_millis(60)).pauses(vec![Duration::from_millis(10)])
}

fn capture(server: &Server, transport: Transport, options: LiveOptions) -> LiveCapture {
    let connect = ConnectOptions::new("127.0.0.1").port(server.addr().port()).transport(transport);
    LiveCapture::new(connect.timeout(Duration::from_millis(300)), options)
}

async fn item(capture: &mut LiveCapture) -> LiveItem {
    tokio::time::timeout(WITHIN, capture.next()).await.expect("something is told").unwrap()
}

async fn gap(capture: &mut LiveCapture) -> Gap {
    match item(capture).await {
        LiveItem::Gap(gap) => gap,
        other => panic!("no gap: {other:?}"),
    }
}

async fn lost(capture: &mut LiveCapture) -> ClientError {
    match item(capture).await {
        LiveItem::Lost { why } => why,
        other => panic!("not lost: {other:?}"),
    }
}

/// The person and the time of the next item, which has to be a punch.
async fn punch(capture: &mut LiveCapture) -> (String, u32) {
    match item(capture).await {
        LiveItem::Event(LiveEvent::Punch(punch)) => {
            let who = match punch.who {
                Who::UserId(id) => id.0,
                Who::Uid(uid) => uid.0.to_string(),
            };
            (who, punch.time.unwrap().0)
        }
        other => panic!("no punch: {other:?}"),
    }
}

#[tokio::test]
async fn punches_are_told_as_they_happen_on_every_kind_of_terminal() {
    for profile in Profile::ALL {
        for transport in [Transport::Tcp, Transport::Udp] {
            if (transport == Transport::Tcp && !profile.tcp) || (transport == Transport::Udp && !profile.udp) {
                continue;
            }
            let (server, terminal) = serve(terminal().profile(profile.clone())).await;
            let mut capture = capture(&server, transport, LiveOptions::default());
            let first = gap(&mut capture).await;
            assert!(first.from.is_none() && first.to.is_some() && first.lasted.is_none(), "{first:?}");
            for _ in 0..3 {
                let made = terminal.punch_now().unwrap();
                let (who, time) = punch(&mut capture).await;
                let named = who == *made.user_id || who == made.uid.to_string();
                assert!(named && time == made.time.0, "{}: {who} for {made:?}", profile.name);
            }
            capture.end().await;
        }
    }
}

#[tokio::test]
async fn an_event_that_comes_again_is_told_once() {
    let (server, terminal) = serve(terminal().fault("event-twice".parse().unwrap())).await;
    let mut capture = capture(&server, Transport::Tcp, impatient());
    gap(&mut capture).await;
    for _ in 0..3 {
        let made = terminal.punch_now().unwrap();
        assert_eq!(punch(&mut capture).await.0, *made.user_id);
    }
    // Only the pings of a quiet terminal follow.
    let quiet = tokio::time::timeout(Duration::from_millis(200), capture.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

#[tokio::test]
async fn a_restart_is_told_as_a_loss_and_a_gap_that_the_log_closes() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let (server, terminal) = serve(terminal()).await;
        let mut capture = capture(&server, transport, impatient());
        let first = gap(&mut capture).await;
        terminal.restart();
        let why = lost(&mut capture).await;
        assert!(why.is_transient(), "{why:?}");
        // Nobody hears this one.
        let unheard = terminal.punch_now().unwrap();
        let gap = gap(&mut capture).await;
        assert!(gap.from >= first.to && gap.from <= gap.to && gap.lasted.is_some(), "{gap:?}");
        assert!(gap.from.unwrap().0 <= unheard.time.0 && unheard.time.0 <= gap.to.unwrap().0);
        // On the very session that listens, and without losing what happens meanwhile.
        let heard = terminal.punch_now().unwrap();
        let client = capture.client().unwrap();
        let request = PullRequest::new(terminal.now());
        let pulled = pull(client, &request, &mut |_| ()).await.unwrap();
        assert!(matches!(pulled.found, Pulled::Full(_)));
        assert!(pulled.records_on_device >= Some(51));
        assert_eq!(punch(&mut capture).await.0, *heard.user_id, "{transport:?}");
        capture.end().await;
    }
}

#[tokio::test]
async fn a_line_that_died_without_a_sign_is_noticed_and_opened_anew() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let (server, terminal) = serve(terminal()).await;
        let mut capture = capture(&server, transport, impatient());
        gap(&mut capture).await;
        terminal.go_silent();
        let begun = std::time::Instant::now();
        assert!(matches!(lost(&mut capture).await, ClientError::TimedOut { .. }));
        assert!(begun.elapsed() < Duration::from_secs(5));
        gap(&mut capture).await;
        let made = terminal.punch_now().unwrap();
        assert_eq!(punch(&mut capture).await.0, *made.user_id);
    }
}

#[tokio::test]
async fn a_caller_that_never_waits_for_long_hears_everything_all_the_same() {
    let (server, terminal) = serve(terminal()).await;
    let mut capture = capture(&server, Transport::Tcp, impatient());
    let mut told = Vec::new();
    let mut made = None;
    let all = async {
        while told.len() < 4 {
            // Dropped again and again: while it connects, while it listens, while it pings.
            if let Ok(item) = tokio::time::timeout(Duration::from_millis(1), capture.next()).await {
                match item.unwrap() {
                    LiveItem::Gap(_) if told.is_empty() => made = terminal.punch_now(),
                    LiveItem::Gap(_) => {}
                    LiveItem::Event(_) => terminal.go_silent(),
                    LiveItem::Lost { .. } => {}
                    other => panic!("{other:?}"),
                }
                told.push(());
            }
        }
    };
    tokio::time::timeout(WITHIN, all).await.expect("gap, punch, loss, gap");
    assert!(made.is_some());
}

#[tokio::test]
async fn a_terminal_that_is_quiet_is_asked_for_a_sign_of_life() {
    let (server, terminal) = serve(terminal()).await;
    let mut capture = capture(&server, Transport::Tcp, impatient());
    gap(&mut capture).await;
    let pings = || terminal.received().iter().filter(|received| received.command == Command::GET_TIME).count();
    let listening = async { while capture.next().await.is_err() {} };
    tokio::select! {
        () = listening => panic!("nothing happened at the terminal"),
        () = async { while pings() < 4 { tokio::task::yield_now().await } } => {}
    }
    assert_eq!(terminal.stats().connections, 1);
}

#[tokio::test]
async fn a_terminal_that_cannot_be_reached_is_told_once_and_found_later() {
    let (server, terminal) = serve(terminal().fault("silent-connectx3".parse().unwrap())).await;
    let mut capture = capture(&server, Transport::Tcp, impatient());
    assert!(matches!(lost(&mut capture).await, ClientError::TimedOut { .. }));
    assert_eq!(gap(&mut capture).await.from, None);
    assert_eq!(terminal.stats().connections, 4);
}

#[tokio::test]
async fn what_trying_again_does_not_mend_is_an_error_each_time() {
    let (server, terminal) = serve(terminal().key(77)).await;
    let connect = ConnectOptions::new("127.0.0.1").port(server.addr().port()).comm_key(CommKey::new(5));
    let mut capture = LiveCapture::new(connect, impatient());
    for _ in 0..2 {
        assert!(matches!(capture.next().await, Err(ClientError::WrongKey)));
    }
    terminal.set_key(5);
    gap(&mut capture).await;
}

#[tokio::test]
async fn a_registration_that_was_ended_from_outside_is_noticed() {
    let (server, terminal) = serve(terminal()).await;
    let mut capture = capture(&server, Transport::Tcp, impatient());
    gap(&mut capture).await;
    capture.client().unwrap().reconnect().await.unwrap();
    assert!(matches!(lost(&mut capture).await, ClientError::Unusable));
    gap(&mut capture).await;
    assert_eq!(terminal.stats().connections, 2, "the caller's new session is kept");
    let made = terminal.punch_now().unwrap();
    assert_eq!(punch(&mut capture).await.0, *made.user_id);
}

#[tokio::test]
async fn a_dead_peer_is_noticed_whatever_the_timeout_of_the_connection() {
    let usual = LiveOptions::default();
    assert!(usual.lost_after <= Duration::from_secs(30) && usual.ping_every < usual.lost_after);
    for transport in [Transport::Tcp, Transport::Udp] {
        let (server, terminal) = serve(terminal()).await;
        let connect = ConnectOptions::new("127.0.0.1").port(server.addr().port()).transport(transport);
        let mut capture = LiveCapture::new(connect, impatient().lost_after(Duration::from_millis(150)));
        gap(&mut capture).await;
        terminal.go_silent();
        let begun = std::time::Instant::now();
        assert!(matches!(lost(&mut capture).await, ClientError::TimedOut { .. }));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_punch_in_an_unknown_form_is_told_each_time() {
    let (server, terminal) = serve(terminal()).await;
    let mut capture = capture(&server, Transport::Tcp, LiveOptions::default());
    gap(&mut capture).await;
    for payload in ["", "", "seventeen bytes..", "seventeen bytes.."] {
        terminal.emit(TerminalEvent::Other(1, payload.into()));
        match item(&mut capture).await {
            LiveItem::Event(event) => assert!(event.is_attendance(), "{event:?}"),
            other => panic!("{other:?}"),
        }
    }
    terminal.emit(TerminalEvent::Other(1 << 10, "card".into()));
}

#[tokio::test]
async fn a_terminal_that_resets_early_sessions_gets_the_rest_that_it_needs() {
    let (server, terminal) = serve(terminal().session_rest(Duration::from_millis(1_500))).await;
    let mut capture = capture(&server, Transport::Tcp, impatient());
    gap(&mut capture).await;
    assert_eq!(capture.rest().needed(), Duration::ZERO);
    // A call opens a new session at once, which is reset.
    capture.client().unwrap().reconnect().await.unwrap_err();
    lost(&mut capture).await;
    gap(&mut capture).await;
    assert_eq!(capture.rest().needed(), Duration::from_secs(2), "one second was not enough");
    assert_eq!((terminal.stats().connections, terminal.stats().refused), (5, 3));
}

#[test]
fn a_capture_and_its_futures_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let options = LiveOptions::default().events(RegisterEvents::ALL);
    let mut capture = LiveCapture::new(ConnectOptions::new("192.0.2.10"), options);
    is_send(&capture);
    is_send(&capture.next());
}

#[tokio::test]
async fn a_capture_that_ends_while_it_registers_ends_its_session_at_once() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let (server, terminal) = serve(terminal().fault("ignore-command=500".parse().unwrap())).await;
        let connect = ConnectOptions::new("127.0.0.1").port(server.addr().port()).transport(transport);
        let mut capture = LiveCapture::new(connect.timeout(Duration::from_secs(60)), LiveOptions::default());
        let sent = |command: Command| terminal.stats().commands.get(&command).copied().unwrap_or(0);
        while sent(Command::REG_EVENT) == 0 {
            let waited = tokio::time::timeout(Duration::from_millis(5), capture.next()).await;
            assert!(waited.is_err(), "{waited:?}");
        }
        let begun = std::time::Instant::now();
        capture.end().await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(sent(Command::EXIT), 1, "{transport:?}");
    }
}
