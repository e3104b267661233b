//! Screen, loudspeaker, lock and sleep.

use bytes::Buf;
use zk_proto::Command;
use zk_proto::op::Voice;
use zk_proto::record::UserLayout;

use super::{Answer, Request, acknowledge, one};
use crate::link::Link;
use crate::reply::Reply;
use crate::terminal::Terminal;

pub(super) fn answer(terminal: &mut Terminal, _link: &mut Link, request: &Request<'_>) -> Answer {
    let mut data = request.data;
    let shows_text = terminal.profile.users == UserLayout::TwentyEight;
    let panel = &mut terminal.panel;
    one(match request.command {
        Command::ENABLE_CLOCK => {
            panel.set_blinking(data.first() != Some(&0));
            Reply::ok()
        }
        // Only black-and-white terminals show the text; others acknowledge it and show nothing.
        Command::WRITE_LCD => acknowledge(!shows_text || panel.write(data)),
        Command::CLEAR_LCD => {
            panel.clear();
            Reply::ok()
        }
        Command::UNLOCK => acknowledge(data.try_get_u32_le().map(|tenths| panel.unlock(tenths)).is_ok()),
        // Some clients send two bytes.
        Command::TESTVOICE => {
            let index = data.try_get_u32_le().or_else(|_| data.try_get_u16_le().map(u32::from));
            acknowledge(index.map(|index| panel.play(Voice(index))).is_ok())
        }
        Command::SLEEP | Command::RESUME => {
            panel.set_asleep(request.command == Command::SLEEP);
            Reply::ok()
        }
        Command::STATE_RRQ => Reply { field: Some(panel.state().0), ..Reply::ok() },
        Command::DOORSTATE_RRQ => Reply::ok_with(vec![panel.door().0]),
        _ => return None,
    })
}
