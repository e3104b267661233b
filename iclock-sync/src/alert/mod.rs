//! Alerts: what a person should hear of, once when it begins and once when it is over.
//!
//! | file | decides |
//! |---|---|
//! | `condition` | what is bad now, from the state of a service: the same facts that `health` and `status` show |
//!
//! Nothing here sends anything, and nothing has a clock.

mod condition;

pub use condition::{DRIFT, FULL, Kind, Limits, Subject};
