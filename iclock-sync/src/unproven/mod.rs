//! Logs that could not be proven: look at the bytes that were kept, without the terminal, and accept them.
//!
//! ```no_run
//! use iclock_sync::unproven::{self, Acceptance};
//! use iclock_sync::{EngineOptions, Ledger};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ledger = Ledger::open("state".as_ref())?;
//! let buffer = ledger.unproven()?.into_iter().next().ok_or("everything was proven")?;
//! for reading in unproven::open(&buffer)?.possible()? {
//!     println!("as {:#} records: {}", reading.layout(), reading.tally());
//! }
//! // A person decided.
//! let acceptance = Acceptance::prepare(&ledger, buffer.id, None, &EngineOptions::default())?;
//! acceptance.carry_out(ledger)?;
//! # Ok(())
//! # }
//! ```

mod accept;
mod keep;
mod sample;
pub(crate) mod verdict;

use std::fs::File;
use std::io::{self, Read as _};

use zk_proto::proof::{Begin, Counts, Evidence, Forced, Remembered, forced, possible};
use zk_proto::record::{AttendanceLayout, FieldOrder};
use zk_proto::{DeviceTime, Spool, SpoolError};

pub use crate::ledger::{UnprovenBuffer, UnprovenEvidence, UnprovenKind};
pub use accept::{AcceptError, Acceptance, Accepting};
pub(crate) use keep::{SetAside, keep};
pub use sample::{Sample, SampleRecord, samples};
pub(crate) use verdict::verdict;

use crate::{LedgerError, wall};

/// Bytes of a buffer in memory; a longer one goes to a temporary file.
const MEMORY: usize = 8 << 20;
const BLOCK: usize = 64 << 10;

/// The bytes of a buffer, open to be read as records.
#[derive(Debug)]
pub struct OpenBuffer {
    spool: Spool,
    begin: Begin,
    evidence: Evidence,
}

/// Opens the file of a buffer.
///
/// # Errors
/// [`LedgerError::Io`] when the file is missing or cannot be read.
pub fn open(buffer: &UnprovenBuffer) -> Result<OpenBuffer, LedgerError> {
    let failed = |source| LedgerError::Io { path: buffer.file.clone(), source };
    let mut file = File::open(&buffer.file).map_err(failed)?;
    let mut spool = Spool::in_directory(MEMORY, std::env::temp_dir());
    let (mut block, mut at) = (vec![0; BLOCK], 0);
    loop {
        let read = file.read(&mut block).map_err(failed)?;
        let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        spool.write_at(at, bytes).map_err(|error| failed(io::Error::other(error)))?;
        at += read as u64;
    }
    let known = buffer.evidence.clone().unwrap_or_default();
    let begin = match known.word.filter(|_| known.offset > 0) {
        Some(word) => Begin::Record { at: known.offset, word },
        None => Begin::Word,
    };
    Ok(OpenBuffer { spool, begin, evidence: evidence(buffer, &known) })
}

/// Converts what was known for the proof.
fn evidence(buffer: &UnprovenBuffer, known: &UnprovenEvidence) -> Evidence {
    let counts = Counts { before: known.count_before, after: known.count_after };
    // A buffer of an earlier version has only the time when it was read.
    let host_now = match &buffer.evidence {
        Some(known) => DeviceTime(known.host_now),
        None => wall::device_time(buffer.seen_at.naive_utc()),
    };
    Evidence::new(known.announced.unwrap_or(known.offset + buffer.bytes), counts, host_now)
        .terminal_now(known.terminal_now.map(DeviceTime))
        .remembered(Remembered {
            layout: known.layout.as_deref().and_then(|word| word.parse().ok()),
            ..Remembered::default()
        })
        .order(if known.mode_first { FieldOrder::VerifyFirst } else { FieldOrder::StateFirst })
}

impl OpenBuffer {
    /// Returns it in every layout in which most of it makes sense, the best first.
    ///
    /// # Errors
    /// [`SpoolError::File`] when its temporary file cannot be read back.
    pub fn possible(&mut self) -> Result<Vec<Forced>, SpoolError> {
        possible(&mut self.spool, self.begin, &self.evidence)
    }

    /// Returns it as records of a layout, sensible or not; `None` if no record fits.
    ///
    /// # Errors
    /// As [`OpenBuffer::possible`].
    pub fn forced(&mut self, layout: AttendanceLayout) -> Result<Option<Forced>, SpoolError> {
        forced(&mut self.spool, layout, self.begin, &self.evidence)
    }

    /// The bytes, for [`Forced::next_batch`].
    pub fn spool(&mut self) -> &mut Spool {
        &mut self.spool
    }

    /// Returns the length word of the set; 0 if the buffer is too short.
    pub fn length_word(&mut self) -> u32 {
        match self.begin {
            Begin::Record { word, .. } => word,
            Begin::Word => {
                let word =
                    self.spool.read(0..zk_proto::proof::WORD_LEN).ok().and_then(|bytes| bytes.first_chunk().copied());
                word.map_or(0, u32::from_le_bytes)
            }
        }
    }
}
