//! The server over a running service and a simulated terminal, through real sockets.

mod biotime;
mod browser;
mod commands;
mod common;
mod conditional;
mod description;
mod events;
mod login;
mod looks;
mod metrics;
mod orders;
mod overview;
mod pages;
mod refusals;
mod silence;
mod stream;
mod unproven;
