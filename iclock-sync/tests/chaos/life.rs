//! One life of an engine: from its start to a clean end or a crash.

use std::sync::Arc;
use std::time::{Duration, Instant};

use iclock_sync::service::status::Progress;
use iclock_sync::{
    CancellationToken, ClearError, Cleared, Engine, LedgerError, RunOptions, Service, ServiceOptions, SyncError,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::broadcast;
use tokio::time::sleep;

use crate::crash::Killer;

/// The longest that anything takes in truth.
pub(crate) const AT_MOST: Duration = Duration::from_secs(60);

/// A running engine, on a runtime that dies with it.
#[derive(Debug)]
pub(crate) struct Life {
    runtime: Runtime,
    service: Arc<Service>,
    pub(crate) killer: Arc<Killer>,
}

/// The engine has crashed as planned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crashed;

impl Life {
    /// Starts an engine, as a new process does. The one before may need a moment to let go of the ledger.
    pub(crate) async fn start(engine: Engine, options: ServiceOptions, killer: Arc<Killer>) -> Result<Self, Crashed> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let began = Instant::now();
        let starting = runtime.spawn(async move {
            loop {
                match engine.start(options.clone(), &CancellationToken::new()).await {
                    Err(SyncError::Ledger(LedgerError::Held { .. })) if began.elapsed() < AT_MOST => {
                        sleep(Duration::from_millis(1)).await;
                    }
                    outcome => return outcome,
                }
            }
        });
        tokio::select! {
            started = starting => {
                let service = match started {
                    Ok(started) => Arc::new(started.unwrap()),
                    Err(_) => return Err(bury(runtime, None, &killer)),
                };
                Ok(Self { runtime, service, killer })
            }
            () = crash(&killer) => Err(bury(runtime, None, &killer)),
        }
    }

    /// Calls the service on its own runtime.
    pub(crate) async fn call<T: Send + 'static, F>(&self, call: impl FnOnce(Arc<Service>) -> F) -> Result<T, Crashed>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let called = self.runtime.spawn(call(Arc::clone(&self.service)));
        tokio::select! {
            biased;
            () = crash(&self.killer) => Err(Crashed),
            done = called => done.map_err(|error| {
                assert!(self.killer.has_crashed(), "{error}");
                Crashed
            }),
        }
    }

    pub(crate) fn progress(&self) -> broadcast::Receiver<Progress> {
        self.service.progress()
    }

    pub(crate) fn status(&self) -> iclock_sync::Status {
        self.service.status()
    }

    /// Stops it as a signal does.
    pub(crate) async fn shutdown(self) {
        let Self { runtime, service, killer } = self;
        killer.plan(None);
        if killer.has_crashed() {
            bury(runtime, Some(service), &killer);
            return;
        }
        let service = Arc::into_inner(service).unwrap();
        let stopped = runtime.spawn(service.shutdown(AT_MOST));
        tokio::select! {
            stopped = stopped => match stopped {
                Ok(outcome) => outcome.unwrap(),
                Err(error) => assert!(killer.has_crashed(), "{error}"),
            },
            () = crash(&killer) => {}
        }
        bury(runtime, None, &killer);
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(self) {
        let Self { runtime, service, killer } = self;
        bury(runtime, Some(service), &killer);
    }
}

/// Lets an engine clear a log in a process of its own. Time passes by `tick` meanwhile.
pub(crate) async fn clear(
    engine: Engine,
    terminal: String,
    serial: String,
    killer: &Killer,
    mut tick: impl AsyncFnMut(),
) -> Result<Result<Cleared, ClearError>, Crashed> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let began = Instant::now();
    let mut clearing = runtime.spawn(async move {
        let (options, stop) = (RunOptions::default(), CancellationToken::new());
        loop {
            match engine.clear(&terminal, &serial, &options, &stop).await {
                Err(ClearError::Sync(SyncError::Ledger(LedgerError::Held { .. }))) if began.elapsed() < AT_MOST => {
                    sleep(Duration::from_millis(1)).await;
                }
                outcome => return outcome,
            }
        }
    });
    let outcome = loop {
        tokio::select! {
            biased;
            () = crash(killer) => break Err(Crashed),
            cleared = &mut clearing => break cleared.map_err(|error| {
                assert!(killer.has_crashed(), "{error}");
                Crashed
            }),
            () = tick() => {}
        }
    };
    bury(runtime, None, killer);
    outcome
}

/// Ends all that runs: tasks are not polled again, and threads end where they are.
fn bury(runtime: Runtime, service: Option<Arc<Service>>, killer: &Killer) -> Crashed {
    runtime.shutdown_background();
    killer.bury();
    drop(service);
    Crashed
}

async fn crash(killer: &Killer) {
    while !killer.has_crashed() {
        sleep(Duration::from_micros(500)).await;
    }
}
