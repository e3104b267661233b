//! Commands that show the ledger and change it.

pub(crate) mod attendance;
pub(crate) mod audit;
pub(crate) mod person;
pub(crate) mod quarantine;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod unproven;
pub(crate) mod verify;
