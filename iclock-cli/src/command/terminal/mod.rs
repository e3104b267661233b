//! Commands that ask terminals.

pub(crate) mod info;
