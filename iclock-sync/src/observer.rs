//! What a run tells while it goes on.

use std::fmt::Debug;

/// Receives progress; called often and from several threads, so it must be quick and must not block.
pub trait Observer: Debug + Send + Sync {
    /// Something moved at a terminal; `device` is its configured name.
    fn device(&self, device: &str, progress: DeviceProgress);

    /// Something moved at a sink; `sink` is its configured name.
    fn sink(&self, sink: &str, progress: SinkProgress);
}

/// How far the reading of a terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceProgress {
    /// A connection is being made.
    Connecting,
    /// The log is being read.
    Reading {
        /// Bytes that came so far.
        bytes: u64,
        /// Bytes that are to come in all, once the terminal has said so.
        total: Option<u64>,
    },
    /// Proven records are entering the ledger.
    Recording {
        /// Records so far.
        records: u64,
        /// Those of them that were not known.
        new: u64,
    },
    /// The terminal's part of the run is over.
    Finished {
        /// Whether it went well.
        ok: bool,
    },
}

/// How far the delivery to a sink is.
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
    /// A write failed and is tried again.
    Retrying {
        /// How many times it has failed so far.
        attempt: u32,
    },
    /// The sink's part of the run is over.
    Finished {
        /// Whether it went well.
        ok: bool,
    },
}

/// Takes no notice.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn device(&self, _device: &str, _progress: DeviceProgress) {}

    fn sink(&self, _sink: &str, _progress: SinkProgress) {}
}
