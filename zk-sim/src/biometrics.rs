//! Fingerprints, faces and photos of the users.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use zk_proto::Uid;
use zk_proto::record::{FaceTemplate, FingerTemplate};

use crate::users::data_set;

/// The number of fingers per user.
const FINGERS: u8 = 10;
/// The bytes that command 88 appends to a template, and clients cut off again (one source).
const PADDING: u8 = 0;

/// The biometrics that a terminal is built with.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    Finger(FingerTemplate),
    Face(FaceTemplate),
    /// User id, JPEG.
    Photo(String, Bytes),
}

/// The biometrics of a terminal's users. Callers must ensure that the users exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Biometrics {
    finger_room: usize,
    fingers: BTreeMap<(u16, u8), FingerTemplate>,
    faces: BTreeMap<(u16, u8), FaceTemplate>,
    /// JPEG by user id.
    photos: BTreeMap<String, Bytes>,
}

impl Biometrics {
    pub(crate) fn new(finger_capacity: u32) -> Self {
        Self { finger_room: finger_capacity as usize, ..Self::default() }
    }

    /// Adds the biometrics that the terminal is built with, without checking its rules.
    pub(crate) fn take(&mut self, given: Given) {
        match given {
            Given::Finger(finger) => drop(self.fingers.insert((finger.uid.0, finger.finger), finger)),
            Given::Face(face) => drop(self.faces.insert((face.uid.0, face.index), face)),
            Given::Photo(user_id, jpeg) => drop(self.photos.insert(user_id, jpeg)),
        }
    }

    pub(crate) fn fingers(&self) -> impl ExactSizeIterator<Item = &FingerTemplate> {
        self.fingers.values()
    }

    /// Whose finger a template is.
    pub(crate) fn whose(&self, template: &[u8]) -> Option<u16> {
        self.fingers().find(|finger| finger.template == template).map(|finger| finger.uid.0)
    }

    pub(crate) fn finger(&self, uid: u16, finger: u8) -> Option<&FingerTemplate> {
        self.fingers.get(&(uid, finger))
    }

    /// Stores a fingerprint. `false` when there is no such finger, or no room.
    pub(crate) fn write_finger(&mut self, uid: u16, finger: u8, flag: u8, template: Bytes) -> bool {
        let room = self.fingers.len() < self.finger_room || self.fingers.contains_key(&(uid, finger));
        let fits = finger < FINGERS && room;
        if fits {
            self.fingers.insert((uid, finger), FingerTemplate { uid: Uid(uid), finger, flag, template });
        }
        fits
    }

    pub(crate) fn delete_finger(&mut self, uid: u16, finger: u8) -> bool {
        self.fingers.remove(&(uid, finger)).is_some()
    }

    pub(crate) fn clear_fingers(&mut self) {
        self.fingers.clear();
    }

    /// All fingerprints as a data set.
    pub(crate) fn encoded_fingers(&self) -> Bytes {
        let mut entries = BytesMut::new();
        for template in self.fingers.values() {
            let before = entries.len();
            if template.encode(&mut entries).is_err() {
                entries.truncate(before);
            }
        }
        data_set(&entries)
    }

    /// One fingerprint as command 88 returns it.
    pub(crate) fn padded_finger(&self, uid: u16, finger: u8) -> Option<Bytes> {
        let mut data = BytesMut::from(&self.finger(uid, finger)?.template[..]);
        data.put_u8(PADDING);
        Some(data.freeze())
    }

    /// The templates of a user's face, by their index.
    pub(crate) fn face(&self, uid: u16) -> impl Iterator<Item = &FaceTemplate> {
        self.faces.range((uid, 0)..=(uid, u8::MAX)).map(|(_, face)| face)
    }

    /// Users with a face.
    pub(crate) fn faces(&self) -> usize {
        let mut uids: Vec<u16> = self.faces.keys().map(|(uid, _)| *uid).collect();
        uids.dedup();
        uids.len()
    }

    /// The blocks of a user's face as command 150 returns them. `None` if the user has none.
    pub(crate) fn encoded_face(&self, uid: u16) -> Option<Bytes> {
        let mut blocks = BytesMut::new();
        for face in self.face(uid) {
            face.encode(&mut blocks).ok()?;
        }
        (!blocks.is_empty()).then(|| blocks.freeze())
    }

    pub(crate) fn photo(&self, user_id: &str) -> Option<&Bytes> {
        self.photos.get(user_id)
    }

    /// Forgets a user who is deleted.
    pub(crate) fn forget(&mut self, uid: u16, user_id: &str) {
        self.fingers.retain(|(owner, _), _| *owner != uid);
        self.faces.retain(|(owner, _), _| *owner != uid);
        self.photos.remove(user_id);
    }

    /// Forgets everybody.
    pub(crate) fn clear(&mut self) {
        *self = Self { finger_room: self.finger_room, ..Self::default() };
    }
}
