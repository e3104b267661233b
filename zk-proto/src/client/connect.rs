//! Opening, reopening and ending a session.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::driver::Driver;
use super::guard::Lockout;
use super::silence::Silence;
use super::{Client, ClientError, ConnectOptions, Step, Transport};
use crate::op::{EnableDevice, FreeData, RefreshData};
use crate::session::{ChecksumPolicy, Event};
use crate::{Command, Packet, ProtoError};

/// The longest time that ending a session may take.
const EXIT_WITHIN: Duration = Duration::from_secs(3);

impl Client {
    /// Connects and opens a session, with the comm key if the terminal demands one.
    ///
    /// # Errors
    /// When no terminal answers, or it is busy, refuses the key, or speaks another protocol.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ClientError> {
        let options = &mut options.clone();
        let (driver, transport) = match options.transport {
            Transport::Auto => match Driver::open(options, Transport::Tcp).await {
                Ok(driver) => (driver, Transport::Tcp),
                Err(error) if speaks_no_tcp(&error) => match open_datagrams(options).await {
                    Ok(driver) => (driver, Transport::Udp),
                    // The error over TCP says more than that nothing answered over UDP either.
                    Err(ClientError::TimedOut { .. } | ClientError::Broken { .. } | ClientError::Connect { .. }) => {
                        return Err(error);
                    }
                    Err(error) => return Err(error),
                },
                Err(error) => return Err(error),
            },
            Transport::Udp => (open_datagrams(options).await?, Transport::Udp),
            Transport::Tcp => (Driver::open(options, Transport::Tcp).await?, Transport::Tcp),
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
            is_down: false,
            sessions: 1,
        })
    }

    /// Ends the session, however broken, and opens a new one with the same options over the same carrier. A terminal
    /// that this client left disabled is enabled, see [`Client::while_disabled`].
    ///
    /// # Errors
    /// As [`Client::connect`]. The client then stays unusable; call this again to retry.
    pub async fn reconnect(&mut self) -> Result<(), ClientError> {
        self.leave().await;
        self.in_call = true;
        if self.driver.silence.is_over() {
            return Err(ClientError::Stalled { step: Step::Connecting, progress: None });
        }
        let opened = Driver::open(&self.options, self.transport).await;
        if opened.as_ref().is_err_and(ClientError::is_silence) {
            self.driver.silence.add(self.options.timeout);
        }
        let mut driver = opened?;
        driver.session.adapt_from(&self.driver.session);
        driver.silence = Silence { lasts: false, ..self.driver.silence };
        self.driver = driver;
        self.sessions = self.sessions.saturating_add(1);
        (self.in_call, self.holds_buffer, self.bound, self.is_down) = (false, false, false, false);
        self.renew_lockout().await
    }

    /// Makes the client usable again after a call whose future was dropped half-way, and frees the terminal's buffer. A
    /// terminal that this client left disabled is enabled.
    ///
    /// The session is kept if possible, because late answers are recognized by their reply ids. That costs one exchange
    /// instead of a new connection, and live events stay registered. If the connection is lost, or the terminal does
    /// not answer, a new session is opened as by [`Client::reconnect`].
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
    /// As [`Client::connect`]. The client then stays unusable.
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

    /// Ends the session: frees the terminal's buffer, logs out and closes the connection. Never takes longer than 3 s
    /// and never fails, whether or not the terminal answers. A terminal that this client left disabled is enabled; if
    /// the connection is lost, on a new one, which adds the time to connect.
    pub async fn exit(mut self) {
        self.leave().await;
        if self.owes_enable() && self.reconnect().await.is_ok() {
            self.leave().await;
        }
    }

    pub(super) async fn leave(&mut self) {
        if self.is_down {
            return;
        }
        let step = Step::Command(Command::EXIT);
        self.driver.session.abandon();
        let is_silent = self.driver.silence.lasts && self.lockout != Lockout::Owed && !self.stale;
        let (within, begun) = (EXIT_WITHIN.min(self.options.timeout), Instant::now());
        if !is_silent {
            // Most of the time, but not all of it: the session is ended even if none of this is answered.
            if timeout(within / 3 * 2, self.settle_up(step)).await.is_err() {
                self.driver.cut();
            }
            self.driver.session.abandon();
        }
        let farewell = async {
            let now = self.driver.now();
            self.driver.session.exit(now);
            self.driver.flush(step).await?;
            // A silent terminal's answer is not awaited.
            if is_silent { Ok(Event::Connected) } else { self.driver.next(step).await }
        };
        // The connection is closed next, whatever the result.
        if timeout(within.saturating_sub(begun.elapsed()), farewell).await.is_err() {
            self.driver.cut();
        }
        self.driver.close();
    }

    /// Does what is owed to the terminal before the session ends.
    async fn settle_up(&mut self, step: Step) -> Result<(), ClientError> {
        if self.lockout == Lockout::Owed {
            let now = self.driver.now();
            self.driver.session.call(now, &EnableDevice);
            if let Event::Answer(Packet { command: Command::ACK_OK, .. }) = self.driver.next(step).await? {
                self.lockout = Lockout::None;
            }
        }
        if self.holds_buffer {
            let now = self.driver.now();
            self.driver.session.call(now, &FreeData);
            self.driver.next(step).await?;
        }
        if self.stale {
            let now = self.driver.now();
            self.driver.session.call(now, &RefreshData);
            self.driver.next(step).await?;
            self.stale = false;
        }
        Ok(())
    }
}

/// Opens a session over UDP, where a packet with a wrong checksum counts as lost. A terminal whose checksums are wrong
/// in two sessions always computes them that way, so they are tolerated.
async fn open_datagrams(options: &mut ConnectOptions) -> Result<Driver, ClientError> {
    for _ in 0..2 {
        match Driver::open(options, Transport::Udp).await {
            Err(ClientError::Protocol { source, .. }) if matches!(*source, ProtoError::Damaged { .. }) => {}
            outcome => return outcome,
        }
    }
    options.checksums = ChecksumPolicy::Tolerate;
    Driver::open(options, Transport::Udp).await
}

/// Returns true if a terminal may still answer over UDP.
fn speaks_no_tcp(error: &ClientError) -> bool {
    matches!(error, ClientError::Connect { .. } | ClientError::TimedOut { step: Step::Connecting | Step::Handshake })
}
