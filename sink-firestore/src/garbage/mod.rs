//! Finds documents that the Python tool should not have stored, and deletes them on request.
//!
//! The tool took mis-framed transfers for records. What it stored of them shows in two ways: `staffId` is empty, or
//! `timestamp` is more than a day after `uploadedAt` (less is only the zone, since `timestamp` is a wall clock taken
//! for UTC).
//!
//! 1. [`GarbageFinder::cost`] says what a search will read, for a read for each 1,000 documents.
//! 2. [`GarbageFinder::search`] goes through the collection in pages; each yields its [`Find`]s, and [`Search::report`]
//!    counts.
//! 3. [`GarbageFinder::delete`] deletes finds, and of these only those that have not changed since.
//!
//! Memory holds one page. Nothing is written or deleted by a search, and nothing but a [`Find`] can be deleted. A
//! document of the full layout is this project's own and never a find; one of the compatible layout cannot be told from
//! the tool's. A terminal whose clock was set to the future leaves such documents too, under either program: look at
//! the finds first.
//!
//! ```no_run
//! use sink_firestore::FirestoreOptions;
//! use sink_firestore::garbage::{GarbageFinder, Scope};
//!
//! # async fn example(options: FirestoreOptions) -> Result<(), Box<dyn std::error::Error>> {
//! let finder = GarbageFinder::open(options);
//! println!("{} reads", finder.cost(Scope::All).await?.reads);
//! let mut search = finder.search(Scope::All);
//! while let Some(finds) = search.next_page().await? {
//!     for find in &finds {
//!         println!("{} {} {:?}", find.id(), find.reason(), find.timestamp());
//!     }
//!     finder.delete(&finds).await?; // only where it was asked for
//! }
//! println!("{:?}", search.report());
//! # Ok(())
//! # }
//! ```

mod delete;
mod find;
mod finder;
mod query;
mod report;

pub use delete::Deletion;
pub use find::{Find, Reason};
pub use finder::{Cost, GarbageFinder, Search};
pub use query::Scope;
pub use report::Report;
