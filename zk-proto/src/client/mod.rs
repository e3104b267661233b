//! A tokio client: [`Session`](crate::Session) with sockets and a clock around it, nothing else.
//!
//! Every wait has a deadline. A call whose future is dropped half-way leaves the client unusable until
//! [`Client::abort`] or [`Client::reconnect`], never out of step.

mod backup;
mod control;
mod driver;
mod enrol;
mod error;
mod guard;
mod live;
mod options;
mod pull;
mod recorder;
mod replay;
mod tables;
mod tape;
mod tcp;
mod templates;
mod udp;
mod users;

use std::ops::Range;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

pub use backup::{Backup, Restored};
pub use enrol::EnrolError;
pub use error::{ClientError, Step};
pub use guard::Disabled;
pub use live::{Gap, LiveCapture, LiveItem, LiveOptions};
pub use options::{ConnectOptions, DEFAULT_PORT, Transport};
pub use pull::{DEFAULT_OVERLAP, Progress, Pull, PullError, PullRequest, Pulled, pull, pull_users};
pub use recorder::Recorder;
pub use replay::Replay;
pub use users::{UserError, Users};

use crate::op::{EnableDevice, FreeData, GetFreeSizes, GetTime, GetVersion, Operation, ReadOption, RefreshData};
use crate::reply::Reply;
use crate::session::{ChecksumPolicy, Event, Statistics};
use crate::{Command, Dataset, DeviceTime, FreeSizes, Identity, Packet, Prepared};
use driver::Driver;
use guard::Lockout;

/// Ending a session never takes longer.
const EXIT_WITHIN: Duration = Duration::from_secs(3);

/// A session with a terminal.
#[derive(Debug)]
pub struct Client {
    options: ConnectOptions,
    /// The carrier that worked.
    transport: Transport,
    driver: Driver,
    /// Set while a call is in hand, so that one that was dropped half-way is noticed.
    in_call: bool,
    /// Whether the terminal may hold a buffer for us.
    holds_buffer: bool,
    /// Whether something was written that the terminal was not told to take over.
    stale: bool,
    lockout: Lockout,
    /// Whether the session has a state at the terminal that a new one would lack.
    bound: bool,
}

