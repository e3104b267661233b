//! The end of work that somebody does not want any more: its session is ended properly, and soon.

use std::future::{Future, pending};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::ClientError;

/// How much longer a session that is being opened is waited for, so that it can be ended.
const OPENED_WITHIN: Duration = Duration::from_secs(1);

/// Stops the work that has its [`Stop`].
#[derive(Debug, Default)]
pub(super) struct Stopper(watch::Sender<bool>);

/// Knows if the work is to stop.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stopper {
    pub(super) fn stop(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    pub(super) fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits for a session that is being opened; after a stop, for a moment only.
    pub(super) async fn opened<T>(
        &mut self,
        opening: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        tokio::select! {
            biased;
            opened = opening => opened,
            () = async {
                self.asked().await;
                sleep(OPENED_WITHIN).await;
            } => Err(ClientError::Unusable),
        }
    }

    /// Does the work until the stop. What it leaves behind is a session to end.
    pub(super) async fn unless<T>(
        &mut self,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        tokio::select! {
            biased;
            () = self.asked() => Err(ClientError::Unusable),
            done = work => done,
        }
    }

    async fn asked(&mut self) {
        if self.0.wait_for(|stop| *stop).await.is_err() {
            // Nobody can ask any more.
            pending::<()>().await;
        }
    }
}
