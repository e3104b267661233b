//! Commands on the people of terminals, as a user runs them: what they print, refuse and leave behind.
#![cfg(feature = "sqlite")]

#[path = "../common/mod.rs"]
mod common;

mod backup;
mod clone;
mod enroll;
mod restore;
mod templates;
mod users;

use common::World;
use common::staff::{WAYS, empty, fault, finger, held, staffed, users};
use zk_sim::Server;

/// The flag that names a terminal.
fn spec(name: &str, server: &Server, carrier: &str) -> String {
    format!("{name}={}?transport={carrier}&timeout=2s", server.addr())
}

/// A backup of a terminal with three people, as the file `gate.tar`.
fn backed_up(world: &World) -> Server {
    let server = world.serve(staffed("tft40"));
    world.cli(&["backup", &spec("gate", &server, "tcp"), "gate.tar"]).ended(0);
    server
}
