//! Terminals on a network, found by trying its addresses.

mod found;
mod options;

use std::boxed::Box;
use std::fmt;
use std::iter::Peekable;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

pub use found::Found;
pub use options::DiscoverOptions;

use super::stop::{Stop, Stopper};
use super::{Client, ClientError, ConnectOptions, Step};
use crate::Command;

type Hosts = Peekable<Box<dyn Iterator<Item = ConnectOptions> + Send>>;

/// A search for terminals, which tries one address after the other at a bounded rate.
///
/// It opens a session with each terminal that answers, asks it who it is, and ends the session. It changes nothing.
/// Each address is tried over TCP and, if nothing answers there, over UDP, as its [`Transport`](super::Transport) says.
/// The timeout of each address bounds how long a silent one takes, so it should be short.
///
/// ```no_run
/// use std::time::Duration;
/// use zk_proto::ConnectOptions;
/// use zk_proto::client::{DiscoverOptions, Discovery};
///
/// # async fn search() {
/// let network = (1..255).map(|n| ConnectOptions::new(format!("192.0.2.{n}")).timeout(Duration::from_secs(1)));
/// let mut discovery = Discovery::new(network, DiscoverOptions::default());
/// while let Some(found) = discovery.next().await {
///     println!("{}: {:?}", found.host, found.identity.serial);
/// }
/// # }
/// ```
///
/// Dropped, it cuts the connections that are open. [`Discovery::stop`] ends them properly.
pub struct Discovery {
    hosts: Hosts,
    options: Arc<DiscoverOptions>,
    trying: JoinSet<Option<Found>>,
    stopper: Stopper,
    /// The earliest time for the next address.
    next_at: Instant,
    tried: u64,
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options, trying, tried, .. } = self;
        let mut shown = f.debug_struct("Discovery");
        shown.field("options", options).field("trying", &trying.len()).field("tried", tried).finish_non_exhaustive()
    }
}

impl Discovery {
    /// Prepares to try these addresses in their order. The first [`Discovery::next`] begins.
    #[must_use]
    pub fn new(
        hosts: impl IntoIterator<Item = ConnectOptions, IntoIter: Send + 'static>,
        options: DiscoverOptions,
    ) -> Self {
        let hosts: Box<dyn Iterator<Item = ConnectOptions> + Send> = Box::new(hosts.into_iter());
        Self {
            hosts: hosts.peekable(),
            options: Arc::new(options),
            trying: JoinSet::new(),
            stopper: Stopper::default(),
            next_at: Instant::now(),
            tried: 0,
        }
    }

    /// Waits for the next terminal, in the order in which they answer. `None` once every address was tried.
    ///
    /// Dropping the future loses nothing. While nobody waits, no further address is tried.
    pub async fn next(&mut self) -> Option<Found> {
        loop {
            let may_begin = self.trying.len() < self.options.at_once.max(1) && self.hosts.peek().is_some();
            if !may_begin && self.trying.is_empty() {
                return None;
            }
            tokio::select! {
                Some(tried) = self.trying.join_next() => if let Some(found) = outcome(tried) {
                    return Some(found);
                },
                () = sleep_until(self.next_at), if may_begin => self.begin(),
            }
        }
    }

    /// Returns the number of addresses that were tried or are being tried.
    #[must_use]
    pub fn tried(&self) -> u64 {
        self.tried
    }

    /// Tries no further address, asks no further question, ends the sessions that are open, and returns the terminals
    /// that answered meanwhile. Never takes longer than 4 s.
    pub async fn stop(mut self) -> Vec<Found> {
        self.stopper.now();
        let mut last = Vec::new();
        while let Some(tried) = self.trying.join_next().await {
            last.extend(outcome(tried));
        }
        last
    }

    fn begin(&mut self) {
        let Some(host) = self.hosts.next() else { return };
        self.trying.spawn(probe(host, Arc::clone(&self.options), self.stopper.stop()));
        self.tried += 1;
        // A late start is not made up for: that would be a burst.
        let gap = Duration::from_secs(1) / self.options.per_second.max(1);
        self.next_at = self.next_at.max(Instant::now()) + gap;
    }
}

fn outcome(tried: Result<Option<Found>, JoinError>) -> Option<Found> {
    match tried {
        Ok(found) => found,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // Nothing cancels a probe alone.
            Err(_) => None,
        },
    }
}

/// Tries one address. `None` if nothing answers there.
async fn probe(host: ConnectOptions, options: Arc<DiscoverOptions>, mut stop: Stop) -> Option<Found> {
    let mut found = Found::at(&host);
    let mut client = match stop.opened(open(&host, &options)).await {
        Ok(client) => client,
        // It was stopped before anything answered.
        Err(ClientError::Unusable) => return None,
        Err(why) if is_nobody(&why) => return None,
        Err(why) => {
            found.obstacle = Some(why);
            return Some(found);
        }
    };
    found.transport = Some(client.transport());
    let asked = timeout(options.answers_within, stop.unless(found.ask(&mut client))).await;
    found.obstacle = match asked {
        Ok(answered) => answered.err(),
        Err(_) => Some(ClientError::Stalled { step: Step::Command(Command::OPTIONS_RRQ), progress: None }),
    };
    client.exit().await;
    Some(found)
}

/// Opens a session: with its own key, else with each of the keys to try.
async fn open(host: &ConnectOptions, options: &DiscoverOptions) -> Result<Client, ClientError> {
    let mut opened = Client::connect(host).await;
    for key in &options.keys {
        if !matches!(opened, Err(ClientError::KeyRequired | ClientError::WrongKey)) {
            break;
        }
        opened = Client::connect(&host.clone().comm_key(*key)).await;
    }
    opened
}

/// Returns true if nothing listens at the address.
fn is_nobody(error: &ClientError) -> bool {
    matches!(error, ClientError::Connect { .. } | ClientError::TimedOut { step: Step::Connecting })
}
