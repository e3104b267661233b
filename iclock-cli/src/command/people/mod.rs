//! Commands on the people of terminals: backups, and copies from one terminal to others.

pub(crate) mod backup;
pub(crate) mod clone_users;
mod key;
pub(crate) mod restore;
mod shown;
mod write;
