//! What has to be proven before records are believed, row by row, and the walk over every small log and every cut of
//! its head.
//!
//! Each row of the two tables of rules, and each sentence of their text, has a test named after it. Where the proof
//! asks for more than these rules do, the test says so, and the docs of `zk_proto::proof` name it.

mod logs;
mod table;
