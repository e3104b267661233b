//! The ground under all tasks of an engine: it starts none of them, and knows neither terminals nor deliveries.
//!
//! | part | file |
//! |---|---|
//! | the parts of which an engine is built | `parts` |
//! | the parts that its tasks share, some of which a reload replaces | `shared`, `options` |
//! | the work of a task, its orders and its results | `work` |
//! | the state of everything, for all that show it | [`status`], `board` |
//! | the gaps of terminals that push, and what of them was reported | `backfills` |
//! | the room that visits share; one serial number, one terminal | `gates`, `claims` |
//! | a sink, and the size of its batches | `target`, `pace` |
//! | the logs file in the Python tool's shape | `list`, `logs_file` |

#[cfg(feature = "push")]
mod backfills;
mod board;
mod claims;
mod gates;
mod list;
mod logs_file;
mod options;
mod pace;
mod parts;
mod shared;
pub mod status;
mod target;
mod work;

pub use options::ServiceOptions;

#[cfg(all(test, feature = "metrics"))]
pub(crate) use board::Board;
pub(crate) use gates::Gates;
pub(crate) use list::{List, failure};
pub(crate) use options::OptionsAt;
pub(crate) use parts::Parts;
pub(crate) use shared::{Place, Settings, Shared};
pub(crate) use target::Target;
pub(crate) use work::{Orders, TaskPlace, Told, Work};
