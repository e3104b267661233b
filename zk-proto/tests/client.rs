//! The tokio client over loopback, against small terminals that a test scripts.
#![cfg(feature = "client")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use zk_proto::client::Step;
use zk_proto::frame::{self, Decoded, FrameDecoder};
use zk_proto::op::{GetTime, RegisterEvents};
use zk_proto::{
    Client, ClientError, CommKey, Command, ConnectOptions, Dataset, DeviceTime, Packet, Prepared, ReplyId, SessionId,
    Transport,
};

const SESSION: u16 = 77;

/// One packet of an answer: code, field at offset 4, data.
type Answer = (Command, u16, Vec<u8>);

/// The reaction of the test's terminal to a request.
enum Act {
    Answer(Vec<Answer>),
    Silence,
    Close,
}

fn ok(data: &[u8]) -> Act {
    Act::Answer(vec![(Command::ACK_OK, SESSION, data.to_vec())])
}

/// A terminal with a log of `set`, a clock, and some options.
fn terminal(request: &Packet, set: &[u8]) -> Act {
    let word = |at: usize| u32::from_le_bytes(request.data[at..at + 4].try_into().unwrap()) as usize;
    match request.command {
        Command::GET_TIME => ok(&DeviceTime::new(2026, 1, 31, 7, 0, 9).unwrap().0.to_le_bytes()),
        Command::GET_VERSION => ok(b"Ver 6.60 Jun 16 2015\0"),
        Command::OPTIONS_RRQ => match &request.data[..] {
            b"~SerialNumber\0" => ok(b"~SerialNumber=OID7040067012100054\0"),
            b"MAC\0" => Act::Answer(vec![(Command::ACK_UNKNOWN, SESSION, vec![])]),
            b"~Platform\0" => Act::Answer(vec![(Command::ACK_ERROR, SESSION, vec![])]),
            _ => ok(b""),
        },
        Command::DATA_WRRQ => {
            let size = (set.len() as u32).to_le_bytes();
            ok(&[&[0][..], &size, &size, &[0; 4]].concat())
        }
        Command::DATA_RDY => {
            let (offset, length) = (word(0), word(4));
            let mut answer =
                vec![(Command::PREPARE_DATA, SESSION, [length as u32, 1_024].map(u32::to_le_bytes).concat())];
            for (number, part) in set[offset..offset + length].chunks(1_024).enumerate() {
                answer.push((Command::DATA, number as u16, part.to_vec()));
            }
            answer.push((Command::ACK_OK, length as u16, vec![]));
            Act::Answer(answer)
        }
        _ => ok(b""),
    }
}

/// Serves every TCP connection with `script`, which also gets the number of the connection.
async fn serve_tcp(script: impl Fn(usize, &Packet) -> Act + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for connection in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            serve_connection(stream, |request| script(connection, request)).await;
        }
    });
    address
}

async fn serve_connection(mut stream: TcpStream, script: impl Fn(&Packet) -> Act) {
    let mut decoder = FrameDecoder::default();
    loop {
        while let Ok(Decoded::Item(bytes)) = decoder.next_frame() {
            let request = Packet::parse(bytes).unwrap();
            let mut out = BytesMut::new();
            match script(&request) {
                Act::Close => return,
                Act::Silence => {}
                Act::Answer(packets) => {
                    for (command, field, data) in packets {
                        let reply_id = if command == Command::REG_EVENT { 0 } else { request.reply_id.0 };
                        frame::encode(command, SessionId(field), ReplyId(reply_id), &data, &mut out);
                    }
                }
            }
            if stream.write_all(&out).await.is_err() {
                return;
            }
        }
        match stream.read_buf(decoder.buffer_mut()).await {
            Ok(1..) => {}
            _ => return,
        }
    }
}

async fn serve_udp(script: impl Fn(&Packet) -> Act + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2_048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let request = Packet::parse(Bytes::copy_from_slice(&buffer[..length])).unwrap();
            if let Act::Answer(packets) = script(&request) {
                for (command, field, data) in packets {
                    let mut out = BytesMut::new();
                    Packet::encode(command, SessionId(field), request.reply_id, &data, &mut out);
                    socket.send_to(&out, from).await.unwrap();
                }
            }
        }
    });
    address
}

