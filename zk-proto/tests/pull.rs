//! Pulling from simulated terminals: the truth, or a named reason, whatever is wrong with them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use zk_proto::client::{Pull, PullError, PullRequest, Pulled, pull, pull_users};
use zk_proto::proof::{Doubt, Proven};
use zk_proto::record::Who;
use zk_proto::{Client, Command, ConnectOptions, Transport, Uid};
use zk_sim::{Fault, FaultKind, Handle, Profile, Punch, Server, Terminal};

type Row = (String, u32, u8, u8);

struct Site {
    server: Server,
    terminal: Handle,
    directory: tempfile::TempDir,
}

impl Site {
    async fn new(profile: &str, records: usize, faults: &[&str]) -> Self {
        let mut terminal = Terminal::builder()
            .profile(Profile::named(profile).unwrap())
            .records(records)
            .users(40)
            .seed(records as u64 + 7);
        for fault in faults {
            terminal = terminal.fault(Fault::parse(fault).unwrap());
        }
        Self::of(terminal.build()).await
    }

    async fn of(terminal: Terminal) -> Self {
        let server = Server::start(terminal, SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { terminal: server.handle(), server, directory: tempfile::tempdir().unwrap() }
    }

    async fn client(&self) -> Result<Client, zk_proto::ClientError> {
        self.client_over(Transport::Auto, Duration::from_millis(400)).await
    }

    async fn client_over(&self, transport: Transport, timeout: Duration) -> Result<Client, zk_proto::ClientError> {
        let options = ConnectOptions::new("127.0.0.1").port(self.server.addr().port());
        Client::connect(&options.timeout(timeout).transport(transport)).await
    }

    fn request(&self) -> PullRequest {
        PullRequest::new(self.terminal.now())
            .terminal_now(self.terminal.now())
            .spool_directory(Some(self.directory.path().into()))
            .spool_memory(64 << 10)
    }

    async fn pull(&self, request: &PullRequest) -> Result<Pull, PullError> {
        let mut client = self.client().await?;
        let pulled = pull(&mut client, request, &mut |_| ()).await;
        client.exit().await;
        pulled
    }

    fn truth(&self) -> Vec<Row> {
        self.terminal.records().iter().map(row).collect()
    }
}

fn row(punch: &Punch) -> Row {
    (punch.user_id.to_string(), punch.time.0, punch.state, punch.mode)
}

fn rows(mut proven: Proven) -> Vec<Row> {
    let mut rows = Vec::new();
    loop {
        let batch = proven.next_batch(1000).unwrap();
        if batch.is_empty() {
            return rows;
        }
        rows.extend(batch.into_iter().map(|record| {
            let who = match record.who {
                Who::UserId(id) => id.0,
                Who::Uid(Uid(uid)) => format!("uid {uid}"),
            };
            (who, record.time.0, record.punch_state.0, record.verify_mode.0)
        }));
    }
}

fn full(pull: Pull) -> Vec<Row> {
    match pull.found {
        Pulled::Full(proven) => rows(proven),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_log_comes_whole_inline_and_buffered() {
    for records in [1, 20, 3000] {
        let site = Site::new("tft40", records, &[]).await;
        let pulled = site.pull(&site.request()).await.unwrap();
        assert_eq!((pulled.records_on_device, pulled.sessions), (Some(records as u64), 1));
        assert_eq!(full(pulled), site.truth());
    }
}

#[tokio::test]
async fn only_what_is_new_is_read() {
    let site = Site::new("tft40", 3000, &[]).await;
    let first = site.pull(&site.request()).await.unwrap();
    let whole = first.bytes_read;
    let known = site.request().known(first.known);
    let again = site.pull(&known).await.unwrap();
    assert!(matches!(again.found, Pulled::Unchanged), "{again:?}");
    for _ in 0..10 {
        site.terminal.punch_now().unwrap();
    }
    let tail = site.pull(&known).await.unwrap();
    assert!(tail.bytes_read * 50 < whole, "{} of {whole}", tail.bytes_read);
    assert_eq!(tail.records_on_device, Some(3010));
    let Pulled::Tail(proven) = tail.found else { panic!("{:?}", tail.found) };
    assert_eq!(proven.first_index(), 3000);
    assert_eq!(rows(proven), site.truth()[3000..]);
}

#[tokio::test]
async fn states_that_were_learned_in_the_log_prove_its_next_few_records() {
    for profile in ["tft40", "tft16", "face49"] {
        let generated = Site::new(profile, 300, &[]).await.terminal.records();
        let punch = |(place, punch): (usize, &Punch)| Punch { state: [15, 16][place % 2], ..punch.clone() };
        let punches: Vec<Punch> = generated.iter().enumerate().map(punch).collect();
        for new in 1..=5 {
            let (before, after) = punches.split_at(punches.len() - new);
            let terminal = Terminal::builder().profile(Profile::named(profile).unwrap()).seed(7);
            let site = Site::of(terminal.punches(before.to_vec()).build()).await;
            let first = site.pull(&site.request()).await.unwrap();
            let (known, remembered) = (first.known.clone(), first.remembered);
            assert!(remembered.states.iter().eq([15, 16]), "{profile}: {:?}", remembered.states);
            assert_eq!(full(first), site.truth(), "{profile}");
            site.terminal.add_punches(after.to_vec());
            // A count that cannot be had leaves the states as what has to be known.
            for countless in [false, true] {
                let request = site.request().known(known.clone()).remembered(remembered).countless(countless);
                let tail = site.pull(&request).await.unwrap();
                let Pulled::Tail(proven) = tail.found else { panic!("{profile} {new}: {:?}", tail.found) };
                assert_eq!(rows(proven), site.truth()[before.len()..], "{profile} {new}");
            }
        }
    }
}

#[tokio::test]
async fn ten_new_of_a_hundred_thousand_cost_less_than_a_hundredth_of_the_bytes() {
    let site = Site::new("tft40", 100_000, &[]).await;
    let first = site.pull(&site.request()).await.unwrap();
    let sent_before = site.terminal.stats().bytes_sent;
    for _ in 0..10 {
        site.terminal.punch_now().unwrap();
    }
    let tail = site.pull(&site.request().known(first.known)).await.unwrap();
    // By the terminal's own count too, with every frame and every answer that is no record.
    let sent = site.terminal.stats().bytes_sent - sent_before;
    assert!(tail.bytes_read * 100 < first.bytes_read, "{} of {}", tail.bytes_read, first.bytes_read);
    assert!(sent * 100 < first.bytes_read, "{sent} of {}", first.bytes_read);
    let Pulled::Tail(proven) = tail.found else { panic!("{:?}", tail.found) };
    assert_eq!(rows(proven), site.truth()[100_000..]);
}

#[tokio::test]
async fn a_log_that_lost_its_oldest_records_is_read_whole() {
    let site = Site::new("tft40", 3000, &[]).await;
    let first = site.pull(&site.request()).await.unwrap();
    site.terminal.drop_oldest(10);
    for _ in 0..30 {
        site.terminal.punch_now().unwrap();
    }
    let again = site.pull(&site.request().known(first.known)).await.unwrap();
    assert_eq!(full(again), site.truth());
}

#[tokio::test]
async fn a_cut_that_stays_yields_nothing_and_one_that_passes_the_truth() {
    for cut in ["cut-head", "cut-head-sized", "cut-head-filled"] {
        let site = Site::new("tft40", 500, &[cut]).await;
        let pulled = site.pull(&site.request()).await.unwrap();
        let Pulled::Unproven { readings, .. } = &pulled.found else { panic!("{cut}: {pulled:?}") };
        assert_eq!((readings.len(), pulled.known), (2, None), "{cut}");

        let site = Site::new("tft40", 500, &[&format!("{cut}x1")]).await;
        let pulled = site.pull(&site.request()).await.unwrap();
        assert_eq!(pulled.sessions, 2, "{cut}");
        assert_eq!(full(pulled), site.truth(), "{cut}");
    }
}

#[tokio::test]
async fn a_lost_line_goes_on_where_it_broke() {
    let site = Site::new("tft40", 10_000, &["drop-after=200000x1"]).await;
    let pulled = site.pull(&site.request()).await.unwrap();
    assert_eq!(pulled.sessions, 2);
    // What came before the line was lost is not read again, but for the overlap that is compared.
    assert!(pulled.bytes_read < 410_000, "{}", pulled.bytes_read);
    assert_eq!(full(pulled), site.truth());
}

#[tokio::test]
async fn a_count_that_is_off_is_proven_by_a_second_reading_and_remembered() {
    let site = Site::new("tft40", 500, &["count-zero"]).await;
    let pulled = site.pull(&site.request()).await.unwrap();
    assert!(pulled.remembered.count_off);
    assert_eq!(pulled.sessions, 2);
    let next = site.request().remembered(pulled.remembered);
    assert_eq!(full(pulled), site.truth());
    let again = site.pull(&next).await.unwrap();
    assert_eq!(again.sessions, 1);
    assert_eq!(full(again), site.truth());
}

#[tokio::test]
async fn an_empty_log_is_proven_and_one_that_says_so_falsely_is_not() {
    let site = Site::new("tft40", 0, &[]).await;
    let pulled = site.pull(&site.request()).await.unwrap();
    assert_eq!(pulled.records_on_device, Some(0));
    assert!(full(pulled).is_empty());
    let site = Site::new("tft40", 30, &["no-data"]).await;
    let error = site.pull(&site.request()).await.unwrap_err();
    assert!(matches!(error, PullError::Refused { records: 30, .. }), "{error:?}");
}

#[tokio::test]
async fn a_log_that_is_refused_after_the_users_is_read_on_a_fresh_session() {
    let site = Site::new("tft40", 300, &["log-after-users"]).await;
    let mut client = site.client().await.unwrap();
    let table = pull_users(&mut client, &site.request()).await.unwrap().unwrap();
    assert_eq!(table.users().len(), 40);
    let pulled = pull(&mut client, &site.request(), &mut |_| ()).await.unwrap();
    assert_eq!(pulled.sessions, 2);
    assert_eq!(full(pulled), site.truth());
}

#[tokio::test]
async fn firmware_that_ignores_the_buffered_read_of_its_log_is_read_directly() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let site = Site::new("tft40", 300, &["ignore-buffered"]).await;
        let mut client = site.client_over(transport, Duration::from_millis(100)).await.unwrap();
        assert!(pull_users(&mut client, &site.request()).await.unwrap().is_ok(), "the users are read as ever");
        let pulled = pull(&mut client, &site.request(), &mut |_| ()).await.unwrap();
        assert_eq!(full(pulled), site.truth());
    }
}

#[tokio::test]
async fn a_buffered_read_that_was_waited_for_in_vain_is_not_asked_for_in_the_next_session() {
    let site = Site::new("tft40", 300, &["ignore-buffered", "drop-after=6000x1"]).await;
    let mut client = site.client_over(Transport::Tcp, Duration::from_millis(100)).await.unwrap();
    let pulled = pull(&mut client, &site.request(), &mut |_| ()).await.unwrap();
    assert_eq!(pulled.sessions, 2);
    let asked = site.terminal.stats().commands.get(&Command::DATA_WRRQ).copied();
    assert_eq!(asked, Some(2), "twice in the first session, and not in the second");
    assert_eq!(full(pulled), site.truth());
}

#[tokio::test]
async fn sizes_that_follow_an_empty_acknowledgement_are_used() {
    let site = Site::new("tft40", 300, &["ack-before-data"]).await;
    let pulled = site.pull(&site.request()).await.unwrap();
    assert_eq!((pulled.counts.before, pulled.counts.after), (Some(300), Some(300)));
    assert_eq!(full(pulled), site.truth());
}

#[tokio::test]
async fn a_terminal_that_refuses_offsets_is_read_whole_and_remembered() {
    let site = Site::new("tft40", 1000, &[]).await;
    let first = site.pull(&site.request()).await.unwrap();
    site.terminal.set_faults(&[Fault::new(FaultKind::RefuseOffsets)]);
    let again = site.pull(&site.request().known(first.known)).await.unwrap();
    assert!(again.offsets_refused);
    assert_eq!(full(again), site.truth());
}

#[tokio::test]
async fn no_fault_yields_a_record_that_is_not_there() {
    let mut lanes = JoinSet::new();
    for kind in FaultKind::ALL {
        lanes.spawn(async move {
            for records in [3, 2000] {
                let site = Site::new("tft40", records, &[kind.name()]).await;
                let pulled = tokio::time::timeout(Duration::from_secs(60), site.pull(&site.request())).await;
                let pulled = pulled.unwrap_or_else(|_| panic!("{} does not end", kind.name()));
                if let Ok(Pull { found: Pulled::Full(proven), .. }) = pulled {
                    if !proven.is_neutral() {
                        assert_eq!(rows(proven), site.truth(), "{}", kind.name());
                    }
                }
            }
        });
    }
    lanes.join_all().await;
}

#[tokio::test]
async fn a_user_table_is_proven_and_a_cut_one_is_not() {
    for profile in ["tft40", "bw8"] {
        let site = Site::new(profile, 10, &[]).await;
        let mut client = site.client().await.unwrap();
        let table = pull_users(&mut client, &site.request()).await.unwrap().unwrap();
        assert_eq!(table.users().len(), 40, "{profile}");
        site.terminal.set_faults(&[Fault::new(FaultKind::CutUsers)]);
        assert!(pull_users(&mut client, &site.request()).await.unwrap().is_err(), "{profile}");
    }
}

#[tokio::test]
async fn a_log_that_names_people_by_place_comes_with_the_user_table() {
    for (profile, users) in [("bw8", Some(40)), ("bw8a", Some(40)), ("tft16", None), ("tft40", None)] {
        let site = Site::new(profile, 300, &[]).await;
        let pulled = site.pull(&site.request()).await.unwrap();
        assert_eq!(pulled.users.as_ref().map(|table| table.users().len()), users, "{profile}");
        let again = site.pull(&site.request().known(pulled.known)).await.unwrap();
        assert!(matches!(again.found, Pulled::Unchanged) && again.users.is_none(), "{profile}");
    }
}

#[tokio::test]
async fn without_a_proven_user_table_there_are_no_records_that_need_it() {
    let site = Site::new("bw8", 30, &["cut-users"]).await;
    let pulled = site.pull(&site.request()).await.unwrap();
    assert!(matches!(pulled.found, Pulled::UsersUnproven(_)), "{:?}", pulled.found);
    assert!(pulled.known.is_none());
}

#[tokio::test]
async fn records_that_name_nobody_of_the_user_table_are_not_proven() {
    let punches = Site::new("bw8", 30, &[]).await.terminal.records();
    let gone: Vec<Punch> = punches.iter().map(|punch| Punch { uid: 700, ..punch.clone() }).collect();
    let terminal = Terminal::builder().profile(Profile::named("bw8").unwrap()).users(40);
    let site = Site::of(terminal.punches(gone).build()).await;
    let pulled = site.pull(&site.request()).await.unwrap();
    let Pulled::Unproven { readings, .. } = pulled.found else { panic!("{:?}", pulled.found) };
    assert_eq!(readings, vec![vec![Doubt::NamesNobody { records: 16, of: 16 }]; 2]);
    let without_overlap = site.pull(&site.request().overlap(0)).await.unwrap();
    assert!(matches!(without_overlap.found, Pulled::Unproven { .. }), "however few are kept for the next pull");
}

#[tokio::test]
async fn of_fewer_than_five_records_each_names_somebody_of_the_user_table() {
    for (records, proven) in [(2, false), (4, false), (5, true)] {
        let mut punches = Site::new("bw8", records, &[]).await.terminal.records();
        punches[1].uid = 700;
        let terminal = Terminal::builder().profile(Profile::named("bw8").unwrap()).users(40);
        let site = Site::of(terminal.punches(punches).build()).await;
        let pulled = site.pull(&site.request()).await.unwrap();
        assert_eq!(matches!(pulled.found, Pulled::Full(_)), proven, "{records}: {:?}", pulled.found);
    }
}

#[tokio::test]
async fn datagrams_that_get_lost_doubled_or_out_of_order_yield_the_truth() {
    // 1024 bytes are a whole number of these records: one packet for another would leave every size as it is.
    for (profile, records) in [("tft16", 300), ("bw8", 3000), ("tft16", 3000)] {
        for fault in ["udp-reorder=10", "udp-duplicate=20", "udp-loss=2"] {
            let site = Site::new(profile, records, &[fault]).await;
            let mut client = site.client_over(Transport::Udp, Duration::from_secs(2)).await.unwrap();
            let pulled = pull(&mut client, &site.request(), &mut |_| ()).await.unwrap();
            let truth: Vec<Row> = site.terminal.records().iter().map(|punch| by_uid(profile, punch)).collect();
            assert!(full(pulled) == truth, "{profile} with {fault}");
        }
    }
}

/// A punch as the log of a profile names it: the old ones by uid alone.
fn by_uid(profile: &str, punch: &Punch) -> Row {
    match (profile, row(punch)) {
        ("bw8", (_, time, state, mode)) => (format!("uid {}", punch.uid), time, state, mode & 3),
        (_, row) => row,
    }
}

#[tokio::test]
async fn a_pull_past_its_deadline_ends_and_says_how_far_it_got() {
    let site = Site::new("tft40", 8_000, &["stall=150000x1"]).await;
    let mut client = site.client_over(Transport::Tcp, Duration::from_secs(60)).await.unwrap();
    let allowed = Duration::from_secs(2);
    let request = site.request().deadline(allowed);
    let begun = std::time::Instant::now();
    let error = pull(&mut client, &request, &mut |_| ()).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let PullError::Overdue { allowed: told, progress: Some(progress) } = &error else { panic!("{error:?}") };
    assert_eq!((*told, progress.of), (allowed, 8_000 * 40 + 4));
    assert!((65_472..=150_000).contains(&progress.bytes), "{progress:?}");
    assert!(error.is_transient());
    assert!(matches!(client.time().await, Err(zk_proto::ClientError::Unusable)));
    client.reconnect().await.unwrap();
    let whole = pull(&mut client, &request, &mut |_| ()).await.unwrap();
    assert!(matches!(whole.found, Pulled::Full(_)));
    client.exit().await;
}
