//! The progress of a run.

use std::fmt::Debug;

/// Receives progress; called often and from several threads, so it must be quick and must not block.
pub trait Observer: Debug + Send + Sync {
    /// Reports progress at a terminal; `device` is its configured name.
    fn device(&self, device: &str, progress: DeviceProgress);

    /// Reports progress at a sink; `sink` is its configured name.
    fn sink(&self, sink: &str, progress: SinkProgress);
}

/// The progress of a visit to a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceProgress {
    /// A connection is being made.
    Connecting,
    /// The log is being read.
    Reading {
        /// Bytes received so far.
        bytes: u64,
        /// Bytes in all, once the terminal has announced them.
        total: Option<u64>,
        /// The records in them, by the terminal's count; `None` if it gives none.
        records: Option<u64>,
    },
    /// Proven records are entering the ledger.
    Recording {
        /// Records so far.
        records: u64,
        /// New ones among them.
        new: u64,
    },
    /// The terminal's part of the run is over.
    Finished {
        /// True if it went well.
        ok: bool,
    },
}

/// The progress of the delivery to a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkProgress {
    /// Events were written.
    Delivered {
        /// Events that this run has settled so far.
        settled: u64,
        /// Events that still wait.
        pending: u64,
    },
    /// A write failed and is retried.
    Retrying {
        /// Failures so far.
        attempt: u32,
    },
    /// The sink's part of the run is over.
    Finished {
        /// True if it went well.
        ok: bool,
    },
}

/// An observer that ignores everything.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn device(&self, _device: &str, _progress: DeviceProgress) {}

    fn sink(&self, _sink: &str, _progress: SinkProgress) {}
}
