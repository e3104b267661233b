//! The server over a running service and a simulated terminal, through real sockets.

mod commands;
mod common;
mod conditional;
mod description;
mod events;
mod looks;
mod metrics;
mod orders;
mod refusals;
mod stream;
