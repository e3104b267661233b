//! Live capture: between two runs, the engine listens to the terminals, and a punch starts the next run.
//!
//! A punch that a terminal reports is a signal, not a record. The next run reads it from the log with all its proof. So
//! nothing enters the ledger by a second way, and a lost signal costs only time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zk_proto::client::{LiveCapture, LiveItem, LiveOptions};
use zk_proto::record::LiveEvent;

use crate::DeviceOptions;
use crate::clock::Clock;

/// Pauses before the next attempt to reach a lost terminal, in seconds. It can be away for weeks.
const RETRY_AFTER: [u64; 7] = [1, 2, 4, 8, 16, 32, 60];
/// The wait from a punch to the run. The terminal may still be storing it, and in a rush one run serves several.
const SETTLE: Duration = Duration::from_millis(300);

/// Listens to terminals until it is ended.
#[derive(Debug)]
pub(crate) struct Listening {
    tasks: JoinSet<()>,
    stop: CancellationToken,
    punched: Arc<Notify>,
    clock: Arc<dyn Clock>,
}

impl Listening {
    /// Begins to listen to these terminals; there may be none.
    pub(crate) fn start(devices: &[Arc<DeviceOptions>], clock: &Arc<dyn Clock>) -> Self {
        let (stop, punched) = (CancellationToken::new(), Arc::new(Notify::new()));
        let mut tasks = JoinSet::new();
        for device in devices {
            let listener = Listener { device: Arc::clone(device), punched: Arc::clone(&punched) };
            let stop = stop.clone();
            tasks.spawn(async move { listener.listen(&stop).await });
        }
        Self { tasks, stop, punched, clock: Arc::clone(clock) }
    }

    /// Waits until somebody has punched, or may have punched while a terminal was lost.
    pub(crate) async fn punch(&self) {
        self.punched.notified().await;
        self.clock.sleep(SETTLE).await;
    }

    /// Disconnects from every terminal: some have only one session, which the next run needs.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

#[derive(Debug)]
struct Listener {
    device: Arc<DeviceOptions>,
    punched: Arc<Notify>,
}

impl Listener {
    async fn listen(&self, stop: &CancellationToken) {
        let name = &self.device.name;
        let pauses = RETRY_AFTER.map(Duration::from_secs).into();
        let options = LiveOptions::default().pauses(pauses);
        let mut capture = LiveCapture::new(self.device.connect_options(), options);
        let mut lost = false;
        while let Some(item) = until(stop, capture.next()).await {
            match item {
                Ok(LiveItem::Event(LiveEvent::Punch(_))) => {
                    tracing::debug!("{name}: a punch");
                    self.punched.notify_one();
                }
                Ok(LiveItem::Gap(_)) if std::mem::take(&mut lost) => {
                    tracing::info!("{name}: listening again");
                    // Nobody heard what happened meanwhile.
                    self.punched.notify_one();
                }
                // Once for each time it is lost.
                Ok(LiveItem::Lost { why }) | Err(why) if !std::mem::replace(&mut lost, true) => {
                    tracing::warn!("{name}: cannot be listened to: {why}; trying again");
                }
                _ => {}
            }
        }
        capture.end().await;
    }
}

/// Waits for `work`; `None` if it is stopped first.
async fn until<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = stop.cancelled() => None,
    }
}
