//! Proof before records: the checks that a transfer has to pass before any record of it is used.
//!
//! A terminal sends a set of records as one run of bytes after a length word. Nothing marks where a record begins, so
//! a transfer that lost a few bytes still decodes, into punches that never happened. [`prove`] therefore looks for up
//! to five [`Witnesses`] in sizes, count, record numbers and user ids. It checks that the records are believable, and
//! that no other beginning or layout explains the same bytes better ([`Rival`]). A remaining [`Doubt`] is settled by
//! a second, identical reading ([`Evidence::earlier`]) or by the user table ([`People`]).
//!
//! The result is a [`Proven`], the only way to records, or an [`Unproven`], which keeps the bytes and the doubts. The
//! next pull needs only the new records and an overlap ([`prove_tail`]). [`forced()`] reads refused bytes for a person
//! to look at; these records never become proven.
//!
//! `docs/proof.md` in the repository has the rules, the reasons for them, and the limits.

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
mod repeats;
mod swapped;
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

/// Size of the length word before a set: a little-endian `u32` with the number of bytes that follow.
pub const WORD_LEN: u64 = 4;

/// The multiplier of a common linear congruential generator, for digests: odd, its bits well spread.
const SPREAD: u64 = 6_364_136_223_846_793_005;
