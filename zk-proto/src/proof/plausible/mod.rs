//! The rules for a believable record.

use crate::DeviceTime;
use crate::ids::up_to_nul;
use crate::record::{AttendanceFields, AttendanceLayout, FieldOrder, IdField, u16_at, u32_at, with_fields};

use super::{ByteSet, Evidence, People};

mod id;

pub(super) use id::Id;

/// Fewer records than this show little by themselves. Then records of 8 and 16 bytes, which have little redundancy,
/// need length word, size and count. So do widths that nobody has reported, with any number of records.
pub(super) const FEW: u64 = 5;

/// This many records show their layout by their content alone.
pub(super) const ENOUGH: u64 = 20;

/// A day of packed time, in seconds.
pub(super) const DAY: u32 = 86_400;

/// A year of packed time, in seconds: twelve months of 31 days.
const YEAR: u32 = 12 * 31 * DAY;
/// Dates from here on are likely. No terminal of this protocol has older logs, and a punch state (0-5) or a zero that
/// is read as the top byte of a time gives an earlier date.
const LIKELY_FROM: u32 = 5 * YEAR;
/// A date is recent if it is at most this long before a clock.
const RECENT: u32 = 4 * YEAR;
/// The time that erased memory shows.
const ERASED: u32 = u32::MAX;
/// Undocumented verify modes that users report. Their meaning is unknown.
const REPORTED_MODES: [u8; 2] = [101, 104];

/// The class of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Good,
    /// Only the id is missing, or the date is that of a reset clock. Says nothing about the alignment.
    Neutral,
    Bad,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Date {
    Good,
    Reset,
    Bad,
}

/// The likelihood of a possible date.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Likelihood {
    None,
    /// In the first years of a clock, or after every clock.
    Poor,
    Likely,
    /// In the last four years by one of the clocks.
    Recent,
}

/// The rules for the fields of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plausibility {
    pub(super) clock: Clock,
    pub(super) order: FieldOrder,
    /// Length word, size and count agree, so that a date only has to exist.
    any_existing_date: bool,
    /// With few records, the rules are stricter: bytes of other fields, such as a verify mode in a time, look
    /// neutral.
    few: bool,
    /// The strictest rules: an id, and a date in the last four years.
    recent: bool,
    /// After the text of an id, the field is zero.
    padded: bool,
    modes: [bool; 256],
    states: [bool; 256],
    /// The alignment is certain without the states, so that any state is accepted.
    pub(super) states_prove_nothing: bool,
    /// No other layout is considered.
    pub(super) pinned: bool,
    /// The people in the user table, if the records name them.
    pub(super) people: Option<People>,
}

impl Plausibility {
    pub(super) fn new(evidence: &Evidence, any_existing_date: bool) -> Self {
        let remembered = evidence.remembered;
        let (mut modes, mut states) = ([false; 256], [false; 256]);
        for (value, (mode, state)) in (0..=u8::MAX).zip(modes.iter_mut().zip(&mut states)) {
            let reported = REPORTED_MODES.contains(&value) || remembered.modes.contains(value);
            *mode = crate::VerifyMode(value).is_documented() || reported;
            *state = crate::PunchState(value).is_known() || remembered.states.contains(value);
        }
        Self {
            clock: Clock::new(evidence),
            order: evidence.order,
            any_existing_date,
            few: false,
            recent: false,
            padded: false,
            modes,
            states,
            states_prove_nothing: any_existing_date,
            pinned: evidence.pinned.is_some(),
            people: None,
        }
    }

    /// Rules for so few records that only they speak for themselves.
    pub(super) fn of_few(self, few: bool) -> Self {
        Self { few, ..self }
    }

    /// Rules for few short records without a count: only id and date speak for them.
    pub(super) fn of_recent(self, recent: bool) -> Self {
        Self { few: self.few || recent, recent, ..self }
    }

    /// Rules for few records whose sizes do not agree: bytes of many short records can spell a short id.
    pub(super) fn of_padded(self, padded: bool) -> Self {
        Self { padded, ..self }
    }

    /// Rules for records that name people in the user table.
    pub(super) fn of_people(self, people: Option<People>) -> Self {
        Self { states_prove_nothing: self.states_prove_nothing || people.is_some(), people, ..self }
    }

    pub(super) fn in_order(&self, order: FieldOrder) -> Self {
        Self { order, ..self.clone() }
    }

    pub(super) fn allow(&mut self, modes: ByteSet, states: ByteSet) {
        modes.iter().for_each(|mode| self.modes[usize::from(mode)] = true);
        states.iter().for_each(|state| self.states[usize::from(state)] = true);
        // If bytes of another field pass for states, the dates exist but are mostly ones that no clock has shown.
        self.any_existing_date &= states.is_empty();
    }

