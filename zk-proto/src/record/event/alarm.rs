//! The content of an alarm.

use nom::bytes::complete::take;
use nom::number::complete::{le_u16, le_u32};
use nom::{IResult, Parser};

use crate::Uid;

/// The cause of an alarm.
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
    /// Someone opened the door under duress.
    Duress {
        /// The user.
        uid: Uid,
        /// The kind of match; its values are unknown.
        matched: u32,
    },
    /// Someone went in twice without going out.
    Antipassback {
        /// The user.
        uid: Uid,
        /// The kind of match; its values are unknown.
        matched: u32,
    },
}

pub(super) fn alarm(payload: &[u8]) -> Option<Alarm> {
    // One source writes "door closed" in decimal, another in hex. Both are accepted.
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
