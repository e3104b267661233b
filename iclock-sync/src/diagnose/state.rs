//! The state directory: its rights, its disk, and the ledger in it.

use std::fs;
use std::path::Path;

use super::{Cause, Check, Finding};
use crate::words::counted;
use crate::{Ledger, LedgerError, chain};

/// Less free room than this is too little for a service to rely on, in bytes.
const LITTLE_ROOM: u64 = 256 << 20;

/// Looks for what is wrong with a state directory, also while a service uses it. Changes nothing in it. Blocks.
#[must_use]
pub fn state(dir: &Path) -> Vec<Finding> {
    let mut found = vec![room(dir)];
    if !dir.exists() {
        found.insert(0, Finding::of(Cause::StateNew, format!("{} does not exist", dir.display())));
        return found;
    }
    found.extend(rights(dir));
    match Ledger::open_read_only(dir) {
        Ok(None) => found.push(Finding::of(Cause::StateNew, format!("{} has no ledger yet", dir.display()))),
        Ok(Some(ledger)) => found.extend(of_ledger(&ledger).unwrap_or_else(|error| vec![unreadable(&error)])),
        Err(error) => found.push(unreadable(&error)),
    }
    found
}

/// The free room on the disk of the directory, or of the nearest one above it that exists.
fn room(dir: &Path) -> Finding {
    let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let place = whole.ancestors().find(|place| place.exists()).unwrap_or(&whole);
    match fs4::available_space(place) {
        Ok(free) if free < LITTLE_ROOM => {
            Finding::of(Cause::DiskFull, format!("{} MiB are free in {}", free >> 20, place.display()))
        }
        Ok(free) => Finding::ok(Check::Directory, format!("{} MiB are free in {}", free >> 20, place.display())),
        Err(error) => Finding::of(Cause::StateNotWritable, format!("{}: {error}", place.display())),
    }
}

fn rights(dir: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    // A name that no part of the program uses; nothing is left of it.
    let trial = dir.join(format!(".doctor-{}", std::process::id()));
    let written = crate::private::options().create_new(true).open(&trial);
    match written.and_then(|_| fs::remove_file(&trial)) {
        Ok(()) => found.push(Finding::ok(Check::Directory, format!("{} can be written to", dir.display()))),
        Err(error) => found.push(Finding::of(Cause::StateNotWritable, format!("{}: {error}", dir.display()))),
    }
    #[cfg(unix)]
    if let Ok(about) = fs::metadata(dir) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            found.push(Finding::of(Cause::StateOpen, format!("{} has the mode {mode:03o}", dir.display())));
        }
    }
    found
}

fn of_ledger(ledger: &Ledger) -> Result<Vec<Finding>, LedgerError> {
    let damages = ledger.check()?;
    if let Some(first) = damages.first() {
        return Ok(vec![Finding::of(
            Cause::LedgerDamaged,
            format!("{}, the first: {first}", counted(damages.len() as u64, "problem", "problems")),
        )]);
    }
    let mut found = vec![Finding::ok(Check::Ledger, "no damage")];
    let kept: Vec<_> = ledger.unproven()?.into_iter().filter(|kept| kept.accepted_at.is_none()).collect();
    if let Some(latest) = kept.first() {
        let logs = counted(kept.len() as u64, "log", "logs");
        let evidence = format!("{logs}, the latest of {}: {}", latest.device_name, latest.reason);
        found.push(Finding::of(Cause::UnprovenKept, evidence));
    }
    let sizes = ledger.quarantine_sizes()?;
    let waiting: u64 = sizes.iter().map(|size| size.waiting).sum();
    if waiting > 0 {
        let most = sizes.iter().max_by_key(|size| size.waiting);
        let most = most.map(|most| format!(", most of {} for {}", most.device_name, most.reason)).unwrap_or_default();
        found.push(Finding::of(Cause::QuarantineWaits, counted(waiting, "record", "records") + &most));
    }
    Ok(found)
}

fn unreadable(error: &LedgerError) -> Finding {
    let cause = match error {
        LedgerError::Damaged { .. } => Cause::LedgerDamaged,
        LedgerError::TooNew { .. } => Cause::LedgerTooNew,
        _ => Cause::LedgerUnreadable,
    };
    let finding = Finding::of(cause, chain(error));
    match error.hint() {
        Some(hint) => finding.with_fix(hint),
        None => finding,
    }
}
