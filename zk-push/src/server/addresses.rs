//! The share of one address: how many connections it may have at once, or requests through a proxy.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// What each address has open.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// Something that counts until it is dropped.
#[derive(Debug)]
pub(super) struct Open(Addresses, IpAddr);

impl Addresses {
    /// Counts one more of an address, or returns `None` if it has as many as it may.
    pub(super) fn enter(&self, address: IpAddr, most: usize) -> Option<Open> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Open(self.clone(), address))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}
