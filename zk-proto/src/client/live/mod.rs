//! Live capture: the events of a terminal as they happen, for as long as the caller listens.

mod item;
mod listening;
mod options;
mod recent;
mod rest;

use std::boxed::Box;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use tokio::time::Instant;

pub use item::{Gap, LiveItem};
pub use options::LiveOptions;
pub use rest::SessionRest;

use super::stop::Stopper;
use super::{Client, ClientError, ConnectOptions};
use crate::record::{EventCode, LiveEvent};
use crate::{DeviceTime, Packet};
use listening::{Heard, Listening, open, part};
use recent::Recent;

/// Listens to a terminal, over as many connections as it takes.
///
/// It registers for events, drops repeated ones, probes a quiet terminal, reconnects when the connection is lost, and
/// reports the gap in which events may have been missed. It spawns no task: events are only received while the caller
/// waits in [`LiveCapture::next`]. Until then the connection buffers what it can.
///
/// ```no_run
/// use zk_proto::ConnectOptions;
/// use zk_proto::client::{LiveCapture, LiveItem, LiveOptions};
///
/// # async fn listen() -> Result<(), zk_proto::ClientError> {
/// let mut capture = LiveCapture::new(ConnectOptions::new("192.0.2.10"), LiveOptions::default());
/// loop {
///     match capture.next().await? {
///         LiveItem::Event(event) => println!("{event:?}"),
///         LiveItem::Lost { why } => eprintln!("not heard any more: {why}"),
///         // Pull the log's tail to close it, on the same session: `capture.client()`.
///         LiveItem::Gap(gap) => eprintln!("not heard from {:?} to {:?}", gap.from, gap.to),
///         _ => {}
///     }
/// }
/// # }
/// ```
pub struct LiveCapture {
    connect: ConnectOptions,
    options: LiveOptions,
    state: State,
    /// Further events of a packet that held several.
    waiting: VecDeque<LiveEvent>,
    recent: Recent,
    /// Consecutive connections that failed or brought no sign of life.
    failures: usize,
    /// The terminal's clock at its last sign of life.
    last_sign: Option<DeviceTime>,
    lost_at: Option<Instant>,
    /// The loss was already reported to the caller.
    told: bool,
    rest: SessionRest,
}

type Parting = Pin<Box<dyn Future<Output = Option<Box<Client>>> + Send>>;
type Opening = Pin<Box<dyn Future<Output = Result<(Client, Option<DeviceTime>), ClientError>> + Send>>;

enum State {
    Down(Option<Box<Client>>),
    /// The old session ends, and a pause follows. Kept between calls, so that a caller with its own timer makes
    /// progress too.
    Parting(Parting),
    Opening(Opening, Stopper),
    Listening(Listening),
}

impl fmt::Debug for LiveCapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Down(_) => "down",
            State::Parting(_) => "parting",
            State::Opening(..) => "opening",
            State::Listening(_) => "listening",
        };
        let Self { connect, options, failures, last_sign, .. } = self;
        f.debug_struct("LiveCapture")
            .field("connect", connect)
            .field("options", options)
            .field("state", &state)
            .field("failures", failures)
            .field("last_sign", last_sign)
            .finish_non_exhaustive()
    }
}

impl LiveCapture {
    /// Prepares to listen. The first [`LiveCapture::next`] connects.
    #[must_use]
    pub fn new(connect: ConnectOptions, options: LiveOptions) -> Self {
        Self {
            recent: Recent::new(options.repeat_within),
            rest: options.rest,
            connect,
            options,
            state: State::Down(None),
            waiting: VecDeque::new(),
            failures: 0,
            last_sign: None,
            lost_at: None,
            told: false,
        }
    }

