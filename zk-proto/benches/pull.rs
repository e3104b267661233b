//! A proven pull over loopback against a client that does no more than it has to: same exchange, frames parsed, checksums
//! verified, payload counted. Both talk to the same server, by turns, so that the ratio holds whatever else the machine does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use zk_proto::client::{PullRequest, Pulled, pull};
use zk_proto::frame::{self, Decoded, FrameDecoder};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder, Who};
use zk_proto::{Client, Command, ConnectOptions, DeviceTime, Packet, PunchState, Transport, UserId, VerifyMode};

/// Bytes that are asked for at once, and sent in one packet.
const CHUNK: usize = 0xFFC0;
const ROUNDS: usize = 15;

fn main() {
    // Cargo runs benchmarks as tests too; a small log shows that this one works.
    let sizes: &[u32] =
        if std::env::args().any(|argument| argument == "--bench") { &[100_000, 1_000_000] } else { &[1000] };
    for records in sizes {
        compare(*records);
    }
}

fn compare(records: u32) {
    let set = Arc::new(set(records));
    let address = serve(Arc::clone(&set));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let (mut proven, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        assert_eq!(runtime.block_on(pull_proven(address, directory.path())), u64::from(records));
        proven.push(began.elapsed());
        let began = Instant::now();
        assert_eq!(pull_bare(address), set.len());
        bare.push(began.elapsed());
    }
    // Each round's two follow each other, so what else the machine does is in both, or in few ratios.
    let mut ratios: Vec<f64> =
        proven.iter().zip(&bare).map(|(proven, bare)| proven.as_secs_f64() / bare.as_secs_f64()).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let (proven, bare) = (median(proven), median(bare));
    println!("pull {records} records: proven {proven:.1?}, bare {bare:.1?}, ratio {:.2}", ratios[ratios.len() / 2]);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn pull_proven(address: SocketAddr, directory: &std::path::Path) -> u64 {
    let options = ConnectOptions::new("127.0.0.1").port(address.port()).transport(Transport::Tcp);
    let mut client = Client::connect(&options).await.expect("a session");
    let request = PullRequest { spool_directory: Some(directory.into()), ..PullRequest::new(now()) };
    let pulled = pull(&mut client, &request, &mut |_| ()).await.expect("a pull");
    client.exit().await;
    match pulled.found {
        Pulled::Full(proven) => proven.records(),
        other => panic!("{other:?}"),
    }
}

/// The same requests in the same order, without a proof.
fn pull_bare(address: SocketAddr) -> usize {
    let mut line = Line { stream: TcpStream::connect(address).expect("a line"), decoder: FrameDecoder::default() };
    line.stream.set_nodelay(true).expect("an option");
    line.ask(Command::CONNECT, 0, &[]);
    line.ask(Command::GET_FREE_SIZES, 1, &[]);
    let prepared = line.ask(Command::DATA_WRRQ, 2, &[1, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let size = u32::from_le_bytes(prepared.data[1..5].try_into().expect("four bytes")) as usize;
    let (mut read, mut reply_id) = (0, 3);
    while read < size {
        let length = CHUNK.min(size - read);
        let range = [(read as u32).to_le_bytes(), (length as u32).to_le_bytes()].concat();
        line.send(Command::DATA_RDY, reply_id, &range);
        loop {
            let packet = line.receive();
            match packet.command {
                Command::DATA => read += packet.data.len(),
                Command::ACK_OK => break,
                _ => {}
            }
        }
        reply_id += 1;
    }
    line.ask(Command::GET_FREE_SIZES, reply_id, &[]);
    line.ask(Command::FREE_DATA, reply_id + 1, &[]);
    line.ask(Command::EXIT, reply_id + 2, &[]);
    read
}

struct Line {
    stream: TcpStream,
    decoder: FrameDecoder,
}

impl Line {
    fn send(&mut self, command: Command, reply_id: u16, data: &[u8]) {
        let mut out = BytesMut::new();
        frame::encode(command, 1, reply_id, data, &mut out);
        self.stream.write_all(&out).expect("a request sent");
    }

    fn ask(&mut self, command: Command, reply_id: u16, data: &[u8]) -> Packet {
        self.send(command, reply_id, data);
        self.receive()
    }

    fn receive(&mut self) -> Packet {
        loop {
            if let Decoded::Item(bytes) = self.decoder.next_frame().expect("a frame") {
                let packet = Packet::parse(bytes).expect("a packet");
                assert!(packet.intact);
                return packet;
            }
            let mut buffer = [0; 1 << 16];
            let read = self.stream.read(&mut buffer).expect("bytes");
            assert!(read > 0, "the server left");
            self.decoder.push(&buffer[..read]);
        }
    }
}

/// A terminal that answers nothing but what a pull asks, from frames that are made once.
fn serve(set: Arc<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &set);
        }
    });
    address
}

