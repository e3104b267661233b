//! The receiver that zk-push's server asks and tells.

mod answers;
mod keep;
mod notes;

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use zk_push::server::{Limits, Proxies, Receiver as _, Refusals, Tls, listen, listen_tls, router};

use super::access::PushAccess;
use super::callers::Callers;
use super::capture::Captures;
use super::decision::Decision;
use super::listing::Listing;
use super::presence::Presence;
use super::seam::Seams;
use super::told::Told;
use crate::error::blocking;
use crate::ledger::PushState;
use crate::random::secret_key;
use crate::tasks::Shared;
use crate::{Contact, DeviceOptions, Door, Service, SyncError};

/// The setting with the random key of registrations.
const KEY: &str = "push key";

/// Receives what terminals push, for a running [`Service`].
///
/// It is made for one service and ends with it: afterwards, terminals are told to keep what they have.
pub struct PushReceiver {
    door: Door,
    callers: Mutex<Callers>,
    listing: Mutex<Listing>,
    presence: Mutex<Presence>,
    seams: Mutex<Seams>,
    told: Arc<Mutex<Told>>,
    /// The terminals that have commands without an answer.
    busy: Mutex<HashSet<String>>,
    captures: Captures,
    /// One caller is noted at a time; meanwhile others are not.
    notes: Arc<Semaphore>,
    /// Registrations are made of it.
    key: String,
    /// The last batch was not stored.
    fails: AtomicBool,
}

/// Shows nothing of what it has: a key and a token are among it.
impl fmt::Debug for PushReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushReceiver").finish_non_exhaustive()
    }
}

impl PushReceiver {
    /// Makes a receiver for a service, from what its ledger knows. `devices` are the terminals of the configuration:
    /// those that are never called ([`DeviceOptions::push`]) are admitted. Others with a serial number give it name and
    /// zone.
    ///
    /// # Errors
    /// [`SyncError`] when the ledger cannot be used, or the service has been stopped.
    pub async fn open(service: &Service, devices: &[DeviceOptions], access: &PushAccess) -> Result<Self, SyncError> {
        let door = service.door();
        let ledger = Arc::clone(&door.shared().ok_or(SyncError::Stopped)?.ledger);
        let captures = Captures::new(ledger.dir());
        let (key, mut callers, calls) = blocking("ledger", move || {
            ledger.crashes().before_receiving();
            let key = match ledger.setting(KEY)? {
                Some(key) => key,
                None => {
                    let key = secret_key();
                    ledger.keep_setting(KEY, Some(&key))?;
                    key
                }
            };
            let (admissions, keys) = (ledger.push_admissions()?, ledger.push_keys()?);
            let callers = Callers::new(ledger.push_memories()?, admissions, ledger.terminals()?, keys);
            Ok((key, callers, ledger.push_calls()?))
        })
        .await?;
        callers.configure(devices, access);
        let receiver = Self {
            door,
            callers: Mutex::new(callers),
            listing: Mutex::default(),
            presence: Mutex::new(Presence::new(calls)),
            seams: Mutex::default(),
            told: Arc::default(),
            busy: Mutex::default(),
            captures,
            notes: Arc::new(Semaphore::new(1)),
            key,
            fails: AtomicBool::new(false),
        };
        receiver.wait_for(devices);
        receiver.look_for_commands().await?;
        receiver.show_gaps(None).await?;
        Ok(receiver)
    }

    /// Takes over other terminals and another access, as [`PushReceiver::open`] does.
    pub fn configure(&self, devices: &[DeviceOptions], access: &PushAccess) {
        self.callers().configure(devices, access);
        self.wait_for(devices);
    }

    /// Keeps the last requests and answers of each admitted terminal from now on, without secrets, in so many bytes
    /// ([`Captured`](super::Captured)). With 0, as at the beginning, no more are kept.
    pub fn capture(&self, bytes: u64) {
        self.captures.set(bytes);
    }

