//! The commands that look at the wire: they find terminals, listen to them, and show what was sent.
#![cfg(all(target_os = "linux", feature = "sqlite"))]

#[path = "../common/mod.rs"]
mod common;

mod decode;
mod discover;
mod init;
mod live;
mod transcript;

use std::net::SocketAddr;
use std::process::{Child, Stdio};

use common::World;
use serde_json::Value;
use zk_sim::{Server, TerminalBuilder};

/// Each line of JSON.
fn lines(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Serves a terminal at an address of the loopback network. All of 127.0.0.0/8 is there on Linux.
fn serve_at(world: &World, terminal: TerminalBuilder, addr: impl Into<SocketAddr>) -> Server {
    world.runtime.block_on(Server::start(terminal.build(), addr.into())).unwrap()
}

/// Starts the program, with its output to be read.
fn spawn(world: &World, args: &[&str]) -> Child {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
    let program = program.args(args).current_dir(world.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    program.spawn().unwrap()
}

/// Sends it what Ctrl-C sends.
fn interrupt(program: &Child) {
    let id = program.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}
