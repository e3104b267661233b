//! What the ledger keeps of terminals that push.

#[cfg(feature = "push")]
mod admission;
#[cfg(feature = "push")]
mod call;
#[cfg(feature = "push")]
mod command;
#[cfg(feature = "push")]
mod fact;
#[cfg(feature = "push")]
mod gap;
#[cfg(feature = "push")]
mod key;
#[cfg(feature = "push")]
mod memory;
mod stamp;

#[cfg(feature = "push")]
pub use admission::{MOST_PENDING, PushAdmission, PushState};
#[cfg(feature = "push")]
pub use call::PushCall;
#[cfg(feature = "push")]
pub use command::{MOST_OPEN, PushCommand};
#[cfg(feature = "push")]
pub(crate) use gap::NewGap;
#[cfg(feature = "push")]
pub use gap::PushGap;
#[cfg(feature = "push")]
pub(crate) use key::PushKey;
#[cfg(feature = "push")]
pub(crate) use memory::{PushLine, PushMemory};
pub(crate) use stamp::{Stamp, save_stamp};
