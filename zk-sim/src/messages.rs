//! Short messages, and whom they are for.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};
use zk_proto::record::{MessageLink, ShortMessage};

use crate::users::data_set;

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

    /// The links from messages to users.
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
        // A message that came in a record fits into one.
        self.messages.values().for_each(|message| drop(message.encode(&mut records)));
        data_set(&records)
    }

    /// All links as a data set.
    pub(crate) fn encoded_links(&self) -> Bytes {
        let mut records = BytesMut::new();
        self.links.iter().for_each(|link| link.encode(&mut records));
        data_set(&records)
    }

    pub(crate) fn write(&mut self, message: ShortMessage) {
        self.messages.insert(message.id, message);
    }

    pub(crate) fn link(&mut self, link: MessageLink) {
        self.links.insert(link);
    }

    /// Removes a link. `false` when there is none.
    pub(crate) fn unlink(&mut self, link: MessageLink) -> bool {
        self.links.remove(&link)
    }

    /// Deletes a message and its links. `false` when there is none.
    pub(crate) fn delete(&mut self, id: u16) -> bool {
        self.links.retain(|link| link.message != id);
        self.messages.remove(&id).is_some()
    }
}
