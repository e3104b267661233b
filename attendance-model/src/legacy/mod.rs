//! The Python tool's world: its document, its files, its file names. The words `status` and `workCode` exist here
//! alone.
//!
//! Its document ids are [`IdScheme::IclockSyncV1`](crate::IdScheme::IclockSyncV1); its rules for user ids are
//! [`PersonId`](crate::PersonId). Files are made and read as bytes; their place is the caller's choice.

mod document;
mod files;
mod json;

pub use document::{COLLECTION, LegacyDocument, SimpleLog, field};
pub use files::{CACHE_FILE, Export, SalvagedIds, export_file_name, is_logs_file_name, salvage_ids};
pub use json::write_array;
