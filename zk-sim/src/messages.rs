//! Short messages, and whom they are for.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, Bytes, BytesMut};
use zk_proto::Command;
use zk_proto::record::{MessageLink, ShortMessage};

use crate::reply::Reply;
use crate::terminal::Terminal;
use crate::users::data_set;

/// Bytes of a message.
const WIDTH: usize = 72;

/// The messages of a terminal.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    messages: BTreeMap<u16, ShortMessage>,
    links: BTreeSet<MessageLink>,
}

impl Messages {
    /// A message by its number.
    #[must_use]
    pub fn get(&self, id: u16) -> Option<&ShortMessage> {
        self.messages.get(&id)
    }

    /// Which messages are for which users.
    pub fn links(&self) -> impl Iterator<Item = MessageLink> {
        self.links.iter().copied()
    }

    /// Forgets a user who is deleted.
    pub(crate) fn forget(&mut self, uid: u16) {
        self.links.retain(|link| link.uid.0 != uid);
    }

    /// Forgets all users.
    pub(crate) fn forget_all(&mut self) {
        self.links.clear();
    }

    /// All messages as a data set.
    pub(crate) fn encoded(&self) -> Bytes {
        let mut records = BytesMut::new();
        // What came in a record goes back into one.
        self.messages.values().for_each(|message| drop(message.encode(&mut records)));
        data_set(&records)
    }

    /// All links as a data set.
    pub(crate) fn encoded_links(&self) -> Bytes {
        let mut records = BytesMut::new();
        self.links.iter().for_each(|link| link.encode(&mut records));
        data_set(&records)
    }

    /// Deletes a message and its links. `false` when there is none.
    fn delete(&mut self, id: u16) -> bool {
        self.links.retain(|link| link.message != id);
        self.messages.remove(&id).is_some()
    }
}

/// Answers the commands about messages.
pub(crate) fn answer(terminal: &mut Terminal, command: Command, mut data: &[u8]) -> Reply {
    let messages = &mut terminal.messages;
    let done = match command {
        Command::SMS_RRQ => {
            let mut record = BytesMut::new();
            let found = data.try_get_u16_le().ok().and_then(|id| messages.get(id));
            return match found.map(|message| message.encode(&mut record)) {
                Some(Ok(())) => Reply::ok_with(record.freeze()),
                _ => Reply::error(),
            };
        }
        Command::SMS_WRQ => match ShortMessage::parse(data) {
            // Number 0 stands for an unused row.
            Ok(message) if message.id != 0 && data.len() == WIDTH => {
                messages.messages.insert(message.id, message);
                true
            }
            _ => false,
        },
        Command::DELETE_SMS => data.try_get_u16_le().is_ok_and(|id| messages.delete(id)),
        _ => MessageLink::parse(data).is_ok_and(|link| match command {
            Command::UDATA_WRQ => {
                let known = terminal.users.contains(link.uid.0) && messages.messages.contains_key(&link.message);
                if known {
                    messages.links.insert(link);
                }
                known
            }
            _ => messages.links.remove(&link),
        }),
    };
    if done { Reply::ok() } else { Reply::error() }
}
