//! The user table and the fingerprints, kept as the records that clients read and write.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};

use crate::data::Person;
use crate::layout::text;
use crate::profile::UserLayout;

/// A fingerprint template as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) flag: u8,
    pub(crate) bytes: Bytes,
}

/// Everybody whom the terminal knows, by uid.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    layout: UserLayout,
    records: BTreeMap<u16, Bytes>,
    templates: BTreeMap<(u16, u8), Template>,
}

impl Users {
    pub(crate) fn new(layout: UserLayout, people: &[Person]) -> Self {
        let records = people.iter().map(|person| (person.uid, encode(layout, person))).collect();
        Self { layout, records, templates: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn fingers(&self) -> usize {
        self.templates.len()
    }

    /// Users with an administrator's privilege.
    pub(crate) fn admins(&self) -> usize {
        self.records.values().filter(|record| record.get(2).is_some_and(|privilege| privilege & 0x0E != 0)).count()
    }

    /// Users with a password.
    pub(crate) fn passwords(&self) -> usize {
        self.records.values().filter(|record| record.get(3).is_some_and(|first| *first != 0)).count()
    }

    /// Stores a record of the terminal's own width under the uid in it. `false` when it is none.
    pub(crate) fn write(&mut self, record: &[u8]) -> bool {
        let (Some(uid), true) = (uid_of(record), record.len() == self.layout.width()) else { return false };
        uid != 0 && {
            self.records.insert(uid, Bytes::copy_from_slice(record));
            true
        }
    }

    /// Removes a user and the user's fingerprints. `false` when there is no such user.
    pub(crate) fn delete(&mut self, uid: u16) -> bool {
        self.templates.retain(|(owner, _), _| *owner != uid);
        self.records.remove(&uid).is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.templates.clear();
    }

    /// Makes every administrator a common user.
    pub(crate) fn clear_admins(&mut self) {
        for record in self.records.values_mut() {
            let mut bytes = BytesMut::from(&record[..]);
            if let Some(privilege) = bytes.get_mut(2) {
                *privilege &= 1;
            }
            *record = bytes.freeze();
        }
    }

    pub(crate) fn clear_templates(&mut self) {
        self.templates.clear();
    }

    pub(crate) fn contains(&self, uid: u16) -> bool {
        self.records.contains_key(&uid)
    }

    /// The user at a place in the table: uid and user id.
    pub(crate) fn nth(&self, place: usize) -> Option<(u16, String)> {
        self.records.iter().nth(place).map(|(uid, record)| (*uid, user_id_of(self.layout, record)))
    }

    /// The uid behind a user id.
    pub(crate) fn uid(&self, user_id: &str) -> Option<u16> {
        self.records.iter().find(|(_, record)| user_id_of(self.layout, record) == user_id).map(|(uid, _)| *uid)
    }

    pub(crate) fn template(&self, uid: u16, finger: u8) -> Option<&Template> {
        self.templates.get(&(uid, finger))
    }

    pub(crate) fn write_template(&mut self, uid: u16, finger: u8, template: Template) {
        self.templates.insert((uid, finger), template);
    }

    pub(crate) fn delete_template(&mut self, uid: u16, finger: u8) -> bool {
        self.templates.remove(&(uid, finger)).is_some()
    }

    /// The user table as a data set.
    pub(crate) fn encoded(&self) -> Bytes {
        data_set(self.records.values().flat_map(|record| record.iter().copied()).collect())
    }

    /// All fingerprints as a data set: entries of size, uid, finger, flag and template.
    pub(crate) fn encoded_templates(&self) -> Bytes {
        let mut entries = Vec::new();
        for ((uid, finger), template) in &self.templates {
            // A template is at most one upload, far below 64 KiB.
            entries.put_u16_le((template.bytes.len() + 6) as u16);
            entries.put_u16_le(*uid);
            entries.put_u8(*finger);
            entries.put_u8(template.flag);
            entries.put_slice(&template.bytes);
        }
        data_set(entries)
    }
}

/// Puts the length word in front.
pub(crate) fn data_set(content: Vec<u8>) -> Bytes {
    let mut out = BytesMut::with_capacity(4 + content.len());
    out.put_u32_le(content.len() as u32);
    out.put_slice(&content);
    out.freeze()
}

fn uid_of(record: &[u8]) -> Option<u16> {
    record.first_chunk::<2>().map(|bytes| u16::from_le_bytes(*bytes))
}

fn user_id_of(layout: UserLayout, record: &[u8]) -> String {
    match layout {
        UserLayout::TwentyEight => record
            .get(24..)
            .and_then(|field| field.first_chunk::<4>())
            .map_or(0, |id| u32::from_le_bytes(*id))
            .to_string(),
        UserLayout::SeventyTwo => {
            let field = record.get(48..72).unwrap_or_default();
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
        }
    }
}

fn encode(layout: UserLayout, person: &Person) -> Bytes {
    let mut out = BytesMut::with_capacity(layout.width());
    out.put_u16_le(person.uid);
    out.put_u8(person.privilege);
    match layout {
        UserLayout::TwentyEight => {
            out.put_slice(&[0; 5]);
            out.put_slice(&text::<8>(&person.name));
            // No card, group 1, no time zones of the user's own.
            out.put_slice(&[0, 0, 0, 0, 0, 1, 0, 0]);
            out.put_u32_le(person.user_id.parse().unwrap_or(0));
        }
        UserLayout::SeventyTwo => {
            out.put_slice(&[0; 8]);
            out.put_slice(&text::<24>(&person.name));
            out.put_u32_le(0);
            out.put_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0]);
            out.put_slice(&text::<24>(&person.user_id));
        }
    }
    out.freeze()
}
