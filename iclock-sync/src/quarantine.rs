//! Single records that could not be used, as the ledger keeps them. Whole logs that were not proven are in
//! [`unproven`](crate::unproven).
//!
//! [`Ledger::quarantine`] lists those that wait, and [`judge_again`] judges them by other rules. [`Ledger::resolve`]
//! marks those with which a person has dealt.

use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::ledger::{QuarantineFilter, QuarantineSize, QuarantinedRecord, Resolve};

use attendance_model::Rules;

use crate::clock::Clock;
use crate::intake::rejudge::Review;
use crate::{DeviceOptions, Ledger, LedgerError};

/// Judges all records that wait in the quarantine by these rules. Those that pass become events, which the next run
/// sends. Returns their numbers, by the terminal's configured name.
///
/// A run does the same by itself if its rules are not those of the run before. A record that its log did not prove
/// stays, whatever the rules.
///
/// # Errors
/// [`LedgerError::Database`] when the ledger cannot be written; then nothing is changed.
pub fn judge_again(
    ledger: &Ledger,
    rules: &Rules,
    devices: &[DeviceOptions],
    clock: &dyn Clock,
) -> Result<BTreeMap<String, u64>, LedgerError> {
    let devices: Vec<Arc<DeviceOptions>> = devices.iter().cloned().map(Arc::new).collect();
    let (utc_now, local_now) = (clock.utc_now(), clock.local_now());
    Review { rules, devices: &devices, utc_now, local_now, always: true, hooks: None }.judge_again(ledger)
}
