//! Counts and capacities: the answer to `GET_FREE_SIZES`.

use alloc::vec::Vec;

use bytes::{BufMut, BytesMut};

use crate::ProtoError;

/// The words that every firmware sends: 80 bytes.
const MIN_WORDS: usize = 20;
/// More words than any firmware sends. Further ones are dropped.
const MAX_WORDS: usize = 64;

/// Counts and capacities of a terminal: little-endian `i32` words, 20, 23 or 28 of them by firmware.
///
/// Every count is a hint. It can be 0 although records exist, it can include deleted ones, and it is stale after the
/// next punch.
/// Source: `vectors/free_sizes.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeSizes {
    words: Vec<i32>,
}

/// Declares one accessor for each word: its name, its index, its meaning.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $index:literal;)*) => {
        impl FreeSizes {
            $($(#[$doc])* #[must_use] pub fn $name(&self) -> Option<u32> {
                self.word($index)
            })*
        }
    };
}

words! {
    /// Users stored.
    users = 4;
    /// Fingerprint templates stored.
    fingers = 6;
    /// Attendance records stored.
    records = 8;
    /// Operation log records stored; some firmware always says 4096.
    operation_records = 10;
    /// Administrators.
    admins = 12;
    /// Passwords set.
    passwords = 13;
    /// Room for fingerprint templates.
    finger_capacity = 14;
    /// Room for users.
    user_capacity = 15;
    /// Room for attendance records.
    record_capacity = 16;
    /// Fingerprint templates that still fit.
    fingers_left = 17;
    /// Users that still fit.
    users_left = 18;
    /// Attendance records that still fit.
    records_left = 19;
    /// Faces stored (from 92 bytes on).
    faces = 20;
    /// Room for faces (from 92 bytes on).
    face_capacity = 22;
}

impl FreeSizes {
    /// Reads the answer's data.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] below 80 bytes.
    pub fn parse(data: &[u8]) -> Result<Self, ProtoError> {
        let words: Vec<i32> = data
            .chunks_exact(4)
            .take(MAX_WORDS)
            .filter_map(|word| word.first_chunk().map(|bytes| i32::from_le_bytes(*bytes)))
            .collect();
        if words.len() < MIN_WORDS {
            return Err(ProtoError::Truncated { what: "free sizes", need: MIN_WORDS * 4, have: data.len() });
        }
        Ok(Self { words })
    }

    /// The words as sent, at least 20. A negative word means that the terminal does not know.
    #[must_use]
    pub fn words(&self) -> &[i32] {
        &self.words
    }

    /// Appends the words as a terminal sends them.
    pub fn encode(&self, out: &mut BytesMut) {
        self.words.iter().for_each(|word| out.put_i32_le(*word));
    }

    /// `None` if the word was not sent or is negative.
    fn word(&self, index: usize) -> Option<u32> {
        self.words.get(index).and_then(|word| u32::try_from(*word).ok())
    }
}
