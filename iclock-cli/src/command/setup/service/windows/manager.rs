//! What the service control manager is asked by `service install`, `uninstall` and `status`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use windows_service::Error;
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceExitCode,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::super::{Install, loaded, run};
use super::{DESCRIPTION, LAST_ERROR, Plan, RESET_AFTER_SECONDS, RESTART_AFTER_SECONDS, manager_name};
use crate::context::Outcome;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

/// Errors of Windows, by their numbers.
const ACCESS_DENIED: i32 = 5;
const NO_SUCH_SERVICE: i32 = 1060;
const STOPS_ALREADY: i32 = 1061;
const NOT_RUNNING: i32 = 1062;
const SERVICE_EXISTS: i32 = 1073;

/// A start or a stop may take so long: it checks a large ledger, or ends a batch.
const PATIENCE: Duration = Duration::from_secs(90);
/// The manager is asked so often whether it is done.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) fn install(plan: &Plan<'_>, args: &Install) -> Outcome {
    let config = loaded(Path::new(&plan.config), args)?;
    if config.log.dir.is_none() {
        tracing::warn!("the service has no screen: write dir in [log] to see what it does");
    }
    let manager = connect(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
    fs::create_dir_all(&plan.dir).map_err(|error| {
        CliError::because(ExitCode::Configuration, format!("cannot make {}", plan.dir), &error).hint(ELEVATED)
    })?;
    let rights = plan.rights();
    run("icacls", &rights.iter().map(String::as_str).collect::<Vec<_>>())?;
    let info = info(plan);
    let access =
        ServiceAccess::CHANGE_CONFIG | ServiceAccess::QUERY_STATUS | ServiceAccess::START | ServiceAccess::STOP;
    let service = match manager.create_service(&info, access) {
        Err(Error::Winapi(error)) if error.raw_os_error() == Some(SERVICE_EXISTS) => {
            let service = open(&manager, plan.name, access)?;
            stop(&service, plan.name)?;
            service.change_config(&info).map_err(|error| cannot("change", plan.name, &error))?;
            service
        }
        made => made.map_err(|error| cannot("create", plan.name, &error))?,
    };
    configure(&service);
    let none: [&OsStr; 0] = [];
    service.start(&none).map_err(|error| cannot("start", plan.name, &error))?;
    let state = settled(&service, plan.name, ServiceState::StartPending)?;
    if state != ServiceState::Running {
        let seen = Path::new(&plan.dir).join(LAST_ERROR);
        return Err(CliError::new(ExitCode::Fault, format!("{} was installed, but ended at once", plan.name))
            .hint(format!("see why: {}", seen.display())));
    }
    output::line(format_args!("{} runs; look at it: iclock-cli status, or services.msc", plan.name));
    Ok(ExitCode::Done)
}

pub(super) fn uninstall(name: &str) -> Outcome {
    let manager = connect(ServiceManagerAccess::CONNECT)?;
    let access = ServiceAccess::QUERY_STATUS | ServiceAccess::STOP | ServiceAccess::DELETE;
    let service = open(&manager, name, access)?;
    stop(&service, name)?;
    service.delete().map_err(|error| cannot("remove", name, &error))?;
    output::line(format_args!("removed: {name}; configuration and state were left alone"));
    Ok(ExitCode::Done)
}

pub(super) fn status(name: &str) -> Outcome {
    let manager = connect(ServiceManagerAccess::CONNECT)?;
    let service = match manager.open_service(name, ServiceAccess::QUERY_STATUS) {
        Err(Error::Winapi(error)) if error.raw_os_error() == Some(NO_SUCH_SERVICE) => {
            output::line(format_args!("{name}: not installed"));
            return Ok(ExitCode::Found);
        }
        opened => opened.map_err(|error| cannot("look at", name, &error))?,
    };
    let status = service.query_status().map_err(|error| cannot("look at", name, &error))?;
    let state = match status.current_state {
        ServiceState::Running => "running",
        ServiceState::StartPending => "starting",
        ServiceState::StopPending => "stopping",
        _ => "stopped",
    };
    let why = match status.exit_code {
        ServiceExitCode::ServiceSpecific(code) => format!(", with the exit code {code}"),
        _ => String::new(),
    };
    output::line(format_args!("{name}: installed, {state}{why}"));
    Ok(if status.current_state == ServiceState::Running { ExitCode::Done } else { ExitCode::Found })
}

