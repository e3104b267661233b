//! The facts that a poll reports: `INFO=firmware,users,…`.

use crate::Text;

/// The facts of a poll. Each may be missing: firmware versions send 5 to 13 of them, some empty.
///
/// The list is positional: firmware, users, fingerprints, attendance records, address, fingerprint algorithm, face
/// algorithm, pictures of a face that one user needs, faces, functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The version of the firmware.
    pub firmware: Option<Text>,
    /// The number of users.
    pub users: Option<u32>,
    /// The number of fingerprints.
    pub fingerprints: Option<u32>,
    /// The number of attendance records.
    pub records: Option<u32>,
    /// The terminal's own address.
    pub address: Option<Text>,
    /// The version of the algorithm for fingerprints.
    pub fingerprint_version: Option<Text>,
    /// The version of the algorithm for faces.
    pub face_version: Option<Text>,
    /// The pictures of a face that one user needs.
    pub faces_needed: Option<u32>,
    /// The number of faces.
    pub faces: Option<u32>,
    /// One digit for each function: fingerprint, face, photo, and more on newer firmware.
    pub functions: Option<Text>,
    /// Further values, whose meaning is not known.
    pub more: Vec<Text>,
}

impl Info {
    /// Reads the list. A number that is negative or no number counts as missing.
    #[must_use]
    pub fn parse(text: &Text) -> Self {
        let bytes = text.clone().into_bytes();
        let mut values = bytes.split(|byte| *byte == b',').take(32).map(|value| Text::from(bytes.slice_ref(value)));
        let mut text = || values.next().filter(|value| !value.is_empty());
        let number = |value: Option<Text>| u32::try_from(value?.number()?).ok();
        Self {
            firmware: text(),
            users: number(text()),
            fingerprints: number(text()),
            records: number(text()),
            address: text(),
            fingerprint_version: text(),
            face_version: text(),
            faces_needed: number(text()),
            faces: number(text()),
            functions: text(),
            more: values.collect(),
        }
    }
}

/// Writes the ten values of the list; a missing one is empty.
impl std::fmt::Display for Info {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |value: &Option<Text>| value.as_ref().map(ToString::to_string).unwrap_or_default();
        let number = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
        let list = [
            text(&self.firmware),
            number(self.users),
            number(self.fingerprints),
            number(self.records),
            text(&self.address),
            text(&self.fingerprint_version),
            text(&self.face_version),
            number(self.faces_needed),
            number(self.faces),
            text(&self.functions),
        ];
        f.write_str(&list.join(","))?;
        self.more.iter().try_for_each(|value| write!(f, ",{value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_any_length_is_read_by_position() {
        let info = Info::parse(&"ZAM180-NF50VA-Ver3.4.10,1,0,16,192.0.2.25,10,39,12,1,01110,0,0,0".into());
        assert_eq!((info.records, info.faces, info.more.len()), (Some(16), Some(1), 3));
        assert_eq!(info.functions, Some("01110".into()));
        let short = Info::parse(&",1,-12,x".into());
        assert_eq!((short.firmware, short.users, short.fingerprints, short.records), (None, Some(1), None, None));
    }

    #[test]
    fn a_list_is_written_as_it_came() {
        for text in ["Ver 2.0.12-20150625,0,0,0,192.0.2.27,10,7,15,0,111", ",1,2,1,192.0.2.101,,,,,", "a,1,,,,,,,,,x,y"]
        {
            assert_eq!(Info::parse(&text.into()).to_string(), text);
        }
    }
}
