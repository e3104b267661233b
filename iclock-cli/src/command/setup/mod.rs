//! Commands to set the program up and to check it.

pub(crate) mod completions;
pub(crate) mod config;
#[cfg(feature = "firestore")]
pub(crate) mod doctor;
pub(crate) mod migrate;
