//! A terminal that is disabled while something is written, and enabled again whatever happens.

use std::any::Any;
use std::boxed::Box;
use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::{Client, ClientError};
use crate::op::{DisableDevice, EnableDevice};

/// What this client did to the terminal's keypad and sensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lockout {
    /// Nothing.
    #[default]
    None,
    /// Disabled, for work that goes on; after how many seconds the terminal enables itself.
    Held(Option<u32>),
    /// Disabled, and nobody works any more: to be enabled at the next occasion.
    Owed,
}

/// A client whose terminal is disabled. Made by [`Client::disable`].
///
/// Dropped, it leaves the enabling to the client's next reconnect or to [`Client::exit`].
#[derive(Debug)]
pub struct Disabled<'a> {
    client: &'a mut Client,
    /// Somebody outside works on: the end of this one enables nothing.
    nested: bool,
}

impl Client {
    /// Disables the terminal (its screen says "working..."), lets `work` use it, and enables it again: after success and error,
    /// after a panic of the work, and on a fresh session where the line was lost. If that fails too, or the future is dropped, the
    /// client remembers it and does it at its next [`Client::reconnect`], or at [`Client::exit`].
    ///
    /// Nobody enables the terminal when the process dies, or when the client is dropped instead of [`Client::exit`]. `at_most` is the net for that: after so many seconds the terminal enables
    /// itself, where its firmware heeds it.
    ///
    /// # Errors
    /// The work's; else why the terminal could not be disabled or enabled.
    ///
    /// # Panics
    /// When the work does, after the terminal is enabled.
    ///
    /// # Example
    /// ```no_run
    /// use std::time::Duration;
    /// use zk_proto::client::UserError;
    /// use zk_proto::record::NewUser;
    /// use zk_proto::{Client, ConnectOptions};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
    /// let uid = client
    ///     .while_disabled(Some(Duration::from_secs(60)), async |client| {
    ///         let mut users = client.edit_users().await?;
    ///         let uid = users.create(&NewUser::new("1042").name("Visitor")).await?;
    ///         users.finish().await?;
    ///         Ok::<_, UserError>(uid)
    ///     })
    ///     .await?;
    /// println!("in slot {}", uid.0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn while_disabled<T, E, W>(&mut self, at_most: Option<Duration>, work: W) -> Result<T, E>
    where
        E: From<ClientError>,
        W: AsyncFnOnce(&mut Client) -> Result<T, E>,
    {
        let mut disabled = self.disable(at_most).await?;
        let outcome = caught(work(&mut disabled)).await;
        let enabled = disabled.enable().await;
        match outcome {
            Ok(Ok(done)) => enabled.map(|()| done).map_err(E::from),
            Ok(error) => error,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Disables the terminal until [`Disabled::enable`]; for work that is no closure. See [`Client::while_disabled`].
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn disable(&mut self, at_most: Option<Duration>) -> Result<Disabled<'_>, ClientError> {
        let nested = matches!(self.lockout, Lockout::Held(_));
        let before = self.lockout;
        if !nested {
            let at_most = at_most.map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
            if let Err(error) = self.lock_out(&DisableDevice { at_most }).await {
                if matches!(error, ClientError::Refused { .. } | ClientError::Unusable) {
                    self.lockout = before;
                }
                return Err(error);
            }
            self.lockout = Lockout::Held(at_most);
        }
        Ok(Disabled { client: self, nested })
    }

    /// Disables the terminal. From the moment the request goes out the terminal may be disabled, whether or not an answer
    /// comes or anyone waits for it: the enabling is owed.
    async fn lock_out(&mut self, disable: &DisableDevice) -> Result<(), ClientError> {
        self.lockout = Lockout::Owed;
        match self.call_once(disable).await {
            Err(ClientError::SessionLost) if !self.bound && !self.holds_buffer => {
                // Opening the new session enables the terminal, and with that the debt is paid.
                self.reconnect().await?;
                self.lockout = Lockout::Owed;
                self.call_once(disable).await
            }
            outcome => outcome,
        }
    }

    /// Whether the terminal may be disabled by this client without anybody working there: its next reconnect or its exit enables it.
    #[must_use]
    pub fn owes_enable(&self) -> bool {
        self.lockout == Lockout::Owed
    }

    /// Enables the terminal if that is owed, on a fresh session if need be.
    pub(super) async fn settle_lockout(&mut self) -> Result<(), ClientError> {
        if !self.owes_enable() {
            return Ok(());
        }
        if !self.in_call {
            match self.call_once(&EnableDevice).await {
                Ok(()) => {
                    self.lockout = Lockout::None;
                    return Ok(());
                }
                Err(error @ ClientError::Refused { .. }) => return Err(error),
                Err(_) => {}
            }
        }
        self.reconnect().await
    }

    /// On a fresh session: enables the terminal if that is owed, and disables it again for work that goes on, since some firmware
    /// enables itself when a session ends.
    pub(super) async fn renew_lockout(&mut self) -> Result<(), ClientError> {
        match self.lockout {
            Lockout::None => Ok(()),
            Lockout::Held(at_most) => self.call_once(&DisableDevice { at_most }).await,
            Lockout::Owed => {
                self.call_once(&EnableDevice).await?;
                self.lockout = Lockout::None;
                Ok(())
            }
        }
    }
}

impl Disabled<'_> {
    /// Enables the terminal, on a fresh session where this one is lost.
    ///
    /// # Errors
    /// When that fails too; the client still owes it then.
    pub async fn enable(mut self) -> Result<(), ClientError> {
        self.release();
        self.client.settle_lockout().await
    }

    fn release(&mut self) {
        if !self.nested && matches!(self.client.lockout, Lockout::Held(_)) {
            self.client.lockout = Lockout::Owed;
        }
    }
}

impl Deref for Disabled<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client
    }
}

impl DerefMut for Disabled<'_> {
    fn deref_mut(&mut self) -> &mut Client {
        self.client
    }
}

impl Drop for Disabled<'_> {
    fn drop(&mut self) {
        self.release();
    }
}

/// Runs a future to its end, or to its panic.
async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| {
        // What was broken by the panic is dropped next; the client notices a call that was left half-way.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}
