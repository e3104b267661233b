//! The HTTP push protocol (ADMS, "iclock") of ZKTeco attendance terminals, in which the terminal calls the server.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod card;
pub mod line;
pub mod text;
pub mod time;

pub use card::Card;
pub use line::{Line, LineError};
pub use text::Text;
pub use time::{PackedTime, WallTime, ZoneOffset};

pub use chrono;
