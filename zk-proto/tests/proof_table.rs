//! The rules of the proof, row by row, and a walk over every small log and every cut of its head.
//!
//! Each row of the two tables of rules in `docs/proof.md`, and each sentence of their text, has a test named after
//! it. A test says so if the proof is stricter than these rules.

#[macro_use]
mod logs;
mod table;
