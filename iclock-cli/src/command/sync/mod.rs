//! Commands that read terminals and write to sinks.

pub(crate) mod demo;
pub(crate) mod health;
pub(crate) mod iclock;
pub(crate) mod live;
#[expect(clippy::module_inception, reason = "the group has the name of its main command")]
pub(crate) mod sync;
