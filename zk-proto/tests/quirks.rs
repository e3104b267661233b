//! Every quirk in the list of known ones, shown by a simulated terminal, and how the client handles it. `QUIRKS.md`
//! has the table.
#![cfg(feature = "client")]

mod quirk;
