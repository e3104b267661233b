//! One terminal: which one, a session with it, and why that failed.

use iclock_sync::{DeviceOptions, TerminalError, chain};
use zk_proto::client::{PullError, UserError};
use zk_proto::{Client, ClientError};

use crate::context::Context;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::Targets;
use crate::output::printable;
use crate::signal::Signals;

/// Returns the terminal with this configured name or address, or else a new one, as for sync.
pub(crate) fn terminal(context: &Context, text: &str) -> Result<DeviceOptions, CliError> {
    let configured = context.config(&Targets::default())?.devices;
    let is_meant =
        |device: &&DeviceOptions| [&device.name, &device.host, &device.address()].contains(&&text.to_owned());
    if let Some(device) = configured.iter().find(is_meant) {
        return Ok(device.clone());
    }
    let targets = Targets { device: vec![text.to_owned()], ..Targets::default() };
    let new = context.config(&targets)?.devices.into_iter().next();
    new.ok_or_else(|| CliError::new(ExitCode::Usage, format!("{text} is no terminal")).hint("name one, as 192.0.2.10"))
}

/// Why the work at a terminal ended.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The terminal, or the line to it, failed.
    Failed(UserError),
    /// It was not safe; nothing was changed.
    Refused(String),
    /// Ctrl-C.
    Interrupted,
}

impl From<UserError> for Stopped {
    fn from(error: UserError) -> Self {
        Self::Failed(error)
    }
}

impl From<ClientError> for Stopped {
    fn from(error: ClientError) -> Self {
        Self::Failed(error.into())
    }
}

impl Stopped {
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::Terminal,
            Self::Refused(_) => ExitCode::Refused,
            Self::Interrupted => ExitCode::Interrupted,
        }
    }

    /// The error, and the next thing to try.
    pub(crate) fn told(self) -> (String, Option<&'static str>) {
        match self {
            Self::Failed(error) => {
                let text = chain(&error);
                let hint = match error {
                    UserError::Pull(PullError::Client(error)) => TerminalError::Client(error).hint(),
                    UserError::Unproven(_) | UserError::Templates => Some("try again; over UDP, try transport=tcp"),
                    _ => None,
                };
                (text, hint)
            }
            Self::Refused(why) => (why, None),
            Self::Interrupted => ("interrupted".to_owned(), None),
        }
    }

    /// The error of a command for this terminal alone.
    pub(crate) fn at(self, name: &str) -> CliError {
        let code = self.code();
        let (error, hint) = self.told();
        let error = CliError::new(code, format!("{name}: {error}"));
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Opens a session, does the work until Ctrl-C, and ends the session on every path. A terminal with another serial
/// number than the configured one is refused.
pub(crate) async fn session<R>(
    device: &DeviceOptions,
    signals: &Signals,
    work: impl AsyncFnOnce(&mut Client) -> Result<R, Stopped>,
) -> Result<R, Stopped> {
    let options = device.connect_options();
    let mut client = tokio::select! {
        biased;
        () = signals.stop.cancelled() => return Err(Stopped::Interrupted),
        client = Client::connect(&options) => client?,
    };
    let all = async {
        if let Some(expected) = &device.serial {
            let found = client.identity().await?.serial.unwrap_or_default();
            if found != *expected {
                let found = printable(&found);
                return Err(Stopped::Refused(format!("its serial number is {found}, not {expected}, as configured")));
            }
        }
        work(&mut client).await
    };
    let done = tokio::select! {
        biased;
        () = signals.stop.cancelled() => Err(Stopped::Interrupted),
        done = all => done,
    };
    client.exit().await;
    done
}
