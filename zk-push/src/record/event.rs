//! Events at doors: `rtlog` and `transaction`.

use chrono::NaiveDateTime;

use super::door::hex;
use super::keyed::{KeyedRecord, Kind};
use crate::Text;
use crate::time::{PackedTime, WallTime};

/// An event at a door, read from a record of either table. The same event has the same `index` in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEvent {
    /// The local time of the terminal. `None` if it is missing or names none.
    pub time: Option<NaiveDateTime>,
    /// The user id; `None` if it is `0`, which stands for nobody.
    pub user_id: Option<Text>,
    /// The card; `0` stands for none.
    pub card: Option<Text>,
    /// What happened, as a number of the maker's list.
    pub code: Option<i32>,
    /// 0 in, 1 out, 2 neither.
    pub direction: Option<i32>,
    /// The verify mode: a number, or sixteen bits ([`VerifyStyle`](super::VerifyStyle)). It is not a number
    /// for storage.
    pub verify_mode: Option<Text>,
    /// The door.
    pub door: Option<Text>,
    /// The event's number at the terminal: with the serial number, the key against duplicates.
    pub index: Option<Text>,
}

/// What an event's code says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Band {
    /// 0-19, 200-253, 4000-4999.
    Normal,
    /// 20-99, 5000-5999: refused.
    Error,
    /// 100-199.
    Alarm,
    /// 6000-6999.
    Warning,
    /// Any other.
    Unknown,
}

impl AccessEvent {
    /// Reads a record of `rtlog` or `transaction`. `None` for other kinds.
    #[must_use]
    pub fn read(record: &KeyedRecord) -> Option<Self> {
        if record.kind != Kind::EVENT && record.kind != Kind::TRANSACTION {
            return None;
        }
        let fields = &record.fields;
        let text = |keys: &[&str]| fields.any(keys).filter(|text| !text.is_empty()).cloned();
        let number = |keys: &[&str]| i32::try_from(fields.any(keys)?.number()?).ok();
        let packed = || u32::try_from(fields.get("time_second")?.number()?).ok().and_then(|time| PackedTime(time).at());
        Some(Self {
            time: fields.get("time").and_then(WallTime::parse).and_then(|time| time.at).or_else(packed),
            user_id: text(&["pin"]).filter(|pin| pin.as_bytes() != b"0"),
            card: text(&["cardno"]),
            code: number(&["event", "eventtype"]),
            direction: number(&["inoutstatus", "inoutstate"]),
            verify_mode: text(&["verifytype", "verified"]),
            door: text(&["eventaddr", "doorid"]),
            index: text(&["index"]),
        })
    }

    /// Returns true if the event is a punch: a person, and nothing refused.
    #[must_use]
    pub fn is_attendance(&self) -> bool {
        self.user_id.is_some() && self.time.is_some() && self.code.map(Band::of) == Some(Band::Normal)
    }
}

impl Band {
    /// Returns the band of a code.
    #[must_use]
    pub fn of(code: i32) -> Self {
        match code {
            0..=19 | 200..=253 | 4000..=4999 => Self::Normal,
            20..=99 | 5000..=5999 => Self::Error,
            100..=199 => Self::Alarm,
            6000..=6999 => Self::Warning,
            _ => Self::Unknown,
        }
    }

    /// The name in `vectors/push`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Error => "error",
            Self::Alarm => "alarm",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
        }
    }
}

/// The events that a terminal supports: bits in hexadecimal, the lowest bit of each byte first.
///
/// `EventTypes` of a registration counts from 0; `NewNormalEventTypes` from 4000, `NewErrorEventTypes` from 5000 and
/// `NewWarningEventTypes` from 6000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTypes(Vec<u8>);

impl EventTypes {
    /// Reads pairs of hexadecimal digits. `None` for anything else.
    #[must_use]
    pub fn parse(text: &Text) -> Option<Self> {
        hex(text.as_bytes()).map(Self)
    }

    /// Returns true if the terminal supports the event with this offset.
    #[must_use]
    pub fn contains(&self, offset: usize) -> bool {
        self.0.get(offset / 8).is_some_and(|byte| byte >> (offset % 8) & 1 == 1)
    }

    /// The offsets of all events that are supported.
    pub fn offsets(&self) -> impl Iterator<Item = usize> {
        (0..self.0.len() * 8).filter(|offset| self.contains(*offset))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn event(line: &'static str, kind: Kind) -> AccessEvent {
        AccessEvent::read(&KeyedRecord::parse(&Bytes::from_static(line.as_bytes()), Some(kind)).unwrap()).unwrap()
    }

    #[test]
    fn an_event_and_its_row_in_the_log_are_the_same() {
        let live = event("time=2026-09-10 15:20:49\tpin=475\tevent=3\tinoutstatus=0\tindex=521745", Kind::EVENT);
        let logged =
            event("transaction pin=475\teventtype=3\tinoutstate=0\ttime_second=857920849\tindex=521745", Kind::USER);
        assert_eq!(live, logged);
        assert!(live.is_attendance());
    }

    #[test]
    fn nobody_and_a_refusal_are_no_punch() {
        assert!(!event("time=2026-09-10 15:20:49\tpin=0\tevent=0", Kind::EVENT).is_attendance());
        assert!(!event("time=2026-09-10 15:20:49\tpin=7\tevent=27", Kind::EVENT).is_attendance());
        assert!(!event("time=2026-09-10 15:20:49\tpin=7", Kind::EVENT).is_attendance());
        assert!(event("time=2026-09-10 15:20:49\tpin=7\tevent=200", Kind::EVENT).is_attendance());
    }
}
