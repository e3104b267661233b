//! Proof before records: what a transfer must show before anything in it is believed.
//!
//! A terminal sends a set of records as one run of bytes behind a length word. Nothing in it says where a record begins; a
//! transfer that lost a few bytes at its head still decodes, into records that never were. So a set has to be proven, by up
//! to four witnesses ([`Witnesses`]) and by the records themselves:
//!
//! | what | when it is needed |
//! |---|---|
//! | all announced bytes, no damaged packet | always |
//! | two witnesses | always |
//! | a second, equal reading on a fresh session | the count disagrees, and is not remembered for that |
//! | length word, size and count | records of 8 bytes in layout A; widths that nobody has reported, of at least five records and none of them bad; fewer than five records of 8 or 16 bytes; sets that show nothing but empty ids or the clock's reset |
//! | the count, the terminal's remembered layout, or running record numbers | always: they back the width |
//! | plausible records | always: 80 % of them good, and nowhere 64 in a row with more bad than good; fewer than five have to be likely ones besides, see below |
//! | somebody whom the last records name, of fewer than five records each of them | records of 8 bytes, with the user table at hand: [`prove_names`] |
//! | no better reading | always: see below |
//!
//! A cut that leaves every size right (a terminal that drops bytes at the head and goes on behind the end) moves all records
//! by the same distance. So the first and the last records, and any with few good ones among them, are compared with what
//! the same bytes give from every other beginning, and the claim falls when another reading makes better records.
//!
//! A length word of zero in front of bytes is no witness, nor is one that leaves out whole records which no count backs. A
//! record in which nothing stands, no id, date, state or mode, is bad rather than neutral: memory that was never written
//! looks so.
//!
//! Of fewer than five records, the bytes of other fields pass for neutral ones too easily. There a record that lacks its id has
//! to have a date of the last four years; one that is dated by the clock's reset has an id, and a time that is no verify mode
//! or punch state read as one (up to 255 seconds); one of the years 2000 to 2004 counts only where a clock of today says so; and
//! ids are ASCII.
//!
//! # What cannot be told
//! Where length word, size and count all agree and are all wrong, the bytes alone decide, and few records have few of them: of
//! up to three records of 8 bytes, or two of 16, some cuts leave what a terminal might as well have stored. Of more records
//! of 8 bytes that happens by chance, when bytes of other fields make recent dates: most where half of the ids are missing,
//! seldom, and in no test of 20 or more; of five to nine in layout A also where the length word fails and only size and count
//! agree. These come out as proven. (An 8-byte record names nobody but by the user table, so [`prove_names`] is a further check.)
//!
//! Whole records that are missing leave nothing out of place. Where word and size leave them out too, and the count does as well
//! or the same came twice, the others are proven; records in which nothing stands, at the end of a log, are among those that may
//! be bad. A terminal that counts no records and sends none has an empty log, for all that it tells.
//!
//! The other way round, some whole logs are refused until more punches join them:
//!
//! - logs of which more records than are allowed to be bad have a verify mode that no document names and no other record shares;
//! - up to three records of which the first is dated by a reset clock, and fewer than five as they are named above;
//! - of logs of 8-byte records in which half of the ids are missing, a few, whose times give recent dates from another
//!   beginning; for the same reason, though very rarely, fewer than ten records of 40 or 49 bytes with running numbers;
//! - fewer than five records of 8 or 16 bytes, until the count stands still;
//! - fewer than five records of 8 bytes of which one is of a user who is deleted, by [`prove_names`];
//! - records of 8 or 16 bytes with nothing but dates of a reset clock, where these give likely ones from another beginning.
//!
//! Where not one record has a likely date or an id, sizes decide alone, and [`Proven::is_neutral`] says so.

mod attendance;
mod byte_set;
mod clock;
mod digest;
mod evidence;
mod fields;
mod forced;
mod id;
mod judge;
mod look;
mod names;
mod people;
mod preview;
mod proven;
mod rival;
mod tail;
mod unproven;
mod users;
mod witness;

pub use attendance::{prove, prove_previewed};
pub use byte_set::ByteSet;
pub use evidence::{Counts, Evidence, Known, Reading, Remembered};
pub use forced::{Begin, Forced, Grade, Patch, forced, possible};
pub use judge::Tally;
pub use names::prove_names;
pub use people::People;
pub use preview::Preview;
pub use proven::Proven;
pub use rival::Rival;
pub use tail::prove_tail;
pub use unproven::{Reason, Shape, Unproven};
pub use users::{UserTable, prove_users};
pub use witness::Witnesses;

/// Bytes of the length word in front of a set: a little-endian `u32`, the bytes that follow it.
pub const WORD_LEN: u64 = 4;
