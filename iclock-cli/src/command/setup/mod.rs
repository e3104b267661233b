//! Set the program up, and check what is there.

pub(crate) mod completions;
pub(crate) mod config;
#[cfg(feature = "firestore")]
pub(crate) mod doctor;
pub(crate) mod migrate;