impl Client {
    /// Connects, and opens a session with the comm key where the terminal demands one.
    ///
    /// # Errors
    /// When there is no terminal, it is busy, refuses the key, or speaks another protocol.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ClientError> {
        let (driver, transport) = match options.transport {
            Transport::Auto => match Driver::open(options, Transport::Tcp).await {
                Ok(driver) => (driver, Transport::Tcp),
                Err(error) if speaks_no_tcp(&error) => match Driver::open(options, Transport::Udp).await {
                    Ok(driver) => (driver, Transport::Udp),
                    // That nothing answered over UDP either tells less than why TCP failed.
                    Err(ClientError::TimedOut { .. } | ClientError::Broken { .. } | ClientError::Connect { .. }) => {
                        return Err(error);
                    }
                    Err(error) => return Err(error),
                },
                Err(error) => return Err(error),
            },
            transport => (Driver::open(options, transport).await?, transport),
        };
        Ok(Self {
            options: options.clone(),
            transport,
            driver,
            in_call: false,
            holds_buffer: false,
            bound: false,
            stale: false,
            lockout: Lockout::None,
        })
    }

    /// Leaves the session, however broken, and opens a fresh one with the same options over the same carrier. A terminal that this
    /// client left disabled is enabled, see [`Client::while_disabled`].
    ///
    /// # Errors
    /// As [`Client::connect`]; the client stays unusable then, and this may be tried again.
    pub async fn reconnect(&mut self) -> Result<(), ClientError> {
        self.leave().await;
        self.in_call = true;
        let mut driver = Driver::open(&self.options, self.transport).await?;
        driver.session.adapt_from(&self.driver.session);
        self.driver = driver;
        (self.in_call, self.holds_buffer, self.bound) = (false, false, false);
        self.renew_lockout().await
    }

    /// Makes the client usable again after a call whose future was dropped half-way, and frees what the terminal holds for it. A
    /// terminal that this client left disabled is enabled.
    ///
    /// The session stays where it can, for late answers are known by their reply ids: that is one exchange instead of a new
    /// connection, and live events stay registered. Where the line is lost, or the terminal does not answer, a new session is
    /// opened as by [`Client::reconnect`].
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn patient(client: &mut zk_proto::Client) -> Result<(), zk_proto::ClientError> {
    /// if tokio::time::timeout(Duration::from_secs(30), client.users()).await.is_err() {
    ///     client.abort().await?;
    ///     println!("too many users for now, but it is {}", client.time().await?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::connect`]; the client stays unusable then.
    pub async fn abort(&mut self) -> Result<(), ClientError> {
        if !self.driver.is_broken() {
            self.driver.session.abandon();
            self.in_call = false;
            if !self.holds_buffer || self.free_data().await.is_ok() {
                return self.settle_lockout().await;
            }
        }
        self.reconnect().await
    }

    /// Asks the terminal for a sign of life, and says how long that took. Any answer counts, a refusal too.
    ///
    /// A line can be dead without a sign: a terminal that lost its power, a cable that was pulled. This ends `within` the time
    /// given, or earlier after the time-out of the options; the client is unusable after an error.
    ///
    /// # Errors
    /// [`ClientError::TimedOut`] when nothing came, or why the line broke.
    pub async fn probe(&mut self, within: Duration) -> Result<Duration, ClientError> {
        let begun = tokio::time::Instant::now();
        let outcome = match timeout(within, self.call_once(&GetTime)).await {
            Ok(outcome) => outcome.map(drop),
            Err(_) => {
                self.driver.cut();
                Err(ClientError::TimedOut { step: Step::Command(Command::GET_TIME) })
            }
        };
        match outcome {
            Ok(()) | Err(ClientError::Refused { .. }) => Ok(begun.elapsed()),
            Err(error) => {
                self.in_call = true;
                Err(error)
            }
        }
    }

    /// The carrier in use: TCP or UDP.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The options that the client was made with.
    #[must_use]
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// What this session saw beside its answers: stale packets, wrong checksums, surplus bytes.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.driver.session.statistics()
    }

    /// Changes what becomes of data with a wrong checksum, for this session and those after a reconnect.
    pub fn set_checksum_policy(&mut self, policy: ChecksumPolicy) {
        self.options.checksums = policy;
        self.driver.session.set_checksum_policy(policy);
    }

    /// Sends an operation and reads its answer.
    ///
    /// A terminal that forgot the session, or whose key was changed, answers with a demand for the key and does nothing. Then
    /// a new session is opened with the key and the operation sent once more, unless the old one had a state that would be
    /// missed without a word: registered events, a transfer buffer, a running enrolment.
    ///
    /// # Errors
    /// When the terminal refuses, does not answer, or the line breaks. [`ClientError::SessionLost`] when it demands the key
    /// again and the caller has to [`reconnect`](Client::reconnect), or demands it on the new session too.
    pub async fn call<O: Operation>(&mut self, operation: &O) -> Result<O::Answer, ClientError> {
        match self.call_once(operation).await {
            Err(ClientError::SessionLost) if !self.bound && !self.holds_buffer => {
                self.reconnect().await?;
                self.call_once(operation).await
            }
            outcome => outcome,
        }
    }

    async fn call_once<O: Operation>(&mut self, operation: &O) -> Result<O::Answer, ClientError> {
        let step = Step::Command(O::COMMAND);
        self.enter()?;
        self.bound |= binds_session(O::COMMAND);
        let now = self.driver.now();
        self.driver.session.call(now, operation);
        let event = self.driver.next(step).await;
        self.settle(&event);
        match event? {
            Event::Answer(packet) => {
                let reply =
                    Reply { command: O::COMMAND, code: packet.command, field: packet.session, data: &packet.data };
                operation.decode(&reply).map_err(|error| ClientError::from_proto(step, error))
            }
            _ => Err(ClientError::Unusable),
        }
    }

    /// Reads who the terminal says it is. What it refuses to tell is `None`.
    ///
    /// # Errors
    /// When the line breaks or the terminal stops answering.
    pub async fn identity(&mut self) -> Result<Identity, ClientError> {
        let firmware = match self.call(&GetVersion).await {
            Ok(version) => Some(version),
            Err(ClientError::Refused { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Identity {
            serial: self.option("~SerialNumber").await?,
            firmware: firmware.filter(|version| !version.is_empty()),
            platform: self.option("~Platform").await?,
            device_name: self.option("~DeviceName").await?,
            mac: self.option("MAC").await?,
        })
    }

    /// Reads one option, in the code page of the options; `None` when the terminal has none of this name, refuses it, or it is empty.
    ///
    /// # Errors
    /// When the line breaks or the terminal stops answering.
    pub async fn option(&mut self, name: &str) -> Result<Option<String>, ClientError> {
        match self.call(&ReadOption(name)).await {
            Ok(value) => Ok(value.map(|value| value.text(self.options.encoding)).filter(|value| !value.is_empty())),
            Err(ClientError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads counts and capacities.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn free_sizes(&mut self) -> Result<FreeSizes, ClientError> {
        self.call(&GetFreeSizes).await
    }

    /// Reads the terminal's clock.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn time(&mut self) -> Result<DeviceTime, ClientError> {
        self.call(&GetTime).await
    }

    /// Asks for a set of records and learns how it will come.
    ///
    /// [`Prepared::Streamed`] must be followed by [`Client::read_all`] at once.
    ///
    /// # Errors
    /// When the terminal refuses for a reason other than "no data", does not answer, or the line breaks.
    pub async fn prepare(&mut self, dataset: Dataset) -> Result<Prepared, ClientError> {
        let step = Step::Command(dataset.command());
        self.enter()?;
        self.holds_buffer = true;
        let now = self.driver.now();
        self.driver.session.prepare(now, dataset);
        let event = self.driver.next(step).await;
        self.settle(&event);
        match event? {
            Event::Prepared(prepared) => Ok(prepared),
            _ => Err(ClientError::Unusable),
        }
    }

    /// Reads a range of a set that is [`Prepared::Buffered`], and hands its bytes to `sink` with their offset: in order,
    /// each once, as they come. Returns how many there were.
    ///
    /// Lost, short or damaged answers are asked for again at their offset before this fails, in smaller chunks. `sink` is also
    /// where progress shows, and an error of it ends the reading at once: the client stays usable. After a dropped future,
    /// [`Client::abort`] makes it so.
    ///
    /// The ten newest records of a log alone, with progress and a way to stop:
    /// ```no_run
    /// use zk_proto::{Client, ConnectOptions, Dataset, Prepared};
    ///
    /// # async fn tail(stopped: impl Fn() -> bool) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    /// let mut client = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
    /// let Prepared::Buffered { size } = client.prepare(Dataset::Attendance).await? else {
    ///     return Err("a small log comes at once".into());
    /// };
    /// let range = size.saturating_sub(10 * 40)..size;
    /// let mut tail = Vec::new();
    /// client
    ///     .read_range(range.clone(), |offset, bytes| {
    ///         tail.extend_from_slice(&bytes);
    ///         println!("{} of {} bytes", offset - range.start + bytes.len() as u64, range.end - range.start);
    ///         if stopped() { Err::<(), Box<dyn std::error::Error + Send + Sync>>("stopped".into()) } else { Ok(()) }
    ///     })
    ///     .await?;
    /// client.free_data().await?;
    /// client.exit().await;
    /// # Ok(tail)
    /// # }
    /// ```
    /// These bytes are not proven: [`pull`] reads the tail of a log with its proof.
    ///
    /// # Errors
    /// The sink's, or why the reading failed.
    pub async fn read_range<E, S>(&mut self, range: Range<u64>, sink: S) -> Result<u64, E>
    where
        E: From<ClientError>,
        S: FnMut(u64, Bytes) -> Result<(), E>,
    {
        self.enter()?;
        let now = self.driver.now();
        self.driver.session.read(now, range.start, range.end);
        self.drain(Step::Command(Command::DATA_RDY), sink).await
    }

    /// Reads the whole of what [`Client::prepare`] offered, in whichever form. Returns how many bytes there were.
    ///
    /// # Errors
    /// As [`Client::read_range`].
    pub async fn read_all<E, S>(&mut self, prepared: &Prepared, mut sink: S) -> Result<u64, E>
    where
        E: From<ClientError>,
        S: FnMut(u64, Bytes) -> Result<(), E>,
    {
        match prepared {
            Prepared::Empty { .. } => Ok(0),
            Prepared::Inline(bytes) => {
                sink(0, bytes.clone())?;
                Ok(bytes.len() as u64)
            }
            Prepared::Buffered { size } => self.read_range(0..*size, sink).await,
            Prepared::Streamed { .. } => {
                self.enter()?;
                self.drain(Step::Command(Command::DATA), sink).await
            }
        }
    }

    /// Reads the user table as the terminal sends it, its length word included. Empty when there is none.
    ///
    /// # Errors
    /// As [`Client::prepare`] and [`Client::read_range`].
    pub async fn users(&mut self) -> Result<Bytes, ClientError> {
        let prepared = self.prepare(Dataset::Users).await?;
        if let Prepared::Inline(bytes) = prepared {
            return Ok(bytes);
        }
        let mut table = BytesMut::new();
        self.read_all(&prepared, |_, bytes| {
            table.extend_from_slice(&bytes);
            Ok::<(), ClientError>(())
        })
        .await?;
        Ok(table.freeze())
    }

    /// Drops the terminal's transfer buffer.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn free_data(&mut self) -> Result<(), ClientError> {
        self.call(&FreeData).await?;
        self.holds_buffer = false;
        Ok(())
    }

    /// The next live event after [`RegisterEvents`](crate::op::RegisterEvents), or `None` when none came `within` that time,
    /// an hour at most.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the line breaks.
    pub async fn next_event(&mut self, within: Duration) -> Result<Option<Packet>, ClientError> {
        if self.in_call {
            return Err(ClientError::Unusable);
        }
        let event = self.driver.next_live(within).await;
        self.in_call = event.is_err();
        event
    }

    /// Ends the session: frees the terminal's buffer, says good-bye, closes. Never takes longer than 3 s and never fails:
    /// a terminal that does not answer is left all the same. One that this client left disabled is enabled; if the line is lost, on
    /// a new one, which may take as long again as a connection takes.
    pub async fn exit(mut self) {
        self.leave().await;
        if self.owes_enable() && self.reconnect().await.is_ok() {
            self.leave().await;
        }
    }

    async fn leave(&mut self) {
        let step = Step::Command(Command::EXIT);
        self.driver.session.abandon();
        let farewell = async {
            let now = self.driver.now();
            if self.lockout == Lockout::Owed {
                self.driver.session.call(now, &EnableDevice);
                if let Event::Answer(Packet { command: Command::ACK_OK, .. }) = self.driver.next(step).await? {
                    self.lockout = Lockout::None;
                }
            }
            let now = self.driver.now();
            if self.holds_buffer {
                self.driver.session.call(now, &FreeData);
                self.driver.next(step).await?;
            }
            if self.stale {
                let now = self.driver.now();
                self.driver.session.call(now, &RefreshData);
                self.driver.next(step).await?;
                self.stale = false;
            }
            let now = self.driver.now();
            self.driver.session.exit(now);
            self.driver.next(step).await
        };
        // Whatever comes of it: the connection is closed next.
        if timeout(EXIT_WITHIN.min(self.options.timeout), farewell).await.is_err() {
            self.driver.cut();
        }
        self.driver.close();
    }

    /// Notes something in the transcript, where one is written.
    fn note(&self, text: impl FnOnce() -> std::string::String) {
        if let Some(recorder) = &self.options.recorder {
            recorder.note(&text());
        }
    }

    /// Lets some time pass; none where a transcript is replayed.
    async fn pause(&self, time: Duration) {
        if !self.driver.is_replayed() {
            tokio::time::sleep(time).await;
        }
    }

    fn enter(&mut self) -> Result<(), ClientError> {
        if self.in_call {
            return Err(ClientError::Unusable);
        }
        self.in_call = true;
        Ok(())
    }

    /// After an answer, or a refusal or a silence that leaves the line in step, the client can go on.
    fn settle<T>(&mut self, outcome: &Result<T, ClientError>) {
        self.in_call = self.driver.is_broken() || matches!(outcome, Err(ClientError::SessionLost));
    }

    async fn drain<E, S>(&mut self, step: Step, mut sink: S) -> Result<u64, E>
    where
        E: From<ClientError>,
        S: FnMut(u64, Bytes) -> Result<(), E>,
    {
        let mut read = 0;
        loop {
            let event = self.driver.next(step).await;
            match event {
                Ok(Event::Data { offset, bytes }) => {
                    read += bytes.len() as u64;
                    if let Err(error) = sink(offset, bytes) {
                        self.driver.session.abandon();
                        self.in_call = false;
                        return Err(error);
                    }
                }
                Ok(Event::Finished) => {
                    self.in_call = false;
                    return Ok(read);
                }
                Ok(_) => return Err(ClientError::Unusable.into()),
                Err(_) => {
                    self.settle(&event);
                    return event.map(|_| read).map_err(E::from);
                }
            }
        }
    }
}

/// Whether a command leaves something at the terminal that ends with the session.
fn binds_session(command: Command) -> bool {
    matches!(
        command,
        Command::REG_EVENT | Command::STARTENROLL | Command::PREPARE_DATA | Command::DATA | Command::DATA_WRRQ
    )
}

/// Whether a terminal may still be there over UDP.
fn speaks_no_tcp(error: &ClientError) -> bool {
    matches!(error, ClientError::Connect { .. } | ClientError::TimedOut { step: Step::Connecting | Step::Handshake })
}
