//! Pairs of punches: spans of presence.

use chrono::TimeDelta;

use super::Punch;
use crate::PunchState;

/// The direction that a punch state declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Check-in (0), back from a break (3), overtime in (4).
    In,
    /// Check-out (1), to a break (2), overtime out (5).
    Out,
}

impl Direction {
    /// The direction of a state; `None` if the state does not say (255, or a function key of the site's own).
    #[must_use]
    pub fn of(state: PunchState) -> Option<Self> {
        match state.0 {
            0 | 3 | 4 => Some(Self::In),
            1 | 2 | 5 => Some(Self::Out),
            _ => None,
        }
    }
}

/// A span of presence. One end is missing if the person did not punch there; never both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The way in.
    pub r#in: Option<Punch>,
    /// The way out.
    pub out: Option<Punch>,
}

impl Pair {
    /// The length; `None` if one end is missing.
    #[must_use]
    pub fn length(&self) -> Option<TimeDelta> {
        Some(self.r#in?.until(&self.out?))
    }

    /// The missing end, if one is missing.
    #[must_use]
    pub fn missing(&self) -> Option<Missing> {
        match (self.r#in, self.out) {
            (Some(known), None) => Some(Missing { direction: Direction::Out, known }),
            (None, Some(known)) => Some(Missing { direction: Direction::In, known }),
            _ => None,
        }
    }
}

/// A punch that should be there.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The direction in which nobody punched.
    pub direction: Direction,
    /// The other end of the pair: the missing way out is after it, the missing way in before.
    pub known: Punch,
}

/// The way in which the punches of a day are paired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pairing {
    /// By what people declared. A punch that does not say goes out if somebody is in, else in.
    #[default]
    Declared,
    /// In turn, in and out, whatever was declared: for sites whose people do not press the keys.
    InTurn,
    /// The first punch is the way in, the last one the way out, and punches between them do not count.
    FirstAndLast,
}

impl Pairing {
    /// Pairs the punches of one day, which are in order and without repeats.
    #[must_use]
    pub fn pairs(self, punches: &[Punch]) -> Vec<Pair> {
        match (self, punches) {
            (_, []) => Vec::new(),
            (Self::FirstAndLast, [only]) => vec![Pair { r#in: Some(*only), out: None }],
            (Self::FirstAndLast, [first, .., last]) => vec![Pair { r#in: Some(*first), out: Some(*last) }],
            (Self::InTurn, _) => {
                punches.chunks(2).map(|two| Pair { r#in: two.first().copied(), out: two.get(1).copied() }).collect()
            }
            (Self::Declared, _) => declared(punches),
        }
    }

    /// Returns true if two punches in a row may be one that was made twice.
    pub(super) fn same_direction(self, before: PunchState, after: PunchState) -> bool {
        self != Self::Declared || Direction::of(before) == Direction::of(after)
    }
}

fn declared(punches: &[Punch]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut inside: Option<Punch> = None;
    for punch in punches {
        let undeclared = if inside.is_some() { Direction::Out } else { Direction::In };
        match Direction::of(punch.state).unwrap_or(undeclared) {
            Direction::In => {
                // Somebody who comes in twice did not punch on the way out.
                pairs.extend(inside.map(|before| Pair { r#in: Some(before), out: None }));
                inside = Some(*punch);
            }
            Direction::Out => pairs.push(Pair { r#in: inside.take(), out: Some(*punch) }),
        }
    }
    pairs.extend(inside.map(|before| Pair { r#in: Some(before), out: None }));
    pairs
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    /// Punches an hour apart, from 8 o'clock on, and which hours each pair joins; 0 for a missing end.
    fn hours(pairing: Pairing, states: &[u8]) -> Vec<(u32, u32)> {
        use chrono::Timelike;
        let date = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let punches: Vec<Punch> = (8..)
            .zip(states)
            .map(|(hour, state)| Punch::new(date.and_hms_opt(hour, 0, 0).unwrap(), PunchState(*state)))
            .collect();
        let hour = |end: Option<Punch>| end.map_or(0, |punch| punch.local.hour());
        pairing.pairs(&punches).iter().map(|pair| (hour(pair.r#in), hour(pair.out))).collect()
    }

    #[test]
    fn declared_punches_pair_by_what_they_say() {
        assert_eq!(hours(Pairing::Declared, &[0, 2, 3, 1]), [(8, 9), (10, 11)]);
        assert_eq!(hours(Pairing::Declared, &[0, 1, 4, 5]), [(8, 9), (10, 11)]);
    }

    #[test]
    fn a_missing_punch_leaves_an_open_pair_and_spoils_no_other() {
        assert_eq!(hours(Pairing::Declared, &[0, 0, 1]), [(8, 0), (9, 10)], "no way out");
        assert_eq!(hours(Pairing::Declared, &[1, 0, 1]), [(0, 8), (9, 10)], "no way in");
        assert_eq!(hours(Pairing::Declared, &[0, 1, 0]), [(8, 9), (10, 0)], "still there");
    }

    #[test]
    fn a_missing_punch_is_named_by_its_direction_and_the_other_end() {
        let punch =
            Punch::new(NaiveDate::from_ymd_opt(2026, 3, 2).unwrap().and_hms_opt(8, 0, 0).unwrap(), PunchState(0));
        let missing = |r#in, out| Pair { r#in, out }.missing().map(|missing| (missing.direction, missing.known));
        assert_eq!(missing(Some(punch), None), Some((Direction::Out, punch)));
        assert_eq!(missing(None, Some(punch)), Some((Direction::In, punch)));
        assert_eq!(missing(Some(punch), Some(punch)), None);
    }

    #[test]
    fn punches_that_do_not_say_alternate() {
        assert_eq!(hours(Pairing::Declared, &[255, 255, 255, 255]), [(8, 9), (10, 11)]);
        assert_eq!(hours(Pairing::Declared, &[0, 255, 15, 1]), [(8, 9), (10, 11)]);
    }

    #[test]
    fn in_turn_ignores_what_was_declared() {
        assert_eq!(hours(Pairing::InTurn, &[0, 0, 0]), [(8, 9), (10, 0)]);
    }

    #[test]
    fn first_and_last_ignores_what_lies_between() {
        assert_eq!(hours(Pairing::FirstAndLast, &[0, 1, 0, 1]), [(8, 11)]);
        assert_eq!(hours(Pairing::FirstAndLast, &[1]), [(8, 0)]);
    }
}
