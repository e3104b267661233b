//! Proof before records: what a transfer must show before anything in it is believed.
//!
//! A terminal sends a set of records as one run of bytes after a length word. Nothing in it marks where a record begins, and a
//! transfer that lost a few bytes still decodes, into records that never were. So a set has to be proven:
//!
//! | what | by |
//! |---|---|
//! | lengths, count, record numbers, people | up to five witnesses, [`Witnesses`] |
//! | what else is known | [`Evidence`], [`Remembered`], a pinned layout |
//! | the records themselves | plausible ones, and no better reading of the same bytes ([`Rival`]) |
//! | doubts | a second, identical reading ([`Evidence::earlier`]), or the user table ([`People`]) |
//! | the next pull | an overlap that equals the stored records ([`prove_tail`]) |
//!
//! [`prove`] gives a [`Proven`], the only way to records, or an [`Unproven`] that keeps the bytes and says why. [`forced`]
//! reads refused bytes for a person who looks at them; what it gives is never proven.
//!
//! The rules, their reasons, and what bytes cannot tell are in `docs/proof.md` of the repository.

mod alignment;
mod attendance;
mod evidence;
mod forced;
mod pass;
mod people;
mod plausible;
mod preview;
mod proven;
mod refusal;
mod region;
mod tail;
mod unproven;
mod users;
mod verdict;
mod witness;

pub use alignment::Rival;
pub use attendance::{prove, prove_previewed};
pub use evidence::{Begin, ByteSet, Counts, Evidence, Fingerprint, Known, Remembered};
pub use forced::{Forced, Grade, Patch, forced, possible};
pub use people::People;
pub use preview::Preview;
pub use proven::Proven;
pub use tail::prove_tail;
pub use unproven::{Doubt, Shape, Unproven};
pub use users::{UserTable, prove_names, prove_users};
pub use verdict::Tally;
pub use witness::Witnesses;

/// Bytes of the length word in front of a set: a little-endian `u32`, the bytes that follow it.
pub const WORD_LEN: u64 = 4;
