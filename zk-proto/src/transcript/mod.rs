//! The flight recorder: a conversation as text, to reproduce elsewhere what happened at a terminal.
//!
//! A transcript has one line for each thing that happened: the time in microseconds, its kind, and bytes in hex. The
//! first line names the format, `set` lines have the settings that matter, and lines that begin with `#` are notes.
//!
//! ```text
//! zk-transcript 1
//! set transport tcp
//! 104 open tcp
//! 310 opened
//! 322 call
//! 322 > 5050827d08000000e80317fc00000000
//! 1810 < 5050827d08000000d007e3474a2f0000
//! 9120 failed receive os 104 ConnectionReset
//! 9133 closed
//! ```
//!
//! The client writes one with a [`Recorder`](crate::client::Recorder), and replays one with
//! [`ConnectOptions::replay`](crate::client::ConnectOptions::replay): every call returns what it returned then, without
//! a socket and without waiting. A [`Scribe`] writes one for any other driver of a session. The received bytes can be
//! fed to a [`Session`](crate::Session) by hand:
//!
//! ```
//! use zk_proto::session::{Config, Event, Session};
//! use zk_proto::transcript::{Transcript, What};
//!
//! let transcript = Transcript::parse(
//!     "zk-transcript 1\n\
//!      104 open tcp\n\
//!      322 call\n\
//!      322 > 5050827d08000000e80317fc00000000\n\
//!      1810 < 5050827d08000000d007e3c84b2f0000\n",
//! )?;
//! let mut session = Session::stream(Config::default());
//! for line in transcript.lines() {
//!     match &line.what {
//!         What::Call => session.connect(line.at),
//!         What::Sent(bytes) => assert_eq!(session.poll_transmit().as_ref(), Some(bytes)),
//!         What::Received(bytes) => session.handle_input(line.at, bytes)?,
//!         What::Idle => session.handle_timeout(line.at),
//!         _ => {}
//!     }
//! }
//! assert_eq!(session.poll_event(), Some(Event::Connected));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a transcript leaves out
//! Secrets are replaced by zeros, and checksums corrected, so that a transcript verifies as the conversation did:
//!
//! - the answer to a demand for the comm key, and options, read or written, whose name mentions a key or a password;
//! - passwords and card numbers of users. Their place is known only in a table that is whole and proven; of any other
//!   table only the length word is kept;
//! - templates (their owners are kept if the table is whole), faces, photos, uploads, and the data of any command that
//!   is not known to carry no secret;
//! - card numbers in live events.
//!
//! # What a transcript contains
//! **User ids, names, privileges, and who punched when**, the terminal's address, serial number, options and clock, and
//! everything about the connection. It is a document about people: treat it like the log itself.

mod content;
mod line;
mod parse;
mod scribe;
mod table;

pub use line::{Cause, Failure, Line, Stage, What};
pub use parse::{Transcript, TranscriptError};
pub use scribe::Scribe;

#[cfg(feature = "client")]
pub(crate) use content::mask_request;

/// The first line of every transcript.
pub const HEADER: &str = "zk-transcript 1";
