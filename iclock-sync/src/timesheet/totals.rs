//! Sums over days and people.

use std::ops::AddAssign;

use chrono::TimeDelta;

use super::WorkDay;

/// The sums of a person, or of a department.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// The people.
    pub people: u64,
    /// Days with a punch.
    pub days: u64,
    /// Working days without a punch.
    pub absent: u64,
    /// The time worked: from each way in to its way out.
    pub worked: TimeDelta,
    /// Days that began late.
    pub late: u64,
    /// The time by which they did.
    pub late_time: TimeDelta,
    /// Days that ended early.
    pub left_early: u64,
    /// The time after the end of the shift.
    pub overtime: TimeDelta,
    /// Ways in without a punch.
    pub missing_in: u64,
    /// Ways out without a punch.
    pub missing_out: u64,
}

impl Totals {
    pub(super) fn add(&mut self, day: &WorkDay) {
        self.days += 1;
        self.worked += day.day.worked();
        self.late += u64::from(day.late.is_some());
        self.late_time += day.late.unwrap_or_default();
        self.left_early += u64::from(day.left_early.is_some());
        self.overtime += day.overtime.unwrap_or_default();
        self.missing_in += u64::from(day.missing_in);
        self.missing_out += u64::from(day.missing_out);
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.people += other.people;
        self.days += other.days;
        self.absent += other.absent;
        self.worked += other.worked;
        self.late += other.late;
        self.late_time += other.late_time;
        self.left_early += other.left_early;
        self.overtime += other.overtime;
        self.missing_in += other.missing_in;
        self.missing_out += other.missing_out;
    }
}
