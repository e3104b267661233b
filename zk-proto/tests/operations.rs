//! Every operation against a simulated terminal of each family that can do it, over TCP and UDP: the terminal's state
//! afterwards is what was asked for.
#![cfg(feature = "client")]

mod operate;
