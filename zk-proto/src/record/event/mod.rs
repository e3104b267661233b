//! Live events, which a terminal sends by itself after registration (`REG_EVENT`).

mod alarm;
mod enrolment;
mod punch;

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::Who;
use crate::{Uid, UserId};

pub use alarm::Alarm;
pub use enrolment::{EnrolledFinger, Enrolment, EnrolmentResult};
pub use punch::LivePunch;

/// A set of events, one bit each: the session field of an event, and the mask of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventCode(pub u16);

impl EventCode {
    /// Somebody punched.
    pub const ATTENDANCE: Self = Self(1);
    /// A finger was placed.
    pub const FINGER: Self = Self(1 << 1);
    /// A user was enrolled at the terminal.
    pub const ENROLL_USER: Self = Self(1 << 2);
    /// A finger was enrolled, or enrolment failed.
    pub const ENROLL_FINGER: Self = Self(1 << 3);
    /// A key was pressed.
    pub const BUTTON: Self = Self(1 << 4);
    /// The door was opened.
    pub const UNLOCK: Self = Self(1 << 5);
    /// The terminal started.
    pub const STARTUP: Self = Self(1 << 6);
    /// Someone was verified, or verification failed.
    pub const VERIFY: Self = Self(1 << 7);
    /// The quality of a captured fingerprint.
    pub const FINGER_SCORE: Self = Self(1 << 8);
    /// An alarm.
    pub const ALARM: Self = Self(1 << 9);
    /// A card was read.
    pub const CARD: Self = Self(1 << 10);
    /// A card was written (a number in constant lists; no payload is known).
    pub const CARD_WRITTEN: Self = Self(1 << 11);
    /// A card was emptied (a number in constant lists; no payload is known).
    pub const CARD_EMPTIED: Self = Self(1 << 12);
    /// A template was deleted (a number in constant lists; no payload is known).
    pub const TEMPLATE_DELETED: Self = Self(1 << 13);
    /// An alarm ended (a number in constant lists; no payload is known).
    pub const ALARM_OFF: Self = Self(1 << 14);
    /// Every event, as the official tools register.
    pub const ALL: Self = Self(0xFFFF);
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiveEvent {
    /// Somebody punched.
    Punch(LivePunch),
    /// A finger was placed.
    Finger,
    /// The quality of a captured fingerprint: 0 bad, 100 good.
    FingerScore(u8),
    /// Someone was verified; `None` if nobody was recognized.
    Verify(Option<u32>),
    /// A remote enrolment ended.
    Enrolled(Enrolment),
    /// A user was enrolled at the terminal itself: by uid in two bytes (the manual), else by user id (not verified).
    UserEnrolled(Who),
    /// A key was pressed: its code (one source).
    Button(u32),
    /// The door was opened. The number is a uid or a door; sources differ, and it may be missing.
    Unlocked(Option<u32>),
    /// The terminal started (not verified).
    Started,
    /// A card was read: its number, in four bytes or eight (not verified).
    Card(u64),
    /// An alarm.
    Alarm(Alarm),
    /// Any other event, or one whose payload has no known form.
    Other {
        /// The code.
        code: EventCode,
        /// The payload as it arrived.
        payload: Bytes,
    },
}

impl LiveEvent {
    /// Reads the payload of an event packet; `code` is its session field. A payload may hold several punches,
    /// otherwise one event. Source: `vectors/events.json`.
    #[must_use]
    pub fn parse(code: EventCode, payload: Bytes) -> Vec<Self> {
        let other = |payload| Self::Other { code, payload };
        let event = match code {
            EventCode::ATTENDANCE => {
                return punch::punches(&payload)
                    .map(|punches| punches.into_iter().map(Self::Punch).collect())
                    .unwrap_or_else(|| vec![other(payload)]);
            }
            EventCode::FINGER => Some(Self::Finger),
            EventCode::FINGER_SCORE => payload.first().copied().map(Self::FingerScore),
            EventCode::VERIFY => verified(&payload),
            EventCode::ENROLL_FINGER => enrolment::enrolment(&payload).map(Self::Enrolled),
            EventCode::ENROLL_USER => user(&payload).map(Self::UserEnrolled),
            EventCode::BUTTON => number(&payload, &[1, 4]).and_then(|key| u32::try_from(key).ok()).map(Self::Button),
            EventCode::UNLOCK if payload.is_empty() => Some(Self::Unlocked(None)),
            EventCode::UNLOCK => {
                number(&payload, &[2, 4]).and_then(|whose| u32::try_from(whose).ok()).map(|n| Self::Unlocked(Some(n)))
            }
            EventCode::STARTUP => Some(Self::Started),
            EventCode::CARD => number(&payload, &[4, 8]).map(Self::Card),
            EventCode::ALARM => alarm::alarm(&payload).map(Self::Alarm),
            _ => None,
        };
        vec![event.unwrap_or_else(|| other(payload))]
    }
}

impl LiveEvent {
    /// Returns true if somebody punched, also if the payload has no known form.
    #[must_use]
    pub fn is_attendance(&self) -> bool {
        match self {
            Self::Punch(_) => true,
            Self::Other { code, .. } => code.0 & EventCode::ATTENDANCE.0 != 0,
            _ => false,
        }
    }
}

/// A little-endian number that takes the whole payload, in one of these widths.
fn number(payload: &[u8], widths: &[usize]) -> Option<u64> {
    widths.contains(&payload.len()).then(|| payload.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// A uid in four bytes, all ones if nobody was recognized, and a byte that is always 1.
fn verified(payload: &[u8]) -> Option<LiveEvent> {
    let uid = u32::from_le_bytes(*payload.first_chunk()?);
    Some(LiveEvent::Verify((uid != u32::MAX).then_some(uid)))
}

fn user(payload: &[u8]) -> Option<Who> {
    match payload {
        [low, high] => Some(Who::Uid(Uid(u16::from_le_bytes([*low, *high])))),
        _ => Some(UserId::from_field(payload)).filter(UserId::has_text).map(Who::UserId),
    }
}
