//! The receiver that zk-push's server asks and tells.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attendance_model::Source;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use zk_push::command::{CommandId, Numbered};
use zk_push::exchange::Exchange;
use zk_push::server::{
    Admission, Limits, NotStored, Proxies, Receiver, Refusal, Refusals, Tls, Visitor, listen, listen_tls, router,
};
use zk_push::settings::{Registration, Settings};
use zk_push::terminal::{Batch, Content, Manner, Terminal};
use zk_push::{Dialect, SerialNumber, Text};

use super::access::PushAccess;
use super::callers::{Call, Caller, Callers, Verdict};
use super::capture::Captures;
use super::commands::{audit, push_line};
use super::content::{self, Kept};
use super::decision::Decision;
use super::listing::Listing;
use super::presence::Presence;
use super::seam::Seams;
use super::told::{self, Facts, Told};
use crate::error::blocking;
use crate::ledger::{PushKey, PushLine, PushMemory, PushState};
use crate::random::secret_key;
use crate::tasks::Shared;
use crate::{Contact, DeviceOptions, Door, Ingest, Ingested, Service, SyncError, chain};

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

    /// The terminal as the server knows it.
    fn terminal(&self, serial: &SerialNumber, caller: &Caller) -> Terminal {
        let mut settings = Settings::default();
        // Nothing else is kept; users would bring passwords.
        settings.transfers = vec!["AttLog"];
        settings.wraps_commands = caller.memory.wraps_commands;
        let mut terminal = Terminal::new(serial.clone()).with_settings(settings);
        match caller.memory.dialect.as_deref() {
            Some("acc") => terminal = terminal.with_dialect(Dialect::Access),
            Some(_) => terminal = terminal.with_dialect(Dialect::Attendance),
            None => {}
        }
        for (table, stamp) in &caller.memory.stamps {
            terminal = terminal.with_stamp(table, bytes::Bytes::copy_from_slice(stamp));
        }
        match Registration::new(&self.secret_of("code", serial), &self.secret_of("session", serial)) {
            Some(registration) => terminal.with_registration(registration, caller.memory.is_registered),
            None => terminal,
        }
    }

    /// A text that nobody guesses, the same for a terminal each time: no request needs an earlier one.
    fn secret_of(&self, what: &str, serial: &SerialNumber) -> String {
        let digest = Sha256::digest(format!("{}|{what}|{serial}", self.key));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Notes a caller for a decision, next to its answer, which is the same for all that are refused.
    fn note(&self, serial: &str, address: Option<IpAddr>) {
        let Ok(shared) = self.shared() else { return };
        let serial = serial.to_owned();
        let Ok(permit) = Arc::clone(&self.notes).try_acquire_owned() else { return };
        let is_due = {
            let mut listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
            listing.is_due(&serial, shared.clock.monotonic())
        };
        if !is_due {
            return;
        }
        let address = address.map(|address| address.to_string());
        tokio::spawn(async move {
            let (ledger, now) = (Arc::clone(&shared.ledger), shared.clock.utc_now());
            drop(shared);
            let noted = blocking("ledger", move || Ok(ledger.note_caller(&serial, address.as_deref(), now)?)).await;
            if let Err(error) = noted {
                tracing::warn!("a terminal that waits for a decision was not noted: {}", chain(&error));
            }
            drop(permit);
        });
    }

    /// Keeps what a request brought. It is durable when this returns.
    async fn keep(&self, terminal: &Terminal, batch: &Batch) -> Result<(), Problem> {
        let serial = batch.serial.as_str();
        // Somebody may have denied it since it was admitted.
        let caller = self.callers().caller(serial).ok_or(Problem::Denied)?;
        let before = match &batch.content {
            Content::Answer(packet, upload) => self.seams().before(&batch.serial, packet, upload),
            _ => None,
        };
        let kept = content::read(batch, before)?;
        self.shared()?.ledger.crashes().parsed();
        let Kept { punches, bad_lines, stamp, resolves, part, registers, wraps_commands, remark } = kept;
        if let Some(remark) = remark {
            tracing::warn!(%serial, "acknowledged and not kept: {remark}");
        }
        let is_new = |(table, value): &(String, Vec<u8>)| caller.memory.stamps.get(table) != Some(value);
        let stamp = stamp.filter(is_new);
        if !punches.is_empty() || !bad_lines.is_empty() || stamp.is_some() {
            let ingest = Ingest::new(&*caller.serial, &*caller.name, Source::Push, punches).zone(caller.zone).whole();
            let ingest = ingest.bad_lines(bad_lines).resolves(resolves);
            let ingest = match &stamp {
                Some((table, value)) => ingest.stamp(&**table, value.clone()),
                None => ingest,
            };
            let Ingested { new, known, quarantined, .. } = self.door.ingest(ingest).await?;
            tracing::debug!(%serial, new, known, quarantined, "stored what was pushed");
        }
        if let Some((table, value)) = stamp {
            self.callers().remember(&caller, |memory| drop(memory.stamps.insert(table, value)));
        }
        if let Content::Answer(..) = &batch.content {
            self.seams().keep(&batch.serial, part);
        }
        if let Content::Parameters(fields) | Content::Registration(fields) = &batch.content {
            self.note_told(&self.shared()?, &batch.serial, told::of_parameters(fields));
        }
        self.answered(terminal, &batch.content).await?;
        let before = &caller.memory;
        let memory = PushMemory {
            dialect: terminal.dialect().map(|dialect| dialect.to_string()),
            is_registered: before.is_registered || registers,
            wraps_commands: wraps_commands.unwrap_or(before.wraps_commands),
            line: before.line,
            stamps: before.stamps.clone(),
        };
        if memory == *before {
            return Ok(());
        }
        let (was, is) = (before.dialect.clone(), memory.dialect.clone());
        self.remember(&caller, memory).await?;
        if let Some((was, is)) = was.zip(is).filter(|(was, is)| was != is) {
            tracing::warn!("terminal {} spoke the dialect {was} before, and speaks {is} now", caller.name);
            let line = push_line(&batch.serial, "dialect", None, Some(format!("{was} {is}")), None);
            audit(&*self.shared()?, vec![line]).await;
        }
        Ok(())
    }

    /// Remembers what a terminal has shown of itself. Its stamps and its line are no part of that.
    async fn remember(&self, caller: &Caller, memory: PushMemory) -> Result<(), Problem> {
        let (ledger, serial, shown) = (Arc::clone(&self.shared()?.ledger), caller.serial.clone(), memory.clone());
        blocking("ledger", move || Ok(ledger.remember_push(&serial, &shown)?)).await?;
        self.callers().remember(caller, |known| {
            let (stamps, line) = (std::mem::take(&mut known.stamps), known.line);
            *known = PushMemory { stamps, line, ..memory };
        });
        Ok(())
    }

    /// Says and keeps that a terminal calls over another line than before.
    fn note_line(&self, shared: &Arc<Shared>, caller: &Caller, line: PushLine) {
        let (ledger, serial, name) = (Arc::clone(&shared.ledger), caller.serial.clone(), &caller.name);
        match line {
            PushLine::FellBack => tracing::warn!(
                "terminal {name} spoke TLS before, and calls over plain HTTP now: its menu was changed, or another \
                 computer uses its serial number"
            ),
            PushLine::Tls => tracing::info!("terminal {name} speaks TLS"),
            PushLine::Plain => {}
        }
        tokio::spawn(async move {
            if let Err(error) = blocking("ledger", move || Ok(ledger.note_push_line(&serial, line)?)).await {
                tracing::warn!("the line of a terminal was not kept: {}", chain(&error));
            }
        });
    }

    /// Keeps what a terminal tells of itself, next to its answer, if it is new.
    fn note_told(&self, shared: &Arc<Shared>, serial: &SerialNumber, facts: Facts) {
        // Nothing can panic while the lock is held.
        if !self.told.lock().unwrap_or_else(PoisonError::into_inner).is_new(serial.as_str(), &facts) {
            return;
        }
        let (ledger, told, serial) = (Arc::clone(&shared.ledger), Arc::clone(&self.told), serial.to_string());
        tokio::spawn(async move {
            let of = serial.clone();
            if let Err(error) = blocking("ledger", move || Ok(ledger.save_push_facts(&of, &facts)?)).await {
                tracing::debug!("what a terminal told was not kept: {}", chain(&error));
                told.lock().unwrap_or_else(PoisonError::into_inner).forget(&serial);
            }
        });
    }

    /// Keeps where a terminal has presented the key. Until the ledger has it, a restart makes the terminal present it
    /// again.
    fn note_key(&self, shared: &Arc<Shared>, key: PushKey) {
        let ledger = Arc::clone(&shared.ledger);
        tokio::spawn(async move {
            if let Err(error) = blocking("ledger", move || Ok(ledger.note_push_key(&key)?)).await {
                tracing::warn!("a terminal has to shake hands after the next start: {}", chain(&error));
            }
        });
    }
}

