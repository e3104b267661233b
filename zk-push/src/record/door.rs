//! The state of doors: `rtstate`.

use crate::Fields;

/// The state of one door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorState {
    /// The sensor.
    pub sensor: Sensor,
    /// Returns true if the relay is on. `None` if the terminal did not report it.
    pub relay: Option<bool>,
    /// The alarms.
    pub alarms: Vec<DoorAlarm>,
}

/// What a door's sensor reports, in two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sensor {
    /// 0: there is no sensor. A value that is not documented counts as this.
    None,
    /// 1: closed.
    Closed,
    /// 2: open.
    Open,
}

/// An alarm of a door: one bit of its byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DoorAlarm {
    /// Bit 0: forced open.
    ForcedOpen,
    /// Bit 1: somebody opens the terminal.
    Tamper,
    /// Bit 2: a password of duress.
    DuressPassword,
    /// Bit 3: a finger of duress.
    DuressFinger,
    /// Bit 4: held open.
    HeldOpen,
    /// Bit 5: no mains.
    MainsFailure,
    /// Bit 6: the battery fails.
    BatteryFailure,
    /// Bit 7: the reader was removed.
    ReaderRemoved,
}

const ALARMS: [(DoorAlarm, &str); 8] = [
    (DoorAlarm::ForcedOpen, "forced_open"),
    (DoorAlarm::Tamper, "tamper"),
    (DoorAlarm::DuressPassword, "duress_password"),
    (DoorAlarm::DuressFinger, "duress_finger"),
    (DoorAlarm::HeldOpen, "held_open"),
    (DoorAlarm::MainsFailure, "mains_failure"),
    (DoorAlarm::BatteryFailure, "battery_failure"),
    (DoorAlarm::ReaderRemoved, "reader_removed"),
];

impl DoorState {
    /// The largest number of doors that is read.
    pub const MAX_DOORS: usize = 128;

    /// Reads the doors of a record, the first door first. Texts may be shorter than documented: what is there counts.
    ///
    /// A byte of `sensor` has four doors and one of `relay` eight, the lowest bits first. A byte of `alarm` has one
    /// door. There are as many doors as alarms, or, without alarms, as sensors.
    #[must_use]
    pub fn read(fields: &Fields) -> Vec<Self> {
        let bytes = |key: &str| fields.get(key).and_then(|text| hex(text.as_bytes()));
        let (sensors, relays, alarms) = (bytes("sensor"), bytes("relay"), bytes("alarm"));
        let count = alarms.as_ref().map(Vec::len).or_else(|| sensors.as_ref().map(|sensors| sensors.len() * 4));
        let doors = (1..=count.unwrap_or_default().min(Self::MAX_DOORS)).map(|door| Self {
            sensor: sensors.as_deref().map_or(Sensor::None, |sensors| Sensor::of(sensors, door)),
            relay: relays.as_deref().and_then(|relays| bit(relays, door - 1)),
            alarms: alarms.as_deref().map(|alarms| DoorAlarm::of(alarms, door)).unwrap_or_default(),
        });
        doors.collect()
    }
}

impl Sensor {
    /// Reads the sensor of a door, counted from 1.
    #[must_use]
    pub fn of(bytes: &[u8], door: usize) -> Self {
        let Some(at) = door.checked_sub(1) else { return Self::None };
        match bytes.get(at / 4).map_or(0, |byte| byte >> (at % 4 * 2) & 0b11) {
            1 => Self::Closed,
            2 => Self::Open,
            _ => Self::None,
        }
    }

    /// The name in `vectors/push`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

impl DoorAlarm {
    /// Reads the alarms of a door, counted from 1.
    #[must_use]
    pub fn of(bytes: &[u8], door: usize) -> Vec<Self> {
        let byte = door.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or_default();
        ALARMS.iter().enumerate().filter(|(bit, _)| byte >> bit & 1 == 1).map(|(_, (alarm, _))| *alarm).collect()
    }

    /// The name in `vectors/push`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        ALARMS.iter().find(|(alarm, _)| *alarm == self).map_or("", |(_, name)| name)
    }
}

fn bit(bytes: &[u8], at: usize) -> Option<bool> {
    bytes.get(at / 8).map(|byte| byte >> (at % 8) & 1 == 1)
}

/// Reads pairs of hexadecimal digits. `None` for anything else, and for more than any terminal has.
pub(crate) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > 2 * DoorState::MAX_DOORS || text.len() % 2 == 1 {
        return None;
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks_exact(2).map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_are_read_from_the_lowest_bits() {
        let fields = Fields::default().with("sensor", "09").with("relay", "02").with("alarm", "0002");
        let doors = DoorState::read(&fields);
        let [first, second] = &doors[..] else { panic!("{doors:?}") };
        assert_eq!((first.sensor, first.relay, &first.alarms[..]), (Sensor::Closed, Some(false), &[][..]));
        assert_eq!(
            (second.sensor, second.relay, &second.alarms[..]),
            (Sensor::Open, Some(true), &[DoorAlarm::Tamper][..])
        );
    }

    #[test]
    fn what_is_not_there_is_not_made_up() {
        let none = DoorState::read(&Fields::default().with("sensor", "xx"));
        assert_eq!(none, []);
        let sensors = DoorState::read(&Fields::default().with("sensor", "01"));
        assert_eq!((sensors.len(), sensors[0].relay), (4, None));
        assert_eq!(DoorState::read(&Fields::default().with("alarm", "00".repeat(200))), []);
    }
}
