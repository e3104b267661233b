//! The engine that carries attendance from terminals to sinks.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod audit;
pub mod clock;
mod deliver;
mod engine;
mod error;
mod flight;
mod intake;
pub mod ledger;
pub mod observer;
mod options;
mod plan;
mod pull;
pub mod quarantine;
pub mod report;
mod retry;
mod run;
pub mod schedule;
mod send;
mod source;

pub use engine::{Engine, EngineBuilder};
pub use error::{LedgerError, SyncError, TerminalError};
pub use ledger::Ledger;
pub use observer::{DeviceProgress, Observer, SinkProgress};
pub use options::{DeviceOptions, EngineOptions, RunOptions, Window};
pub use report::Report;
pub use schedule::Schedule;
pub use tokio_util::sync::CancellationToken;
pub use zk_proto::{CommKey, Transport};