fn options(address: SocketAddr) -> ConnectOptions {
    ConnectOptions::new(address.ip().to_string()).port(address.port()).transport(Transport::Tcp)
}

/// For terminals that stay silent: the test waits this long for real.
fn impatient(address: SocketAddr) -> ConnectOptions {
    options(address).timeout(Duration::from_millis(60))
}

async fn read_log(client: &mut Client) -> Result<Vec<u8>, ClientError> {
    let prepared = client.prepare(Dataset::Attendance).await?;
    let mut log = Vec::new();
    let take = |offset: u64, bytes: Bytes| {
        assert_eq!(offset, log.len() as u64);
        log.extend_from_slice(&bytes);
        Ok::<(), ClientError>(())
    };
    let read = client.read_all(&prepared, take).await?;
    assert_eq!(read, log.len() as u64);
    Ok(log)
}

fn set(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251) as u8).collect()
}

#[tokio::test]
async fn a_whole_sync_reads_what_the_terminal_has_over_tcp() {
    let address = serve_tcp(|_, request| terminal(request, &set(150_000))).await;
    let mut client = Client::connect(&options(address)).await.unwrap();
    let identity = client.identity().await.unwrap();
    assert_eq!(identity.serial.as_deref(), Some("OID7040067012100054"));
    assert_eq!(identity.firmware.as_deref(), Some("Ver 6.60 Jun 16 2015"));
    assert_eq!((identity.mac, identity.platform, identity.device_name), (None, None, None));
    assert_eq!(client.time().await.unwrap().to_string(), "2026-01-31 07:00:09");
    assert_eq!(read_log(&mut client).await.unwrap(), set(150_000));
    assert_eq!(client.users().await.unwrap(), set(150_000));
    client.free_data().await.unwrap();
    client.exit().await;
}

#[cfg(feature = "encoding")]
#[tokio::test]
async fn an_option_is_read_in_the_code_page_that_is_set() {
    let in_gbk = b"~DeviceName=\xBF\xBC\xC7\xDA\xBB\xFA\0";
    let address = serve_tcp(|_, request| match request.command {
        Command::OPTIONS_RRQ => ok(in_gbk),
        _ => ok(b""),
    })
    .await;
    let gbk = zk_proto::encoding::TextEncoding::named("gbk").unwrap();
    let mut client = Client::connect(&options(address).encoding(gbk)).await.unwrap();
    assert_eq!(client.option("~DeviceName").await.unwrap().as_deref(), Some("考勤机"));
}

#[tokio::test]
async fn the_same_over_udp() {
    let address = serve_udp(|request| terminal(request, &set(40_000))).await;
    let mut client = Client::connect(&options(address).transport(Transport::Udp)).await.unwrap();
    assert_eq!(read_log(&mut client).await.unwrap(), set(40_000));
    client.exit().await;
}

#[tokio::test]
async fn where_tcp_is_refused_auto_finds_the_terminal_over_udp() {
    let address = serve_udp(|request| terminal(request, &[])).await;
    let client = Client::connect(&options(address).transport(Transport::Auto)).await.unwrap();
    assert_eq!(client.transport(), Transport::Udp);
}

#[tokio::test]
async fn where_nobody_is_auto_says_why_tcp_failed() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = Client::connect(&impatient(address).transport(Transport::Auto)).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Connect { source, .. } if source.kind() == std::io::ErrorKind::ConnectionRefused)
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    let error = Client::connect(&ConnectOptions::new("terminal.invalid")).await.unwrap_err();
    assert!(matches!(error, ClientError::Resolve { .. } | ClientError::TimedOut { step: Step::Connecting }));
}

#[tokio::test]
async fn a_terminal_that_closes_at_once_is_busy_with_another_client() {
    let address = serve_tcp(|_, _| Act::Close).await;
    let error = Client::connect(&options(address)).await.unwrap_err();
    assert!(matches!(error, ClientError::Busy { .. }), "{error:?}");
}

