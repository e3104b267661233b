//! The configured terminals, and which of them a found one is.

use std::net::IpAddr;

use futures::future::join_all;
use iclock_sync::{Contact, DeviceOptions, Ledger};

use crate::config::Config;

/// A configured terminal.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Its place in the configuration, from 0.
    pub(super) index: usize,
    pub(super) device: DeviceOptions,
    /// The configured serial number, else the one that the ledger remembers.
    pub(super) serial: Option<String>,
    /// The addresses of its host.
    pub(super) addresses: Vec<IpAddr>,
}

impl Known {
    /// The configured terminals that are called.
    pub(super) async fn all(config: &Config) -> Vec<Self> {
        // Without a ledger, only configured serial numbers are known.
        let ledger = Ledger::open_read_only(&config.state_dir).ok().flatten();
        let remembered = ledger.and_then(|ledger| ledger.terminals().ok()).unwrap_or_default();
        let called = config.devices.iter().enumerate().filter(|(_, device)| device.contact == Contact::Call);
        let known = called.map(async |(index, device)| {
            let of_ledger = || {
                let state = remembered.iter().find(|state| state.name == device.name)?;
                // A terminal that never gave a serial number is known by its name.
                Some(state.serial.clone()).filter(|serial| !serial.starts_with("name:"))
            };
            // A name that leads nowhere is a terminal that may have moved.
            let addresses = tokio::net::lookup_host((device.host.as_str(), device.port)).await;
            Self {
                index,
                device: device.clone(),
                serial: device.serial.clone().or_else(of_ledger),
                addresses: addresses.map(|all| all.map(|address| address.ip()).collect()).unwrap_or_default(),
            }
        });
        join_all(known).await
    }

    /// Returns true if its configured place is this one.
    pub(super) fn is_at(&self, address: IpAddr, port: u16) -> bool {
        self.device.port == port && self.addresses.contains(&address)
    }
}

/// The configured terminal that a found one is: by its serial number, else by its place.
pub(super) fn which<'a>(all: &'a [Known], address: IpAddr, port: u16, serial: Option<&str>) -> Option<&'a Known> {
    let by_serial = serial.and_then(|serial| all.iter().find(|known| known.serial.as_deref() == Some(serial)));
    by_serial.or_else(|| all.iter().find(|known| known.is_at(address, port) && known.serial.is_none()))
}
