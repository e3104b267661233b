//! The server of `serve` for other programs: it listens before the service begins, and ends before the service does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use iclock_server::access::Access;
use iclock_server::{ServerOptions, router};
use iclock_sync::{CancellationToken, Service};
use tokio::task::JoinHandle;
use zk_push::server::{Limits, listen, listen_tls};

use crate::certificate::{Certificate, Files};
use crate::config::Config;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::printed;
use crate::receiving::Listener;

/// The time that requests at hand have to end, once the program is told to.
const END_WITHIN: Duration = Duration::from_secs(5);
/// The largest body: orders have none.
const BODY: usize = 64 << 10;

/// An address at which nobody is answered yet.
#[derive(Debug)]
pub(crate) struct Counter {
    listener: Listener,
    certificate: Option<Certificate>,
}

/// A server at work.
#[derive(Debug)]
pub(crate) struct Answering {
    /// What a reload cannot change.
    configured: (Option<SocketAddr>, Vec<String>),
    certificate: Option<Certificate>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Counter {
    /// Listens at the configured address; `None` without one.
    pub(crate) async fn open(config: &Config) -> Result<Option<Self>, CliError> {
        let Some(address) = config.server.listen else { return Ok(None) };
        let certificate = files(config).map(Certificate::open).transpose()?;
        Ok(Some(Self { listener: Listener::open(address, "--listen").await?, certificate }))
    }

    /// Begins to answer, on behalf of a service.
    pub(crate) fn begin(self, service: &Arc<Service>, config: &Config, quiet: bool) -> Result<Answering, CliError> {
        let Self { listener: Listener(listener, address), certificate } = self;
        let cannot = |error: &dyn std::error::Error| {
            CliError::because(ExitCode::State, "the server cannot begin", error)
                .hint("check the rights of the state directory: `iclock-cli doctor state`")
        };
        let tokens =
            Access::open(&config.state_dir).and_then(|access| access.tokens()).map_err(|error| cannot(&error))?;
        let create = printed::command("access create NAME");
        if tokens.is_empty() && !address.ip().is_loopback() {
            let what = format!("others can reach {address}, and nobody has a token for it yet");
            return Err(CliError::new(ExitCode::Configuration, what).hint(format!("make one first: {create}")));
        }
        let mut options = ServerOptions::default();
        options.hosts.clone_from(&config.server.hosts);
        options.timesheet = config.shifts.rules();
        let router = router(service, options).map_err(|error| cannot(&error))?;
        let mut limits = Limits::default();
        (limits.body, limits.answer_time) = (BODY, END_WITHIN);
        let stop = CancellationToken::new();
        let stops = stop.clone().cancelled_owned();
        let (task, scheme) = match &certificate {
            Some(files) => (tokio::spawn(listen_tls(listener, files.tls(), router, limits, stops)), "https"),
            None => (tokio::spawn(listen(listener, router, limits, stops)), "http"),
        };
        if !quiet {
            eprintln!("programs may call {scheme}://{address}/api/v1");
            if tokens.is_empty() {
                eprintln!("they need a token: {create}");
            }
        }
        let configured = (config.server.listen, config.server.hosts.clone());
        Ok(Answering { configured, certificate, stop, task })
    }
}

fn files(config: &Config) -> Option<Files> {
    let certificate = config.server.certificate.clone()?;
    Some(Files { certificate, key: config.server.certificate_key.clone()?, table: "server" })
}

impl Answering {
    /// Takes over another configuration, as far as it can.
    pub(crate) fn configure(&mut self, config: &Config) {
        if (config.server.listen, &config.server.hosts) != (self.configured.0, &self.configured.1) {
            tracing::warn!("the address and the names of the server change with the next start");
        }
        if let (Some(certificate), Some(files)) = (&mut self.certificate, files(config)) {
            certificate.set_files(files);
        }
    }

    /// Takes another certificate, if its files have changed.
    pub(crate) fn look_at_certificate(&mut self) {
        match self.certificate.as_mut().map(Certificate::refresh) {
            Some(Ok(true)) => tracing::warn!("programs that call get another certificate from now on"),
            Some(Err(error)) => error.log("the certificate before stays in use"),
            Some(Ok(false)) | None => {}
        }
    }

    /// Ends: no more requests are taken, and those at hand get their answers.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!("the server ended where it never should: {error}");
        }
    }
}
