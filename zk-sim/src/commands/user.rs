//! Single users.

use bytes::Buf;
use zk_proto::Command;

use super::{Answer, Request, acknowledge, one};
use crate::faults::FaultKind;
use crate::link::Link;
use crate::reply::Reply;
use crate::terminal::Terminal;

pub(super) fn answer(terminal: &mut Terminal, _link: &mut Link, request: &Request<'_>) -> Answer {
    let mut data = request.data;
    one(match request.command {
        Command::USER_WRQ => {
            let refused = terminal.faults.strike(FaultKind::RefuseUserWrites).is_some();
            let ignored = terminal.faults.strike(FaultKind::IgnoredWrites).is_some();
            acknowledge(!refused && (ignored || terminal.users.write(data)))
        }
        Command::DELETE_USER => acknowledge(data.try_get_u16_le().is_ok_and(|uid| delete(terminal, uid))),
        Command::CLEAR_ADMIN => {
            terminal.users.clear_admins();
            Reply::ok()
        }
        _ => return None,
    })
}

fn delete(terminal: &mut Terminal, uid: u16) -> bool {
    let Some(user_id) = terminal.users.get(uid).map(|user| user.user_id.0.clone()) else { return false };
    terminal.biometrics.forget(uid, &user_id);
    terminal.access.forget(uid);
    terminal.messages.forget(uid);
    terminal.users.delete(uid)
}
