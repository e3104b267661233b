//! Keeps a transfer that was not proven in a file of the state directory, each set of bytes once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use zk_proto::proof::{Doubt, Unproven};
use zk_proto::{Spool, SpoolError};

use super::{UnprovenBuffer, UnprovenEvidence, UnprovenKind};
use crate::ledger::PART;
use crate::{Ledger, LedgerError, private};

/// Buffers kept of each terminal and kind.
const KEPT: u32 = 3;
/// Bytes of them together; one buffer may have more.
const KEPT_BYTES: u64 = 64 << 20;
/// Bytes of a spool handled at once.
const BLOCK: u64 = 64 << 10;

/// A transfer that was not proven, with what else is known.
#[derive(Debug)]
pub(crate) struct SetAside {
    pub(crate) kind: UnprovenKind,
    pub(crate) transfer: Unproven,
    /// The reasons why each reading was not proven, in order.
    pub(crate) readings: Vec<Vec<Doubt>>,
    /// User ids by slot, if known.
    pub(crate) users: Option<BTreeMap<u16, String>>,
    /// The layout that was remembered or configured.
    pub(crate) layout: Option<String>,
    /// The cursor when it was read.
    pub(crate) epoch: u64,
    pub(crate) records: u64,
    /// The reason in one sentence, for people.
    pub(crate) verdict: String,
    /// All reasons.
    pub(crate) why: String,
}

/// Keeps a transfer, and removes the oldest of its terminal and kind. Bytes that are kept already are counted, not kept
/// twice.
pub(crate) fn keep(
    ledger: &Ledger,
    serial: &str,
    name: &str,
    aside: SetAside,
    evidence: UnprovenEvidence,
    seen_at: DateTime<Utc>,
) -> Result<UnprovenBuffer, LedgerError> {
    let SetAside { kind, transfer, verdict, .. } = aside;
    let mut spool = transfer.into_spool();
    let stem: String = serial.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(40).collect();
    let file = PathBuf::from("unproven").join(format!("{stem}-{}.bin", seen_at.format("%Y%m%dT%H%M%S%3fZ")));
    let failed = |path: &Path, source| LedgerError::Io { path: path.to_owned(), source };
    let mut buffer = UnprovenBuffer {
        id: 0,
        serial: serial.to_owned(),
        device_name: name.to_owned(),
        kind,
        bytes: spool.contiguous(),
        digest: digest(&mut spool).map_err(|error| failed(&ledger.dir().join(&file), io::Error::other(error)))?,
        file,
        reason: verdict,
        evidence: Some(evidence),
        seen_at,
        last_seen: seen_at,
        times_seen: 1,
        accepted_at: None,
    };
    if let Some(known) = ledger.same_unproven(&buffer)? {
        if !known.file.exists() {
            write_spool(&known.file, &mut spool).map_err(|source| failed(&known.file, source))?;
        }
        return Ok(known);
    }
    let path = ledger.dir().join(&buffer.file);
    write_spool(&path, &mut spool).map_err(|source| failed(&path, source))?;
    let (id, old) = ledger.add_unproven(&buffer, KEPT, KEPT_BYTES)?;
    for old in old {
        // A file that cannot be removed costs only room.
        let _ = fs::remove_file(ledger.dir().join(old));
    }
    (buffer.id, buffer.file) = (id, path);
    Ok(buffer)
}

fn digest(spool: &mut Spool) -> Result<String, SpoolError> {
    let (mut hash, mut at) = (Sha256::new(), 0);
    loop {
        let block = spool.read(at..at + BLOCK)?;
        if block.is_empty() {
            break;
        }
        hash.update(block);
        at += block.len() as u64;
    }
    Ok(hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Writes a file that is whole or not there.
fn write_spool(path: &Path, spool: &mut Spool) -> io::Result<()> {
    let part = path.with_extension(PART);
    let written = write_part(&part, spool).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

fn write_part(path: &Path, spool: &mut Spool) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        private::create_dir_all(dir)?;
    }
    let mut out = BufWriter::new(private::create(path)?);
    let mut written = 0;
    loop {
        let block = spool.read(written..written + BLOCK).map_err(io::Error::other)?;
        if block.is_empty() {
            break;
        }
        out.write_all(block)?;
        written += block.len() as u64;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}
