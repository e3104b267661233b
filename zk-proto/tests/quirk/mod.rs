//! Terminals with quirks, and how a client handles them.

mod answers;
mod catalogue;
mod doubts;
mod live;
mod people;
mod records;
mod robust;
mod sessions;
mod transfers;

use std::net::SocketAddr;
use std::time::Duration;

use zk_proto::client::{Pull, PullError, PullRequest, Pulled, pull};
use zk_proto::proof::Proven;
use zk_proto::record::Who;
use zk_proto::{Client, ClientError, Command, ConnectOptions, Transport, Uid};
use zk_sim::{Fault, Handle, Profile, Punch, Server, Terminal, TerminalBuilder};

/// Who, when, state, mode.
pub(crate) type Row = (String, u32, u8, u8);

/// A running terminal.
pub(crate) struct Site {
    server: Server,
    pub(crate) terminal: Handle,
    profile: Profile,
}

impl Site {
    pub(crate) async fn start(profile: &str, faults: &[&str], terminal: TerminalBuilder) -> Self {
        Self::of(Profile::named(profile).unwrap(), faults, terminal).await
    }

    /// A terminal of a family that no list names.
    pub(crate) async fn of(profile: Profile, faults: &[&str], terminal: TerminalBuilder) -> Self {
        let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap());
        let terminal = faults.fold(terminal.profile(profile.clone()), TerminalBuilder::fault).build();
        let server = Server::start(terminal, SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { terminal: server.handle(), server, profile }
    }

    /// A terminal of a family with a number of records and faults.
    pub(crate) async fn with(profile: &str, records: usize, faults: &[&str]) -> Self {
        Self::start(profile, faults, Terminal::builder().records(records).users(30).seed(21)).await
    }

    pub(crate) fn options(&self) -> ConnectOptions {
        let options = ConnectOptions::new("127.0.0.1").port(self.server.addr().port());
        let transport = if self.profile.tcp { Transport::Tcp } else { Transport::Udp };
        options.transport(transport).timeout(Duration::from_secs(2))
    }

    pub(crate) async fn try_client(&self) -> Result<Client, ClientError> {
        Client::connect(&self.options()).await
    }

    pub(crate) async fn client(&self) -> Client {
        self.try_client().await.unwrap()
    }

    /// A client for terminals that do not answer: it gives up soon.
    pub(crate) async fn hasty(&self) -> Client {
        Client::connect(&self.options().timeout(Duration::from_millis(150))).await.unwrap()
    }

    pub(crate) fn request(&self) -> PullRequest {
        PullRequest::new(self.terminal.now()).terminal_now(self.terminal.now())
    }

    pub(crate) async fn try_pull(&self, client: &mut Client) -> Result<Pull, PullError> {
        pull(client, &self.request(), &mut |_| ()).await
    }

    pub(crate) async fn pull(&self, client: &mut Client) -> Pull {
        self.try_pull(client).await.unwrap()
    }

    /// Pulls with a client of its own and expects the terminal's own log. Returns the statistics of the pull.
    pub(crate) async fn pulls_the_truth(&self) -> Pull {
        let mut client = self.client().await;
        let pulled = self.pulls_the_truth_with(&mut client).await;
        client.exit().await;
        pulled
    }

    pub(crate) async fn pulls_the_truth_with(&self, client: &mut Client) -> Pull {
        let mut pulled = self.pull(client).await;
        let Pulled::Full(proven) = &mut pulled.found else { panic!("{pulled:?}") };
        assert_eq!(rows(proven), self.truth());
        pulled
    }

    /// The log, with people as the layout names them.
    pub(crate) fn truth(&self) -> Vec<Row> {
        let by_uid = self.profile.log.needs_users();
        self.terminal.records().iter().map(|punch| row(punch, by_uid)).collect()
    }

    /// Number of times that clients have sent a command.
    pub(crate) fn sent(&self, command: Command) -> u64 {
        self.terminal.stats().commands.get(&command).copied().unwrap_or(0)
    }
}

fn row(punch: &Punch, by_uid: bool) -> Row {
    let who = if by_uid { format!("uid {}", punch.uid) } else { punch.user_id.to_string() };
    (who, punch.time.0, punch.state, punch.mode)
}

/// The proven records.
pub(crate) fn rows(proven: &mut Proven) -> Vec<Row> {
    let mut rows = Vec::new();
    loop {
        let batch = proven.next_batch(500).unwrap();
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
