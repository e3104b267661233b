//! The common base of commands on terminals: which ones, consent, the work at many of them at once, and its results.
//!
//! A command flattens [`Terminals`] into its arguments (or [`Named`], if it has no other positional arguments). One
//! that changes terminals flattens [`Changing`], which has [`Consent`] and `--json` too. Then it does four things:
//!
//! ```ignore
//! pub(crate) fn run(self, context: &Context) -> Outcome {
//!     let terminals = self.changing.choose(context, "volume 3")?;
//!     self.changing.ask(context, &format!("Sets the volume of {}.", named(&terminals)))?;
//!     let answers = each(context, &terminals, async |visit: &Visit<'_>, told: &mut Told| {
//!         visit.change(async |client| {
//!             told.before = client.option("VOLUME").await?;
//!             Ok(client.set_option("VOLUME", "3").await?)
//!         })
//!         .await
//!     })?;
//!     answers.print(self.changing.json, |told| vec![format!("volume {}", told.before)]);
//!     Ok(answers.code())
//! }
//! ```
//!
//! - The last argument of `choose` is the command for a note in the transcript, without terminals and secrets. With
//!   values of a person in it, [`noted()`] quotes them, so that `transcript replay` reads them back.
//! - [`each()`] gives every terminal a default `T` to fill in. Its fields are those of the JSON line, after `name`,
//!   `address`, `error` and `try`. A terminal that dies half-way keeps what was filled in, so a table or a line shows
//!   how far the work went.
//! - [`Visit::session`] opens a session and ends it on every path, also at Ctrl-C. [`Visit::change`] does the same, and
//!   refuses a terminal with another serial number than the configured one.
//! - An error is a [`Failure`]: any `ClientError` by `?`, or one with a hint of its own.
//! - [`Answers::then`] does more work at the terminals that did not fail, such as what a plan says that was shown.
//! - [`Answers::code`] is 20 if a terminal failed, 80 if one was refused for safety, 130 after Ctrl-C.

mod changing;
mod choose;
mod consent;
mod each;
mod failure;
mod record;

pub(crate) use changing::Changing;
pub(crate) use choose::{Named, Otherwise, Terminal, Terminals, named};
pub(crate) use consent::{Consent, typed};
pub(crate) use each::{Answer, Answers, Visit, each};
pub(crate) use failure::Failure;
pub(crate) use record::{Records, file_of, noted, words_of};
