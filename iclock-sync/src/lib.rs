//! The engine that carries attendance from terminals to sinks. A program embeds it, several in one process, on its own
//! runtime and with its own clock. It knows no database driver and no command line.
//!
//! | step | where |
//! |---|---|
//! | terminals, sinks, limits | [`Engine::builder`], [`DeviceOptions`], [`EngineOptions`], [`RunOptions`] |
//! | the service: a task for each terminal and each sink; a run is a service that polls once | [`service`] |
//! | the parts that all tasks share | `tasks` |
//! | a visit to one terminal | `poll`: `plan` decides what to ask, `pull` asks |
//! | proven records become events, durable before anything is sent | `intake`, [`ledger`] |
//! | refused records | [`quarantine`]; `intake::rejudge` judges them again |
//! | logs that were not proven | [`unproven`]: kept, shown, accepted by hand |
//! | events go out, oldest first, each sink for itself | `deliver`: `flight` moves the watermark, `send` calls |
//! | logs file in the Python tool's shape | `tasks::logs_file` |
//! | terminals, ledger and sinks, compared by day | [`reconcile`] |
//! | when to poll again | [`schedule`] |
//! | one person's data, and its removal | [`forget`] |
//! | the ledger for readers; days, hours and lateness | [`query`], [`timesheet`] |
//! | results and progress | [`report`], [`observer`] |
//! | the embedding program takes part: [`Hooks`]; its own [`clock`], its own [`random`] numbers | `hooks` |
//! | punches that the program receives by itself: [`Ingest`] | [`Door`] |
//! | terminals that call the program (feature `push`) | `receive` |
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

#[cfg(feature = "metrics")]
pub mod alert;
pub mod audit;
pub mod clock;
mod crash;
mod delays;
mod deliver;
pub mod diagnose;
mod engine;
mod error;
pub mod forget;
#[cfg(feature = "metrics")]
pub mod health;
mod hooks;
mod intake;
pub mod ledger;
mod mask;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod observer;
mod options;
mod permission;
mod poll;
mod private;
pub mod quarantine;
pub mod query;
pub mod random;
#[cfg(feature = "push")]
pub mod receive;
pub mod reconcile;
pub mod report;
mod retry;
pub mod schedule;
pub mod service;
mod tasks;
mod tell;
pub mod timesheet;
mod trail;
pub mod unproven;
mod wall;
pub mod words;

#[cfg(feature = "chaos")]
pub use crash::{CrashPoint, CrashPoints};
pub use engine::{Engine, EngineBuilder};
pub use error::{LedgerError, SyncError, TerminalError, chain};
pub use hooks::{Hooks, Verdict};
pub use intake::{BadLine, Ingest, Ingested};
pub use ledger::Ledger;
pub use observer::{DeviceProgress, Observer, SinkProgress};
pub use options::{Bound, ClockCorrection, Contact, DeviceOptions, EngineOptions, Retention, RunOptions, Window};
pub use permission::Permission;
pub use poll::clear::{ClearError, Cleared};
pub use report::Report;
pub use schedule::Schedule;
pub use service::{Door, Service, ServiceOptions, Status};
pub use tokio_util::sync::CancellationToken;
pub use zk_proto::encoding::TextEncoding;
pub use zk_proto::{CommKey, Transport};
