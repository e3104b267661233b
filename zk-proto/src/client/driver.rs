//! Loops around a session: sends what it wants sent, feeds it what arrives, lets its time pass.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::link::{Link, address};
use super::replay::{Came, Trip};
use super::silence::Silence;
use super::tape::Tape;
use super::trouble::{Trouble, hung_up};
use super::{ClientError, ConnectOptions, Step, Transport};
use crate::session::{Config, Event, Session};
use crate::transcript::Stage;
use crate::{Packet, ProtoError};

/// Live events kept until somebody takes them; older ones give way.
const LIVE_EVENTS: usize = 4096;
/// Longer than any terminal takes, and short enough that no sum of deadlines overflows a clock.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// A session and its carrier.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) session: Session,
    link: Link,
    tape: Tape,
    timeout: Duration,
    live: VecDeque<Packet>,
    pub(super) silence: Silence,
    /// The line broke, or its bytes lost their meaning: nothing can follow.
    broken: bool,
}

impl Driver {
    /// Opens a connection and a session over `transport`, which is not [`Transport::Auto`].
    pub(super) async fn open(options: &ConnectOptions, transport: Transport) -> Result<Self, ClientError> {
        let timeout = options.timeout.min(LONGEST_TIMEOUT);
        let config =
            Config { comm_key: options.comm_key, timeout, limits: options.limits, checksums: options.checksums };
        let datagrams = transport == Transport::Udp;
        let tape = Tape::open(options, datagrams)?;
        let link = Link::open(options, datagrams, timeout, &tape).await?;
        tape.opened();
        let session = if datagrams { Session::datagrams(config) } else { Session::stream(config) };
        let mut driver =
            Self { session, link, tape, timeout, live: VecDeque::new(), silence: Silence::default(), broken: false };
        let now = driver.now();
        driver.session.connect(now);
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
        self.tape.closed();
    }

    /// The time at which the session is given something to do; a recording remembers it.
    pub(super) fn now(&self) -> Duration {
        self.tape.call()
    }

    /// What the time is, for anything else.
    pub(super) fn clock(&self) -> Duration {
        self.tape.clock()
    }

    /// Whether nothing of this is happening now: pauses are left out then.
    pub(super) fn is_replayed(&self) -> bool {
        matches!(self.link, Link::Replay) || matches!(self.tape, Tape::Replaying(_))
    }

    /// A call was given up from outside.
    pub(super) fn cut(&self) {
        self.tape.cut();
    }

