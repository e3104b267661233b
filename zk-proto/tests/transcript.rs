//! The flight recorder: what was recorded replays to the same result, and holds no secret.
#![cfg(feature = "client")]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use proptest::prelude::*;
use zk_proto::client::{Pull, PullError, PullRequest, Pulled, Recorder, pull, pull_users};
use zk_proto::op::{ReadOption, ReadTemplate, RegisterEvents, WriteOption, WriteUser};
use zk_proto::proof::Proven;
use zk_proto::record::{FingerTemplate, User, UserLayout, UserPassword};
use zk_proto::session::{Config, Event};
use zk_proto::transcript::{Scribe, Transcript, What};
use zk_proto::{
    Client, ClientError, CommKey, Command, ConnectOptions, DeviceTime, ReplyId, Session, SessionId, Transport, Uid,
    UserId,
};
use zk_sim::{Fault, FaultKind, Handle, Profile, Server, Terminal, TerminalBuilder};

async fn serve(terminal: TerminalBuilder, faults: &[&str]) -> (Server, Handle) {
    let terminal = faults.iter().fold(terminal, |terminal, fault| terminal.fault(Fault::parse(fault).unwrap()));
    let server = Server::start(terminal.build(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let handle = server.handle();
    (server, handle)
}

fn recorded(server: &Server, transport: Transport) -> (ConnectOptions, Recorder) {
    let recorder = Recorder::in_memory();
    (unrecorded(server, transport).recorder(recorder.clone()), recorder)
}

fn unrecorded(server: &Server, transport: Transport) -> ConnectOptions {
    let options = ConnectOptions::new("127.0.0.1").port(server.addr().port()).transport(transport);
    options.timeout(Duration::from_millis(250))
}

fn replay(recorder: &Recorder) -> (ConnectOptions, Transcript) {
    recorder.finish().unwrap();
    let transcript = Transcript::parse(&recorder.text()).unwrap();
    (ConnectOptions::replay(&transcript), transcript)
}

fn records(proven: &mut Proven) -> String {
    let mut all = String::new();
    loop {
        let batch = proven.next_batch(1000).unwrap();
        if batch.is_empty() {
            return all;
        }
        all += &format!("{batch:?}");
    }
}

/// Everything that a pull gives, as text to compare.
fn told(outcome: Result<Pull, PullError>) -> String {
    let mut pull = match outcome {
        Ok(pull) => pull,
        Err(error) => return format!("{error:?}"),
    };
    let found = match &mut pull.found {
        Pulled::Full(proven) | Pulled::Tail(proven) => records(proven),
        other => format!("{other:?}"),
    };
    let Pull { bytes_read, sessions, records_on_device, counts, remembered, offsets_refused, known, .. } = pull;
    format!(
        "{found} {bytes_read} {sessions} {records_on_device:?} {counts:?} {remembered:?} {offsets_refused} {known:?}"
    )
}

async fn sync(options: &ConnectOptions, request: &PullRequest) -> String {
    let mut client = match Client::connect(options).await {
        Ok(client) => client,
        Err(error) => return format!("{error:?}"),
    };
    let identity = client.identity().await;
    let time = client.time().await;
    let pulled = pull(&mut client, request, &mut |_| ()).await;
    let told = format!("{identity:?} {time:?} {} {:?}", told(pulled), client.statistics());
    client.exit().await;
    told
}

/// Faults next to the usual form of each, and how many records it takes to show them.
const CASES: [(&str, usize); 14] = [
    ("latency=1ms", 400),
    ("cut-head-filled=12x1", 400),
    ("bad-checksum=9", 400),
    ("stale-packet=3", 400),
    ("wrong-reply-id=7", 400),
    ("not-readyx2", 400),
    ("key-mid-session=9x1", 400),
    ("stall-packets=11x1", 400),
    ("stall-packets=0", 400),
    ("drop-after=200000x1", 8000),
    ("drop-after=9000", 400),
    ("stall=150000x1", 8000),
    ("split-writes=700", 400),
    ("absurd-frame=4000000000x1@9", 400),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_replays_to_the_same_result_whatever_went_wrong() {
    let mut cases = tokio::task::JoinSet::new();
    let usual = FaultKind::ALL.iter().map(|kind| (kind.name(), 400));
    for (fault, records) in usual.chain(CASES) {
        for transport in [Transport::Tcp, Transport::Udp] {
            cases.spawn(replay_is_the_same(fault, records, transport));
        }
    }
    while let Some(done) = cases.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn a_pull_past_its_deadline_replays_to_the_same_end_and_the_client_goes_on() {
    async fn run(options: &ConnectOptions, request: &PullRequest) -> (String, DeviceTime) {
        let mut client = Client::connect(options).await.unwrap();
        let told = told(pull(&mut client, request, &mut |_| ()).await);
        client.reconnect().await.unwrap();
        let time = client.time().await.unwrap();
        client.exit().await;
        (told, time)
    }
    let (server, terminal) = serve(Terminal::builder().records(8000), &["stall=150000x1"]).await;
    let recorder = Recorder::in_memory();
    let options = unrecorded(&server, Transport::Tcp).timeout(Duration::from_secs(60)).recorder(recorder.clone());
    let request = PullRequest::new(terminal.now()).deadline(Duration::from_secs(1));
    let then = run(&options, &request).await;
    assert!(then.0.starts_with("Overdue"), "{}", then.0);
    assert_eq!(run(&replay(&recorder).0, &request).await, then);
}

async fn replay_is_the_same(fault: &str, records: usize, transport: Transport) {
    let (server, terminal) = serve(Terminal::builder().records(records).users(20).seed(11), &[fault]).await;
    let (options, recorder) = recorded(&server, transport);
    let request = PullRequest::new(terminal.now());
    let then = sync(&options, &request).await;
    let (options, transcript) = replay(&recorder);
    drop(server);
    let begun = std::time::Instant::now();
    let now = sync(&options, &request).await;
    assert!(now == then, "{fault} over {transport:?}:\nthen {then:.600}\nnow  {now:.600}");
    let slow = transcript.lines().last().unwrap().at.max(Duration::from_secs(10));
    assert!(begun.elapsed() < slow, "{fault}: a replay does not wait");
}

#[tokio::test]
async fn live_events_replay_as_they_came() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let (server, terminal) = serve(Terminal::builder().users(5), &[]).await;
        let (options, recorder) = recorded(&server, transport);
        let mut then = Vec::new();
        let mut client = Client::connect(&options).await.unwrap();
        client.call(&RegisterEvents::ATTENDANCE).await.unwrap();
        for within in [0, 10, 5_000, 5_000, 0] {
            if within > 1_000 {
                terminal.punch_now().unwrap();
            }
            then.push(client.next_event(Duration::from_millis(within)).await.unwrap());
        }
        client.exit().await;
        let (options, _) = replay(&recorder);
        let mut client = Client::connect(&options).await.unwrap();
        client.call(&RegisterEvents::ATTENDANCE).await.unwrap();
        for (event, within) in then.iter().zip([0, 10, 5_000, 5_000, 0]) {
            assert_eq!(client.next_event(Duration::from_millis(within)).await.unwrap(), *event);
        }
        assert_eq!(then.iter().flatten().count(), 2);
    }
}

#[tokio::test]
async fn an_attempt_that_finds_nobody_replays_to_the_same_error() {
    let (server, _) = serve(Terminal::builder().profile(Profile::named("face49").unwrap()), &[]).await;
    let (options, _) = recorded(&server, Transport::Auto);
    let gone = options.port;
    drop(server);
    for transport in [Transport::Tcp, Transport::Udp, Transport::Auto] {
        let recorder = Recorder::in_memory();
        let options = ConnectOptions::new("127.0.0.1").port(gone).transport(transport);
        let options = options.timeout(Duration::from_millis(100)).recorder(recorder.clone());
        let then = Client::connect(&options).await.unwrap_err();
        let now = Client::connect(&replay(&recorder).0).await.unwrap_err();
        assert_eq!(format!("{now:?}"), format!("{then:?}"));
    }
}

#[tokio::test]
async fn a_probe_that_nobody_answered_replays_too() {
    let (server, terminal) = serve(Terminal::builder(), &[]).await;
    let (options, recorder) = recorded(&server, Transport::Tcp);
    let mut client = Client::connect(&options.timeout(Duration::from_secs(5))).await.unwrap();
    terminal.go_silent();
    let then = client.probe(Duration::from_millis(40)).await.unwrap_err();
    drop(client);
    let mut client = Client::connect(&replay(&recorder).0).await.unwrap();
    let now = client.probe(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(format!("{now:?}"), format!("{then:?}"));
}

#[tokio::test]
async fn a_replay_that_goes_another_way_says_where() {
    let (server, _) = serve(Terminal::builder(), &[]).await;
    let (options, recorder) = recorded(&server, Transport::Tcp);
    let mut client = Client::connect(&options).await.unwrap();
    client.time().await.unwrap();
    client.exit().await;
    let mut client = Client::connect(&replay(&recorder).0).await.unwrap();
    let error = client.free_sizes().await.unwrap_err();
    assert!(matches!(error, ClientError::Replay { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "replay needs what is sent now at entry 6 of the transcript, which has 16 bytes sent"
    );
    assert!(!error.is_transient());
}

/// Bytes that stand nowhere else, so that a search finds them wherever they are.
const PASSWORD: &str = "97351846";
const CARD: u32 = 0x7A69_5C4B;
const KEY: u32 = 864_209;
const TEMPLATE: &[u8] = b"SS21 a finger that nobody else has";

fn secret_user(uid: u16, layout: UserLayout) -> User {
    let seventy_two = layout == UserLayout::SeventyTwo;
    let password = if seventy_two { PASSWORD } else { &PASSWORD[..5] };
    User {
        uid: Uid(uid),
        name: b"Ned Land".as_slice().into(),
        password: UserPassword::new(password),
        card: CARD.into(),
        group: 1,
        user_id: UserId((2_000 + u32::from(uid)).to_string()),
        ..User::default()
    }
}

fn record(user: &User, layout: UserLayout) -> Vec<u8> {
    let mut raw = BytesMut::new();
    user.encode(layout, &mut raw).unwrap();
    raw.to_vec()
}

fn assert_no_secret(text: &str, token: [u8; 4]) {
    let (card, key) = (CARD.to_le_bytes(), KEY.to_string());
    let pieces: [&[u8]; 6] = [&PASSWORD.as_bytes()[..5], &card, key.as_bytes(), b"SS21", &TEMPLATE[10..20], &token];
    // In whatever line, and across the ends of lines.
    let hex: String = text.lines().filter_map(|line| line.split(['<', '>']).nth(1)).map(str::trim).collect();
    for piece in pieces {
        assert!(!hex.contains(&hex::encode(piece)), "{piece:02x?}");
        assert!(!text.contains(String::from_utf8_lossy(piece).as_ref()), "{piece:02x?}");
    }
}

#[tokio::test]
async fn no_secret_is_in_a_transcript_and_what_is_there_replays() {
    for (profile, transport, fault) in [
        ("tft40", Transport::Tcp, "latency=0ms"),
        ("tft40", Transport::Udp, "latency=0ms"),
        ("tft40-small-packets", Transport::Tcp, "latency=0ms"),
        ("bw8", Transport::Udp, "latency=0ms"),
        ("bw8", Transport::Tcp, "latency=0ms"),
        ("tft40", Transport::Tcp, "split-writes=11"),
        ("tft40", Transport::Tcp, "inline"),
        ("tft40", Transport::Tcp, "refuse-buffered"),
        ("tft40", Transport::Udp, "refuse-buffered"),
        ("tft40", Transport::Udp, "udp-reorder=30"),
        ("tft40", Transport::Udp, "udp-loss=5"),
        ("tft40", Transport::Tcp, "bare-data"),
        ("tft40", Transport::Tcp, "bad-checksum=4"),
        ("tft40", Transport::Tcp, "wrong-reply-id=5"),
        ("tft40", Transport::Tcp, "cut-users=12"),
        ("tft40", Transport::Tcp, "cut-users=8"),
        ("bw8", Transport::Tcp, "cut-users=5"),
        ("tft40", Transport::Tcp, "count-zero"),
        ("tft40", Transport::Tcp, "drop-after=3000"),
        ("tft40", Transport::Tcp, "stall=3000"),
        ("tft40", Transport::Tcp, "absurd-frame=100x1@6"),
    ] {
        let profile = Profile::named(profile).unwrap();
        let layout = profile.users;
        let terminal = (1..=60)
            .fold(Terminal::builder().profile(profile).users(0).key(KEY).first_session(77), |terminal, uid| {
                terminal.user_record(&record(&secret_user(uid, layout), layout))
            });
        let (server, terminal) = serve(terminal, &[fault]).await;
        let (options, recorder) = recorded(&server, transport);
        let request = PullRequest::new(terminal.now());
        let then = operate(&options.comm_key(CommKey::new(KEY)), layout, &request).await;
        let (options, transcript) = replay(&recorder);
        assert_no_secret(&recorder.text(), CommKey::new(KEY).scramble(SessionId(77), 50));
        let now = operate(&options, layout, &request).await;
        if fault == "latency=0ms" {
            let open = unrecorded(&server, transport).comm_key(CommKey::new(KEY));
            let mut client = Client::connect(&open).await.unwrap();
            let table = client.users().await.unwrap();
            let there = |secret: &[u8]| table.windows(secret.len()).any(|bytes| bytes == secret);
            assert!(there(&PASSWORD.as_bytes()[..5]) && there(&CARD.to_le_bytes()), "there was something to hide");
            client.exit().await;
            // Ids and names stay where the table is proven.
            assert!(now.contains("Ned Land") || now.contains("78, 101, 100"), "{now:.400}");
            assert_eq!(now, then);
        }
        assert!(transcript.lines().iter().any(|line| matches!(line.what, What::Received(_))), "{fault}");
    }
}

/// Reads and writes whatever is secret; what came of it, without what a transcript does not have.
async fn operate(options: &ConnectOptions, layout: UserLayout, request: &PullRequest) -> String {
    let Ok(mut client) = Client::connect(options).await else { return "no connection".into() };
    let mut told = String::new();
    told += &format!("{:?}", client.call(&WriteOption { name: "ComKey", value: &KEY.to_string() }).await);
    told += &format!("{:?}", client.call(&ReadOption("ComKey")).await.map(drop));
    let user = WriteUser::new(layout, &secret_user(61, layout)).unwrap();
    told += &format!("{:?}", client.call(&user).await);
    let finger = FingerTemplate { uid: Uid(1), finger: 3, flag: 1, template: TEMPLATE.into() };
    told += &format!("{:?}", client.write_fingerprint(&finger).await.is_ok());
    told += &format!("{:?}", client.call(&ReadTemplate { uid: Uid(1), finger: 3 }).await.map(drop));
    told += &format!("{:?}", client.fingerprints().await.map(drop).is_ok());
    match pull_users(&mut client, request).await {
        Ok(Ok(table)) => {
            for user in table.users() {
                told += &format!("{} {:?} {:?} {}", user.uid.0, user.name, user.user_id, user.group);
            }
        }
        other => told += &format!("{:?}", other.map(drop)),
    }
    client.exit().await;
    told
}

#[tokio::test]
async fn what_came_can_be_fed_to_a_session_by_hand() {
    let (server, terminal) = serve(Terminal::builder().records(30), &[]).await;
    let (options, recorder) = recorded(&server, Transport::Tcp);
    recorder.note("asked for the time");
    let mut client = Client::connect(&options).await.unwrap();
    let time = client.time().await.unwrap();
    drop(client);
    let (_, transcript) = replay(&recorder);
    assert_eq!(transcript.notes(), ["asked for the time"]);
    let mut session = Session::stream(Config::default());
    let (mut calls, mut events) = (0, Vec::new());
    for line in transcript.lines() {
        match &line.what {
            What::Call if calls == 0 => {
                session.connect(line.at);
                calls += 1;
            }
            What::Call => session.call(line.at, &zk_proto::op::GetTime),
            What::Sent(bytes) => assert_eq!(session.poll_transmit().as_ref(), Some(bytes)),
            What::Received(bytes) => session.handle_input(line.at, bytes).unwrap(),
            _ => {}
        }
        events.extend(session.poll_event());
    }
    let [Event::Connected, Event::Answer(packet)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(DeviceTime::parse(&packet.data).unwrap(), time);
    assert!(terminal.now() >= time);
}

#[tokio::test]
async fn a_transcript_in_a_file_is_whole_when_the_last_recorder_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("session.zkt");
    let (server, _) = serve(Terminal::builder().users(30), &[]).await;
    let (options, _) = recorded(&server, Transport::Tcp);
    let mut client = Client::connect(&options.recorder(Recorder::create(&path).unwrap())).await.unwrap();
    let then = client.users().await.unwrap();
    drop(client);
    let transcript = Transcript::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let mut client = Client::connect(&ConnectOptions::replay(&transcript)).await.unwrap();
    // No count was read: the table's length word and size have proven its layout.
    assert_eq!(client.users().await.unwrap(), then);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_transcript_that_cannot_be_written_ends_and_the_conversation_goes_on() {
    /// Holds so many bytes and no more.
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (server, _) = serve(Terminal::builder(), &[]).await;
    let recorder = Recorder::to_writer(Full(400));
    let mut client = Client::connect(&recorded(&server, Transport::Tcp).0.recorder(recorder.clone())).await.unwrap();
    client.time().await.unwrap();
    assert_eq!(recorder.finish().unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    client.time().await.unwrap();
    client.exit().await;
}

/// Commands whose answers are weighed in every way there is.
const COMMANDS: [Command; 9] = [
    Command::CONNECT,
    Command::OPTIONS_RRQ,
    Command::GET_FREE_SIZES,
    Command::DATA_WRRQ,
    Command::DATA_RDY,
    Command::USERTEMP_RRQ,
    Command::DB_RRQ,
    Command::FREE_DATA,
    Command::GET_USERTEMP,
];
const CODES: [Command; 5] =
    [Command::ACK_OK, Command::DATA, Command::PREPARE_DATA, Command::REG_EVENT, Command::ACK_ERROR];

proptest! {
    #[test]
    fn any_text_is_a_transcript_or_none(
        text in ".{0,200}",
        lines in prop::collection::vec("[0-9]{1,5} [a-z<>]{1,6} [0-9a-f ]{0,20}", 0..6),
    ) {
        let _ = Transcript::parse(&text);
        let _ = Transcript::parse(&format!("zk-transcript 1\n{}", lines.join("\n")));
    }

    #[test]
    fn whatever_comes_is_written_at_its_time_and_length(
        datagrams: bool,
        steps in prop::collection::vec(
            (0usize..9, 0usize..5, 0u16..4, prop::collection::vec(any::<u8>(), 0..90), 0usize..40),
            1..30,
        ),
    ) {
        let mut scribe = Scribe::new([]);
        scribe.open(Duration::ZERO, datagrams);
        let mut lengths = Vec::new();
        for (number, (command, code, field, data, cut)) in steps.into_iter().enumerate() {
            let at = Duration::from_micros(number as u64);
            let wire = |command, data: &[u8]| {
                let mut wire = BytesMut::new();
                match datagrams {
                    true => zk_proto::Packet::encode(command, SessionId(field), ReplyId(field), data, &mut wire),
                    false => zk_proto::frame::encode(command, SessionId(field), ReplyId(field), data, &mut wire),
                }
                wire
            };
            scribe.sent(at, &wire(COMMANDS[command], &data));
            let mut came = wire(CODES[code], &data);
            // At times not what it should be.
            came.truncate(came.len().saturating_sub(cut.saturating_sub(30)));
            scribe.received(at, &came);
            lengths.push((at, came.len()));
        }
        scribe.closed(Duration::from_secs(1));
        scribe.finish();
        let transcript = Transcript::parse(&scribe.take()).unwrap();
        let written: Vec<_> = transcript.lines().iter().filter_map(|line| match &line.what {
            What::Received(bytes) => Some((line.at, bytes.len())),
            _ => None,
        }).collect();
        prop_assert_eq!(written, lengths);
    }
}
