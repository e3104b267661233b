//! The rules that one punch can break, each by its [`Reason`]. A rule about the zone is with the zone, in
//! `normalize.rs`.

use chrono::{Datelike, NaiveDateTime, TimeDelta};

use crate::undecodable::is_undecodable;
use crate::{Context, PersonId, Policy, RawPunch, Reason};

/// Most characters of a serial number or a user id: the narrowest column of the backends (`varchar(64)`).
pub const MAX_ID_CHARS: usize = 64;
/// Most characters of a terminal's name (`varchar(128)`).
pub const MAX_NAME_CHARS: usize = 128;
/// Most bytes of a record (`varbinary(255)`).
pub const MAX_RAW_BYTES: usize = 255;

/// Every rule that the punch breaks, those that cannot be set first.
pub(crate) fn broken_rules(punch: &RawPunch, context: &Context<'_>) -> Vec<Reason> {
    let time = punch.local_time.real().filter(has_four_digit_year);
    let checks = [
        (!is_storable(punch)).then_some(Reason::Undecodable),
        time.is_none().then_some(Reason::ImpossibleTime),
        broken_by_the_id(punch, context),
        time.filter(|time| context.rules.is_too_early(*time)).map(|_| Reason::ClockResetTime),
        time.filter(|time| *time > plausible_until(context.host_now)).map(|_| Reason::FutureTime),
        (!punch.punch_state.is_known()).then_some(Reason::UnknownState),
        (!punch.verify_mode.is_documented(punch.source.protocol())).then_some(Reason::UnknownVerifyMode),
        (!context.rules.allows(&punch.user_id)).then_some(Reason::NotOnAllowList),
    ];
    checks.into_iter().flatten().collect()
}

fn broken_by_the_id(punch: &RawPunch, context: &Context<'_>) -> Option<Reason> {
    if punch.unknown_slot().is_some() {
        Some(Reason::UnknownSlot)
    } else if punch.names_nobody() {
        Some(Reason::EmptyUserId)
    } else if is_undecodable(&punch.user_id) && context.rules.policy_of(Reason::UndecodableUserId) != Policy::Accept {
        Some(Reason::UndecodableUserId)
    } else {
        PersonId::new(&punch.user_id).err()
    }
}

/// Returns true if every backend can hold the texts and the bytes: no NUL, within the widths of the narrowest columns.
fn is_storable(punch: &RawPunch) -> bool {
    fits(&punch.device_serial, MAX_ID_CHARS)
        && fits(&punch.device_name, MAX_NAME_CHARS)
        && fits(&punch.user_id, MAX_ID_CHARS)
        && punch.raw.len() <= MAX_RAW_BYTES
}

fn fits(text: &str, max_chars: usize) -> bool {
    // Every char has a byte at least: short texts, which are nearly all, need not be counted.
    !text.contains('\0') && (text.len() <= max_chars || text.chars().count() <= max_chars)
}

/// The backends hold the years 1000 to 9999, and the text form has four digits.
fn has_four_digit_year(time: &NaiveDateTime) -> bool {
    (1000..=9999).contains(&time.year())
}

fn plausible_until(host_now: NaiveDateTime) -> NaiveDateTime {
    host_now.checked_add_signed(TimeDelta::days(1)).unwrap_or(NaiveDateTime::MAX)
}
