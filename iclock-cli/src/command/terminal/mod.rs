//! Commands that ask terminals, and change them.

pub(crate) mod base;
pub(crate) mod clear;
pub(crate) mod discover;
pub(crate) mod info;
pub(crate) mod options;
pub(crate) mod panel;
pub(crate) mod power;
pub(crate) mod time;
