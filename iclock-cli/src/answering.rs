//! The server of pages and of the API: it listens before the service begins, and ends before the service does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use iclock_server::access::{Access, AccessError, Role, Secret};
use iclock_server::{ServerOptions, Setting, router};
use iclock_sync::{CancellationToken, Service};
use tokio::task::JoinHandle;
use zk_push::server::{Limits, listen, listen_tls};

use crate::certificate::{Certificate, Files};
use crate::config::{Config, Listen, ServerConfig, listed};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::printed;
use crate::receiving::Listener;

/// The time that requests at hand have to end, once the program is told to.
const END_WITHIN: Duration = Duration::from_secs(5);
/// The account that the first link is for.
const ADMINISTRATOR: &str = "administrator";
/// The most connections from one address: those of an office, or of a proxy, each with its stream of events.
const FROM_ONE_ADDRESS: usize = 1_024;

/// An address at which nobody is answered yet.
#[derive(Debug)]
pub(crate) struct Counter {
    listener: Listener,
    certificate: Option<Certificate>,
}

/// A server at work.
#[derive(Debug)]
pub(crate) struct Answering {
    configured: Configured,
    certificate: Option<Certificate>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Counter {
    /// Listens at the configured address. Where nothing is configured, and another program has the usual address, there
    /// are no pages: terminals are read all the same.
    pub(crate) async fn open(config: &Config) -> Result<Option<Self>, CliError> {
        let Some(address) = config.server.listen.address() else { return Ok(None) };
        let certificate = files(config).map(Certificate::open).transpose()?;
        match Listener::open(address, "--listen").await {
            Ok(listener) => Ok(Some(Self { listener, certificate })),
            Err(error) if config.server.listen == Listen::Usual => {
                error.log("there are no pages and no API; `--listen` chooses another address for them");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Begins to answer, on behalf of a service.
    pub(crate) fn begin(self, service: &Arc<Service>, config: &Config, quiet: bool) -> Result<Answering, CliError> {
        let Self { listener: Listener(listener, address), certificate } = self;
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let invited = First::look(config, address).map_err(|error| cannot_begin(&error))?;
        if invited == First::Nobody && !address.ip().is_loopback() {
            let what = format!("others can reach {address}, and nobody has a password or a token for it yet");
            let hint = printed::command("access password administrator --role administrator");
            return Err(CliError::new(ExitCode::Configuration, what).hint(format!("set a password first: {hint}")));
        }
        let router = router(service, options(config)).map_err(|error| cannot_begin(&error))?;
        let mut limits = Limits::default();
        (limits.connections_per_address, limits.answer_time) = (FROM_ONE_ADDRESS, END_WITHIN);
        let stop = CancellationToken::new();
        let stops = stop.clone().cancelled_owned();
        let task = match &certificate {
            Some(files) => tokio::spawn(listen_tls(listener, files.tls(), router, limits, stops)),
            None => tokio::spawn(listen(listener, router, limits, stops)),
        };
        if !quiet {
            eprintln!("the dashboard is at {scheme}://{address}/");
            eprintln!("programs may call {scheme}://{address}/api/v1");
            if let First::Invited(link) = invited {
                eprintln!("nobody has a password yet; set the administrator's within half an hour:");
                eprintln!("  {scheme}://{address}/welcome#link={}", link.reveal());
            }
        }
        let configured = Configured::of(config);
        Ok(Answering { configured, certificate, stop, task })
    }
}

/// What a reload cannot change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Configured {
    listen: Listen,
    https: bool,
    hosts: Vec<String>,
    biotime: bool,
}

impl Configured {
    fn of(config: &Config) -> Self {
        let ServerConfig { listen, https, hosts, biotime, .. } = config.server.clone();
        Self { listen, https, hosts, biotime }
    }
}

/// Who can log in at the start.
#[derive(PartialEq, Eq)]
enum First {
    /// Somebody has a password or a token.
    Somebody,
    /// Nobody has, and the administrator has a link to set one.
    Invited(Secret),
    /// Nobody has.
    Nobody,
}

impl First {
    /// Makes the administrator a link, if nobody has a password, and nobody else can reach the address.
    fn look(config: &Config, address: SocketAddr) -> Result<Self, AccessError> {
        let access = Access::open(&config.state_dir)?;
        let has_account = access.accounts()?.iter().any(|account| account.has_password);
        if !has_account && address.ip().is_loopback() {
            return access.invite(ADMINISTRATOR, Role::Administrator, Utc::now()).map(Self::Invited);
        }
        Ok(if has_account || !access.tokens()?.is_empty() { Self::Somebody } else { Self::Nobody })
    }
}

fn cannot_begin(error: &dyn std::error::Error) -> CliError {
    CliError::because(ExitCode::State, "the server of the pages cannot begin", error)
        .hint("check the rights of the state directory: `iclock-cli doctor state`")
}

fn options(config: &Config) -> ServerOptions {
    let mut options = ServerOptions::default();
    options.hosts.clone_from(&config.server.hosts);
    options.is_secure = config.server.https || config.server.certificate.is_some();
    options.biotime = config.server.biotime;
    options.timesheet = config.shifts.rules();
    let setting = |(name, value, origin)| Setting { name, value, origin };
    options.settings = listed(&config.settings).into_iter().map(setting).collect();
    options
}

fn files(config: &Config) -> Option<Files> {
    let certificate = config.server.certificate.clone()?;
    Some(Files { certificate, key: config.server.certificate_key.clone()?, table: "server" })
}

impl Answering {
    /// Takes over another configuration, as far as it can.
    pub(crate) fn configure(&mut self, config: &Config) {
        if Configured::of(config) != self.configured {
            tracing::warn!("the address and the names of the server, and what it offers, change with the next start");
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