#[tokio::test]
async fn a_terminal_that_stays_silent_times_out_with_the_step_named() {
    let address = serve_tcp(|_, _| Act::Silence).await;
    let error = Client::connect(&impatient(address)).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer in time while opening the session");

    let address = serve_tcp(|_, request| match request.command {
        Command::GET_TIME => Act::Silence,
        _ => ok(b""),
    })
    .await;
    let mut client = Client::connect(&impatient(address)).await.unwrap();
    let error = client.time().await.unwrap_err();
    assert_eq!(error.to_string(), "no answer in time while waiting for GET_TIME (201)");
    client.free_sizes().await.unwrap_err();
    client.free_data().await.expect("a session survives an answer that never came");
}

#[tokio::test]
async fn keys_are_demanded_and_refused_in_so_many_words() {
    let unauthorized = |_: usize, _: &Packet| Act::Answer(vec![(Command::ACK_UNAUTH, SESSION, vec![])]);
    let address = serve_tcp(unauthorized).await;
    let error = Client::connect(&options(address)).await.unwrap_err();
    assert!(matches!(error, ClientError::KeyRequired) && !error.is_transient());
    let error = Client::connect(&options(address).comm_key(CommKey::new(5))).await.unwrap_err();
    assert!(matches!(error, ClientError::WrongKey) && !error.is_transient());
}

#[tokio::test]
async fn secure_firmware_and_other_protocols_are_told_apart() {
    let address = serve_tcp(|_, _| Act::Answer(vec![(Command::SECURE_CHALLENGE, 0, vec![])])).await;
    assert!(matches!(Client::connect(&options(address)).await, Err(ClientError::SecureFirmware)));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"SSH-2.0-OpenSSH\r\n").await.unwrap();
        }
    });
    let error = Client::connect(&options(address)).await.unwrap_err();
    assert!(matches!(error, ClientError::Protocol { step: Step::Handshake, .. }), "{error:?}");
}

#[tokio::test]
async fn a_line_that_breaks_amid_a_transfer_says_so_and_a_reconnect_helps() {
    let address = serve_tcp(|connection, request| match (connection, request.command) {
        (0, Command::DATA_RDY) => Act::Close,
        _ => terminal(request, &set(500)),
    })
    .await;
    let mut client = Client::connect(&options(address)).await.unwrap();
    let error = read_log(&mut client).await.unwrap_err();
    assert!(matches!(error, ClientError::Broken { step: Step::Command(Command::DATA_RDY), .. }), "{error:?}");
    assert!(error.is_transient());
    assert!(matches!(client.time().await, Err(ClientError::Unusable)));
    client.reconnect().await.unwrap();
    assert_eq!(read_log(&mut client).await.unwrap(), set(500));
}

/// A terminal that demands the key again, for every `GET_TIME` up to a number of them.
async fn forgetful(times: usize) -> SocketAddr {
    let asked = AtomicUsize::new(0);
    serve_tcp(move |_, request| match request.command {
        Command::GET_TIME if asked.fetch_add(1, Ordering::Relaxed) < times => {
            Act::Answer(vec![(Command::ACK_UNAUTH, SESSION, vec![])])
        }
        _ => terminal(request, &set(5_000)),
    })
    .await
}

#[tokio::test]
async fn a_session_that_the_terminal_forgot_is_opened_anew_once() {
    let mut client = Client::connect(&options(forgetful(1).await)).await.unwrap();
    client.time().await.unwrap();
    let mut client = Client::connect(&options(forgetful(2).await)).await.unwrap();
    assert!(matches!(client.time().await, Err(ClientError::SessionLost)));
    client.reconnect().await.unwrap();
    client.time().await.unwrap();
}

#[tokio::test]
async fn a_forgotten_session_that_had_a_state_is_left_to_its_caller() {
    let mut client = Client::connect(&options(forgetful(1).await)).await.unwrap();
    client.call(&RegisterEvents::ATTENDANCE).await.unwrap();
    assert!(matches!(client.time().await, Err(ClientError::SessionLost)));

    let mut client = Client::connect(&options(forgetful(1).await)).await.unwrap();
    client.prepare(Dataset::Attendance).await.unwrap();
    assert!(matches!(client.time().await, Err(ClientError::SessionLost)));
    client.reconnect().await.unwrap();
    client.time().await.unwrap();
}

