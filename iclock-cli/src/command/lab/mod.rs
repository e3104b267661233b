//! Commands to look at the protocol, and to try things out without a terminal.

pub(crate) mod decode;
pub(crate) mod simulate;
pub(crate) mod transcript;
