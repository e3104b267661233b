//! Terminals that push: they call a server over HTTP and upload their log by themselves (ADMS).
//!
//! [`PushDevice`] is the terminal without a network: requests out, answers in, time as an argument. [`Pusher`] runs it
//! over TCP, with the oddities and mistakes of [`PushFault`]. A [`Meter`] counts for one terminal or for many.

mod companion;
mod device;
mod execute;
mod fault;
mod http;
mod meter;
mod odd;
mod profile;
mod run;
mod strictness;
mod wire;

pub use device::{Outgoing, PushDevice};
pub use fault::PushFault;
pub use http::HttpAnswer;
pub use meter::{Meter, PushStats};
pub use profile::{Columns, PushProfile};
pub use run::{PushError, Pusher};
pub use strictness::Strictness;
