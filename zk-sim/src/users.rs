//! The user table, kept as the records that clients read and write.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use zk_proto::encoding::TextEncoding;
use zk_proto::record::{Privilege, User, UserLayout};
use zk_proto::{Uid, UserId};

use crate::data::Person;

/// The users of the terminal, by uid.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    layout: UserLayout,
    capacity: usize,
    users: BTreeMap<u16, User>,
}

impl Users {
    pub(crate) fn new(layout: UserLayout, capacity: u32, encoding: TextEncoding, people: &[Person]) -> Self {
        let mut users = Self { layout, capacity: capacity as usize, users: BTreeMap::new() };
        for person in people {
            // Names are cut to the layout, as on a terminal's keypad. Characters outside the code page are left out.
            let known: String =
                person.name.chars().filter(|char| encoding.encode(&char.to_string(), 8).is_some()).collect();
            let name = encoding.encode(&known, layout.name_room()).unwrap_or_default();
            users.users.insert(
                person.uid,
                User {
                    uid: Uid(person.uid),
                    privilege: Privilege(person.privilege),
                    name: name.into(),
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

    /// Users with an administrator's privilege.
    pub(crate) fn admins(&self) -> usize {
        self.users.values().filter(|user| user.privilege.level() > 0).count()
    }

    /// Users with a password.
    pub(crate) fn passwords(&self) -> usize {
        self.users.values().filter(|user| !user.password.as_bytes().is_empty()).count()
    }

    /// All users, by uid.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    pub(crate) fn get(&self, uid: u16) -> Option<&User> {
        self.users.get(&uid)
    }

    /// Stores a record under its uid. `false` if the terminal refuses it: another width than its own, no uid or id, an
    /// id that another uid has, or no room. How 120-byte records are written is not known, so they are refused.
    pub(crate) fn write(&mut self, record: &[u8]) -> bool {
        if record.len() != self.layout.width() || self.layout == UserLayout::HundredTwenty {
            return false;
        }
        let Ok(user) = User::parse(self.layout, Bytes::copy_from_slice(record)) else { return false };
        let other = self.uid(&user.user_id.0).is_some_and(|uid| uid != user.uid.0);
        let room = self.users.len() < self.capacity || self.users.contains_key(&user.uid.0);
        let fits = !user.is_vacant() && !other && room;
        if fits {
            self.users.insert(user.uid.0, user);
        }
        fits
    }

    /// Adds a record as read from another terminal, unchecked. `false` if it does not have this layout.
    pub(crate) fn take(&mut self, record: &[u8]) -> bool {
        match User::parse(self.layout, Bytes::copy_from_slice(record)) {
            Ok(user) if user.uid != Uid(0) => {
                self.users.insert(user.uid.0, user);
                true
            }
            _ => false,
        }
    }

    /// Removes a user. `false` when there is no such user.
    pub(crate) fn delete(&mut self, uid: u16) -> bool {
        self.users.remove(&uid).is_some()
    }

    /// Changes a user. `false` when there is no such user.
    pub(crate) fn change(&mut self, uid: u16, change: impl FnOnce(&mut User)) -> bool {
        self.users.get_mut(&uid).map(change).is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.users.clear();
    }

    /// Makes every administrator a common user.
    pub(crate) fn clear_admins(&mut self) {
        for user in self.users.values_mut() {
            user.privilege = Privilege(user.privilege.0 & 1);
        }
    }

    pub(crate) fn contains(&self, uid: u16) -> bool {
        self.users.contains_key(&uid)
    }

    /// The user at a position in the table.
    pub(crate) fn nth(&self, place: usize) -> Option<&User> {
        self.users.values().nth(place)
    }

    /// The uid of a user id.
    pub(crate) fn uid(&self, user_id: &str) -> Option<u16> {
        self.users.values().find(|user| user.user_id.0 == user_id).map(|user| user.uid.0)
    }

    /// The user table as a data set, with `vacant` rows of zeros among the users, as deleted ones leave them. Users
    /// that do not fit the layout (a non-numeric id in 28 bytes) are left out.
    pub(crate) fn encoded(&self, vacant: usize) -> Bytes {
        let width = self.layout.width();
        let mut records = BytesMut::with_capacity((self.users.len() + vacant) * width);
        for (place, user) in self.users.values().enumerate() {
            if place < vacant {
                records.put_bytes(0, width);
            }
            encode(self.layout, user, &mut records);
        }
        records.put_bytes(0, vacant.saturating_sub(self.users.len()) * width);
        data_set(&records)
    }
}

/// Appends a record, or nothing if the user does not fit the layout.
fn encode(layout: UserLayout, user: &User, out: &mut BytesMut) {
    if layout == UserLayout::HundredTwenty {
        return encode_hundred_twenty(user, out);
    }
    let before = out.len();
    if user.encode(layout, out).is_err() {
        out.truncate(before);
    }
}

/// A 120-byte record (one source): uid, privilege, unknown credentials, first name, last name, user id.
fn encode_hundred_twenty(user: &User, out: &mut BytesMut) {
    if user.raw.len() == UserLayout::HundredTwenty.width() {
        return out.put_slice(&user.raw);
    }
    out.put_u16_le(user.uid.0);
    out.put_u8(user.privilege.0);
    out.put_bytes(0, 32);
    for (text, width) in [(&user.name[..], 24), (&user.last_name[..], 37), (&user.user_id.to_bytes(), 24)] {
        let text = text.get(..width).unwrap_or(text);
        out.put_slice(text);
        out.put_bytes(0, width - text.len());
    }
}

/// Prepends the length word. No data set comes near 4 GiB: the capacities are far below.
pub(crate) fn data_set(content: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(4 + content.len());
    out.put_u32_le(content.len() as u32);
    out.put_slice(content);
    out.freeze()
}