#[tokio::test]
async fn an_aborted_transfer_costs_no_new_connection_and_frees_the_buffer() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let address = serve_tcp(move |connection, request| {
        log.lock().unwrap().push((connection, request.command));
        match request.command {
            // The second chunk never comes.
            Command::DATA_RDY if request.data[..4] != [0; 4] => Act::Silence,
            _ => terminal(request, &set(150_000)),
        }
    })
    .await;
    let mut client = Client::connect(&options(address)).await.unwrap();
    let dropped = tokio::time::timeout(Duration::from_millis(100), read_log(&mut client)).await;
    assert!(dropped.is_err());
    assert!(matches!(client.time().await, Err(ClientError::Unusable)));
    client.abort().await.unwrap();
    client.time().await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[seen.len() - 2..], [(0, Command::FREE_DATA), (0, Command::GET_TIME)]);
}

#[tokio::test]
async fn an_abort_on_a_line_that_is_dead_opens_a_new_one() {
    let address = serve_tcp(|connection, request| match (connection, request.command) {
        (0, Command::GET_TIME) => Act::Close,
        _ => terminal(request, &[]),
    })
    .await;
    let mut client = Client::connect(&options(address)).await.unwrap();
    client.time().await.unwrap_err();
    client.abort().await.unwrap();
    client.time().await.unwrap();
}

#[tokio::test]
async fn a_probe_tells_a_dead_peer_within_its_bound() {
    let asked = AtomicUsize::new(0);
    let address = serve_tcp(move |_, request| match request.command {
        Command::GET_TIME if asked.fetch_add(1, Ordering::Relaxed) > 0 => Act::Silence,
        Command::GET_TIME => Act::Answer(vec![(Command::ACK_ERROR, SESSION, vec![])]),
        _ => terminal(request, &[]),
    })
    .await;
    let mut client = Client::connect(&options(address)).await.unwrap();
    client.probe(Duration::from_secs(5)).await.expect("a refusal is a sign of life");
    let begun = std::time::Instant::now();
    let error = client.probe(Duration::from_millis(80)).await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { step: Step::Command(Command::GET_TIME) }), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "not the five seconds of the options");
    assert!(matches!(client.time().await, Err(ClientError::Unusable)));
}

#[tokio::test]
async fn a_second_client_that_is_reset_learns_that_the_terminal_is_busy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Closed with the request unread: that is a reset.
            stream.readable().await.unwrap();
        }
    });
    let error = Client::connect(&options(address)).await.unwrap_err();
    assert!(matches!(error, ClientError::Busy { .. }), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_client_whose_session_a_second_one_took_finds_its_line_broken() {
    let terminal = zk_sim::Terminal::builder().fault("kill-first".parse().unwrap()).build();
    let server = zk_sim::Server::start(terminal, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let mut first = Client::connect(&options(server.addr())).await.unwrap();
    first.time().await.unwrap();
    let mut second = Client::connect(&options(server.addr())).await.unwrap();
    let error = first.time().await.unwrap_err();
    assert!(matches!(error, ClientError::Broken { step: Step::Command(Command::GET_TIME), .. }), "{error:?}");
    assert!(error.is_transient());
    second.time().await.unwrap();
}

#[tokio::test]
async fn where_tcp_is_taken_and_stays_silent_auto_finds_the_terminal_over_udp() {
    // A port that is free over both: somebody may have the same number over TCP.
    let (address, listener) = loop {
        let address = serve_udp(|request| terminal(request, &[])).await;
        if let Ok(listener) = TcpListener::bind(address).await {
            break (address, listener);
        }
    };
    let mut client = Client::connect(&impatient(address).transport(Transport::Auto)).await.unwrap();
    assert_eq!(client.transport(), Transport::Udp);
    client.time().await.unwrap();
    drop(listener);
}

#[tokio::test]
async fn checksums_that_are_all_one_too_small_are_taken_and_counted() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let terminal = zk_sim::Terminal::builder().records(500).fault("small-checksum".parse().unwrap()).build();
        let server = zk_sim::Server::start(terminal, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let mut client = Client::connect(&options(server.addr()).transport(transport)).await.unwrap();
        assert_eq!(read_log(&mut client).await.unwrap().len(), 4 + 500 * 40);
        let seen = client.statistics();
        assert!(seen.damaged == 0 && seen.one_short > 3, "{seen:?}");
    }
}

#[tokio::test]
async fn a_call_dropped_half_way_leaves_the_client_unusable_until_a_reconnect() {
    let address = serve_tcp(|connection, request| match (connection, request.command) {
        (0, Command::GET_TIME) => Act::Silence,
        _ => terminal(request, &[]),
    })
    .await;
    let mut client = Client::connect(&options(address)).await.unwrap();
    let dropped = tokio::time::timeout(Duration::from_millis(20), client.time()).await;
    assert!(dropped.is_err());
    assert!(matches!(client.call(&GetTime).await, Err(ClientError::Unusable)));
    client.reconnect().await.unwrap();
    client.time().await.unwrap();
}

#[tokio::test]
async fn a_reader_that_fails_ends_the_reading_and_not_the_session() {
    #[derive(Debug)]
    enum Failure {
        DiskFull,
        Client,
    }
    impl From<ClientError> for Failure {
        fn from(_: ClientError) -> Self {
            Self::Client
        }
    }
    let address = serve_tcp(|_, request| terminal(request, &set(150_000))).await;
    let mut client = Client::connect(&options(address)).await.unwrap();
    client.prepare(Dataset::Attendance).await.unwrap();
    let outcome = client.read_range(0..150_000, |_, _| Err(Failure::DiskFull)).await;
    assert!(matches!(outcome, Err(Failure::DiskFull)));
    client.time().await.unwrap();
}

#[tokio::test]
async fn an_exit_frees_the_buffer_and_never_waits_for_long() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let address = serve_tcp(move |_, request| {
        log.lock().unwrap().push(request.command);
        match request.command {
            Command::EXIT => Act::Silence,
            _ => terminal(request, &set(500)),
        }
    })
    .await;
    let mut client = Client::connect(&impatient(address)).await.unwrap();
    let prepared = client.prepare(Dataset::Attendance).await.unwrap();
    assert_eq!(prepared, Prepared::Buffered { size: 500 });
    client.exit().await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen[seen.len() - 2..], [Command::FREE_DATA, Command::EXIT]);
}

