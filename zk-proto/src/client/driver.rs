//! The loop around a session: sends its packets, feeds it what arrives, and tells it the time.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::carrier::{Carrier, Divergence, Input, LineError, OpenError, Target};
use super::error::hung_up;
use super::settings::settings;
use super::silence::Silence;
use super::{ClientError, ConnectOptions, Step, Transport};
use crate::session::{Config, Event, Session};
use crate::transcript::Stage;
use crate::{Packet, ProtoError};

/// Live events that are kept until the caller takes them. Past that, the oldest are dropped.
const LIVE_EVENTS: usize = 4096;
/// Longer than any terminal needs, and short enough that no sum of deadlines overflows a clock.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// A session and its carrier.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) session: Session,
    carrier: Carrier,
    timeout: Duration,
    live: VecDeque<Packet>,
    pub(super) silence: Silence,
    /// The connection broke, or its bytes lost their framing: nothing can follow.
    broken: bool,
}

impl Driver {
    /// Opens a connection and a session over `transport`, which is not [`Transport::Auto`].
    pub(super) async fn open(options: &ConnectOptions, transport: Transport) -> Result<Self, ClientError> {
        let timeout = options.timeout.min(LONGEST_TIMEOUT);
        let config =
            Config { comm_key: options.comm_key, timeout, limits: options.limits, checksums: options.checksums };
        let datagrams = transport == Transport::Udp;
        let target = Target { host: &options.host, port: options.port, datagrams, timeout };
        let opened = options.route.open(target, || settings(options)).await;
        let carrier = opened.map_err(|failed| not_opened(failed, options))?;
        let session = if datagrams { Session::datagrams(config) } else { Session::stream(config) };
        let mut driver =
            Self { session, carrier, timeout, live: VecDeque::new(), silence: Silence::default(), broken: false };
        let now = driver.now();
        driver.session.connect(now);
        match driver.next(Step::Handshake).await {
            Ok(_) => Ok(driver),
            Err(ClientError::Broken { source, .. }) if hung_up(&source) => {
                Err(ClientError::Busy { address: options.address() })
            }
            // A closed UDP port is reported this way.
            Err(ClientError::Broken { source, .. }) if source.kind() == io::ErrorKind::ConnectionRefused => {
                Err(ClientError::Connect { address: options.address(), source })
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Closes the connection, so that a terminal with a single session can take the next one.
    pub(super) fn close(&mut self) {
        self.broken = true;
        self.carrier.close();
    }

    /// The time at which the session is given something to do; a recording remembers it.
    pub(super) fn now(&self) -> Duration {
        self.carrier.call()
    }

    /// The time, for any other purpose.
    pub(super) fn clock(&self) -> Duration {
        self.carrier.clock()
    }

    /// Lets some time pass; none in a replay.
    pub(super) async fn pause(&self, time: Duration) {
        self.carrier.pause(time).await;
    }

    /// Notes that the caller gave a call up.
    pub(super) fn cut(&self) {
        self.carrier.cut();
    }

    /// Notes that a pull was given up at its deadline.
    pub(super) fn overdue(&self) {
        self.carrier.overdue();
    }

    /// Waits for the next event that is not a live one.
    pub(super) async fn next(&mut self, step: Step) -> Result<Event, ClientError> {
        let mut now = self.clock();
        self.silence.begin(now);
        loop {
            self.flush(step).await?;
            match self.session.poll_event() {
                Some(Event::Failed(error)) => {
                    match error {
                        // A terminal that sends anything but the answer, or always the same part of it, is no better
                        // than one that sends nothing.
                        ProtoError::TimedOut { .. } => {
                            self.silence.add(self.silence.lasting(now).max(self.session.fruitless(now)));
                        }
                        ProtoError::Incomplete { .. } => self.silence.waste(self.session.fruitless(now)),
                        _ => {}
                    }
                    return Err(ClientError::from_proto(step, error));
                }
                Some(Event::Live(packet)) => self.keep(packet),
                Some(event @ (Event::Data { .. } | Event::Finished)) => return Ok(event),
                Some(event) => {
                    // An answer alone is no progress: the next one may never come.
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

    /// Waits for the next live event. `None` when none came `within` that time.
    pub(super) async fn next_live(&mut self, within: Duration) -> Result<Option<Packet>, ClientError> {
        let until = self.now() + within.min(LONGEST_TIMEOUT);
        loop {
            match self.heard_by(until).await? {
                Some(Event::Live(packet)) => return Ok(Some(packet)),
                // A late answer to an abandoned request.
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// Waits for the next event of any kind. `None` when none came before `until`. Dropping the future loses nothing.
    pub(super) async fn heard_by(&mut self, until: Duration) -> Result<Option<Event>, ClientError> {
        let step = Step::Live;
        let mut over = false;
        loop {
            // Acknowledgements first: once an event is taken out, no await may follow.
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
            // Bytes that have already arrived count even after the deadline.
            let deadline = self.session.poll_timeout().map_or(until, |at| at.min(until));
            over = self.wait(Some(deadline), step).await? >= until;
        }
    }

    /// Sends all packets of the session, after the rest of a packet that a dropped call left half-sent.
    pub(super) async fn flush(&mut self, step: Step) -> Result<(), ClientError> {
        let deadline = self.carrier.clock() + self.timeout;
        let mut packet = None;
        loop {
            let sent = self.carrier.send(packet, deadline).await;
            sent.map_err(|error| self.fail(error, step))?;
            packet = self.session.poll_transmit();
            if packet.is_none() {
                return Ok(());
            }
        }
    }

    fn fail(&mut self, error: LineError, step: Step) -> ClientError {
        self.broken = true;
        match error {
            LineError::Io(source) => ClientError::Broken { step, source },
            LineError::TooLate | LineError::Overdue => ClientError::TimedOut { step },
            LineError::Diverged(error) => diverged(error),
        }
    }

    /// Waits for bytes until `deadline` and hands them, or the timeout, to the session. Returns the time.
    async fn wait(&mut self, deadline: Option<Duration>, step: Step) -> Result<Duration, ClientError> {
        // A session with a request in hand always has a deadline; without one there is nothing to wait for.
        let deadline = deadline.unwrap_or_else(|| self.carrier.clock());
        let (now, taken) = match self.carrier.receive(self.session.receive_buffer(), deadline).await {
            Ok(Input::Stream(now)) => {
                self.silence.hear(now, self.timeout);
                (now, self.session.handle_received(now))
            }
            Ok(Input::Datagram(now, bytes)) => {
                self.silence.hear(now, self.timeout);
                (now, self.session.handle_input(now, bytes))
            }
            Ok(Input::Idle(now)) => {
                self.session.handle_timeout(now);
                return Ok(now);
            }
            Ok(Input::Cut) => return Err(ClientError::TimedOut { step }),
            Err(error) => return Err(self.fail(error, step)),
        };
        match taken {
            Ok(()) => Ok(now),
            Err(error) => {
                self.broken = true;
                Err(ClientError::from_proto(step, error))
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

fn not_opened(failed: OpenError, options: &ConnectOptions) -> ClientError {
    match (failed.stage, failed.error) {
        (Stage::Resolve, LineError::Io(source)) => ClientError::Resolve { host: options.host.clone(), source },
        (_, LineError::Io(source)) => ClientError::Connect { address: options.address(), source },
        (_, LineError::TooLate | LineError::Overdue) => ClientError::TimedOut { step: Step::Connecting },
        (_, LineError::Diverged(error)) => diverged(error),
    }
}

fn diverged(Divergence { entry, wanted, found }: Divergence) -> ClientError {
    ClientError::Replay { entry, wanted, found }
}
