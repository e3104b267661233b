//! Commands to try things out without a terminal.

pub(crate) mod simulate;
