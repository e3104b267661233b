//! Terminals that push: they call a server over HTTP and upload their log by themselves (ADMS).
//!
//! [`PushDevice`] is the terminal without a network: requests out, answers in, time as an argument. [`Pusher`] runs it
//! over TCP.

mod device;
mod execute;
mod http;
mod profile;
mod run;
mod strictness;

pub use device::{Outgoing, PushDevice};
pub use http::{HttpAnswer, HttpFault};
pub use profile::{Columns, PushProfile};
pub use run::{PushError, PushStats, Pusher};
pub use strictness::Strictness;
