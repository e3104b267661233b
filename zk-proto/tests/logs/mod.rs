//! Attendance logs made for tests, and the sets in which a terminal would send them.
#![allow(dead_code, unused_macros)]

use bytes::BytesMut;
use zk_proto::proof::{Counts, Evidence, Proven, Unproven, prove};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder, Who};
use zk_proto::{DeviceTime, PunchState, Spool, Uid, UserId, VerifyMode};

/// Makes two tests for each layout: healthy logs are accepted, and no cut gives a wrong record.
macro_rules! walks {
    ($($layout:expr, $healthy:ident, $cut:ident;)*) => {
        $(
            #[test]
            fn $healthy() {
                healthy_logs_are_taken($layout);
            }

            #[test]
            fn $cut() {
                no_cut_gives_a_wrong_record($layout);
            }
        )*
    };
}

/// The peculiarity of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Usual,
    /// Every second id is missing: deleted users, on firmware that forgets them.
    HalfEmptyIds,
    /// As before. People use finger or card, and firmware of layout B sets bit 5 in every record.
    HalfEmptyCards,
    /// The clock was reset for the first tenth of the records.
    ResetClock,
    EqualDates,
    /// Three undocumented verify modes.
    UnknownModes,
    /// Ids of twelve characters.
    LongIds,
    /// Everyone uses face recognition, and ids are small.
    FacesOnly,
    /// Everyone uses the password and no state: most bytes are zero.
    PasswordsOnly,
}

pub(crate) const KINDS: [Kind; 9] = [
    Kind::Usual,
    Kind::HalfEmptyIds,
    Kind::HalfEmptyCards,
    Kind::ResetClock,
    Kind::EqualDates,
    Kind::UnknownModes,
    Kind::LongIds,
    Kind::FacesOnly,
    Kind::PasswordsOnly,
];

/// A log in one layout.
pub(crate) struct Log {
    pub(crate) layout: AttendanceLayout,
    pub(crate) kind: Kind,
    pub(crate) running_numbers: bool,
    pub(crate) records: u32,
    /// The records, one after the other.
    pub(crate) bytes: Vec<u8>,
    /// The record that the next punch would make.
    pub(crate) next: Vec<u8>,
}

/// Random numbers, the same on every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32 % limit
    }
}

pub(crate) fn host_now() -> DeviceTime {
    DeviceTime::new(2026, 3, 14, 9, 26, 53).unwrap()
}

impl Log {
    pub(crate) fn new(layout: AttendanceLayout, records: u32, kind: Kind, running_numbers: bool, seed: u64) -> Self {
        let mut dice = Dice(seed | 1);
        for _ in 0..8 {
            dice.below(2);
        }
        let mut time = host_now().0 - 40 * records - dice.below(20_000_000) - 1;
        let mut bytes = BytesMut::new();
        let first_number = dice.below(60_000);
        for row in 0..=records {
            if kind != Kind::EqualDates {
                time += dice.below(40);
            }
            let mut shown = DeviceTime(time);
            while !shown.exists() {
                time += 86_400;
                shown = DeviceTime(time);
            }
            if kind == Kind::ResetClock && row * 10 < records {
                shown = DeviceTime((900 + row * 7) % 86_400);
            }
            let uid = 1 + dice.below(300);
            let id = match kind {
                Kind::HalfEmptyIds | Kind::HalfEmptyCards if row % 2 == 1 => String::new(),
                Kind::LongIds => format!("20260{:07}", uid * 31),
                Kind::FacesOnly => (uid % 50 + 1).to_string(),
                _ => (uid * 37).to_string(),
            };
            let who = match layout {
                AttendanceLayout::EightA | AttendanceLayout::EightB => {
                    Who::Uid(Uid(if id.is_empty() { 0 } else { uid as u16 }))
                }
                AttendanceLayout::Sixteen if kind == Kind::LongIds => {
                    Who::UserId(UserId((200_000_000 + uid).to_string()))
                }
                _ => Who::UserId(UserId(id)),
            };
            let mode = match kind {
                Kind::UnknownModes => [200, 77, 130][dice.below(3) as usize],
                Kind::FacesOnly => 15,
                Kind::PasswordsOnly => 0,
                Kind::HalfEmptyCards => [1, 2][dice.below(2) as usize],
                _ => [1, 1, 4, 15][dice.below(4) as usize],
            };
            let record = AttendanceRecord {
                who,
                time: shown,
                punch_state: PunchState(if kind == Kind::PasswordsOnly {
                    0
                } else {
                    [0, 1, 1, 255][dice.below(4) as usize]
                }),
                verify_mode: VerifyMode(mode),
                work_code: Some(0),
                number: Some(if running_numbers { (first_number + row) as u16 } else { uid as u16 }),
                raw: bytes::Bytes::new(),
            };
            let start = bytes.len();
            record.encode(layout, FieldOrder::StateFirst, &mut bytes);
            if layout == AttendanceLayout::EightB {
                // State 255 does not fit into three bits, and terminals of this layout set bit 5.
                let long = dice.below(2) == 0 || kind == Kind::HalfEmptyCards;
                let state = layout.fields().state;
                state.set(&mut bytes[start..], u8::from(row % 3 == 0));
                bytes[start + state.at] |= if long { 0x20 } else { 0 };
            }
        }
        let next = bytes.split_off(records as usize * layout.width());
        Self { layout, kind, running_numbers, records, bytes: bytes.to_vec(), next: next.to_vec() }
    }

