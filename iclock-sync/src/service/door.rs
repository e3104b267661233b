//! The door for punches that come another way than by a poll.

use std::sync::{Arc, Weak};

use tokio_util::sync::CancellationToken;

use crate::SyncError;
use crate::intake::{Ingest, Ingested, NotEntered};
use crate::tasks::Shared;

/// The door of a running [`Service`](crate::Service) for sources of its program: a receiver of pushes, a reader of
/// files. A source is a task of the program that calls [`Door::ingest`]; nothing of it is known here, so that it has no
/// trait to implement. Its clones are doors of the same service, which they do not keep running.
///
/// ```
/// # use attendance_model::{MemorySink, RawPunch, Source};
/// # use chrono::NaiveDate;
/// # use iclock_sync::{CancellationToken, Engine, Ingest, Schedule, ServiceOptions};
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let state = tempfile::tempdir()?;
/// # let engine = Engine::builder(state.path()).sink(Arc::new(MemorySink::new("memory"))).build()?;
/// # let options = ServiceOptions::new(Schedule::fixed(Duration::from_secs(60)));
/// let service = engine.start(options, &CancellationToken::new()).await?;
/// let door = service.door();
/// let receiver = tokio::spawn(async move {
///     let time = NaiveDate::from_ymd_opt(2025, 5, 18).and_then(|day| day.and_hms_opt(7, 1, 9)).unwrap_or_default();
///     let punch = RawPunch::new("SN1", "gate", "42", time, Source::Push);
///     // Only now may the terminal forget it.
///     door.ingest(Ingest::new("SN1", "gate", Source::Push, vec![punch])).await
/// });
/// assert_eq!(receiver.await??.new, 1);
/// # service.shutdown(Duration::from_secs(10)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Door {
    shared: Weak<Shared>,
    stop: CancellationToken,
}

impl Door {
    pub(super) fn new(shared: &Arc<Shared>, stop: &CancellationToken) -> Self {
        Self { shared: Arc::downgrade(shared), stop: stop.clone() }
    }

    /// The parts that a receiver of this program uses; `None` once the service has ended.
    #[cfg(feature = "push")]
    pub(crate) fn shared(&self) -> Option<Arc<Shared>> {
        self.shared.upgrade().filter(|_| !self.stop.is_cancelled())
    }

    /// Enters punches that came another way than by a poll. They are durable when this returns, and then go to the
    /// sinks like all others. A punch that is known from a poll, or came before, is entered once.
    ///
    /// # Errors
    /// [`SyncError::Stopped`] if the service has been stopped, and other [`SyncError`]s when the ledger cannot be
    /// written. Then nothing says that the punches are kept: the sender has to keep them, and sends them again.
    pub async fn ingest(&self, ingest: Ingest) -> Result<Ingested, SyncError> {
        let shared = self.shared.upgrade().filter(|_| !self.stop.is_cancelled()).ok_or(SyncError::Stopped)?;
        let mut ingested = Ingested::default();
        let (serial, name) = (ingest.serial.clone(), ingest.device_name.clone());
        let batch = ingest.into_batch(&*shared.clock);
        let intake = shared.settings().intake;
        let entered = intake.enter(batch, &self.stop, |entered| ingested.add(entered)).await;
        shared.board.pushed(&serial, &name, &ingested, entered.is_ok());
        match entered {
            Ok(()) => Ok(ingested),
            // Some of the punches may be in the ledger.
            Err(NotEntered::Stopped) => Err(SyncError::Stopped),
            Err(NotEntered::Ledger(error)) => Err(error),
            Err(NotEntered::Unreadable(never)) => match never {},
        }
    }
}
