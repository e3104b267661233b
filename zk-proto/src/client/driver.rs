//! Loops around a session: sends what it wants sent, feeds it what arrives, lets its time pass.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout_at};

use super::tcp::Tcp;
use super::udp::Udp;
use super::{ClientError, ConnectOptions, Step, Transport};
use crate::session::{Config, Event, Session};
use crate::{Packet, ProtoError};

/// Live events kept until somebody takes them; older ones give way.
const LIVE_EVENTS: usize = 4096;
/// Longer than any terminal takes, and short enough that no sum of deadlines overflows a clock.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

#[derive(Debug)]
enum Link {
    Tcp(Tcp),
    Udp(Udp),
    /// Given up.
    Closed,
}

/// A session and its carrier.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) session: Session,
    link: Link,
    origin: Instant,
    timeout: Duration,
    live: VecDeque<Packet>,
    /// The line broke, or its bytes lost their meaning: nothing can follow.
    broken: bool,
}

impl Driver {
    /// Opens a connection and a session over `transport`, which is not [`Transport::Auto`].
    pub(super) async fn open(options: &ConnectOptions, transport: Transport) -> Result<Self, ClientError> {
        let timeout = options.timeout.min(LONGEST_TIMEOUT);
        let config =
            Config { comm_key: options.comm_key, timeout, limits: options.limits, checksums: options.checksums };
        let deadline = Instant::now() + timeout;
        let addresses = resolve(options, deadline).await?;
        let connected = timeout_at(deadline, async {
            match transport {
                Transport::Udp => Udp::connect(&addresses).await.map(Link::Udp),
                _ => Tcp::connect(&addresses).await.map(Link::Tcp),
            }
        });
        let link = match connected.await {
            Ok(Ok(link)) => link,
            Ok(Err(source)) => return Err(ClientError::Connect { address: address(options), source }),
            Err(_) => return Err(ClientError::TimedOut { step: Step::Connecting }),
        };
        let session = match link {
            Link::Tcp(_) => Session::stream(config),
            Link::Udp(_) | Link::Closed => Session::datagrams(config),
        };
        let mut driver = Self { session, link, origin: Instant::now(), timeout, live: VecDeque::new(), broken: false };
        driver.session.connect(driver.now());
        match driver.next(Step::Handshake).await {
            Ok(_) => Ok(driver),
            Err(ClientError::Broken { source, .. }) if hung_up(&source) => {
                Err(ClientError::Busy { address: address(options) })
            }
            // That is how a closed UDP port shows.
            Err(ClientError::Broken { source, .. }) if source.kind() == io::ErrorKind::ConnectionRefused => {
                Err(ClientError::Connect { address: address(options), source })
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Closes the connection, so that a terminal with a single session can take the next one.
    pub(super) fn close(&mut self) {
        self.link = Link::Closed;
        self.broken = true;
    }

    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The next event that is not a live one.
    pub(super) async fn next(&mut self, step: Step) -> Result<Event, ClientError> {
        loop {
            self.flush(step).await?;
            match self.session.poll_event() {
                Some(Event::Failed(error)) => return Err(ClientError::from_proto(step, error)),
                Some(Event::Live(packet)) => self.keep(packet),
                Some(event) => return Ok(event),
                None => {
                    let deadline = self.session.poll_timeout();
                    self.wait(deadline, step).await?;
                }
            }
        }
    }

    /// The next live event, or `None` when none came before `within` was over.
    pub(super) async fn next_live(&mut self, within: Duration) -> Result<Option<Packet>, ClientError> {
        let until = self.now() + within.min(LONGEST_TIMEOUT);
        loop {
            match self.heard_by(until).await? {
                Some(Event::Live(packet)) => return Ok(Some(packet)),
                // A late answer that nobody waits for.
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next event of any kind, or `None` when there was none before `until`. Dropping the future loses nothing.
    pub(super) async fn heard_by(&mut self, until: Duration) -> Result<Option<Event>, ClientError> {
        let step = Step::Live;
        let mut over = false;
        loop {
            // First the acknowledgements: an event that is taken out must not meet an await any more.
            self.flush(step).await?;
            if let Some(packet) = self.live.pop_front() {
                return Ok(Some(Event::Live(packet)));
            }
            if let Some(event) = self.session.poll_event() {
                return Ok(Some(event));
            }
            if over {
                return Ok(None);
            }
            // Once more after that: what is already here counts.
            over = self.now() >= until;
            let deadline = self.session.poll_timeout().map_or(until, |at| at.min(until));
            self.wait(Some(deadline), step).await?;
        }
    }

    /// Sends all that the session wants sent, after what a call that was dropped left of a packet.
    async fn flush(&mut self, step: Step) -> Result<(), ClientError> {
        let deadline = Instant::now() + self.timeout;
        let mut packet = None;
        loop {
            match timeout_at(deadline, self.link.send(packet)).await {
                Ok(Ok(())) => {}
                Ok(Err(source)) => return Err(self.fail(Trouble::Line(source), step)),
                Err(_) => {
                    self.broken = true;
                    return Err(ClientError::TimedOut { step });
                }
            }
            packet = self.session.poll_transmit();
            if packet.is_none() {
                return Ok(());
            }
        }
    }

    fn fail(&mut self, trouble: Trouble, step: Step) -> ClientError {
        self.broken = true;
        match trouble {
            Trouble::Line(source) => ClientError::Broken { step, source },
            Trouble::Bytes(error) => ClientError::from_proto(step, error),
        }
    }

    /// Waits for bytes until `deadline`, and tells the session which of the two came.
    async fn wait(&mut self, deadline: Option<Duration>, step: Step) -> Result<(), ClientError> {
        // A session with a request in hand always has a deadline; without one there is nothing to wait for.
        let deadline = self.origin + deadline.unwrap_or_else(|| self.now());
        let outcome = match (&mut self.link, self.session.receive_buffer()) {
            (Link::Tcp(tcp), Some(buffer)) => timeout_at(deadline, tcp.receive(buffer)).await.map(|received| {
                received.map_err(Trouble::Line)?;
                self.session.handle_received(self.origin.elapsed()).map_err(Trouble::Bytes)
            }),
            (Link::Udp(udp), _) => timeout_at(deadline, udp.receive()).await.map(|received| {
                let bytes = received.map_err(Trouble::Line)?;
                self.session.handle_input(self.origin.elapsed(), bytes).map_err(Trouble::Bytes)
            }),
            // A session over TCP has a receive buffer, `open` made the two together: nothing but a closed link is left.
            (Link::Tcp(_) | Link::Closed, _) => Ok(Err(Trouble::Line(io::ErrorKind::NotConnected.into()))),
        };
        match outcome {
            Ok(outcome) => outcome.map_err(|trouble| self.fail(trouble, step)),
            Err(_) => {
                self.session.handle_timeout(self.origin.elapsed());
                Ok(())
            }
        }
    }

    fn keep(&mut self, packet: Packet) {
        if self.live.len() == LIVE_EVENTS {
            self.live.pop_front();
        }
        self.live.push_back(packet);
    }
}

impl Link {
    async fn send(&mut self, packet: Option<Bytes>) -> io::Result<()> {
        match (self, packet) {
            (Self::Tcp(tcp), packet) => tcp.send(packet).await,
            (Self::Udp(udp), Some(packet)) => udp.send(&packet).await,
            (Self::Udp(_), None) => Ok(()),
            (Self::Closed, _) => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// What a wait can end with, before anybody said what it was for.
enum Trouble {
    Line(io::Error),
    Bytes(ProtoError),
}

fn address(options: &ConnectOptions) -> String {
    format!("{}:{}", options.host, options.port)
}

async fn resolve(options: &ConnectOptions, deadline: Instant) -> Result<Vec<SocketAddr>, ClientError> {
    match timeout_at(deadline, lookup_host((options.host.as_str(), options.port))).await {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(source)) => Err(ClientError::Resolve { host: options.host.clone(), source }),
        Err(_) => Err(ClientError::TimedOut { step: Step::Connecting }),
    }
}

/// How a terminal with a single session turns a second client away.
fn hung_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}
