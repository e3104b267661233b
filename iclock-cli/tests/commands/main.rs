//! Every command of the program, run by one table: at terminals of three families, over TCP and UDP. It works, is
//! refused, meets a terminal that dies half-way, and is ended by Ctrl-C. A command without a row is a failure.
#![cfg(all(unix, feature = "sqlite", feature = "firestore", feature = "file"))]

#[path = "../common/mod.rs"]
mod common;

mod all;
mod dying;
mod ended;
mod local;
mod refused;
mod row;
mod scene;
mod table;
mod works;
mod wrong;
