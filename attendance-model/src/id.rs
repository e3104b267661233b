//! The id of an event or a document.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDateTime;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{LocalTime, PunchState, VerifyMode};

/// Identity of an event or a document: 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId([u8; 16]);

impl EventId {
    /// The key: the first 32 hex digits of SHA-256 of `SERIAL|USER_ID|YYYY-MM-DD HH:MM:SS|PUNCH_STATE|VERIFY_MODE`.
    #[must_use]
    pub fn full(serial: &str, user_id: &str, local_time: NaiveDateTime, state: PunchState, mode: VerifyMode) -> Self {
        let text = format!("{serial}|{user_id}|{}|{}|{}", LocalTime::Real(local_time), state.0, mode.0);
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let (half, _) = digest.as_chunks::<16>();
        Self(half[0])
    }

    /// The Python tool's document id: MD5 of `<user id>_<YYYY-MM-DD HH:MM:SS>`, the user id as read (not trimmed, zeros
    /// kept).
    #[must_use]
    pub fn iclock_sync_v1(user_id: &str, local_time: NaiveDateTime) -> Self {
        let text = format!("{user_id}_{}", LocalTime::Real(local_time));
        Self(Md5::digest(text.as_bytes()).into())
    }

    /// The id from its sixteen bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes that the hex digits stand for; half the size in a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Text that is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 32 hex digits")]
pub struct InvalidEventId;

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidEventId)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 32];
        hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
    }

    #[test]
    fn the_key_is_the_designs_example() {
        let id = EventId::full("OID7040067012100054", "42", time("2025-05-18 07:01:09"), PunchState(0), VerifyMode(1));
        assert_eq!(id.to_string(), "a4aaad8cbbe67d1ec15ab48b9c040e77");
    }

    #[test]
    fn the_python_tools_ids_are_its_own() {
        // Computed by the tool's own function; the last two are in its bug report.
        let vectors = [
            ("1", "2025-03-24 07:26:55", "0eaead86d919cd0519f09b4980e7e1ae"),
            ("42", "2025-05-18 07:01:09", "5b38900525c147224275a3515cb92588"),
            ("0042", "2025-05-18 07:01:09", "5efc553266c6d6c19c428388dab5f761"),
            (" 42 ", "2025-05-18 07:01:09", "926e9a87187dab4a4b649115c147001a"),
            ("+42", "2025-05-18 07:01:09", "7720e7316b2d30e9edb545d3c7cac063"),
            ("1_000", "2025-05-18 07:01:09", "341860ad2d688480f5a148818155fcd1"),
            ("\u{664}\u{662}", "2025-05-18 07:01:09", "8c751489f07fa907180bb3bdb216541d"),
            ("42", "2025-05-18 00:00:00", "697a76896b8882dd175347c5c91e4c04"),
            ("65535", "2000-01-01 00:00:00", "22804f3fc4a41933999509aebf963a88"),
            ("100234", "2024-02-29 23:59:59", "021fb65ebfe1bbee62e2223c6a2ed5f8"),
            ("9", "2099-12-31 23:59:59", "003b9c3cc784621787080b0c55f62c10"),
            ("100", "2025-05-18 07:00:00", "7625c3a3342a298ff808fbde7b7373ae"),
            ("153", "2025-03-24 07:26:55", "c91ba4e201d3ced99e49930da8bf5444"),
            ("137", "2025-07-07 14:29:29", "06376b31c08b88662a223ae7bd33e08e"),
            ("", "2025-09-01 15:25:52", "00003e2c00a363fff3a25881ccb3e36e"),
            ("", "2025-08-28 12:01:04", "000b3b87dd02baa497dfa32a63f348f4"),
        ];
        for (user_id, local_time, id) in vectors {
            assert_eq!(
                EventId::iclock_sync_v1(user_id, time(local_time)).to_string(),
                id,
                "{user_id:?} at {local_time}"
            );
        }
    }

    #[test]
    fn an_id_is_read_back_from_its_text_and_from_its_bytes() {
        let id = EventId::iclock_sync_v1("42", time("2025-05-18 07:01:09"));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(EventId::from_bytes(*id.as_bytes()), id);
        assert_eq!(serde_json::from_str::<EventId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        for text in ["", "42", "5b38900525c147224275a3515cb9258", "5b38900525c147224275a3515cb9258g"] {
            assert_eq!(text.parse::<EventId>(), Err(InvalidEventId), "{text:?}");
        }
    }
}
