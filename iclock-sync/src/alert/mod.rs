//! Alerts: what a person should hear of, once when it begins and once when it is over.
//!
//! | file | decides |
//! |---|---|
//! | `condition` | what is bad now, from the state of a service: the same facts that `health` and `status` show |
//! | `book` | which of that is a change; remembered over restarts |
//! | `message` | the text of what is sent |
//!
//! Nothing here sends anything, and nothing has a clock. The program that runs a service looks every few seconds
//! ([`Book::look`]), sends what waits by its own ways, and says what was sent ([`Book::sent`]).

mod book;
mod condition;
mod message;

pub use book::{Book, Waiting};
pub use condition::{DRIFT, FULL, Kind, Limits, Subject};
pub use message::{Line, Message};