#[tokio::test]
async fn live_events_arrive_and_are_acknowledged() {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&acknowledged);
    let address = serve_tcp(move |_, request| match request.command {
        Command::REG_EVENT => {
            Act::Answer(vec![(Command::ACK_OK, SESSION, vec![]), (Command::REG_EVENT, 1, vec![3; 32])])
        }
        Command::ACK_OK => {
            assert_eq!(request.reply_id.0, 0);
            count.fetch_add(1, Ordering::Relaxed);
            Act::Silence
        }
        _ => terminal(request, &[]),
    })
    .await;
    let mut client = Client::connect(&options(address)).await.unwrap();
    client.call(&RegisterEvents::ATTENDANCE).await.unwrap();
    let event = client.next_event(Duration::from_secs(5)).await.unwrap().unwrap();
    assert_eq!((event.session.0, event.data.len()), (1, 32));
    assert_eq!(client.next_event(Duration::ZERO).await.unwrap(), None);
    client.time().await.unwrap();
    assert_eq!(acknowledged.load(Ordering::Relaxed), 1);
}

#[test]
fn options_do_not_print_the_key() {
    let options = ConnectOptions::new("192.0.2.10").comm_key(CommKey::new(123_456));
    assert!(!format!("{options:?}").contains("123456"));
}

#[test]
fn a_client_and_its_futures_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let options = ConnectOptions::new("192.0.2.10");
    is_send(&Client::connect(&options));
    is_send(&async move {
        let mut client = Client::connect(&options).await?;
        read_log(&mut client).await
    });
}

#[tokio::test]
async fn the_session_is_ended_even_if_freeing_the_buffer_stays_unanswered() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let address = {
        let seen = Arc::clone(&seen);
        serve_tcp(move |_, request| {
            seen.lock().unwrap().push(request.command);
            match request.command {
                Command::FREE_DATA => Act::Silence,
                _ => terminal(request, &set(2_000)),
            }
        })
        .await
    };
    let mut client = Client::connect(&impatient(address)).await.unwrap();
    client.prepare(Dataset::Attendance).await.unwrap();
    client.exit().await;
    // The other side may still be reading.
    let ended = async {
        while !seen.lock().unwrap().ends_with(&[Command::FREE_DATA, Command::EXIT]) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the good-bye is sent");
}
