//! What is kept of what could not be used: single records, told apart whatever firmware leaves undefined in them, and whole
//! logs that were not proven.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use zk_proto::Spool;
use zk_proto::record::AttendanceLayout;

use crate::ledger::UnprovenBuffer;
use crate::{Ledger, LedgerError, private};

pub use crate::ledger::{QuarantineFilter, QuarantinedRecord};

/// Unproven logs kept of a terminal.
const KEPT: u32 = 3;

/// Bytes of a spool written at once.
const BLOCK: u64 = 64 << 10;

/// A record with what firmware leaves undefined set to zero, so that it is known again: in a wide record, what stands behind
/// the end of the user id's text, and the number in front, which tells no record from another.
pub(crate) fn masked(layout: AttendanceLayout, raw: &[u8]) -> Vec<u8> {
    let mut masked = raw.to_vec();
    if let (AttendanceLayout::Wide(_), Some((number, rest))) = (layout, masked.split_at_mut_checked(2)) {
        number.fill(0);
        let field = rest.iter_mut().take(24);
        field.skip_while(|byte| **byte != 0).for_each(|byte| *byte = 0);
    }
    masked
}

/// Keeps a log that was not proven, in a file of the state directory, and lets go of the oldest of its terminal.
pub(crate) fn keep_unproven(
    ledger: &Ledger,
    serial: &str,
    name: &str,
    spool: &mut Spool,
    reason: String,
    seen_at: DateTime<Utc>,
) -> Result<PathBuf, LedgerError> {
    let stem: String = serial.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(40).collect();
    let file = PathBuf::from("unproven").join(format!("{stem}-{}.bin", seen_at.format("%Y%m%dT%H%M%S%3fZ")));
    let path = ledger.dir().join(&file);
    let bytes = write_spool(&path, spool).map_err(|source| LedgerError::Io { path: path.clone(), source })?;
    let buffer =
        UnprovenBuffer { id: 0, serial: serial.to_owned(), device_name: name.to_owned(), file, bytes, reason, seen_at };
    for old in ledger.add_unproven(&buffer, KEPT)? {
        // One that cannot be removed costs room, nothing else.
        let _ = fs::remove_file(ledger.dir().join(old));
    }
    Ok(path)
}

fn write_spool(path: &std::path::Path, spool: &mut Spool) -> io::Result<u64> {
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
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_number_does_not_make_another_record() {
        let (mut raw, mut other) = ([7u8; 40], [7u8; 40]);
        (raw[0], raw[1], other[0], other[1]) = (1, 0, 2, 1);
        assert_eq!(masked(AttendanceLayout::Wide(40), &raw), masked(AttendanceLayout::Wide(40), &other));
        assert_ne!(masked(AttendanceLayout::Sixteen, &raw[..16]), masked(AttendanceLayout::Sixteen, &other[..16]));
    }

    #[test]
    fn bytes_behind_the_user_id_do_not_make_another_record() {
        let mut raw = [7u8; 40];
        raw[4] = 0;
        let mut other = raw;
        other[20] = 9;
        let layout = AttendanceLayout::Wide(40);
        assert_eq!(masked(layout, &raw), masked(layout, &other));
        other[30] = 1;
        assert_ne!(masked(layout, &raw), masked(layout, &other), "the time is no user id");
    }
}
