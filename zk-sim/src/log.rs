//! The attendance log: the stored punches, and the records that clients see.

use bytes::{BufMut, Bytes, BytesMut};
use zk_proto::DeviceTime;
use zk_proto::record::{AttendanceLayout, IdField};

use crate::data::Random;
use crate::faults::{FaultKind, Faults};
use crate::layout::encode_log;
use crate::profile::Profile;
use crate::punch::Punch;
use crate::users::data_set;

/// Bytes of the length word.
const WORD: usize = 4;
/// Ten years of the terminal's 372 days each.
const TEN_YEARS: u32 = 10 * 372 * 86_400;

/// Punches in the order of storage. Faults change the shown records, never the stored ones.
#[derive(Debug)]
pub(crate) struct Log {
    stored: Vec<Punch>,
    /// The shown records, if they differ.
    changed: Option<Vec<Punch>>,
    /// The data set as last read, including its length word, while its records are still at the start of the log.
    encoded: Option<Bytes>,
    /// The captured data set that `stored` was read from. It is shown as it is until the log changes.
    captured: Option<Bytes>,
    first_number: u16,
    seed: u64,
}

impl Log {
    pub(crate) fn new(stored: Vec<Punch>, first_number: u16, seed: u64) -> Self {
        Self { stored, changed: None, encoded: None, captured: None, first_number, seed }
    }

    /// A log from a captured data set and its punches.
    pub(crate) fn captured(data: Bytes, punches: Vec<Punch>, seed: u64) -> Self {
        Self { captured: Some(data), ..Self::new(punches, 1, seed) }
    }

    /// The records as a client finds them.
    pub(crate) fn shown(&self) -> &[Punch] {
        self.changed.as_deref().unwrap_or(&self.stored)
    }

    pub(crate) fn push(&mut self, punch: Punch, layout: AttendanceLayout, faults: &mut Faults) {
        self.captured = None;
        if let Some(changed) = &mut self.changed {
            change(&punch, self.stored.len() as u64, self.seed, layout, faults, changed);
        }
        self.stored.push(punch);
    }

    pub(crate) fn clear(&mut self) {
        self.encoded = None;
        self.captured = None;
        self.stored.clear();
        if let Some(changed) = &mut self.changed {
            changed.clear();
        }
    }

    /// Drops the oldest records, as a full log does.
    pub(crate) fn drop_oldest(&mut self, count: usize, layout: AttendanceLayout, faults: &mut Faults) {
        self.captured = None;
        let count = count.min(self.stored.len());
        self.stored.drain(..count);
        // Records keep their numbers.
        self.first_number = self.first_number.wrapping_add(count as u16);
        self.refresh(layout, faults);
    }

    /// Applies faults that were set or cleared.
    pub(crate) fn refresh(&mut self, layout: AttendanceLayout, faults: &mut Faults) {
        self.encoded = None;
        self.changed = faults.touch_records().then(|| {
            let mut changed = Vec::with_capacity(self.stored.len());
            for (index, punch) in self.stored.iter().enumerate() {
                change(punch, index as u64, self.seed, layout, faults, &mut changed);
            }
            changed
        });
    }

    /// The data set of the records between two times.
    pub(crate) fn encoded_between(&self, profile: &Profile, from: DeviceTime, to: DeviceTime) -> Bytes {
        let mut records = BytesMut::new();
        let mut number = self.first_number;
        for punch in self.shown() {
            if (from..=to).contains(&punch.time) {
                encode_log(profile, std::slice::from_ref(punch), number, &mut records);
            }
            number = number.wrapping_add(1);
        }
        data_set(&records)
    }

    /// The data set: a word that says how many bytes follow, then the records.
    pub(crate) fn encoded(&mut self, profile: &Profile) -> Bytes {
        if let (Some(captured), None) = (&self.captured, &self.changed) {
            return captured.clone();
        }
        let punches = self.changed.as_deref().unwrap_or(&self.stored);
        let length = punches.len() * profile.log.width();
        let known = self.encoded.take().unwrap_or_default();
        if known.len() == WORD + length {
            self.encoded = Some(known.clone());
            return known;
        }
        // Only new records are encoded, because a long log that grows punch by punch is read many times.
        let records = known.slice(known.len().min(WORD)..);
        let count = records.len() / profile.log.width();
        let mut out = BytesMut::with_capacity(WORD + length);
        // A log of 4 GiB is far above every capacity.
        out.put_u32_le(length as u32);
        out.put_slice(&records);
        let number = self.first_number.wrapping_add(count as u16);
        encode_log(profile, punches.get(count..).unwrap_or_default(), number, &mut out);
        let encoded = out.freeze();
        self.encoded = Some(encoded.clone());
        encoded
    }
}

/// Appends one punch as it is shown. The seed and its position alone decide whether a fault strikes it.
fn change(punch: &Punch, index: u64, seed: u64, layout: AttendanceLayout, faults: &mut Faults, out: &mut Vec<Punch>) {
    let mut random = Random::new(seed ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut struck = |kind| faults.strike_share(kind, random.next());
    let mut punch = punch.clone();
    if struck(FaultKind::ImpossibleDates) {
        // The packed form has 31 days in every month: 30 February is day 29 of month 1, counted from 0.
        let years = punch.time.0 / (372 * 86_400);
        punch.time = DeviceTime(((years * 12 + 1) * 31 + 29) * 86_400 + punch.time.0 % 86_400);
    }
    if struck(FaultKind::ResetDates) {
        punch.time = DeviceTime::RESET;
    }
    if struck(FaultKind::FutureDates) {
        punch.time = DeviceTime(punch.time.0.saturating_add(TEN_YEARS));
    }
    if struck(FaultKind::EmptyUserIds) {
        punch.uid = 0;
        punch.user_id = "".into();
    }
    if struck(FaultKind::GarbledUserIds) {
        // Numeric layouts cannot hold control characters: there it is an unused number.
        let (uid, user_id) = match layout.fields().id {
            IdField::Number(_) => (punch.uid, format!("{}", 3_000_000_000 + index % 1_000_000)),
            IdField::Slot(_) => (60_000 + (index % 5000) as u16, String::new()),
            IdField::Text(_) => (punch.uid, format!("\u{1}\u{1b}{}\u{7f}", index % 100)),
        };
        punch.uid = uid;
        punch.user_id = user_id.into();
    }
    if struck(FaultKind::DuplicateRecords) {
        out.push(punch.clone());
    }
    out.push(punch);
}