fn info(plan: &Plan<'_>) -> ServiceInfo {
    ServiceInfo {
        name: plan.name.into(),
        display_name: plan.name.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: PathBuf::from(&plan.program),
        launch_arguments: plan.arguments.iter().map(Into::into).collect(),
        dependencies: Vec::new(),
        account_name: Some(manager_name(plan.account.0).into()),
        account_password: None,
    }
}

/// Sets what not every Windows takes. A service that runs without it is better than none.
fn configure(service: &Service) {
    let delay = Duration::from_secs(RESTART_AFTER_SECONDS.into());
    let failure = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(Duration::from_secs(RESET_AFTER_SECONDS.into())),
        reboot_msg: None,
        command: None,
        actions: Some(vec![ServiceAction { action_type: ServiceActionType::Restart, delay }]),
    };
    let settings = [
        ("its description", service.set_description(DESCRIPTION)),
        // The network may take its time after the machine has started.
        ("its late start", service.set_delayed_auto_start(true)),
        ("its start after a crash", service.update_failure_actions(failure)),
        ("its start after an error", service.set_failure_actions_on_non_crash_failures(true)),
        ("its time to stop with the machine", service.set_preshutdown_timeout(PATIENCE)),
    ];
    for (what, set) in settings {
        if let Err(error) = set {
            tracing::warn!("{what} cannot be set: {}", iclock_sync::chain(&error));
        }
    }
}

/// Stops a service and waits for its end.
fn stop(service: &Service, name: &str) -> Result<(), CliError> {
    match service.stop() {
        Err(Error::Winapi(error)) if error.raw_os_error() == Some(NOT_RUNNING) => return Ok(()),
        Err(Error::Winapi(error)) if error.raw_os_error() == Some(STOPS_ALREADY) => {}
        Err(error) => return Err(cannot("stop", name, &error)),
        Ok(_) => {}
    }
    match settled(service, name, ServiceState::StopPending)? {
        ServiceState::Stopped => Ok(()),
        _ => Err(CliError::new(ExitCode::Fault, format!("{name} does not stop"))
            .hint("wait until it has started, and do it again")),
    }
}

/// Returns the state that follows this one.
fn settled(service: &Service, name: &str, pending: ServiceState) -> Result<ServiceState, CliError> {
    let begun = Instant::now();
    loop {
        let state = service.query_status().map_err(|error| cannot("look at", name, &error))?.current_state;
        if state != pending {
            return Ok(state);
        }
        if begun.elapsed() > PATIENCE {
            return Err(CliError::new(ExitCode::Fault, format!("{name} is still {pending:?} after 90 s"))
                .hint("look at it: iclock-cli service status"));
        }
        thread::sleep(PAUSE);
    }
}

fn connect(access: ServiceManagerAccess) -> Result<ServiceManager, CliError> {
    ServiceManager::local_computer(None::<&OsStr>, access)
        .map_err(|error| cannot("talk to", "the service control manager", &error))
}

fn open(manager: &ServiceManager, name: &str, access: ServiceAccess) -> Result<Service, CliError> {
    manager.open_service(name, access).map_err(|error| cannot("open", name, &error))
}

const ELEVATED: &str = "open the command prompt as an administrator, and do it again";

fn cannot(what: &str, name: &str, error: &Error) -> CliError {
    let number = match error {
        Error::Winapi(error) => error.raw_os_error(),
        _ => None,
    };
    let (code, hint) = match number {
        Some(ACCESS_DENIED) => (ExitCode::Configuration, ELEVATED),
        Some(NO_SUCH_SERVICE) => (ExitCode::Configuration, "name it with --name if it has another name"),
        _ => (ExitCode::Fault, "--print shows what would be done, to do it by hand"),
    };
    CliError::because(code, format!("cannot {what} {name}"), error).hint(hint)
}
