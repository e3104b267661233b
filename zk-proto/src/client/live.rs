//! Live capture: what happens at a terminal, as it happens, for as long as somebody listens.

mod item;
mod options;
mod recent;

use std::boxed::Box;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

pub use item::{Gap, LiveItem};
pub use options::LiveOptions;

use super::{Client, ClientError, ConnectOptions, Step};
use crate::op::{GetTime, Operation};
use crate::record::{EventCode, LiveEvent};
use crate::reply::Reply;
use crate::session::Event;
use crate::{DeviceTime, Packet};
use recent::Recent;

/// Longer than any deadline of a session, which ends the wait for an answer.
const UNTIL_ANSWERED: Duration = Duration::from_secs(3600);

/// Listens to a terminal, over as many connections as it takes.
///
/// It registers for events, takes a repeated one once, asks a quiet terminal whether it is still there, connects again when
/// it is not, and says what may have been missed meanwhile. It spawns nothing: while nobody waits in [`LiveCapture::next`],
/// nothing happens, and the terminal keeps what fits into the line.
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
    /// Events of a packet that held several.
    waiting: VecDeque<LiveEvent>,
    recent: Recent,
    /// Connections in a row that failed, or brought no sign of life.
    failures: usize,
    /// What the terminal's clock showed at its last sign of life.
    last_sign: Option<DeviceTime>,
    lost_at: Option<Instant>,
    /// The caller knows that nobody listens.
    told: bool,
}

type Opening = Pin<Box<dyn Future<Output = Result<(Client, Option<DeviceTime>), ClientError>> + Send>>;

enum State {
    Down(Option<Box<Client>>),
    /// Kept from one call to the next, so that a caller with a timer of its own gets there too.
    Opening(Opening),
    Listening(Listening),
}

/// A session that is registered.
struct Listening {
    client: Box<Client>,
    /// When the terminal was last heard, by the session's clock.
    heard: Duration,
    pinging: bool,
}

/// What came from a terminal that is listened to.
enum Heard {
    Event(Packet),
    Alive(Option<DeviceTime>),
}

impl fmt::Debug for LiveCapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Down(_) => "down",
            State::Opening(_) => "opening",
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
    /// Prepares to listen; the first [`LiveCapture::next`] connects.
    #[must_use]
    pub fn new(connect: ConnectOptions, options: LiveOptions) -> Self {
        Self {
            recent: Recent::new(options.repeat_within),
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

    /// The next event, loss or gap. Each time it begins to listen, a gap comes first: the first one has no beginning.
    ///
    /// A terminal that is lost is tried again and again, after growing pauses. Dropping the future loses nothing.
    ///
    /// # Errors
    /// What trying again does not mend, such as a wrong key. The next call tries again all the same, after its pause.
    pub async fn next(&mut self) -> Result<LiveItem, ClientError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(LiveItem::Event(event));
            }
            match &mut self.state {
                State::Down(old) => {
                    let pause = self.options.pause(self.failures);
                    let opening = open(old.take(), self.connect.clone(), self.options.events, pause);
                    self.state = State::Opening(Box::pin(opening));
                }
                State::Opening(opening) => match opening.as_mut().await {
                    Ok((client, now)) => return Ok(LiveItem::Gap(self.opened(client, now))),
                    Err(why) => {
                        self.state = State::Down(None);
                        self.failures += 1;
                        if !why.is_transient() {
                            return Err(why);
                        }
                        if !std::mem::replace(&mut self.told, true) {
                            return Ok(LiveItem::Lost { why });
                        }
                    }
                },
                State::Listening(listening) => match listening.hear(self.options.ping_every).await {
                    Ok(Heard::Event(packet)) => self.take(&packet),
                    Ok(Heard::Alive(now)) => self.sign_of_life(now),
                    Err(why) => return Ok(self.lost(why)),
                },
            }
        }
    }

    /// The session in hand, while there is one: to pull what was missed without a second connection, which many terminals
    /// refuse. Events that come meanwhile are kept.
    ///
    /// When a call on it fails, or opens a new session, the next [`LiveCapture::next`] tells of a loss and then of a gap.
    pub fn client(&mut self) -> Option<&mut Client> {
        match &mut self.state {
            State::Listening(listening) => {
                listening.pinging = false;
                listening.client.driver.session.abandon();
                Some(&mut listening.client)
            }
            _ => None,
        }
    }

    /// Ends listening and the session with it. Never takes longer than 3 s.
    pub async fn end(self) {
        match self.state {
            State::Listening(listening) => listening.client.exit().await,
            State::Down(Some(client)) => client.exit().await,
            _ => {}
        }
    }

    fn opened(&mut self, client: Client, now: Option<DeviceTime>) -> Gap {
        let heard = client.driver.clock();
        self.state = State::Listening(Listening { client: Box::new(client), heard, pinging: false });
        self.told = false;
        let lasted = self.lost_at.take().map(|at| at.elapsed());
        Gap { from: std::mem::replace(&mut self.last_sign, now), to: now, lasted }
    }

    fn lost(&mut self, why: ClientError) -> LiveItem {
        if let State::Listening(listening) = std::mem::replace(&mut self.state, State::Down(None)) {
            self.state = State::Down(Some(listening.client));
        }
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
        let code = EventCode(packet.session);
        if self.recent.is_repeated(code, &packet.data) {
            return;
        }
        let events = LiveEvent::parse(code, packet.data.clone());
        let told = events.iter().rev().find_map(|event| match event {
            LiveEvent::Punch(punch) => punch.time,
            _ => None,
        });
        self.sign_of_life(told);
        self.waiting.extend(events);
    }
}

impl Listening {
    /// Waits for an event or a sign of life. May be dropped at any point and called again: what is under way is the session's.
    async fn hear(&mut self, ping_every: Duration) -> Result<Heard, ClientError> {
        loop {
            if self.client.in_call || !self.client.bound {
                // Somebody used the client, and the registration went with its session.
                return Err(ClientError::Unusable);
            }
            let driver = &mut self.client.driver;
            let now = driver.clock();
            let quiet_until = self.heard.saturating_add(ping_every);
            if !self.pinging && now >= quiet_until {
                self.pinging = true;
                let now = driver.now();
                driver.session.call(now, &GetTime);
            }
            let until = if self.pinging { now + UNTIL_ANSWERED } else { quiet_until };
            let Some(event) = driver.heard_by(until).await? else { continue };
            self.heard = driver.clock();
            match event {
                Event::Live(packet) => return Ok(Heard::Event(packet)),
                Event::Answer(packet) => {
                    self.pinging = false;
                    let (command, code, field) = (GetTime::COMMAND, packet.command, packet.session);
                    let reply = Reply { command, code, field, data: &packet.data };
                    // A terminal that does not tell its time is there all the same.
                    return Ok(Heard::Alive(GetTime.decode(&reply).ok()));
                }
                Event::Failed(error) => return Err(ClientError::from_proto(Step::Live, error)),
                _ => {}
            }
        }
    }
}

/// Leaves an old session, pauses, and opens one that is registered. Also reads the terminal's clock.
async fn open(
    old: Option<Box<Client>>,
    connect: ConnectOptions,
    events: crate::op::RegisterEvents,
    pause: Duration,
) -> Result<(Client, Option<DeviceTime>), ClientError> {
    if let Some(old) = old {
        old.exit().await;
    }
    sleep(pause).await;
    let mut client = Client::connect(&connect).await?;
    client.call(&events).await?;
    match client.time().await {
        Ok(now) => Ok((client, Some(now))),
        Err(ClientError::Refused { .. }) => Ok((client, None)),
        Err(error) => Err(error),
    }
}
