//! The user table and the fingerprints, kept as the records that clients read and write.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use zk_proto::record::FingerTemplate;
use zk_proto::record::{Privilege, User, UserLayout};
use zk_proto::{Uid, UserId};

use crate::data::Person;

/// A fingerprint: whose, and which.
type Finger = (u16, u8);

/// Everybody whom the terminal knows, by uid.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    layout: UserLayout,
    users: BTreeMap<u16, User>,
    templates: BTreeMap<Finger, FingerTemplate>,
}

impl Users {
    pub(crate) fn new(layout: UserLayout, people: &[Person]) -> Self {
        let mut users = Self { layout, users: BTreeMap::new(), templates: BTreeMap::new() };
        for person in people {
            let name = person.name.as_bytes();
            // Names are cut to what the layout holds, as a terminal's own keypad does.
            let room = if layout == UserLayout::TwentyEight { 8 } else { 24 };
            users.users.insert(
                person.uid,
                User {
                    uid: person.uid,
                    privilege: Privilege(person.privilege),
                    name: Bytes::copy_from_slice(name.get(..room).unwrap_or(name)),
                    group: 1,
                    user_id: UserId(person.user_id.to_string()),
                    ..User::default()
                },
            );
        }
        users
    }

    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    pub(crate) fn fingers(&self) -> usize {
        self.templates.len()
    }

    /// Users with an administrator's privilege.
    pub(crate) fn admins(&self) -> usize {
        self.users.values().filter(|user| user.privilege.level() > 0).count()
    }

    /// Users with a password.
    pub(crate) fn passwords(&self) -> usize {
        self.users.values().filter(|user| !user.password.as_bytes().is_empty()).count()
    }

    /// Stores a record of the terminal's own width under the uid in it. `false` when it is none.
    pub(crate) fn write(&mut self, record: &[u8]) -> bool {
        if record.len() != self.layout.width() {
            return false;
        }
        match User::parse(self.layout, Bytes::copy_from_slice(record)) {
            Ok(user) if user.uid != 0 => {
                self.users.insert(user.uid, user);
                true
            }
            _ => false,
        }
    }

    /// Removes a user and the user's fingerprints. `false` when there is no such user.
    pub(crate) fn delete(&mut self, uid: u16) -> bool {
        self.templates.retain(|(owner, _), _| *owner != uid);
        self.users.remove(&uid).is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.users.clear();
        self.templates.clear();
    }

    /// Makes every administrator a common user.
    pub(crate) fn clear_admins(&mut self) {
        for user in self.users.values_mut() {
            user.privilege = Privilege(user.privilege.0 & 1);
        }
    }

    pub(crate) fn clear_templates(&mut self) {
        self.templates.clear();
    }

    pub(crate) fn contains(&self, uid: u16) -> bool {
        self.users.contains_key(&uid)
    }

    /// The user at a place in the table.
    pub(crate) fn nth(&self, place: usize) -> Option<&User> {
        self.users.values().nth(place)
    }

    /// The uid behind a user id.
    pub(crate) fn uid(&self, user_id: &str) -> Option<u16> {
        self.users.values().find(|user| user.user_id.0 == user_id).map(|user| user.uid)
    }

    pub(crate) fn template(&self, uid: u16, finger: u8) -> Option<&FingerTemplate> {
        self.templates.get(&(uid, finger))
    }

    pub(crate) fn write_template(&mut self, uid: u16, finger: u8, flag: u8, template: Bytes) {
        self.templates.insert((uid, finger), FingerTemplate { uid: Uid(uid), finger, flag, template });
    }

    pub(crate) fn delete_template(&mut self, uid: u16, finger: u8) -> bool {
        self.templates.remove(&(uid, finger)).is_some()
    }

    /// The user table as a data set. A user whom the layout cannot hold (an id that is no number in 28 bytes) is left out.
    pub(crate) fn encoded(&self) -> Bytes {
        let mut records = BytesMut::with_capacity(self.users.len() * self.layout.width());
        for user in self.users.values() {
            let before = records.len();
            if user.encode(self.layout, &mut records).is_err() {
                records.truncate(before);
            }
        }
        data_set(&records)
    }

    /// All fingerprints as a data set.
    pub(crate) fn encoded_templates(&self) -> Bytes {
        let mut entries = BytesMut::new();
        for template in self.templates.values() {
            let before = entries.len();
            if template.encode(&mut entries).is_err() {
                entries.truncate(before);
            }
        }
        data_set(&entries)
    }
}

/// Puts the length word in front. No data set comes near 4 GiB: the capacities are far below.
pub(crate) fn data_set(content: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(4 + content.len());
    out.put_u32_le(content.len() as u32);
    out.put_slice(content);
    out.freeze()
}
