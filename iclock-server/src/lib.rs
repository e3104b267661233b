//! An HTTP server over a running service.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