    /// Waits for the next event, loss or gap. Each time listening begins, a gap comes first; the first one has no
    /// start.
    ///
    /// A lost terminal is retried forever, after growing pauses. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Errors that a retry does not fix, such as a wrong key. The next call still retries, after its pause.
    pub async fn next(&mut self) -> Result<LiveItem, ClientError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(LiveItem::Event(event));
            }
            match &mut self.state {
                State::Down(old) => {
                    let pause = self.options.pause(self.failures).max(self.rest.left());
                    self.state = State::Parting(Box::pin(part(old.take(), self.options.events, pause)));
                }
                State::Parting(parting) => {
                    let renewed = parting.as_mut().await;
                    let stopper = Stopper::default();
                    let opening = open(renewed, self.connect.clone(), self.options.events, stopper.stop());
                    self.state = State::Opening(Box::pin(opening), stopper);
                }
                State::Opening(opening, _) => match opening.as_mut().await {
                    Ok((client, now)) => return Ok(LiveItem::Gap(self.opened(client, now))),
                    Err(why) => {
                        self.state = State::Down(None);
                        self.failures += 1;
                        self.rest.failed(&why);
                        if !why.is_transient() {
                            return Err(why);
                        }
                        if !std::mem::replace(&mut self.told, true) {
                            return Ok(LiveItem::Lost { why });
                        }
                    }
                },
                State::Listening(listening) => match listening.hear(&self.options).await {
                    Ok(Heard::Event(packet)) => self.take(&packet),
                    Ok(Heard::Alive(now)) => self.sign_of_life(now),
                    Err(why) => return Ok(self.lost(why)),
                },
            }
        }
    }

    /// Returns the current session, if there is one, to pull what was missed without a second connection, which many
    /// terminals refuse. Events that arrive meanwhile are kept.
    ///
    /// If a call on it fails, or opens a new session, the next [`LiveCapture::next`] reports a loss and then a gap. A
    /// new session that is sound is registered and kept.
    pub fn client(&mut self) -> Option<&mut Client> {
        match &mut self.state {
            State::Listening(listening) => {
                (listening.pinging, listening.lent) = (false, true);
                listening.client.driver.session.abandon();
                Some(&mut listening.client)
            }
            _ => None,
        }
    }

    /// Returns true if there is a session that is registered. A call on it that opened another one has ended that.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        matches!(&self.state, State::Listening(listening) if listening.client.bound && !listening.client.in_call)
    }

    /// The rest that the terminal needs between two sessions, as far as it is known.
    #[must_use]
    pub fn rest(&self) -> SessionRest {
        self.rest
    }

    /// Stops listening and ends the session, also one that is just being opened. Never takes longer than 4 s.
    pub async fn end(self) {
        match self.state {
            State::Opening(opening, stopper) => {
                stopper.now();
                if let Ok((client, _)) = opening.await {
                    client.exit().await;
                }
            }
            State::Listening(listening) => listening.client.exit().await,
            State::Down(Some(client)) => client.exit().await,
            _ => {}
        }
    }

    fn opened(&mut self, client: Client, now: Option<DeviceTime>) -> Gap {
        let heard = client.driver.clock();
        self.state = State::Listening(Listening { client: Box::new(client), heard, pinging: false, lent: false });
        self.rest.began();
        self.told = false;
        let lasted = self.lost_at.take().map(|at| at.elapsed());
        Gap { from: std::mem::replace(&mut self.last_sign, now), to: now, lasted }
    }

    fn lost(&mut self, why: ClientError) -> LiveItem {
        if let State::Listening(listening) = std::mem::replace(&mut self.state, State::Down(None)) {
            self.state = State::Down(Some(listening.client));
        }
        self.rest.ended();
        self.failures += 1;
        self.told = true;
        self.lost_at = Some(Instant::now());
        LiveItem::Lost { why }
    }

    fn sign_of_life(&mut self, now: Option<DeviceTime>) {
        self.failures = 0;
        self.last_sign = now.or(self.last_sign);
    }

    fn take(&mut self, packet: &Packet) {
        let code = EventCode(packet.session.0);
        let events = LiveEvent::parse(code, packet.data.clone());
        // Without a time, two punches may well be equal.
        let is_dated = |event: &LiveEvent| match event {
            LiveEvent::Punch(punch) => punch.time.is_some(),
            LiveEvent::Enrolled(_) => true,
            _ => false,
        };
        if events.iter().all(is_dated) && self.recent.is_repeated(code, &packet.data) {
            return;
        }
        let told = events.iter().rev().find_map(|event| match event {
            LiveEvent::Punch(punch) => punch.time,
            _ => None,
        });
        self.sign_of_life(told);
        self.waiting.extend(events);
    }
}
