//! The backup of a terminal as one file: users, fingerprints, faces and photos where the terminal gives them, options,
//! and the attendance log. It reads and writes the file, and knows no command line. What is written back to a terminal
//! is decided by [`Client::plan_restore`](zk_proto::Client::plan_restore).
//!
//! | step | where |
//! |---|---|
//! | everything that a terminal gives, read once | [`Snapshot::take`] |
//! | into a file, which appears whole or not at all | [`Snapshot::write`] |
//! | out of a file, checked to the last byte | [`Contents::read`] |
//! | a passphrase, or keys of the `age` format | [`Lock`], [`Key`] |
//!
//! The file is a tar archive; with a [`Lock`] it is an `age` file around one. Both can be opened without this program:
//!
//! | entry | contains |
//! |---|---|
//! | `users.bin` | the user records, byte for byte |
//! | `fingerprints.bin` | size, slot, finger, flag and template of each, as terminals send them |
//! | `faces.bin`, `photos/SLOT.jpg` | faces and photos of users; a restore cannot write them |
//! | `options.json` | names and values of the terminal's options |
//! | `attendance.bin`, `attendance.csv` | the proven log, byte for byte and decoded |
//! | `attendance-unproven.bin` | the bytes of a log that could not be proven, as they came |
//! | `manifest.json` | the terminal, the counts, and size and SHA-256 of each entry above: [`Manifest`] |
//! | `SHA256SUMS` | the sums of all entries, as `sha256sum -c` reads them; the last entry |
//!
//! It contains people's passwords and fingerprints: store it accordingly.
//!
//! ```no_run
//! use std::path::Path;
//! use std::time::SystemTime;
//!
//! use zk_backup::{Contents, Key, Lock, Passphrase, Snapshot, Wanted};
//! use zk_proto::client::{PullRequest, RestoreOptions};
//! use zk_proto::{Client, ConnectOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let path = Path::new("gate.tar.age");
//! let passphrase = Passphrase::new("correct horse battery staple");
//! let mut client = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
//! // The attendance log too, judged by the host's local time.
//! let now = zk_proto::DeviceTime::new(2026, 3, 1, 8, 0, 0).ok_or("no such time")?;
//! let wanted = Wanted::default().attendance(Some(PullRequest::new(now)));
//! let snapshot = Snapshot::take(&mut client, &wanted, |_| {}).await?;
//! client.exit().await;
//! snapshot.write(path, &Lock::Passphrase(passphrase.clone()), SystemTime::now(), false)?;
//!
//! let contents = Contents::read(path, &Key::Passphrase(passphrase))?;
//! let mut other = Client::connect(&ConnectOptions::new("192.0.2.11")).await?;
//! let options = RestoreOptions::default().encoding(contents.encoding());
//! let plan = other.plan_restore(&contents.people, &options).await?;
//! println!("{} users are not there yet", plan.count_users(&zk_proto::client::Change::Added));
//! other.exit().await;
//! # Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod archive;
mod contents;
mod error;
mod log;
mod manifest;
mod seal;
mod settings;
mod snapshot;

pub use contents::Contents;
pub use error::FileError;
pub use manifest::{Entry, Log, Manifest, Sets, Terminal};
pub use seal::{Key, Lock, Passphrase, Protection};
pub use settings::OPTIONS;
pub use snapshot::{Snapshot, Stage, Wanted};
