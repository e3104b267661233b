//! SIGINT and SIGTERM: the first ends the work cleanly, the second ends the process.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::OnceLock;

use iclock_sync::CancellationToken;

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The sender of the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A person at the keyboard.
    Interrupt,
    /// A service manager.
    Terminate,
}

/// Cancels a token at the first signal.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    pub(crate) stop: CancellationToken,
    asked: Arc<OnceLock<Asked>>,
}

impl Signals {
    /// Starts to listen; must be called within a runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        let signals = Self { stop: CancellationToken::new(), asked: Arc::default() };
        let told = signals.clone();
        let mut source = Source::new()?;
        tokio::spawn(async move {
            let first = source.next().await;
            // Nothing else sets it.
            let _ = told.asked.set(first);
            told.stop.cancel();
            tracing::warn!("stopping after the current batch; press Ctrl-C again to quit now");
            source.next().await;
            process::exit(ExitCode::Interrupted as i32);
        });
        Ok(signals)
    }

    /// Returns the sender of the signal, if there was one.
    pub(crate) fn asked(&self) -> Option<Asked> {
        self.asked.get().copied()
    }

    /// The exit code of work that goes on until somebody ends it.
    pub(crate) fn ended(&self) -> ExitCode {
        match self.asked() {
            Some(Asked::Interrupt) => ExitCode::Interrupted,
            Some(Asked::Terminate) | None => ExitCode::Done,
        }
    }
}

/// Requests to read the configuration again.
#[derive(Debug)]
pub(crate) struct Reloads {
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Reloads {
    /// Starts to listen; must be called within a runtime.
    pub(crate) fn listen() -> Result<Self, CliError> {
        Ok(Self {
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
                .map_err(|error| CliError::because(ExitCode::Fault, "cannot listen for SIGHUP", &error))?,
        })
    }

    /// Waits for the next one. Where there are no signals, there is none.
    pub(crate) async fn asked(&mut self) {
        #[cfg(unix)]
        if self.hangup.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.terminate.recv() => Asked::Terminate,
        }
    }
}

#[cfg(windows)]
struct Source {
    interrupt: tokio::signal::windows::CtrlC,
    close: tokio::signal::windows::CtrlClose,
    shutdown: tokio::signal::windows::CtrlShutdown,
    break_key: tokio::signal::windows::CtrlBreak,
}

#[cfg(windows)]
impl Source {
    fn new() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
        Ok(Self { interrupt: ctrl_c()?, close: ctrl_close()?, shutdown: ctrl_shutdown()?, break_key: ctrl_break()? })
    }

    async fn next(&mut self) -> Asked {
        // When the machine is switched off, a service hears of it twice: from the service control manager, and as a
        // program with a console. The second must not end it at once.
        if crate::scm::is_service() {
            crate::scm::asked_to_stop().await;
            return Asked::Terminate;
        }
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.break_key.recv() => Asked::Interrupt,
            _ = self.close.recv() => Asked::Terminate,
            _ = self.shutdown.recv() => Asked::Terminate,
        }
    }
}
