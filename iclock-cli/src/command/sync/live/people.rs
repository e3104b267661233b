//! The people of a terminal, from its proven user table.

use std::collections::HashMap;

use iclock_sync::chain;
use zk_proto::encoding::TextEncoding;
use zk_proto::record::Who;
use zk_proto::{Client, Uid, UserId};

/// How often the user table is asked for. A terminal that cannot serve it while it listens would be lost each time.
const READINGS: u32 = 2;

/// The people of a terminal.
#[derive(Debug, Default)]
pub(super) struct People {
    ids: HashMap<Uid, UserId>,
    names: HashMap<UserId, String>,
    readings: u32,
    known: bool,
}

impl People {
    /// Returns true once the user table was read: its terminal had the right serial number before.
    pub(super) fn are_of_the_right_terminal(&self) -> bool {
        self.known
    }

    /// Reads the user table, with proof, unless it is known. Returns why it is not.
    pub(super) async fn read(&mut self, client: &mut Client, encoding: TextEncoding) -> Option<String> {
        if self.known || self.readings >= READINGS {
            return None;
        }
        self.readings += 1;
        let table = match client.user_table().await {
            Ok(table) => table,
            Err(error) => return Some(chain(&error)),
        };
        self.known = true;
        for user in table.users() {
            self.ids.insert(user.uid, user.user_id.clone());
            self.names.insert(user.user_id.clone(), user.name_text(encoding));
        }
        None
    }

    /// The user id of a punch; `None` if it names a slot that the user table does not have.
    pub(super) fn id<'a>(&'a self, who: &'a Who) -> Option<&'a UserId> {
        match who {
            Who::UserId(id) => Some(id),
            Who::Uid(uid) => self.ids.get(uid),
        }
    }

    /// The name of a person; `None` for one without a name.
    pub(super) fn name(&self, who: &Who) -> Option<&str> {
        let name = self.id(who).and_then(|id| self.names.get(id));
        name.map(String::as_str).filter(|name| !name.is_empty())
    }
}
