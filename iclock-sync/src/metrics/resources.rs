//! The resources that this process uses.

use std::{fs, process};

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
    /// Bytes that came over the network; `None` where the system does not say. Linux counts them for all programs that
    /// share the process's network, this computer itself included: in a container, for the container.
    #[serde(default)]
    pub network_received: Option<u64>,
    /// Bytes that went out over the network, counted like those that came.
    #[serde(default)]
    pub network_sent: Option<u64>,
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
        let network = fs::read_to_string("/proc/self/net/netstat").ok();
        let octets = |name| network.as_deref().and_then(|text| octets(text, name));
        Self {
            memory: this.memory(),
            cpu_seconds: this.accumulated_cpu_time() as f64 / 1_000.0,
            open_files: this.open_files().map(|files| files as u64),
            network_received: octets("InOctets"),
            network_sent: octets("OutOctets"),
        }
    }
}

/// A number of the layer IP in Linux's table: one line has the names, and the next one their numbers.
fn octets(netstat: &str, name: &str) -> Option<u64> {
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("IpExt: "));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let (_, number) = names.split(' ').zip(numbers.split(' ')).find(|(of, _)| *of == name)?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_networks_bytes_are_found_by_their_names() {
        let text = "TcpExt: SyncookiesSent InOctets\nTcpExt: 1 2\n\
                    IpExt: InNoRoutes InOctets OutOctets\nIpExt: 0 8149320 517\n";
        assert_eq!((octets(text, "InOctets"), octets(text, "OutOctets")), (Some(8_149_320), Some(517)));
        for other in ["", "IpExt: InOctets", "IpExt: InOctets\nIpExt: many\n", "TcpExt: InOctets\nTcpExt: 2\n"] {
            assert_eq!(octets(other, "InOctets"), None, "{other:?}");
        }
    }
}
