//! A terminal's record, as zk-proto hands it out of a proven transfer, becomes a raw punch.

use zk_proto::record::{AttendanceLayout, AttendanceRecord, Who};
use zk_proto::{DeviceTime, Uid};

use crate::{LocalTime, PunchState, RawPunch, Source, VerifyMode};

/// The origin of a record, which the record itself does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device<'a> {
    /// The terminal's serial number, or `name:NAME` if it never gave one.
    pub serial: &'a str,
    /// The terminal's configured name.
    pub name: &'a str,
    /// Terminal's clock less the true time, in milliseconds, at this reading.
    pub clock_drift_ms: Option<i64>,
    /// How the record reached us.
    pub source: Source,
}

impl RawPunch {
    /// Takes a record of this layout as it is. `user_of` gives the user id that the terminal's user table has in a
    /// slot, for records that carry the slot alone; `None` if nobody is in it. Such a punch has no user id, and breaks
    /// [`Reason::UnknownSlot`](crate::Reason::UnknownSlot): the slot's number may be the id of another person.
    pub fn from_record(
        record: &AttendanceRecord,
        layout: AttendanceLayout,
        device: &Device<'_>,
        user_of: impl FnOnce(Uid) -> Option<String>,
    ) -> Self {
        let (user_id, uid) = match &record.who {
            // Erased memory in place of a record. The number that its bits make is nobody's id.
            Who::UserId(_) if record.raw.iter().all(|byte| *byte == 0xFF) => (char::REPLACEMENT_CHARACTER.into(), None),
            Who::UserId(id) => (id.as_str().to_owned(), None),
            Who::Uid(uid) => (user_of(*uid).unwrap_or_default(), Some(uid.0)),
        };
        Self {
            device_serial: device.serial.to_owned(),
            device_name: device.name.to_owned(),
            user_id,
            uid,
            id_is_number: layout.fields().id.is_number(),
            local_time: record.time.into(),
            verify_mode: VerifyMode(record.verify_mode.0),
            punch_state: PunchState(record.punch_state.0),
            work_code: record.work_code,
            source: device.source,
            clock_drift_ms: device.clock_drift_ms,
            raw: record.raw.to_vec(),
        }
    }
}

impl From<DeviceTime> for LocalTime {
    fn from(time: DeviceTime) -> Self {
        time.to_naive().map_or_else(|| Self::Impossible(time.to_string()), Self::Real)
    }
}

#[cfg(test)]
mod tests {
    use zk_proto::record::FieldOrder;

    use super::*;

    const DEVICE: Device<'_> =
        Device { serial: "OID7040067012100054", name: "front-gate", clock_drift_ms: Some(-1500), source: Source::Pull };

    fn record(layout: AttendanceLayout, raw: &[u8]) -> AttendanceRecord {
        AttendanceRecord::decode(layout, FieldOrder::StateFirst, raw.to_vec().into()).unwrap()
    }

    /// Source: a capture of a ZEM500; uid 7 at 2016-01-01 19:02:00, state 0, verify mode 1.
    const EIGHT: [u8; 8] = [0x07, 0x00, 0x28, 0x00, 0xA8, 0xEB, 0xA7, 0x1E];

    #[test]
    fn erased_memory_is_nobodys_punch() {
        let record = record(AttendanceLayout::Sixteen, &[0xFF; 16]);
        let punch = RawPunch::from_record(&record, AttendanceLayout::Sixteen, &DEVICE, |_| None);
        assert!(crate::undecodable::is_undecodable(&punch.user_id), "{punch:?}");
    }

    #[test]
    fn a_slot_is_resolved_by_the_terminals_users() {
        let record = record(AttendanceLayout::EightB, &EIGHT);
        let punch = RawPunch::from_record(&record, AttendanceLayout::EightB, &DEVICE, |uid| {
            (uid == Uid(7)).then(|| "0042".to_owned())
        });
        assert_eq!((punch.user_id.as_str(), punch.uid), ("0042", Some(7)));
        assert_eq!((punch.punch_state, punch.verify_mode), (PunchState(0), VerifyMode(1)));
        assert_eq!(
            (punch.local_time.to_string().as_str(), punch.raw.as_slice()),
            ("2016-01-01 19:02:00", EIGHT.as_slice())
        );
    }

    #[test]
    fn a_slot_without_a_user_is_no_user_id() {
        let layout = AttendanceLayout::EightB;
        let punch = RawPunch::from_record(&record(layout, &EIGHT), layout, &DEVICE, |_| None);
        assert_eq!((punch.user_id.as_str(), punch.uid, punch.unknown_slot()), ("", Some(7), Some(7)));
        assert!(!punch.names_nobody());
    }

    #[test]
    fn a_user_id_is_taken_as_the_record_has_it() {
        let layout = AttendanceLayout::Wide(40);
        let mut raw = [0; 40];
        raw[layout.fields().id.range()][..8].copy_from_slice(b" 0042\0xx");
        let punch = RawPunch::from_record(&record(layout, &raw), layout, &DEVICE, |_| Some("9".to_owned()));
        assert_eq!((punch.user_id.as_str(), punch.uid), (" 0042", None));
    }

    #[test]
    fn the_number_0_names_nobody_and_the_text_0_somebody() {
        let zero = |layout: AttendanceLayout, text: &[u8]| {
            let mut raw = vec![0; layout.width()];
            raw[layout.fields().id.range()][..text.len()].copy_from_slice(text);
            RawPunch::from_record(&record(layout, &raw), layout, &DEVICE, |_| None).names_nobody()
        };
        let numbers = [AttendanceLayout::EightA, AttendanceLayout::EightB, AttendanceLayout::Sixteen];
        assert_eq!(numbers.map(|layout| zero(layout, b"")), [true; 3]);
        assert_eq!((zero(AttendanceLayout::Wide(40), b""), zero(AttendanceLayout::Wide(40), b"0")), (true, false));
    }

    #[test]
    fn a_byte_that_is_no_text_makes_no_other_user() {
        for layout in [AttendanceLayout::Wide(40), AttendanceLayout::Wide(49)] {
            for (bytes, id) in [(b"5\xD2", "5\u{FFFD}D2"), (b"\xD25", "\u{FFFD}D25"), (b"\xD2\0", "\u{FFFD}D2")] {
                let mut raw = vec![0; layout.width()];
                raw[layout.fields().id.range()][..2].copy_from_slice(bytes);
                let punch = RawPunch::from_record(&record(layout, &raw), layout, &DEVICE, |_| None);
                assert_eq!(punch.user_id, id);
            }
        }
    }

    #[test]
    fn a_date_that_does_not_exist_keeps_its_fields() {
        // Day 30 of month 2 of 2025, in months of 31 days.
        let packed = ((25 * 12 + 1) * 31 + 29) * 86_400 + 7 * 3600;
        assert_eq!(LocalTime::from(DeviceTime(packed)), LocalTime::Impossible("2025-02-30 07:00:00".to_owned()));
    }
}
