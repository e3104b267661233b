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
//! | `sans_io` | how do I talk to it without tokio? |