    /// From now on, a terminal that does not call is missed.
    fn wait_for(&self, devices: &[DeviceOptions]) {
        let Ok(shared) = self.shared() else { return };
        for device in devices.iter().filter(|device| device.contact == Contact::Push) {
            shared.board.calls(device.serial.as_deref().unwrap_or_default(), true);
        }
    }

    /// Decides about a serial number, from its next request on.
    ///
    /// # Errors
    /// [`SyncError`] when the ledger cannot be written, or the service has been stopped. Then nothing is decided.
    pub async fn decide(&self, decision: Decision) -> Result<(), SyncError> {
        let shared = self.shared()?;
        let (ledger, now) = (Arc::clone(&shared.ledger), shared.clock.utc_now());
        let decided = decision.clone();
        blocking("ledger", move || Ok(ledger.decide_push(decided.serial(), decided.state(), decided.name(), now)?))
            .await?;
        let mut callers = self.callers();
        callers.decide(decision.serial(), decision.state(), decision.name().map(ToOwned::to_owned));
        if decision.state() == PushState::Approved {
            callers.takes_line(decision.serial());
        }
        Ok(())
    }

    /// Takes the decisions that other processes have left in the state directory ([`Decision::leave`]). Returns them.
    ///
    /// # Errors
    /// As [`PushReceiver::decide`]. What was not decided stays there.
    pub async fn take_decisions(&self) -> Result<Vec<Decision>, SyncError> {
        let dir = self.shared()?.ledger.dir().to_owned();
        let looked = dir.clone();
        let waiting = blocking("decisions", move || match Decision::waiting(&looked) {
            Ok(waiting) => Ok(waiting),
            Err(source) => Err(crate::LedgerError::Io { path: looked, source }.into()),
        })
        .await?;
        for decision in &waiting {
            self.decide(decision.clone()).await?;
            // Left behind, it would be decided once more.
            if let Err(error) = decision.withdraw(&dir) {
                tracing::warn!("a decision about {} cannot be removed: {error}", decision.serial());
            }
        }
        Ok(waiting)
    }

    /// Serves terminals on a listener until `stop` is cancelled. Requests at hand then have `limits.answer_time`.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, limits: Limits, stop: CancellationToken) {
        let limits = self.limits(limits);
        let router = router(Arc::clone(&self), limits.clone());
        listen(listener, router, limits, stop.cancelled_owned()).await;
        self.captures.flush().await;
        self.save_calls().await;
    }

    /// As [`PushReceiver::serve`], over TLS.
    pub async fn serve_tls(self: Arc<Self>, listener: TcpListener, tls: Tls, limits: Limits, stop: CancellationToken) {
        let limits = self.limits(limits);
        let router = router(Arc::clone(&self), limits.clone());
        listen_tls(listener, tls, router, limits, stop.cancelled_owned()).await;
        self.captures.flush().await;
        self.save_calls().await;
    }

    /// The limits with the proxies of the configuration, which a reload may change, and with the count of refusals.
    fn limits(self: &Arc<Self>, mut limits: Limits) -> Limits {
        let receiver = Arc::clone(self);
        limits.proxies = Proxies::new(move |address| receiver.callers().is_of_many(address));
        let receiver = Arc::clone(self);
        limits.refusals = Refusals::new(move |why| receiver.refused(why));
        limits
    }

    pub(super) fn callers(&self) -> MutexGuard<'_, Callers> {
        // Nothing can panic while the lock is held.
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seams(&self) -> MutexGuard<'_, Seams> {
        // Nothing can panic while the lock is held.
        self.seams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn presence(&self) -> MutexGuard<'_, Presence> {
        // Nothing can panic while the lock is held.
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn busy(&self) -> MutexGuard<'_, HashSet<String>> {
        // Nothing can panic while the lock is held.
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shared(&self) -> Result<Arc<Shared>, SyncError> {
        self.door.shared().ok_or(SyncError::Stopped)
    }
}