    /// The set as a healthy terminal sends it.
    pub(crate) fn set(&self) -> Vec<u8> {
        let mut set = (self.bytes.len() as u32).to_le_bytes().to_vec();
        set.extend_from_slice(&self.bytes);
        set
    }
}

pub(crate) fn spool(bytes: &[u8]) -> Spool {
    let mut spool = Spool::in_memory(1 << 24);
    spool.write_at(0, bytes).unwrap();
    spool
}

pub(crate) fn evidence(announced: usize, counts: Counts) -> Evidence {
    Evidence::new(announced as u64, counts, host_now()).terminal_now(Some(host_now()))
}

/// Proves a set, with a second, identical reading if one is asked for.
pub(crate) fn prove_twice(set: &[u8], evidence: &Evidence) -> Result<Proven, Unproven> {
    let unproven = match prove(spool(set), evidence) {
        Ok(proven) => return Ok(proven),
        Err(unproven) => unproven,
    };
    match unproven.needs_second_reading() {
        earlier @ Some(_) => prove(spool(set), &evidence.clone().earlier(earlier)),
        None => Err(unproven),
    }
}

/// Returns every record of a proof, raw.
pub(crate) fn given_out(mut proven: Proven) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let batch = proven.next_batch(700).unwrap();
        if batch.is_empty() {
            return all;
        }
        batch.iter().for_each(|record| all.extend_from_slice(&record.raw));
    }
}

/// The fate of the bytes at the head of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Lost on the way: fewer arrived than were announced.
    Lost,
    /// Missing before the size was announced, the length word first.
    SetShortened,
    /// As before, but the length word remains, with its old value.
    RecordsShortened,
    /// As before, with a length word that fits what is left.
    WordFollows,
    /// Missing, while as many bytes follow after the end, so that the size is right.
    SetShifted,
    /// As before, but the length word remains: all sizes agree.
    RecordsShifted,
}

impl Cut {
    pub(crate) const ALL: [Self; 6] = [
        Self::Lost,
        Self::SetShortened,
        Self::RecordsShortened,
        Self::WordFollows,
        Self::SetShifted,
        Self::RecordsShifted,
    ];

    /// Returns the bytes that arrive, and the announced size.
    pub(crate) fn apply(self, log: &Log, by: usize, filling: &[u8]) -> (Vec<u8>, usize) {
        let set = log.set();
        let (word, records) = set.split_at(4);
        let filling = filling.iter().copied().cycle().take(by);
        match self {
            Self::Lost => (set[by..].to_vec(), set.len()),
            Self::SetShortened => (set[by..].to_vec(), set.len() - by),
            Self::RecordsShortened => ([word, &records[by..]].concat(), set.len() - by),
            Self::WordFollows => {
                ([&((records.len() - by) as u32).to_le_bytes(), &records[by..]].concat(), set.len() - by)
            }
            Self::SetShifted => (set[by..].iter().copied().chain(filling).collect(), set.len()),
            Self::RecordsShifted => (word.iter().chain(&records[by..]).copied().chain(filling).collect(), set.len()),
        }
    }
}
