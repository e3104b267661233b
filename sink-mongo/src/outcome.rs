//! The outcome of each event, from the server's answer to an unordered insert.

use attendance_model::{Outcome, SinkError};
use mongodb::error::{Error, ErrorKind, IndexedWriteError, InsertManyError};

use crate::error::{foreign_index, from_code, from_driver, unconfirmed};

/// A document of this id is there, or one that a unique index takes for the same.
const DUPLICATE_KEY: i32 = 11000;

/// The outcomes of `count` documents, of which those that are not named in the answer are stored.
///
/// # Errors
/// [`SinkError`] if the answer leaves it open, or is about the server and not about a document.
pub(crate) fn outcomes(count: usize, answer: Result<(), Error>, target: &str) -> Result<Vec<Outcome>, SinkError> {
    let mut outcomes = vec![Outcome::Stored; count];
    let error = match answer {
        Ok(()) => return Ok(outcomes),
        Err(error) => error,
    };
    let ErrorKind::InsertMany(InsertManyError { write_errors, write_concern_error, .. }) = &*error.kind else {
        return Err(from_driver("write to", target, &error));
    };
    for refused in write_errors.iter().flatten() {
        let outcome = outcomes.get_mut(refused.index);
        let outcome = outcome.ok_or_else(|| from_code("write to", target, refused.code, &refused.message))?;
        *outcome = judge(refused, target)?;
    }
    match write_concern_error {
        // Also of what is said to be there: its first write may be undone.
        Some(concern) => Err(unconfirmed(target, concern.code, &concern.message)),
        None if write_errors.is_none() => Err(from_driver("write to", target, &error)),
        None => Ok(outcomes),
    }
}

fn judge(refused: &IndexedWriteError, target: &str) -> Result<Outcome, SinkError> {
    let IndexedWriteError { code, message, .. } = refused;
    match *code {
        DUPLICATE_KEY if message.contains("_id_") => Ok(Outcome::AlreadyStored),
        DUPLICATE_KEY => Err(foreign_index(target, message)),
        // Too large, or against a validator: this document's own fault.
        121 | 10334 | 17280 | 17419 => Ok(Outcome::Rejected { reason: format!("{message} ({code})") }),
        code => Err(from_code("write to", target, code, message)),
    }
}