    /// The next event that is not a live one.
    pub(super) async fn next(&mut self, step: Step) -> Result<Event, ClientError> {
        let mut now = self.clock();
        self.silence.begin(now);
        loop {
            self.flush(step).await?;
            match self.session.poll_event() {
                Some(Event::Failed(error)) => {
                    if matches!(error, ProtoError::TimedOut { .. }) {
                        self.silence.add(self.silence.lasting(now));
                    }
                    return Err(ClientError::from_proto(step, error));
                }
                Some(Event::Live(packet)) => self.keep(packet),
                Some(event @ (Event::Data { .. } | Event::Finished)) => return Ok(event),
                Some(event) => {
                    // That it answers says nothing yet: its next answer may be the one that does not come.
                    self.silence.keep();
                    return Ok(event);
                }
                None => {
                    let until = self.silence.until(self.timeout);
                    if now >= until {
                        self.session.abandon();
                        self.silence.add(self.silence.lasting(until));
                        return Err(ClientError::Stalled { step, progress: None });
                    }
                    let deadline = self.session.poll_timeout().map(|at| at.min(until));
                    now = self.wait(deadline, step).await?;
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
            // Even when that is past, what is already here counts.
            let deadline = self.session.poll_timeout().map_or(until, |at| at.min(until));
            over = self.wait(Some(deadline), step).await? >= until;
        }
    }

    /// Sends all that the session wants sent, after what a call that was dropped left of a packet.
    pub(super) async fn flush(&mut self, step: Step) -> Result<(), ClientError> {
        let deadline = Instant::now() + self.timeout;
        let mut packet = None;
        loop {
            match self.tape.sent(packet.as_ref()) {
                Some(played) => played.map_err(|trip| self.fail(trip.into(), step))?,
                None => match timeout_at(deadline, self.link.send(packet)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(source)) => {
                        self.tape.failed(Stage::Send, Some(&source));
                        return Err(self.fail(Trouble::Line(source), step));
                    }
                    Err(_) => {
                        self.tape.failed(Stage::Send, None);
                        return Err(self.fail(Trouble::TooLate, step));
                    }
                },
            }
            packet = self.session.poll_transmit();
            if packet.is_none() {
                return Ok(());
            }
        }
    }

    fn fail(&mut self, trouble: Trouble, step: Step) -> ClientError {
        self.broken = true;
        trouble.at(step)
    }

    /// Waits for bytes until `deadline`, and tells the session which of the two came. Returns when that was.
    async fn wait(&mut self, deadline: Option<Duration>, step: Step) -> Result<Duration, ClientError> {
        if let Some(played) = self.tape.played() {
            return self.replay(played, step);
        }
        // A session with a request in hand always has a deadline; without one there is nothing to wait for.
        let deadline = self.tape.instant(deadline.unwrap_or_else(|| self.clock()));
        let outcome = match (&mut self.link, self.session.receive_buffer()) {
            (Link::Tcp(tcp), Some(buffer)) => {
                let before = buffer.len();
                let received = timeout_at(deadline, tcp.receive(buffer)).await;
                let fresh = buffer.get(before..).unwrap_or_default();
                let received = received.map(|received| received.map(|()| self.tape.received(fresh)));
                received.map(|received| {
                    let now = received.map_err(Trouble::Line)?;
                    self.silence.hear(now, self.timeout);
                    self.session.handle_received(now).map_err(Trouble::Bytes)?;
                    Ok(now)
                })
            }
            (Link::Udp(udp), _) => timeout_at(deadline, udp.receive()).await.map(|received| {
                let bytes = received.map_err(Trouble::Line)?;
                let now = self.tape.received(bytes);
                self.silence.hear(now, self.timeout);
                self.session.handle_input(now, bytes).map_err(Trouble::Bytes)?;
                Ok(now)
            }),
            // A session over TCP has a receive buffer, `open` made the two together: nothing but a closed link is left.
            (Link::Tcp(_) | Link::Replay | Link::Closed, _) => {
                Ok(Err(Trouble::Line(io::ErrorKind::NotConnected.into())))
            }
        };
        match outcome {
            Ok(Ok(now)) => Ok(now),
            Ok(Err(trouble)) => {
                if let Trouble::Line(error) = &trouble {
                    self.tape.failed(Stage::Receive, Some(error));
                }
                Err(self.fail(trouble, step))
            }
            Err(_) => {
                let now = self.tape.idle();
                self.session.handle_timeout(now);
                Ok(now)
            }
        }
    }

    /// As [`Driver::wait`], where a transcript says what came.
    fn replay(&mut self, played: Result<Came, Trip>, step: Step) -> Result<Duration, ClientError> {
        if matches!(self.link, Link::Closed) {
            return Err(self.fail(Trouble::Line(io::ErrorKind::NotConnected.into()), step));
        }
        match played.map_err(|trip| self.fail(trip.into(), step))? {
            Came::Bytes(now, bytes) => {
                self.silence.hear(now, self.timeout);
                let taken = self.session.handle_input(now, &bytes);
                taken.map_err(|error| self.fail(Trouble::Bytes(error), step))?;
                Ok(now)
            }
            Came::Idle(now) => {
                self.session.handle_timeout(now);
                Ok(now)
            }
            Came::Cut => Err(ClientError::TimedOut { step }),
        }
    }

    fn keep(&mut self, packet: Packet) {
        if self.live.len() == LIVE_EVENTS {
            self.live.pop_front();
        }
        self.live.push_back(packet);
    }
}
