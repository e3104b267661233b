//! Ask terminals.

pub(crate) mod info;
