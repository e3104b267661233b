//! The commands, in groups. A file has the arguments of one, does it and prints the result.

pub(crate) mod lab;
pub(crate) mod ledger;
pub(crate) mod setup;
pub(crate) mod sync;
pub(crate) mod terminal;
