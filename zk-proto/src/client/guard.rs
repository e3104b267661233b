//! Disabling a terminal during some work, and enabling it again whatever happens.

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

/// How this client left the terminal's keypad and sensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lockout {
    /// Untouched.
    #[default]
    None,
    /// Disabled for work in progress; the number of seconds after which the terminal enables itself.
    Held(Option<u32>),
    /// Disabled, or about to be, without any work in progress: to be enabled at the next opportunity.
    Owed,
}

/// A client whose terminal is disabled. Made by [`Client::disable`].
///
/// If dropped, the client enables the terminal at its next reconnect, or at [`Client::exit`].
#[derive(Debug)]
pub struct Disabled<'a> {
    client: &'a mut Client,
    /// The caller holds another guard: the end of this one enables nothing.
    nested: bool,
}

impl Client {
    /// Disables the terminal (its screen says "working..."), runs `work`, and enables the terminal again: after
    /// success, an error or a panic of the work, and on a new session if the connection was lost. If that fails too, or
    /// the future is dropped after the request was sent, the client enables the terminal at its next
    /// [`Client::reconnect`], or at [`Client::exit`].
    ///
    /// Nothing enables the terminal when the process dies, or when the client is dropped without [`Client::exit`].
    /// `at_most` covers that: after so many seconds the terminal enables itself, if its firmware supports it.
    ///
    /// # Errors
    /// The error of the work; otherwise why the terminal could not be disabled or enabled.
    ///
    /// # Panics
    /// If the work panics, after the terminal is enabled.
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

    /// Disables the terminal until [`Disabled::enable`], for work that does not fit a closure. See
    /// [`Client::while_disabled`].
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

    /// Sends the request to disable. From that moment the terminal may be disabled, whether or not an answer comes or
    /// anyone waits for it, so enabling it is owed.
    async fn lock_out(&mut self, disable: &DisableDevice) -> Result<(), ClientError> {
        self.lockout = Lockout::Owed;
        match self.call_once(disable).await {
            Err(ClientError::SessionLost) if !self.bound && !self.holds_buffer => {
                // Opening the new session enabled the terminal and settled what was owed.
                self.reconnect().await?;
                self.lockout = Lockout::Owed;
                self.call_once(disable).await
            }
            outcome => outcome,
        }
    }

    /// Returns true if this client may have left the terminal disabled. Its next reconnect, or its exit, enables it.
    #[must_use]
    pub fn owes_enable(&self) -> bool {
        self.lockout == Lockout::Owed
    }

    /// Enables the terminal if that is owed, on a new session if necessary.
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

    /// On a new session, enables the terminal if that is owed, or disables it again for work in progress: some firmware
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
    /// Enables the terminal, on a new session if this one is lost.
    ///
    /// # Errors
    /// When that fails too; it is then still owed.
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
        // The future is dropped next, and the client notices a call that was left half-way.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}
