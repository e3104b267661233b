//! Short messages, and whom they are for.

use bytes::{Buf, BytesMut};
use zk_proto::Command;
use zk_proto::record::{MessageLink, ShortMessage};

use super::{Answer, Request, acknowledge, one};
use crate::link::Link;
use crate::messages::Messages;
use crate::reply::Reply;
use crate::terminal::Terminal;

/// Bytes of a message.
const WIDTH: usize = 72;

pub(super) fn answer(terminal: &mut Terminal, _link: &mut Link, request: &Request<'_>) -> Answer {
    let mut data = request.data;
    let messages = &mut terminal.messages;
    one(match request.command {
        Command::SMS_RRQ => read(messages, data),
        Command::SMS_WRQ => acknowledge(write(messages, data)),
        Command::DELETE_SMS => acknowledge(data.try_get_u16_le().is_ok_and(|id| messages.delete(id))),
        Command::UDATA_WRQ => {
            let known =
                |link: &MessageLink| terminal.users.contains(link.uid.0) && messages.get(link.message).is_some();
            let link = MessageLink::parse(data).ok().filter(known);
            acknowledge(link.map(|link| messages.link(link)).is_some())
        }
        Command::DELETE_UDATA => acknowledge(MessageLink::parse(data).is_ok_and(|link| messages.unlink(link))),
        _ => return None,
    })
}

fn read(messages: &Messages, mut data: &[u8]) -> Reply {
    let mut record = BytesMut::new();
    let found = data.try_get_u16_le().ok().and_then(|id| messages.get(id));
    match found.map(|message| message.encode(&mut record)) {
        Some(Ok(())) => Reply::ok_with(record.freeze()),
        _ => Reply::error(),
    }
}

fn write(messages: &mut Messages, data: &[u8]) -> bool {
    match ShortMessage::parse(data) {
        // Number 0 means an unused row.
        Ok(message) if message.id != 0 && data.len() == WIDTH => {
            messages.write(message);
            true
        }
        _ => false,
    }
}
