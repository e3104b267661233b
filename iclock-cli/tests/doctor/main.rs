//! `doctor` names the cause of what is wrong, and the fix.
#![cfg(all(feature = "firestore", feature = "sqlite"))]

#[path = "../common/mod.rs"]
mod common;

mod cases;
mod faults;
mod field;
mod fixes;
mod garbage;
mod printed;
#[cfg(all(feature = "postgres", feature = "mysql", feature = "mongo", feature = "file"))]
mod sinks;
mod state;
mod symptoms;
