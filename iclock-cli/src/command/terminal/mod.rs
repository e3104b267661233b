//! Commands that ask terminals, and change them.

pub(crate) mod base;
pub(crate) mod clear;
pub(crate) mod info;