/// The reason why a request is not acknowledged.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the terminal is not admitted any more")]
    Denied,
    #[error(transparent)]
    Unread(#[from] content::Unread),
    #[error(transparent)]
    Ledger(#[from] SyncError),
}

impl Receiver for PushReceiver {
    fn forwarded(&self, visitor: &Visitor<'_>) -> Option<IpAddr> {
        self.callers().forwarded(visitor.peer, visitor.forwarded_for)
    }

    async fn admit(&self, visitor: &Visitor<'_>) -> Admission {
        let (serial, path) = (&visitor.head.serial, visitor.head.prefix.as_str());
        let key = ["pushcommkey", "ComKey"].into_iter().find_map(|name| visitor.head.query.get(name));
        let (address, verdict, presented, line) = {
            let mut callers = self.callers();
            let address = callers.address(visitor.peer, visitor.forwarded_for);
            let call = Call { serial: serial.as_str(), address, path, key: key.map(Text::as_bytes) };
            let verdict = callers.verdict(call);
            let (mut presented, mut line) = (None, None);
            if let Verdict::Admitted(caller) = &verdict {
                presented = callers.presents_key(call);
                // How a terminal speaks to a proxy is not known here.
                if visitor.peer.is_none_or(|peer| !callers.is_proxy(peer.ip())) {
                    line = callers.calls_over(caller, visitor.over_tls);
                }
            }
            (address, verdict, presented, line)
        };
        match verdict {
            Verdict::Admitted(caller) => {
                if let Ok(shared) = self.shared() {
                    shared.board.calls(serial.as_str(), false);
                    self.note_call(&shared, visitor.head, address, &caller);
                    self.note_told(&shared, serial, told::of_head(visitor.head));
                    if let Some(key) = presented {
                        self.note_key(&shared, key);
                    }
                    if let Some(line) = line {
                        self.note_line(&shared, &caller, line);
                    }
                }
                return Admission::Admitted(Box::new(self.terminal(serial, &caller)));
            }
            Verdict::Waits => self.note(serial.as_str(), address),
            Verdict::Refused => {}
        }
        Admission::Refused(Manner::KeepCalling)
    }

    fn watches(&self, _: &SerialNumber) -> bool {
        self.captures.is_on()
    }

    fn exchanged(&self, exchange: &Exchange<'_>) {
        if let Ok(shared) = self.shared() {
            self.captures.keep(exchange, shared.clock.utc_now());
        }
    }

    fn refused(&self, why: Refusal) {
        if let Ok(shared) = self.shared() {
            shared.board.refuses(why.as_str());
        }
    }

    async fn commands(&self, terminal: &Terminal) -> Result<Vec<Numbered>, NotStored> {
        self.ask_for_gap(terminal).await.map_err(|error| not_now(&error))?;
        self.due(terminal.serial()).await.map_err(|error| not_now(&error))
    }

    async fn sent(&self, serial: &SerialNumber, ids: &[CommandId]) -> Result<(), NotStored> {
        if let Ok(shared) = self.shared() {
            self.presence().told(serial.as_str(), shared.clock.utc_now());
        }
        self.note_sent(serial, ids).await.map_err(|error| not_now(&error))
    }

    async fn store(&self, terminal: &Terminal, batch: &Batch) -> Result<(), NotStored> {
        let kept = self.keep(terminal, batch).await;
        // One line when the ledger begins to fail, and one when it works again: terminals call every few seconds.
        match kept {
            Ok(()) => {
                if let Ok(shared) = self.shared() {
                    if let Some((table, lines)) = content::counted(batch) {
                        shared.board.uploads(&table, lines);
                    }
                    shared.ledger.crashes().before_answer();
                }
                if self.fails.swap(false, Ordering::Relaxed) {
                    tracing::warn!("what terminals push is stored again");
                }
                return Ok(());
            }
            // The terminal calls again; so does the next service.
            Err(Problem::Ledger(SyncError::Stopped)) => {}
            Err(Problem::Ledger(error)) => {
                if !self.fails.swap(true, Ordering::Relaxed) {
                    let why = error.explain();
                    tracing::warn!("what terminals push is not stored, and they send it again later: {why}");
                }
            }
            Err(problem) => {
                tracing::warn!(serial = %batch.serial, "not acknowledged, the terminal keeps it: {problem}");
            }
        }
        Err(NotStored)
    }
}

fn not_now(error: &SyncError) -> NotStored {
    tracing::warn!("commands cannot be sent now: {}", error.explain());
    NotStored
}
