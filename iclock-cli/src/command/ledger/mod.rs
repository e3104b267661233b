//! Look into the ledger, and change what it holds.

pub(crate) mod quarantine;
pub(crate) mod replay;
pub(crate) mod unproven;
