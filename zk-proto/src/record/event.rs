//! Live events: what a terminal tells by itself once it was asked to (`REG_EVENT`).

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use nom::bytes::complete::take;
use nom::combinator::rest;
use nom::number::complete::{le_u8, le_u16, le_u32};
use nom::{IResult, Parser};

use super::Who;
use crate::{DeviceTime, PunchState, Uid, UserId, VerifyMode};

/// Which events are meant: one bit each. It stands in the session field of an event, and as a mask in the registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventCode(pub u16);

impl EventCode {
    /// Somebody punched.
    pub const ATTENDANCE: Self = Self(1);
    /// A finger was placed.
    pub const FINGER: Self = Self(1 << 1);
    /// A finger was enrolled, or was not.
    pub const ENROLL_FINGER: Self = Self(1 << 3);
    /// A key was pressed.
    pub const BUTTON: Self = Self(1 << 4);
    /// The door was opened.
    pub const UNLOCK: Self = Self(1 << 5);
    /// Somebody was verified, or was not.
    pub const VERIFY: Self = Self(1 << 7);
    /// How good a captured fingerprint was.
    pub const FINGER_SCORE: Self = Self(1 << 8);
    /// An alarm.
    pub const ALARM: Self = Self(1 << 9);
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
    /// How good a captured fingerprint was: 0 bad, 100 good.
    FingerScore(u8),
    /// Somebody was verified; `None` when nobody was recognized.
    Verify(Option<u32>),
    /// A remote enrolment ended.
    Enrolled(Enrolment),
    /// An alarm.
    Alarm(Alarm),
    /// Any other event, or one whose payload has no known form.
    Other {
        /// Which.
        code: EventCode,
        /// The payload as it came.
        payload: Bytes,
    },
}

/// A punch, told at the moment it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivePunch {
    /// Who it was, by the name that this firmware uses.
    pub who: Who,
    /// How the person proved it.
    pub verify_mode: VerifyMode,
    /// What the person declared.
    pub punch_state: PunchState,
    /// When; `None` when the six bytes are no date, as on a clock that was never set.
    pub time: Option<DeviceTime>,
    /// What stands behind the time; its meaning is not known.
    pub tail: Bytes,
    /// The payload as it came.
    pub raw: Bytes,
}

/// How a remote enrolment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// 0 done; 1 parameter, 2 already enrolled, 3 not saved, 4 failed or too late, 5 finger known, 6 cancelled, 7 not enrolled,
    /// 8 wrong state.
    pub result: u16,
    /// What was enrolled, when it was.
    pub finger: Option<EnrolledFinger>,
}

/// A finger that was enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolledFinger {
    /// Bytes of the template.
    pub template_size: u16,
    /// Whose it is.
    pub user_id: UserId,
    /// Which finger, 0-9.
    pub finger: u8,
}

/// What set the alarm off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alarm {
    /// The case was opened.
    Tamper,
    /// The exit button was pressed.
    ExitButton,
    /// The terminal was used wrongly.
    Misoperation,
    /// The door was closed.
    DoorClosed,
    /// Somebody opened under duress.
    Duress {
        /// Who.
        uid: Uid,
        /// How they were matched; its values are not known.
        matched: u32,
    },
    /// Somebody went in twice without going out.
    Antipassback {
        /// Who.
        uid: Uid,
        /// How they were matched; its values are not known.
        matched: u32,
    },
}

impl LiveEvent {
    /// Reads the payload of an event packet; `code` is its session field. A payload may hold several punches, else it is one
    /// event. Source: `vectors/events.json`.
    #[must_use]
    pub fn parse(code: EventCode, payload: Bytes) -> Vec<Self> {
        let other = |payload| Self::Other { code, payload };
        let event = match code {
            EventCode::ATTENDANCE => {
                return punches(&payload)
                    .map(|punches| punches.into_iter().map(Self::Punch).collect())
                    .unwrap_or_else(|| vec![other(payload)]);
            }
            EventCode::FINGER => Some(Self::Finger),
            EventCode::FINGER_SCORE => payload.first().copied().map(Self::FingerScore),
            EventCode::VERIFY => verify(&payload).ok().map(|(_, uid)| Self::Verify(uid)),
            EventCode::ENROLL_FINGER => enrolment(&payload).map(Self::Enrolled),
            EventCode::ALARM => alarm(&payload).map(Self::Alarm),
            _ => None,
        };
        vec![event.unwrap_or_else(|| other(payload))]
    }
}

