//! The receiver of `serve`: it listens before the service begins, and ends before the service does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use iclock_sync::receive::PushReceiver;
use iclock_sync::{CancellationToken, Service};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use zk_push::server::Limits;

use crate::config::Config;
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The time that requests at hand have to end, once the program is told to.
const END_WITHIN: Duration = Duration::from_secs(5);

/// An address at which nobody is answered yet.
#[derive(Debug)]
pub(crate) struct Reception {
    listener: TcpListener,
    address: SocketAddr,
}

/// A receiver at work.
#[derive(Debug)]
pub(crate) struct Receiving {
    receiver: Arc<PushReceiver>,
    /// The configured address, which a reload cannot change.
    configured: Option<SocketAddr>,
    /// What other processes have left could not be taken the last time.
    fails: AtomicBool,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Reception {
    /// Listens at the configured address.
    pub(crate) async fn open(config: &Config) -> Result<Self, CliError> {
        let Some(address) = config.push.listen else {
            return Err(CliError::new(ExitCode::Fault, "no address to listen at"));
        };
        let refused = |error: std::io::Error| {
            CliError::because(ExitCode::Configuration, format!("cannot listen at {address}"), &error)
                .hint("stop the program that uses the port, or choose another address with --push")
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    /// Begins to answer, on behalf of a service.
    pub(crate) async fn begin(self, service: &Service, config: &Config, quiet: bool) -> Result<Receiving, CliError> {
        let receiver = PushReceiver::open(service, &config.devices, &config.push.access).await?;
        let (receiver, stop) = (Arc::new(receiver), CancellationToken::new());
        let mut limits = Limits::default();
        limits.answer_time = END_WITHIN;
        let task = tokio::spawn(Arc::clone(&receiver).serve(self.listener, limits, stop.clone()));
        if !quiet {
            let path = if config.push.access.token.is_some() { "/t/TOKEN" } else { "" };
            eprintln!("terminals may call http://{}{path}", self.address);
        }
        Ok(Receiving { receiver, configured: config.push.listen, fails: AtomicBool::new(false), stop, task })
    }
}

impl Receiving {
    /// Takes over another configuration.
    pub(crate) fn configure(&self, config: &Config) {
        if config.push.listen != self.configured {
            tracing::warn!("the address for terminals that push changes with the next start");
        }
        self.receiver.configure(&config.devices, &config.push.access);
    }

    /// Takes what `push approve`, `push deny` and `push command` have left.
    pub(crate) async fn take(&self) {
        let outcome = match self.receiver.take_decisions().await {
            Ok(taken) => {
                for decision in taken {
                    tracing::warn!("terminal {} is {}", decision.serial(), decision.state().as_str());
                }
                self.receiver.take_orders().await.map(drop)
            }
            Err(error) => Err(error),
        };
        // It is tried once a second: one line is enough.
        if !self.fails.swap(outcome.is_err(), Ordering::Relaxed)
            && let Err(error) = outcome
        {
            tracing::warn!("what `iclock-cli push` has left was not taken: {}", iclock_sync::chain(&error));
        }
    }

    /// Ends: no more requests are taken, and those at hand get their answers.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!("the receiver ended where it never should: {error}");
        }
    }
}
