//! The session itself: its end, its events, power, and whether people may use the terminal.

use bytes::Buf;
use zk_proto::Command;

use super::{Answer, Request, one};
use crate::faults::FaultKind;
use crate::link::{Link, Then};
use crate::reply::Reply;
use crate::terminal::Terminal;

pub(super) fn answer(terminal: &mut Terminal, link: &mut Link, request: &Request<'_>) -> Answer {
    let mut data = request.data;
    match request.command {
        Command::EXIT => {
            let silent = terminal.faults.strike(FaultKind::ExitUnanswered).is_some();
            return Some(if silent { (Vec::new(), Then::Stay) } else { (vec![Reply::ok()], Then::End) });
        }
        Command::RESTART | Command::POWEROFF => {
            terminal.panel.restart(request.command);
            let answered = terminal.profile.restart_answered || request.command == Command::POWEROFF;
            return Some((if answered { vec![Reply::ok()] } else { Vec::new() }, Then::Restart));
        }
        Command::AUTH => {}
        Command::REG_EVENT => link.mask = data.try_get_u32_le().unwrap_or(0),
        Command::ENABLEDEVICE => terminal.lockout.enable(),
        Command::DISABLEDEVICE => terminal.lockout.disable(data),
        _ => return None,
    }
    one(Reply::ok())
}