    pub(super) fn allow_any_state(&mut self) {
        self.any_existing_date = false;
        self.states = [true; 256];
    }

    /// Returns true if an undocumented state is the top byte of a time in the last four years.
    pub(super) fn is_top_of_a_recent_time(&self, state: u8) -> bool {
        let top = |time: u32| (time >> 24) as u8;
        let Clock { limit, host, .. } = self.clock;
        (top(host.0.saturating_sub(RECENT))..=top(limit.0)).contains(&state) && !crate::PunchState(state).is_known()
    }

    #[inline]
    pub(super) fn knows_state(&self, state: u8) -> bool {
        self.states[usize::from(state)]
    }

    pub(super) fn knows_mode(&self, mode: u8) -> bool {
        self.modes[usize::from(mode)]
    }

    pub(super) fn date(&self, time: u32) -> Date {
        let time = DeviceTime(time);
        if time.0 < DAY {
            // Any four zero bytes are the very second of the reset.
            if self.clock.is_reset() && time.0 > 0 { Date::Good } else { Date::Reset }
        } else if time.0 != ERASED && (time <= self.clock.limit || self.any_existing_date) && time.exists() {
            Date::Good
        } else {
            Date::Bad
        }
    }

    /// Returns true if a time is in the last four years by one of the clocks, even on a day that does not exist.
    pub(super) fn is_of_recent_years(&self, time: u32) -> bool {
        let Clock { host, terminal, .. } = self.clock;
        let recent = |now: DeviceTime| time <= now.0.saturating_add(DAY) && time >= now.0.saturating_sub(RECENT);
        recent(host) || terminal.is_some_and(recent)
    }

    pub(super) fn likelihood(&self, time: u32) -> Likelihood {
        match self.date(time) {
            Date::Bad => Likelihood::None,
            Date::Good if self.is_of_recent_years(time) => Likelihood::Recent,
            Date::Good if (LIKELY_FROM..=self.clock.limit.0).contains(&time) => Likelihood::Likely,
            Date::Good | Date::Reset => Likelihood::Poor,
        }
    }

    /// Returns true if one of few records is believable: at most its id or its date is missing, and the other is
    /// likely. With an id, the date is after a clock's first years, or on the day of a reset but not in its first
    /// minutes. Without an id, the date is in the last four years.
    fn is_likely_of_few(&self, id: Id, time: u32) -> bool {
        match (self.date(time), id) {
            _ if self.recent => id == Id::Present && self.likelihood(time) == Likelihood::Recent,
            (Date::Good, Id::Present) => time >= LIKELY_FROM || self.likelihood(time) == Likelihood::Recent,
            (Date::Good, _) => self.likelihood(time) == Likelihood::Recent,
            (Date::Reset, Id::Present) => time > u8::MAX.into(),
            _ => false,
        }
    }

    /// Returns true if all records are from the last four years.
    pub(super) fn are_recent(&self, layout: AttendanceLayout, records: &[u8]) -> bool {
        let fields = layout.fields();
        let mut times = records.chunks_exact(layout.width()).filter_map(|record| fields.time_of(record));
        times.all(|time| self.likelihood(time) == Likelihood::Recent)
    }

    /// Returns true if all records are good in the plainest way, as most are. False means nothing.
    pub(super) fn all_good(&self, layout: AttendanceLayout, records: &[u8]) -> bool {
        !self.few
            && with_fields!(layout, |fields| match fields.id {
                IdField::Text(at) => self.all_plain(fields, at, records.chunks_exact(layout.width())),
                IdField::Slot(_) | IdField::Number(_) => false,
            })
    }

