//! The receiver of `serve`: it listens before the service begins, and ends before the service does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iclock_sync::receive::PushReceiver;
use iclock_sync::{CancellationToken, Service};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use zk_push::server::Limits;

use crate::certificate::{Certificate, Files};
use crate::config::Config;
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The time that requests at hand have to end, once the program is told to.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Addresses at which nobody is answered yet.
#[derive(Debug)]
pub(crate) struct Reception {
    plain: Option<Listener>,
    tls: Option<(Listener, Certificate)>,
}

/// A listener, and its address.
#[derive(Debug)]
pub(crate) struct Listener(pub(crate) TcpListener, pub(crate) SocketAddr);

/// A receiver at work.
#[derive(Debug)]
pub(crate) struct Receiving {
    receiver: Arc<PushReceiver>,
    /// The configured addresses, which a reload cannot change.
    configured: [Option<SocketAddr>; 2],
    certificate: Mutex<Option<Certificate>>,
    /// What other processes have left could not be taken the last time.
    fails: AtomicBool,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Reception {
    /// Listens at the configured addresses.
    pub(crate) async fn open(config: &Config) -> Result<Self, CliError> {
        let plain = match config.push.listen {
            Some(address) => Some(Listener::open(address, "--push").await?),
            None => None,
        };
        let tls = match config.push.listen_tls.zip(files(config)) {
            Some((address, files)) => {
                let certificate = Certificate::open(files)?;
                Some((Listener::open(address, "--push").await?, certificate))
            }
            None => None,
        };
        Ok(Self { plain, tls })
    }

    /// Begins to answer, on behalf of a service.
    pub(crate) async fn begin(self, service: &Service, config: &Config, quiet: bool) -> Result<Receiving, CliError> {
        let receiver = PushReceiver::open(service, &config.devices, &config.push.access).await?;
        receiver.capture(config.push.capture << 10);
        let (receiver, stop) = (Arc::new(receiver), CancellationToken::new());
        let mut limits = Limits::default();
        limits.answer_time = END_WITHIN;
        let path = if config.push.access.token.is_some() { "/t/TOKEN" } else { "" };
        let (mut tasks, mut certificate) = (Vec::new(), None);
        if let Some(Listener(listener, address)) = self.plain {
            tasks.push(tokio::spawn(Arc::clone(&receiver).serve(listener, limits.clone(), stop.clone())));
            if !quiet {
                eprintln!("terminals may call http://{address}{path}");
            }
        }
        if let Some((Listener(listener, address), files)) = self.tls {
            let serves = Arc::clone(&receiver).serve_tls(listener, files.tls(), limits, stop.clone());
            tasks.push(tokio::spawn(serves));
            certificate = Some(files);
            if !quiet {
                eprintln!("terminals may call https://{address}{path}");
            }
        }
        let (certificate, fails) = (Mutex::new(certificate), AtomicBool::new(false));
        Ok(Receiving { receiver, configured: addresses(config), certificate, fails, stop, tasks })
    }
}

impl Listener {
    pub(crate) async fn open(address: SocketAddr, flag: &str) -> Result<Self, CliError> {
        let refused = |error: std::io::Error| {
            CliError::because(ExitCode::Configuration, format!("cannot listen at {address}"), &error)
                .hint(format!("stop the program that uses the port, or choose another address with {flag}"))
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self(listener, address))
    }
}

fn addresses(config: &Config) -> [Option<SocketAddr>; 2] {
    [config.push.listen, config.push.listen_tls]
}

fn files(config: &Config) -> Option<Files> {
    let certificate = config.push.certificate.clone()?;
    Some(Files { certificate, key: config.push.certificate_key.clone()?, table: "push" })
}

impl Receiving {
    /// Takes over another configuration.
    pub(crate) fn configure(&self, config: &Config) {
        if addresses(config) != self.configured {
            tracing::warn!("the addresses for terminals that push change with the next start");
        }
        if let (Some(certificate), Some(files)) = (&mut *self.certificate(), files(config)) {
            certificate.set_files(files);
        }
        self.receiver.configure(&config.devices, &config.push.access);
        self.receiver.capture(config.push.capture << 10);
    }

    /// Takes another certificate, if its files have changed.
    pub(crate) fn look_at_certificate(&self) {
        match self.certificate().as_mut().map(Certificate::refresh) {
            Some(Ok(true)) => tracing::warn!("terminals that call over TLS get another certificate from now on"),
            Some(Err(error)) => error.log("the certificate before stays in use"),
            Some(Ok(false)) | None => {}
        }
    }

    fn certificate(&self) -> MutexGuard<'_, Option<Certificate>> {
        // Nothing can panic while the lock is held.
        self.certificate.lock().unwrap_or_else(PoisonError::into_inner)
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
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!("the receiver ended where it never should: {error}");
            }
        }
    }
}
