//! Clearing whole tables.

use zk_proto::Command;

use super::{Answer, Request, one};
use crate::link::Link;
use crate::reply::Reply;
use crate::terminal::Terminal;

pub(super) fn answer(terminal: &mut Terminal, _link: &mut Link, request: &Request<'_>) -> Answer {
    match request.command {
        Command::CLEAR_ATTLOG => terminal.log.clear(),
        Command::CLEAR_OPLOG => terminal.operations.clear(),
        Command::CLEAR_DATA => return one(clear(terminal, request.data.first().copied())),
        _ => return None,
    }
    one(Reply::ok())
}

/// Clears a table: 1 log, 2 fingerprints, 4 operation log, 5 users; everything without a type.
fn clear(terminal: &mut Terminal, table: Option<u8>) -> Reply {
    match table {
        None => {
            terminal.log.clear();
            terminal.operations.clear();
            clear_users(terminal);
        }
        Some(1) => terminal.log.clear(),
        Some(2) => terminal.biometrics.clear_fingers(),
        Some(3) => {}
        Some(4) => terminal.operations.clear(),
        Some(5) => clear_users(terminal),
        Some(_) => return Reply::error(),
    }
    Reply::ok()
}

fn clear_users(terminal: &mut Terminal) {
    terminal.users.clear();
    terminal.biometrics.clear();
    terminal.access.forget_all();
    terminal.messages.forget_all();
}
