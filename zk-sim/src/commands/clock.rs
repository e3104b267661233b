//! The clock.

use zk_proto::{Command, DeviceTime};

use super::{Answer, Request, acknowledge, one};
use crate::link::Link;
use crate::reply::Reply;
use crate::terminal::Terminal;

pub(super) fn answer(terminal: &mut Terminal, _link: &mut Link, request: &Request<'_>) -> Answer {
    one(match request.command {
        Command::GET_TIME => Reply::ok_with(terminal.now().0.to_le_bytes().to_vec()),
        Command::SET_TIME => {
            let time = DeviceTime::parse(request.data).ok();
            acknowledge(time.map(|time| terminal.set_time(time)).is_some())
        }
        _ => return None,
    })
}
