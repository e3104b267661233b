//! The ledger.
/// x
pub struct Ledger;
