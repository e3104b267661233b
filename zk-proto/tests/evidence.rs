//! Evidence besides sizes and counts: punch states that recur, the user table, a second reading, a pinned layout.

#[macro_use]
mod logs;

mod evidence {
    pub(crate) mod doubts;
    pub(crate) mod field;
    pub(crate) mod moved;
    pub(crate) mod people;
    pub(crate) mod two_ways;
    pub(crate) mod walk;
}
