//! A terminal on the network.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use zk_proto::frame::{self, Decoded, FrameDecoder};
use zk_proto::{Command, Packet, ReplyId, SessionId};
use zk_sim::{Fault, FaultKind, Profile, Server, Terminal};

const PATIENCE: Duration = Duration::from_secs(10);

async fn start(terminal: Terminal) -> Server {
    Server::start(terminal, SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap()
}

struct Tcp {
    stream: TcpStream,
    decoder: FrameDecoder,
}

impl Tcp {
    async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.addr()).await.unwrap();
        let mut tcp = Self { stream, decoder: FrameDecoder::default() };
        tcp.send(Command::CONNECT, &[]).await;
        assert_eq!(tcp.next().await.unwrap().command, Command::ACK_OK);
        tcp
    }

    async fn send(&mut self, command: Command, data: &[u8]) {
        let mut out = BytesMut::new();
        frame::encode(command, SessionId(0), ReplyId(1), data, &mut out);
        self.stream.write_all(&out).await.unwrap();
    }

    /// The next packet; `None` when the terminal has closed the connection.
    async fn next(&mut self) -> Option<Packet> {
        loop {
            if let Decoded::Item(packet) = self.decoder.next_frame().unwrap() {
                return Some(Packet::parse(packet).unwrap());
            }
            let read = timeout(PATIENCE, self.stream.read_buf(self.decoder.buffer_mut())).await.unwrap();
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }
}

#[tokio::test]
async fn one_port_answers_over_tcp_and_udp() {
    let server = start(Terminal::builder().records(10).build()).await;
    let mut tcp = Tcp::connect(&server).await;
    tcp.send(Command::GET_VERSION, &[]).await;
    let version = tcp.next().await.unwrap().data;

    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server.addr()).await.unwrap();
    let mut buffer = [0; 2048];
    for command in [Command::CONNECT, Command::GET_VERSION] {
        let mut packet = BytesMut::new();
        Packet::encode(command, SessionId(0), ReplyId(0), &[], &mut packet);
        socket.send(&packet).await.unwrap();
        let length = timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
        let answer = Packet::parse(bytes::Bytes::copy_from_slice(&buffer[..length])).unwrap();
        assert_eq!(answer.command, Command::ACK_OK);
        assert!(command == Command::CONNECT || answer.data == version);
    }
    assert_eq!(server.handle().stats().connections, 2);
}

#[tokio::test]
async fn a_punch_is_told_while_the_terminal_runs() {
    let server = start(Terminal::builder().users(3).build()).await;
    let mut tcp = Tcp::connect(&server).await;
    tcp.send(Command::REG_EVENT, &1u32.to_le_bytes()).await;
    tcp.next().await.unwrap();
    let punch = server.handle().punch_now().unwrap();
    let event = tcp.next().await.unwrap();
    assert_eq!(event.command, Command::REG_EVENT);
    assert_eq!(&event.data[..4], punch.user_id.as_bytes());
    assert_eq!(server.handle().records(), [punch]);
}

#[tokio::test]
async fn a_restart_ends_sessions_and_keeps_the_log() {
    let server = start(Terminal::builder().records(10).build()).await;
    let mut tcp = Tcp::connect(&server).await;
    server.handle().restart();
    assert!(tcp.next().await.is_none());
    Tcp::connect(&server).await;
    assert_eq!(server.handle().records().len(), 10);
}

#[tokio::test]
async fn a_server_that_is_dropped_or_shut_down_ends_its_connections() {
    let server = start(Terminal::builder().build()).await;
    let mut tcp = Tcp::connect(&server).await;
    server.handle().shutdown();
    assert!(tcp.next().await.is_none());
    let server = start(Terminal::builder().build()).await;
    let mut tcp = Tcp::connect(&server).await;
    drop(server);
    assert!(tcp.next().await.is_none());
}

#[tokio::test]
async fn a_second_connection_is_closed_where_one_is_the_limit() {
    let server = start(Terminal::builder().profile(Profile::named("single-session").unwrap()).build()).await;
    let mut first = Tcp::connect(&server).await;
    let mut second = TcpStream::connect(server.addr()).await.unwrap();
    let closed = timeout(PATIENCE, second.read(&mut [0; 8])).await.unwrap();
    assert_eq!(closed.unwrap_or(0), 0);
    first.send(Command::GET_TIME, &[]).await;
    assert!(first.next().await.is_some());
}

#[tokio::test]
async fn faults_are_set_and_cleared_while_it_runs() {
    let server = start(Terminal::builder().records(10).build()).await;
    let mut tcp = Tcp::connect(&server).await;
    server.handle().set_faults(&[Fault::new(FaultKind::BadChecksum)]);
    tcp.send(Command::GET_TIME, &[]).await;
    assert!(!tcp.next().await.unwrap().intact);
    server.handle().clear_faults();
    tcp.send(Command::GET_TIME, &[]).await;
    assert!(tcp.next().await.unwrap().intact);
}

#[tokio::test]
async fn a_large_log_arrives_whole_and_in_order() {
    let server = start(Terminal::builder().records(20_000).build()).await;
    let mut tcp = Tcp::connect(&server).await;
    tcp.send(Command::ATTLOG_RRQ, &[]).await;
    let mut bytes = BytesMut::new();
    while let Some(packet) = tcp.next().await {
        match packet.command {
            Command::DATA => bytes.extend_from_slice(&packet.data),
            Command::ACK_OK => break,
            _ => {}
        }
    }
    assert_eq!(bytes.len(), 4 + 20_000 * 40);
    assert_eq!(bytes[..4], 800_000u32.to_le_bytes());
    // Record numbers run on from 1.
    assert!(bytes[4..].chunks(40).zip(1u16..).all(|(record, number)| record[..2] == number.to_le_bytes()));
}
