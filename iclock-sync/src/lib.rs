//! The engine that carries attendance from terminals to sinks.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod clock;
mod engine;
mod error;
pub mod ledger;
pub mod observer;
mod options;
pub mod report;
pub mod schedule;

pub use engine::{Engine, EngineBuilder};
pub use error::{LedgerError, SyncError};
pub use ledger::Ledger;
pub use observer::{DeviceProgress, Observer, SinkProgress};
pub use options::{DeviceOptions, EngineOptions, RunOptions, Transport, Window};
pub use report::Report;
pub use schedule::Schedule;
pub use tokio_util::sync::CancellationToken;
