//! The HTTP push protocol (ADMS, "iclock") of ZKTeco attendance terminals, in which the terminal calls the server.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod card;
pub mod command;
pub mod dialect;
pub mod fields;
pub mod line;
pub mod options;
pub mod record;
pub mod reply;
pub mod request;
pub mod settings;
pub mod table;
pub mod text;
pub mod time;
pub mod upload;

pub use card::Card;
pub use command::{Command, CommandId, CommandResult};
pub use dialect::Dialect;
pub use fields::{Field, Fields};
pub use line::{Line, LineError};
pub use options::OptionBlock;
pub use record::Record;
pub use reply::Reply;
pub use request::{Head, Request, SerialNumber};
pub use table::Table;
pub use text::Text;
pub use time::{PackedTime, WallTime, ZoneOffset};
pub use upload::Upload;

pub use chrono;
