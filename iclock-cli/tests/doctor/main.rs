//! `doctor` names the cause of what is wrong, and the fix.
#![cfg(all(feature = "firestore", feature = "sqlite"))]

#[path = "../common/mod.rs"]
mod common;

mod garbage;
mod printed;
