//! Single records that could not be used, as the ledger keeps them. Whole logs that were not proven are in
//! [`unproven`](crate::unproven).

pub use crate::ledger::{QuarantineFilter, QuarantinedRecord};