    #[inline(always)]
    fn all_plain<'a>(
        &self,
        fields: &AttendanceFields,
        id_at: usize,
        mut records: impl Iterator<Item = &'a [u8]>,
    ) -> bool {
        // The day of the previous record, in packed time. If that record was good, so is the whole day up to the
        // limit.
        let mut day = 0..0;
        records.all(|record| {
            let (Some(state), Some(mode)) = (fields.state.get(record), fields.mode.get(record)) else { return false };
            let (Some(time), Some(id)) = (fields.time_of(record), record.get(id_at..).and_then(<[u8]>::first_chunk))
            else {
                return false;
            };
            if !day.contains(&time) {
                if self.date(time) != Date::Good {
                    return false;
                }
                let begin = time - time % DAY;
                day = begin..begin.saturating_add(DAY).min(self.clock.limit.0);
            }
            Id::of_short_text(*id) == Some(Id::Present) && self.knows_state(state) && self.knows_mode(mode)
        })
    }

    /// Judges one record of exactly the layout's width.
    #[inline]
    pub(super) fn class(&self, layout: AttendanceLayout, record: &[u8]) -> Class {
        with_fields!(layout, |fields| self.class_of(&fields.in_order(self.order), record)).unwrap_or(Class::Bad)
    }

    #[inline(always)]
    fn class_of(&self, fields: &AttendanceFields, record: &[u8]) -> Option<Class> {
        let id = match fields.id {
            IdField::Slot(at) => Id::of_number(u16_at(record, at)?.into()),
            IdField::Number(at) => Id::of_number(u32_at(record, at)?),
            IdField::Text(_) => Id::of_text(record.get(fields.id.range())?),
        };
        if self.few && !self.is_usual_of_few(fields, record) {
            return Some(Class::Bad);
        }
        Some(self.class_of_values(id, fields.time_of(record)?, fields.state.get(record)?, fields.mode.get(record)?))
    }

    /// Returns true if a record has nothing unusual, which misaligned bytes often have.
    fn is_usual_of_few(&self, fields: &AttendanceFields, record: &[u8]) -> bool {
        match fields.id {
            IdField::Slot(_) => fields.unused.iter().all(|unused| unused.get(record) == Some(0)),
            IdField::Number(_) => true,
            // Any text may be an id. But few are not ASCII, and two bytes of a time can form such a letter.
            IdField::Text(_) => record.get(fields.id.range()).is_some_and(|id| {
                let (text, rest) = id.split_at(up_to_nul(id).len());
                text.is_ascii() && (!self.padded || rest.iter().all(|byte| *byte == 0))
            }),
        }
    }

    #[inline]
    fn class_of_values(&self, id: Id, time: u32, state: u8, mode: u8) -> Class {
        if !self.knows_state(state) || !self.knows_mode(mode) || id == Id::Garbled {
            return Class::Bad;
        }
        match (self.date(time), id) {
            (Date::Bad, _) => Class::Bad,
            _ if self.few && !self.is_likely_of_few(id, time) => Class::Bad,
            (Date::Good, Id::Present) => Class::Good,
            // All zero: memory that was never written.
            (Date::Reset, Id::Empty) if (time, state, mode) == (0, 0, 0) => Class::Bad,
            _ => Class::Neutral,
        }
    }
}

/// The clocks that limit believable dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) limit: DeviceTime,
    pub(super) host: DeviceTime,
    pub(super) terminal: Option<DeviceTime>,
}

impl Clock {
    pub(super) fn new(evidence: &Evidence) -> Self {
        let later = evidence.terminal_now.map_or(evidence.host_now, |terminal| terminal.max(evidence.host_now));
        Self { limit: next_day(later), host: evidence.host_now, terminal: evidence.terminal_now }
    }

    /// Returns true if the terminal shows that its clock was reset.
    pub(super) fn is_reset(self) -> bool {
        self.terminal.is_some_and(|terminal| terminal.0 < DAY)
    }
}

/// Returns the same time on the next day that exists. Packed months have 31 days each.
fn next_day(time: DeviceTime) -> DeviceTime {
    let mut next = DeviceTime(time.0.saturating_add(DAY));
    while !next.exists() && next.0 < u32::MAX {
        next = DeviceTime(next.0.saturating_add(DAY));
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Counts;

    fn at(year: u16, month: u8, day: u8) -> DeviceTime {
        DeviceTime::new(year, month, day, 12, 0, 0).unwrap()
    }

    #[test]
    fn a_date_may_be_a_day_past_the_later_clock_over_the_end_of_a_month() {
        let mut evidence = Evidence::new(0, Counts::default(), at(2025, 2, 28));
        let rules = Plausibility::new(&evidence, false);
        assert!(rules.date(at(2025, 3, 1).0) == Date::Good);
        assert!(rules.date(at(2025, 3, 2).0) == Date::Bad);
        evidence.terminal_now = Some(at(2025, 6, 1));
        assert!(Plausibility::new(&evidence, false).date(at(2025, 5, 30).0) == Date::Good);
    }

    #[test]
    fn a_day_that_does_not_exist_is_bad_whatever_else_agrees() {
        let thirtieth = at(2025, 2, 28).0 + 2 * DAY;
        assert!(
            Plausibility::new(&Evidence::new(0, Counts::default(), at(2025, 6, 1)), true).date(thirtieth) == Date::Bad
        );
    }

    #[test]
    fn the_reset_date_is_good_while_the_terminal_shows_it() {
        let mut evidence = Evidence::new(0, Counts::default(), at(2025, 6, 1));
        assert!(Plausibility::new(&evidence, false).date(60) == Date::Reset);
        evidence.terminal_now = Some(DeviceTime(90));
        assert!(Plausibility::new(&evidence, false).date(60) == Date::Good);
    }
}
