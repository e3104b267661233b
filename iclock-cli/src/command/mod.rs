//! The commands, in groups. Each file has a command's arguments, its work and its output.

pub(crate) mod lab;
pub(crate) mod ledger;
pub(crate) mod people;
pub(crate) mod setup;
pub(crate) mod sync;
pub(crate) mod terminal;