/// Decides by the exact length. A long payload is several punches only when every part is one.
fn punches(payload: &Bytes) -> Option<Vec<LivePunch>> {
    let one = |parse: fn(&[u8]) -> IResult<&[u8], LivePunch>| Some(vec![finish(parse, payload.clone())?]);
    match payload.len() {
        10 | 14 => one(by_uid),
        12 => one(by_number),
        32 | 36 | 37 | 52 => one(by_text),
        0..32 => None,
        length => [32, 36, 52]
            .into_iter()
            .filter(|part| length % part == 0)
            .find_map(|part| {
                let parts = (0..length / part).map(|n| payload.slice(n * part..(n + 1) * part));
                parts.map(|part| finish(by_text, part).filter(is_convincing)).collect()
            })
            .or_else(|| one(by_text).filter(|punches| punches.iter().all(is_convincing))),
    }
}

fn finish(parse: fn(&[u8]) -> IResult<&[u8], LivePunch>, raw: Bytes) -> Option<LivePunch> {
    let (_, punch) = parse(&raw).ok()?;
    Some(LivePunch { raw, ..punch })
}

/// A guess at the form of a payload holds only with a real date and a printable user id.
fn is_convincing(punch: &LivePunch) -> bool {
    let named = match &punch.who {
        Who::UserId(UserId(id)) => !id.is_empty() && !id.chars().any(char::is_control),
        Who::Uid(_) => true,
    };
    named && punch.time.is_some()
}

fn by_uid(input: &[u8]) -> IResult<&[u8], LivePunch> {
    let (input, uid) = le_u16(input)?;
    behind(Who::Uid(Uid(uid)), input)
}

fn by_number(input: &[u8]) -> IResult<&[u8], LivePunch> {
    let (input, number) = le_u32(input)?;
    behind(Who::UserId(UserId(number.to_string())), input)
}

fn by_text(input: &[u8]) -> IResult<&[u8], LivePunch> {
    let (input, field) = take(24usize)(input)?;
    behind(Who::UserId(UserId::from_field(field)), input)
}

/// What follows the person in every form: mode, state, six bytes of time, a tail.
fn behind(who: Who, input: &[u8]) -> IResult<&[u8], LivePunch> {
    let (input, (mode, state, time, tail)) = (le_u8, le_u8, take(6usize), rest).parse(input)?;
    let time = time.first_chunk().copied().and_then(DeviceTime::from_six_bytes);
    let tail = Bytes::copy_from_slice(tail);
    let punch =
        LivePunch { who, verify_mode: VerifyMode(mode), punch_state: PunchState(state), time, tail, raw: Bytes::new() };
    Ok((input, punch))
}

fn verify(input: &[u8]) -> IResult<&[u8], Option<u32>> {
    let (input, uid) = le_u32(input)?;
    Ok((input, (uid != u32::MAX).then_some(uid)))
}

fn enrolment(payload: &[u8]) -> Option<Enrolment> {
    let (behind, result) = le_u16::<_, nom::error::Error<_>>(payload).ok()?;
    Some(Enrolment { result, finger: enrolled_finger(behind) })
}

/// The user id takes nine bytes, up to 24 on newer firmware; the finger is the last byte (one source for the longer form).
fn enrolled_finger(input: &[u8]) -> Option<EnrolledFinger> {
    let (behind, template_size) = le_u16::<_, nom::error::Error<_>>(input).ok()?;
    let (finger, user_id) = behind.split_last()?;
    Some(EnrolledFinger { template_size, user_id: UserId::from_field(user_id), finger: *finger })
}

fn alarm(payload: &[u8]) -> Option<Alarm> {
    // One source writes door closed in decimal, another in hex: both are taken.
    match (payload.len(), payload.first()?) {
        (4, 0x37) => Some(Alarm::Tamper),
        (4, 0x35) => Some(Alarm::ExitButton),
        (4, 0x3A) => Some(Alarm::Misoperation),
        (8, 0x36 | 0x54) => Some(Alarm::DoorClosed),
        (12, _) => person_alarm(payload),
        _ => None,
    }
}

fn person_alarm(payload: &[u8]) -> Option<Alarm> {
    let fields: IResult<_, _> = (take(4usize), le_u16, le_u16, le_u32).parse(payload);
    let (_, (_ones, kind, uid, matched)) = fields.ok()?;
    let uid = Uid(uid);
    match kind {
        0x20 => Some(Alarm::Duress { uid, matched }),
        0x22 => Some(Alarm::Antipassback { uid, matched }),
        _ => None,
    }
}
