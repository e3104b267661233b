//! Every quirk of the field that the protocol's reference lists, shown by a simulated terminal, and what the client
//! makes of it. `QUIRKS.md` is the table.
#![cfg(feature = "client")]

mod quirk;
