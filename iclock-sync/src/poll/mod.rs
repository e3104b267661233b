//! One terminal in one run: who it is, what is new in its log, and what becomes of that.

pub(crate) mod live;
pub(crate) mod meet;
pub(crate) mod plan;
pub(crate) mod pull;
pub(crate) mod visit;
