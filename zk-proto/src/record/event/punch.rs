//! A live punch, in one of several forms.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use nom::bytes::complete::take;
use nom::combinator::rest;
use nom::number::complete::{le_u8, le_u16, le_u32};
use nom::{IResult, Parser};

use crate::record::Who;
use crate::{DeviceTime, PunchState, Uid, UserId, VerifyMode};

/// A punch that the terminal sent at the moment it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivePunch {
    /// The person, by the kind of id that this firmware uses.
    pub who: Who,
    /// The way in which the person proved who they are.
    pub verify_mode: VerifyMode,
    /// The state that the person declared.
    pub punch_state: PunchState,
    /// The time; `None` if the six bytes are no date, as on a clock that was never set.
    pub time: Option<DeviceTime>,
    /// Bytes after the time. Their meaning is unknown.
    pub tail: Bytes,
    /// The payload as it arrived.
    pub raw: Bytes,
}

/// Chooses the form by the exact length. A long payload is several punches only if every part is one.
pub(super) fn punches(payload: &Bytes) -> Option<Vec<LivePunch>> {
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

/// A guessed form is accepted only with a real date and a printable user id.
fn is_convincing(punch: &LivePunch) -> bool {
    let named = match &punch.who {
        Who::UserId(id) => id.has_text() && !id.as_str().chars().any(char::is_control),
        Who::Uid(_) => true,
    };
    named && punch.time.is_some()
}

fn by_uid(input: &[u8]) -> IResult<&[u8], LivePunch> {
    let (input, uid) = le_u16(input)?;
    after_person(Who::Uid(Uid(uid)), input)
}

fn by_number(input: &[u8]) -> IResult<&[u8], LivePunch> {
    let (input, number) = le_u32(input)?;
    after_person(Who::UserId(UserId(number.to_string())), input)
}

fn by_text(input: &[u8]) -> IResult<&[u8], LivePunch> {
    let (input, field) = take(24usize)(input)?;
    after_person(Who::UserId(UserId::from_field(field)), input)
}

/// Reads the fields after the person in every form: mode, state, six bytes of time, a tail.
fn after_person(who: Who, input: &[u8]) -> IResult<&[u8], LivePunch> {
    let (input, (mode, state, time, tail)) = (le_u8, le_u8, take(6usize), rest).parse(input)?;
    let time = time.first_chunk().copied().and_then(DeviceTime::from_six_bytes);
    let tail = Bytes::copy_from_slice(tail);
    let punch =
        LivePunch { who, verify_mode: VerifyMode(mode), punch_state: PunchState(state), time, tail, raw: Bytes::new() };
    Ok((input, punch))
}
