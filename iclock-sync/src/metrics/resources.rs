//! The resources that this process uses.

use std::process;

use serde::{Deserialize, Serialize};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// The resources that a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resources {
    /// Resident memory in bytes.
    pub memory: u64,
    /// CPU time so far, in seconds.
    pub cpu_seconds: f64,
    /// Open files, sockets included; `None` where the system does not say.
    pub open_files: Option<u64>,
}

impl Resources {
    /// Those of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let id = Pid::from_u32(process::id());
        let mut system = System::new();
        let wanted = ProcessRefreshKind::nothing().with_memory().with_cpu();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), false, wanted);
        let Some(this) = system.process(id) else { return Self::default() };
        Self {
            memory: this.memory(),
            cpu_seconds: this.accumulated_cpu_time() as f64 / 1_000.0,
            open_files: this.open_files().map(|files| files as u64),
        }
    }
}