fn answer(mut stream: TcpStream, set: &[u8]) {
    let _ = stream.set_nodelay(true);
    let mut decoder = FrameDecoder::default();
    let mut buffer = [0; 4096];
    let mut out = BytesMut::new();
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        decoder.push(&buffer[..read]);
        while let Ok(Decoded::Item(bytes)) = decoder.next_frame() {
            let request = Packet::parse(bytes).expect("a request");
            reply(&request, set, &mut out);
        }
        if stream.write_all(&out).is_err() {
            return;
        }
        out.clear();
    }
}

fn reply(request: &Packet, set: &[u8], out: &mut BytesMut) {
    let id = request.reply_id;
    match request.command {
        Command::DATA_WRRQ => {
            let size = (set.len() as u32).to_le_bytes();
            frame::encode(Command::ACK_OK, 1, id, &[&[0], &size[..], &size, &[0; 4]].concat(), out);
        }
        Command::DATA_RDY => {
            let word =
                |at: usize| u32::from_le_bytes(request.data[at..at + 4].try_into().expect("four bytes")) as usize;
            let data = &set[word(0)..word(0) + word(4)];
            let size = (data.len() as u32).to_le_bytes();
            frame::encode(Command::PREPARE_DATA, 1, id, &[size, (CHUNK as u32).to_le_bytes()].concat(), out);
            frame::encode(Command::DATA, 0, id, data, out);
            frame::encode(Command::ACK_OK, 1, id, &[], out);
        }
        Command::GET_FREE_SIZES => {
            let mut sizes = [0; 92];
            sizes[32..36].copy_from_slice(&((set.len() as u32 - 4) / 40).to_le_bytes());
            frame::encode(Command::ACK_OK, 1, id, &sizes, out);
        }
        _ => frame::encode(Command::ACK_OK, 1, id, &[], out),
    }
}

fn now() -> DeviceTime {
    DeviceTime::new(2026, 3, 14, 9, 26, 53).expect("a date")
}

fn set(records: u32) -> Vec<u8> {
    let mut set = BytesMut::new();
    set.extend_from_slice(&(records * 40).to_le_bytes());
    let begin = DeviceTime::new(2024, 1, 1, 6, 0, 0).expect("a date");
    for row in 0..records {
        let record = AttendanceRecord {
            who: Who::UserId(UserId((1 + row * 7919 % 3000).to_string())),
            // Some 28 days: no month is left, so that every date exists.
            time: DeviceTime(begin.0 + row * 2 % (28 * 86_400)),
            punch_state: PunchState((row % 2) as u8),
            verify_mode: VerifyMode([1, 15][(row % 3 / 2) as usize]),
            work_code: None,
            number: Some(row as u16),
            raw: bytes::Bytes::new(),
        };
        record.encode(AttendanceLayout::Wide(40), FieldOrder::StateFirst, &mut set);
    }
    set.to_vec()
}
