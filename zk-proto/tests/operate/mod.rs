//! Terminals to operate, and the operations in tables, so that other tests can run each of them.

mod access;
mod backup;
mod control;
mod edits;
mod enrol;
mod faulty;
mod guard;
mod people;
mod recorded;

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use zk_proto::{Client, ConnectOptions, Transport};
use zk_sim::{Handle, Profile, Server, Terminal, TerminalBuilder};

/// The result of an operation of the table: success, or a named error.
pub(crate) type Outcome<'a> = Pin<Box<dyn Future<Output = Result<(), Box<dyn Error>>> + 'a>>;

/// An operation by name, to be run with any client.
pub(crate) type Named = (&'static str, for<'a> fn(&'a mut Client) -> Outcome<'a>);

/// Every operation, of every group.
pub(crate) fn operations() -> impl Iterator<Item = &'static Named> {
    [people::OPERATIONS, enrol::OPERATIONS, control::OPERATIONS, access::OPERATIONS].into_iter().flatten()
}

/// A running terminal.
pub(crate) struct Site {
    server: Server,
    pub(crate) terminal: Handle,
    pub(crate) profile: Profile,
    pub(crate) transport: Transport,
}

impl Site {
    pub(crate) async fn start(profile: &Profile, transport: Transport, terminal: TerminalBuilder) -> Self {
        let terminal = terminal.profile(profile.clone()).build();
        let server = Server::start(terminal, SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { terminal: server.handle(), server, profile: profile.clone(), transport }
    }

    /// One of the default family, over TCP.
    pub(crate) async fn plain(terminal: TerminalBuilder) -> Self {
        Self::start(&Profile::default(), Transport::Tcp, terminal).await
    }

    pub(crate) fn options(&self) -> ConnectOptions {
        let options = ConnectOptions::new("127.0.0.1").port(self.server.addr().port());
        options.timeout(Duration::from_secs(2)).transport(self.transport)
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.options()).await.unwrap()
    }

    /// The family and the carrier, for messages.
    pub(crate) fn name(&self) -> String {
        format!("{} over {:?}", self.profile.name, self.transport)
    }
}

/// A terminal of each family that `can` do it, for each carrier that it answers on.
pub(crate) async fn sites(can: impl Fn(&Profile) -> bool, terminal: impl Fn() -> TerminalBuilder) -> Vec<Site> {
    let mut sites = Vec::new();
    for profile in Profile::ALL.iter().filter(|profile| can(profile)) {
        for (transport, answers) in [(Transport::Tcp, profile.tcp), (Transport::Udp, profile.udp)] {
            if answers {
                sites.push(Site::start(profile, transport, terminal()).await);
            }
        }
    }
    sites
}

/// A terminal with some users.
pub(crate) fn staffed() -> TerminalBuilder {
    Terminal::builder().seed(7).users(5)
}
