//! Live capture: between two runs, terminals are listened to, and a punch brings the next run forward.
//!
//! What a terminal tells of a punch is taken as a sign and not as a record. The run that follows pulls the punch out of the
//! log with all its proof, so that nothing enters the ledger by a second way, and a sign that got lost costs only time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zk_proto::op::RegisterEvents;
use zk_proto::record::EventCode;
use zk_proto::{Client, ClientError};

use crate::DeviceOptions;
use crate::clock::Clock;

/// How long a terminal may be silent before it is asked whether it is still there.
const PROBE_EVERY: Duration = Duration::from_secs(30);
/// The first and the longest pause before a lost terminal is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const RETRY_AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// From a punch to the run: the terminal may still be storing it, and in a rush one run serves several.
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
    /// Begins to listen to these terminals, of which there may be none.
    pub(crate) fn start(devices: &[Arc<DeviceOptions>], clock: &Arc<dyn Clock>) -> Self {
        let (stop, punched) = (CancellationToken::new(), Arc::new(Notify::new()));
        let mut tasks = JoinSet::new();
        for device in devices {
            let listener =
                Listener { device: Arc::clone(device), clock: Arc::clone(clock), punched: Arc::clone(&punched) };
            let stop = stop.clone();
            tasks.spawn(async move { listener.listen(&stop).await });
        }
        Self { tasks, stop, punched, clock: Arc::clone(clock) }
    }

    /// Ends when somebody has punched, or may have punched unheard.
    pub(crate) async fn punch(&self) {
        self.punched.notified().await;
        self.clock.sleep(SETTLE).await;
    }

    /// Leaves every terminal: some have only one session, which the next run needs.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

#[derive(Debug)]
struct Listener {
    device: Arc<DeviceOptions>,
    clock: Arc<dyn Clock>,
    punched: Arc<Notify>,
}

impl Listener {
    async fn listen(&self, stop: &CancellationToken) {
        let name = &self.device.name;
        let mut pause = RETRY_AFTER;
        let mut lost = false;
        loop {
            let error = match until(stop, Client::connect(&self.device.connect_options())).await {
                None => return,
                Some(Err(error)) => error,
                Some(Ok(mut client)) => {
                    if std::mem::take(&mut lost) {
                        tracing::info!("{name}: listening again");
                        // Nobody heard what happened meanwhile.
                        self.punched.notify_one();
                    }
                    pause = RETRY_AFTER;
                    let ended = until(stop, self.hear(&mut client)).await;
                    client.exit().await;
                    match ended {
                        None => return,
                        Some(error) => error,
                    }
                }
            };
            // Once for each time it is lost: a terminal can be away for weeks.
            if !std::mem::replace(&mut lost, true) {
                tracing::warn!("{name}: cannot be listened to: {error}; it is tried again and again");
            }
            if until(stop, self.clock.sleep(pause)).await.is_none() {
                return;
            }
            pause = (pause * 2).min(RETRY_AT_LEAST_EVERY);
        }
    }

    /// Hears punches until the line is lost; says why.
    async fn hear(&self, client: &mut Client) -> ClientError {
        if let Err(error) = client.call(&RegisterEvents::ATTENDANCE).await {
            return error;
        }
        loop {
            match client.next_event(PROBE_EVERY).await {
                Ok(Some(event)) if event.session == EventCode::ATTENDANCE.0 => {
                    tracing::debug!("{}: a punch", self.device.name);
                    self.punched.notify_one();
                }
                Ok(Some(_)) => {}
                Ok(None) => {
                    // A line can be dead without a sign; the answer itself is of no interest.
                    if let Err(error) = client.time().await {
                        return error;
                    }
                }
                Err(error) => return error,
            }
        }
    }
}

/// `None` when it is stopped first.
async fn until<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = stop.cancelled() => None,
    }
}
