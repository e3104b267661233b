//! A service of Windows: the service control manager starts the process, and stops it as SIGTERM does on Unix.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::Notify;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::service_dispatcher;

use crate::command::setup::service::{AS_SERVICE, LAST_ERROR};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The time that the manager allows for a start, which may check a large ledger, and for a stop, which ends a batch.
const PATIENCE: Duration = Duration::from_secs(75);

static SERVICE: OnceLock<Running> = OnceLock::new();
static HANDLE: OnceLock<ServiceStatusHandle> = OnceLock::new();
static ENDED: OnceLock<ExitCode> = OnceLock::new();
/// A stop that comes before anybody listens is kept.
static STOP: Notify = Notify::const_new();

/// Runs a command line.
type Run = fn(Vec<OsString>) -> ExitCode;

/// The service that a command line names.
pub(crate) struct Service {
    name: OsString,
    /// Its directory: all relative paths are below it.
    dir: PathBuf,
    words: Vec<OsString>,
}

struct Running {
    service: Service,
    run: Run,
}

impl Service {
    /// Returns the service of `PROGRAM --as-service NAME DIR ARGUMENTS`, which the service control manager starts.
    pub(crate) fn of(words: &[OsString]) -> Option<Self> {
        let [program, flag, name, dir, arguments @ ..] = words else { return None };
        let words = std::iter::once(program).chain(arguments).cloned().collect();
        (*flag == *AS_SERVICE).then(|| Self { name: name.clone(), dir: dir.into(), words })
    }

    /// Runs the command until it ends, or the manager stops it.
    pub(crate) fn run(self, run: Run) -> ExitCode {
        let name = self.name.clone();
        if SERVICE.set(Running { service: self, run }).is_err() {
            return ExitCode::Fault;
        }
        match service_dispatcher::start(&name, begin) {
            Ok(()) => ENDED.get().copied().unwrap_or(ExitCode::Fault),
            Err(error) => {
                CliError::because(ExitCode::Usage, "the service control manager did not start this", &error)
                    .hint("install it: iclock-cli service install; by hand, leave out --as-service NAME DIR")
                    .print();
                ExitCode::Usage
            }
        }
    }
}

/// Returns true if the service control manager started this process.
pub(crate) fn is_service() -> bool {
    HANDLE.get().is_some()
}

/// Waits until the manager stops the service.
pub(crate) async fn asked_to_stop() {
    STOP.notified().await;
}

/// Tells the manager that the service does its work.
pub(crate) fn runs() {
    tell(ServiceState::Running, ExitCode::Done);
}

/// Tells the manager that the service is about to end.
pub(crate) fn stops() {
    tell(ServiceState::StopPending, ExitCode::Done);
}

/// Writes the last error to a file, because nobody sees the stderr of a service.
pub(crate) fn keep(error: &str) {
    if is_service()
        && let Some(path) = error_file()
        && let Err(error) = fs::write(&path, error)
    {
        tracing::warn!("the error cannot be written to {}: {error}", path.display());
    }
}

fn error_file() -> Option<PathBuf> {
    Some(SERVICE.get()?.service.dir.join(LAST_ERROR))
}

/// The thread of the service. Its arguments are those of a start by hand, of which there are none.
extern "system" fn begin(_count: u32, _arguments: *mut *mut u16) {
    let Some(Running { service, run }) = SERVICE.get() else { return };
    let Ok(handle) = service_control_handler::register(&service.name, control) else { return };
    if HANDLE.set(handle).is_err() {
        return;
    }
    tell(ServiceState::StartPending, ExitCode::Done);
    // It begins in the directory of the system, where it must not write.
    if let Err(error) = env::set_current_dir(&service.dir) {
        tracing::warn!("the service cannot work in {}: {error}", service.dir.display());
    }
    let code = run(service.words.clone());
    if code == ExitCode::Done
        && let Some(path) = error_file()
    {
        // Most of the time there is none.
        let _ = fs::remove_file(path);
    }
    let _ = ENDED.set(code);
    tell(ServiceState::Stopped, code);
}

/// The order of the manager.
fn control(control: ServiceControl) -> ServiceControlHandlerResult {
    match control {
        ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            stops();
            STOP.notify_one();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    }
}

fn tell(state: ServiceState, code: ExitCode) {
    let Some(handle) = HANDLE.get() else { return };
    let accepted = match state {
        ServiceState::Running => {
            ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN | ServiceControlAccept::PRESHUTDOWN
        }
        // A second order would end the process at once.
        _ => ServiceControlAccept::empty(),
    };
    let is_pending = matches!(state, ServiceState::StartPending | ServiceState::StopPending);
    let status = ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: accepted,
        exit_code: match code {
            ExitCode::Done => ServiceExitCode::NO_ERROR,
            code => ServiceExitCode::ServiceSpecific(code as u32),
        },
        checkpoint: u32::from(is_pending),
        wait_hint: if is_pending { PATIENCE } else { Duration::ZERO },
        process_id: None,
    };
    if let Err(error) = handle.set_service_status(status) {
        tracing::warn!("the service control manager is not told: {error}");
    }
}
