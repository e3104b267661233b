//! Short programs, one per question a user asks. Each takes the address of a terminal, or of a simulated one:
//!
//! ```text
//! cargo run --release -- simulate --listen 127.0.0.1:4370 &
//! cargo run -p examples --example device_info -- 127.0.0.1
//! ```
//!
//! | program | question |
//! |---|---|
//! | `device_info` | which terminal is this, and how full is it? |
//! | `clock` | how wrong is its clock? |
//! | `users` | who is enrolled? |
//! | `backup` | how do I copy users and fingerprints to another terminal? |
//! | `attendance` | what is in its log, proven? |
//! | `record` | what went wrong at a terminal that is far away? |
//! | `engine` | how do I embed the engine: ledger, quarantine, a database? |
//! | `dashboard` | how do I show the dashboard under a path of my own server? |
//! | `own_sink` | how do I write a sink of my own, and prove it? |
//! | `live` | who punches right now, and who did while nobody listened? |
//! | `sans_io` | how do I talk to it without tokio? |

use chrono::Local;
use zk_proto::DeviceTime;

/// The host's wall clock as a terminal writes it; the proof compares the dates of records with it.
#[must_use]
pub fn local_now() -> DeviceTime {
    DeviceTime::from_naive(Local::now().naive_local()).unwrap_or(DeviceTime::RESET)
}
