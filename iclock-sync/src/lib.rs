//! The engine that carries attendance from terminals to sinks, for programs to embed: several in one process, on the caller's
//! runtime, with the caller's clock, ended by a token. It knows no database driver and no command line.
//!
//! | step | where |
//! |---|---|
//! | what a program says: terminals, sinks, limits | [`Engine::builder`], [`DeviceOptions`], [`EngineOptions`], [`RunOptions`] |
//! | one run: all terminals at once, all sinks at once | `run`: `source` and `pull` read one terminal, `plan` decides what to ask it |
//! | proven records become events, durable before anything is sent | `intake`, [`ledger`] |
//! | records that validation refused | [`quarantine`] |
//! | logs that were not proven: kept, looked at, accepted by hand | [`unproven`] |
//! | events go out, oldest first, each sink for itself | `deliver`; `flight` says how far, `send` and `retry` how often |
//! | what was stored, in the Python tool's shape | `audit` |
//! | when to run again | [`schedule`] |
//! | what it came to | [`report`], [`observer`] |
//!
//! ```
//! use std::sync::Arc;
//!
//! use attendance_model::MemorySink;
//! use iclock_sync::{CancellationToken, DeviceOptions, Engine, RunOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let state = tempfile::tempdir()?;
//! # let state_dir = state.path().join("state");
//! let mut gate = DeviceOptions::new("front-gate", "127.0.0.1");
//! gate.port = 1; // nobody listens there
//! let engine = Engine::builder(state_dir).device(gate).sink(Arc::new(MemorySink::new("memory"))).build()?;
//! let report = engine.run(&RunOptions::default(), &CancellationToken::new()).await?;
//! assert_eq!(report.run.exit_code, 20, "a terminal failed, and the report says why");
//! println!("{}", serde_json::to_string(&report)?);
//! # Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod audit;
pub mod clock;
mod deliver;
mod engine;
mod error;
mod flight;
mod hint;
mod intake;
pub mod ledger;
mod live;
mod lost;
mod meet;
pub mod observer;
mod options;
mod plan;
mod private;
mod pull;
pub mod quarantine;
mod rejudge;
pub mod report;
mod retry;
mod run;
pub mod schedule;
mod send;
mod source;
mod tell;
pub mod unproven;

pub use engine::{Engine, EngineBuilder};
pub use error::{LedgerError, SyncError, TerminalError};
pub use ledger::Ledger;
pub use observer::{DeviceProgress, Observer, SinkProgress};
pub use options::{Bound, DeviceOptions, EngineOptions, RunOptions, Window};
pub use report::Report;
pub use schedule::Schedule;
pub use tokio_util::sync::CancellationToken;
pub use zk_proto::encoding::TextEncoding;
pub use zk_proto::{CommKey, Transport};
