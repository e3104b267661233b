//! A search for simulated terminals among addresses of the loopback network.
//!
//! Linux answers on all of 127.0.0.0/8; elsewhere only 127.0.0.1 exists.
#![cfg(all(feature = "client", target_os = "linux"))]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use zk_proto::client::{DiscoverOptions, Discovery, Found};
use zk_proto::{ClientError, CommKey, Command, ConnectOptions, Transport};
use zk_sim::{Profile, Server, Terminal, TerminalBuilder};

fn terminal(serial: &str) -> TerminalBuilder {
    Terminal::builder().records(12).users(3).serial(serial)
}

/// Serves terminals at 127.0.`net`.N, all at one port that is free at the first of them.
async fn serve(net: u8, terminals: Vec<(u8, TerminalBuilder)>) -> (BTreeMap<u8, Server>, u16) {
    let (mut servers, mut port) = (BTreeMap::new(), 0);
    for (n, terminal) in terminals {
        let server = Server::start(terminal.build(), ([127, 0, net, n], port).into()).await.unwrap();
        port = server.addr().port();
        servers.insert(n, server);
    }
    (servers, port)
}

fn hosts(net: u8, last: u8, port: u16) -> impl Iterator<Item = ConnectOptions> + Send {
    let at = move |n| ConnectOptions::new(Ipv4Addr::new(127, 0, net, n).to_string()).port(port);
    (1..=last).map(move |n| at(n).timeout(Duration::from_millis(500)))
}

async fn all(mut discovery: Discovery) -> BTreeMap<String, Found> {
    let mut found = BTreeMap::new();
    while let Some(one) = discovery.next().await {
        found.insert(one.host.clone(), one);
    }
    found
}

#[tokio::test]
async fn terminals_are_found_over_tcp_and_udp_with_who_they_are() {
    let old = Profile { tcp: false, ..Profile::default() };
    let terminals = vec![(2, terminal("A")), (7, terminal("B").profile(old)), (9, terminal("C").key(77))];
    let (servers, port) = serve(91, terminals).await;
    let found = all(Discovery::new(hosts(91, 20, port), DiscoverOptions::default())).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["127.0.91.2", "127.0.91.7", "127.0.91.9"]);
    let of = |host: &str| &found[host];
    assert_eq!(of("127.0.91.2").transport, Some(Transport::Tcp));
    assert_eq!(of("127.0.91.7").transport, Some(Transport::Udp));
    for (host, serial) in [("127.0.91.2", "A"), ("127.0.91.7", "B")] {
        let Found { identity, sizes, time, obstacle, .. } = of(host);
        assert_eq!(identity.serial.as_deref(), Some(serial));
        assert_eq!(sizes.as_ref().and_then(zk_proto::FreeSizes::records), Some(12));
        assert!(time.is_some() && obstacle.is_none(), "{obstacle:?}");
    }
    assert!(matches!(of("127.0.91.9").obstacle, Some(ClientError::KeyRequired)), "{:?}", of("127.0.91.9"));
    let stats = servers[&2].handle().stats();
    assert_eq!((stats.connections, stats.commands[&Command::EXIT]), (1, 1), "one session, properly ended");
}

#[tokio::test]
async fn a_key_is_tried_only_where_one_is_demanded() {
    let (servers, port) = serve(92, vec![(1, terminal("A")), (2, terminal("B").key(77))]).await;
    let options = DiscoverOptions::default().keys(vec![CommKey::new(5), CommKey::new(77)]);
    let found = all(Discovery::new(hosts(92, 2, port), options)).await;
    assert_eq!(found["127.0.92.2"].identity.serial.as_deref(), Some("B"), "{found:?}");
    assert!(!servers[&1].handle().stats().commands.contains_key(&Command::AUTH));
}

#[tokio::test]
async fn addresses_are_begun_no_faster_than_the_rate() {
    let begun = Instant::now();
    let mut discovery = Discovery::new(hosts(93, 40, 9), DiscoverOptions::default().per_second(100));
    assert!(discovery.next().await.is_none());
    assert_eq!(discovery.tried(), 40);
    assert!(begun.elapsed() >= Duration::from_millis(390), "{:?}", begun.elapsed());
}

/// Accepts and never answers. Counts the most connections that were open at once.
async fn listen_silently(listener: TcpListener, open: Arc<AtomicUsize>, most: Arc<AtomicUsize>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let open = Arc::clone(&open);
        tokio::spawn(async move {
            let mut buffer = [0; 64];
            while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

#[tokio::test]
async fn no_more_addresses_than_allowed_are_tried_at_once_and_a_silent_port_is_named() {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut port = 0;
    for n in 1..=8 {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 94, n), port)).await.unwrap();
        port = listener.local_addr().unwrap().port();
        tokio::spawn(listen_silently(listener, Arc::clone(&open), Arc::clone(&most)));
    }
    let options = DiscoverOptions::default().at_once(3).per_second(1000);
    let silent = hosts(94, 8, port).map(|host| host.timeout(Duration::from_millis(80)));
    let found = all(Discovery::new(silent, options)).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(found.len(), 8);
    let is_silent = |found: &Found| matches!(found.obstacle, Some(ClientError::TimedOut { .. }));
    assert!(found.values().all(is_silent), "{found:?}");
}

#[tokio::test]
async fn a_search_that_is_stopped_ends_its_sessions() {
    let (servers, port) = serve(95, (1..=5).map(|n| (n, terminal(&format!("T{n}")))).collect()).await;
    let mut discovery = Discovery::new(hosts(95, 200, port), DiscoverOptions::default());
    let first = discovery.next().await.unwrap();
    let tried = discovery.tried();
    let rest = discovery.stop().await;
    assert!(tried < 200 && rest.len() < 5, "{tried}, {first:?}");
    for server in servers.values() {
        let commands = server.handle().stats().commands;
        assert_eq!(commands.get(&Command::CONNECT), commands.get(&Command::EXIT));
    }
}

#[tokio::test]
async fn a_search_that_is_stopped_waits_for_no_answer_and_ends_its_session() {
    let silent = terminal("T1").fault("ignore-command=11".parse().unwrap());
    let (servers, port) = serve(96, vec![(1, silent)]).await;
    let patient = hosts(96, 1, port).map(|host| host.timeout(Duration::from_secs(60)));
    let mut discovery = Discovery::new(patient, DiscoverOptions::default());
    let sent = |command: Command| servers[&1].handle().stats().commands.get(&command).copied().unwrap_or(0);
    while sent(Command::OPTIONS_RRQ) == 0 {
        let waited = tokio::time::timeout(Duration::from_millis(5), discovery.next()).await;
        assert!(waited.is_err(), "{waited:?}");
    }
    let begun = Instant::now();
    assert_eq!(discovery.stop().await.len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(sent(Command::EXIT), 1);
}
