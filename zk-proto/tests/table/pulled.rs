//! Rows of the second table that need a session or more: repeated requests, second readings, remembered facts.

use std::net::SocketAddr;
use std::time::Duration;

use zk_proto::client::{Pull, PullError, PullRequest, Pulled, pull};
use zk_proto::proof::{Doubt, Proven};
use zk_proto::{Client, Command, ConnectOptions, Transport};
use zk_sim::{Fault, Handle, Profile, Server, Terminal};

struct Site {
    server: Server,
    terminal: Handle,
}

impl Site {
    async fn new(records: usize, fault: &str) -> Self {
        let terminal = Terminal::builder().profile(Profile::named("tft40").unwrap()).records(records).seed(11);
        let faults: Vec<Fault> = fault.split_whitespace().map(|fault| Fault::parse(fault).unwrap()).collect();
        let terminal = faults.into_iter().fold(terminal, |terminal, fault| terminal.fault(fault));
        let server = Server::start(terminal.build(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { terminal: server.handle(), server }
    }

    fn request(&self) -> PullRequest {
        PullRequest::new(self.terminal.now()).terminal_now(self.terminal.now())
    }

    async fn pull(&self, request: &PullRequest, transport: Transport) -> Pull {
        self.try_pull(request, transport).await.unwrap()
    }

    async fn try_pull(&self, request: &PullRequest, transport: Transport) -> Result<Pull, PullError> {
        let options = ConnectOptions::new("127.0.0.1").port(self.server.addr().port());
        let options = options.timeout(Duration::from_millis(400)).transport(transport);
        let mut client = Client::connect(&options).await.unwrap();
        pull(&mut client, request, &mut |_| ()).await
    }

    /// Returns true if these are all of the terminal's records.
    fn has(&self, mut proven: Proven) -> bool {
        let records = proven.next_batch(100_000).unwrap();
        let truth = self.terminal.records();
        records.len() == truth.len()
            && records.iter().zip(&truth).all(|(record, punch)| {
                (record.time, record.punch_state.0, record.verify_mode.0) == (punch.time, punch.state, punch.mode)
            })
    }
}

#[tokio::test]
async fn a_refusal_as_no_data_is_an_empty_log_when_nothing_is_counted_and_otherwise_retried() {
    for code in [2001, 4989, 4991] {
        let fault = format!("refuse-log={code}");
        let site = Site::new(0, &fault).await;
        let pulled = site.pull(&site.request(), Transport::Tcp).await;
        assert_eq!((pulled.records_on_device, pulled.sessions), (Some(0), 1), "{code}");
        assert!(matches!(&pulled.found, Pulled::Full(proven) if proven.records() == 0), "{code}");

        let site = Site::new(30, &fault).await;
        let error = site.try_pull(&site.request(), Transport::Tcp).await.unwrap_err();
        assert!(matches!(error, PullError::Refused { records: 30, .. }), "{code}: {error:?}");

        let site = Site::new(30, &format!("{fault}x1")).await;
        let pulled = site.pull(&site.request(), Transport::Tcp).await;
        // After a plain "no", the direct read follows at once.
        assert_eq!(pulled.sessions, if code == 2001 { 1 } else { 2 }, "{code}");
        let Pulled::Full(proven) = pulled.found else { panic!("{code}: {:?}", pulled.found) };
        assert!(site.has(proven), "{code}: refused once");
    }
}

#[tokio::test]
async fn fewer_bytes_than_announced_are_retried_then_read_in_a_new_session_then_unproven() {
    let site = Site::new(500, "cut-head").await;
    let pulled = site.pull(&site.request(), Transport::Tcp).await;
    let Pulled::Unproven { readings, .. } = &pulled.found else { panic!("{pulled:?}") };
    let is_incomplete =
        |reading: &Vec<Doubt>| matches!(reading[..], [Doubt::Incomplete { have, announced }] if have < announced);
    assert!(readings.len() == 2 && readings.iter().all(is_incomplete), "{readings:?}");
    assert!(pulled.sessions > 2, "each reading was tried on more than one: {}", pulled.sessions);

    let site = Site::new(500, "cut-headx1").await;
    let pulled = site.pull(&site.request(), Transport::Tcp).await;
    assert_eq!(pulled.sessions, 2);
    let Pulled::Full(proven) = pulled.found else { panic!("{:?}", pulled.found) };
    assert!(site.has(proven));
}

/// A lost datagram is requested again within the session.
#[tokio::test]
async fn a_lost_datagram_is_requested_again_within_the_session() {
    let asked = |site: &Site| site.terminal.stats().commands[&Command::DATA_RDY];
    let mut holes = 0;
    let sound = Site::new(500, "").await;
    let whole = sound.pull(&sound.request(), Transport::Udp).await.bytes_read;
    for skip in 8..32 {
        let site = Site::new(500, &format!("udp-loss=100x1@{skip}")).await;
        let pulled = site.pull(&site.request(), Transport::Udp).await;
        assert_eq!(pulled.sessions, 1, "{skip}");
        holes += u32::from(asked(&site) > asked(&sound));
        assert_eq!(pulled.bytes_read, whole, "{skip}: what came is not taken twice");
        let Pulled::Full(proven) = pulled.found else { panic!("{skip}: {:?}", pulled.found) };
        assert!(site.has(proven), "{skip}");
    }
    assert!(holes > 2, "{holes} of the lost datagrams were parts of the log");
}

#[tokio::test]
async fn a_packet_of_another_reply_id_is_no_part_of_the_transfer() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let site = Site::new(500, "stale-packet").await;
        let pulled = site.pull(&site.request(), transport).await;
        let Pulled::Full(proven) = pulled.found else { panic!("{transport:?}: {:?}", pulled.found) };
        assert!(site.has(proven), "{transport:?}");
    }
}

#[tokio::test]
async fn one_damaged_packet_is_requested_again_and_is_no_habit_of_the_terminal() {
    for skip in [6, 8, 10] {
        let site = Site::new(3000, &format!("bad-checksum=1x1@{skip}")).await;
        let pulled = site.pull(&site.request(), Transport::Tcp).await;
        assert!(!pulled.remembered.checksums_wrong, "{skip}");
        let Pulled::Full(proven) = pulled.found else { panic!("{skip}: {:?}", pulled.found) };
        assert!(site.has(proven), "{skip}");
    }
}

#[tokio::test]
async fn checksums_that_are_wrong_in_every_session_are_remembered_and_held_to_the_witnesses() {
    let site = Site::new(500, "bad-checksum").await;
    let pulled = site.pull(&site.request(), Transport::Tcp).await;
    assert!(pulled.remembered.checksums_wrong);
    assert!(pulled.sessions > 1, "it took more than one session to know");
    let next = site.request().remembered(pulled.remembered);
    let Pulled::Full(proven) = pulled.found else { panic!("{:?}", pulled.found) };
    assert!(site.has(proven));
    let again = site.pull(&next, Transport::Tcp).await;
    assert_eq!(again.sessions, 1, "what is remembered is not found out again");
    assert!(matches!(again.found, Pulled::Full(_)));

    let site = Site::new(500, "bad-checksum cut-head-filled").await;
    let pulled = site.pull(&site.request().remembered(next.remembered), Transport::Tcp).await;
    assert!(matches!(pulled.found, Pulled::Unproven { .. }), "{pulled:?}");
}
