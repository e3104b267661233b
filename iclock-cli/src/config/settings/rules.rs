//! The keys of `[rules]`.

use attendance_model::{Policy, Reason, Rules};
use chrono::{NaiveDate, NaiveTime};

use super::super::key::Shape::{List, Text};
use super::super::key::Shown::{ByDefault, Example, Fixed};
use super::super::key::{Entry, Wrong, choice, key, put};

pub(in crate::config) fn entries() -> Vec<Entry<Rules>> {
    let mut entries = vec![
        key(
            "allow_list",
            List,
            Example("1,2,42"),
            "The only user ids that may punch. By default any may.",
            |rules: &mut Rules, text| {
                let ids = text.split(',').map(|id| id.trim().to_owned());
                let changed = std::mem::take(rules).allow_list(ids);
                put(rules, Ok(changed))
            },
        ),
        key("earliest", Text, ByDefault("2010-01-01"), "The first day that is believed.", |rules: &mut Rules, text| {
            let wrong = |_| Wrong::new(format!("{text:?} is no date"), "write it like \"2010-01-01\"");
            let day: NaiveDate = text.trim().parse().map_err(wrong)?;
            let changed = std::mem::take(rules).earliest(day.and_time(NaiveTime::MIN));
            put(rules, Ok(changed))
        }),
    ];
    entries.extend(Reason::ALL.map(policy));
    entries
}

/// The policy of one rule.
fn policy(reason: Reason) -> Entry<Rules> {
    let default = reason.default_policy().as_str();
    let policies = [Policy::Accept, Policy::Flag, Policy::Quarantine];
    choice(
        reason.as_str(),
        "policy",
        policies.map(|policy| (policy.as_str(), policy)),
        if reason.is_fixed() { Fixed(default) } else { ByDefault(default) },
        about(reason),
        move |rules: &mut Rules, policy| {
            let changed = rules.clone().policy(reason, policy);
            put(rules, changed.map_err(|fixed| Wrong::new(fixed.to_string(), "remove the line")))
        },
    )
}

/// The records that break a rule.
fn about(reason: Reason) -> &'static str {
    match reason {
        Reason::EmptyUserId => "No user id.",
        Reason::UnknownSlot => {
            "A slot of the terminal's user table that has no user. accept takes its number for the id, as the Python \
             tool did."
        }
        Reason::NonNumericUserId => "A user id that is not a number.",
        Reason::NonPositiveUserId => "A user id of 0 or less.",
        Reason::UnknownState => "A punch state that no document names.",
        Reason::UnknownVerifyMode => "A verify mode that no document names.",
        Reason::UndecodableUserId => {
            "Bytes in a user id that are no text. accept leaves these bytes out, as the Python tool did."
        }
        Reason::ClockResetTime => "A time before `earliest`, or years before the terminal's other punches.",
        Reason::FutureTime => "A time more than a day ahead of this computer.",
        Reason::NotOnAllowList => "A user id that is not in `allow_list`, if there is one.",
        _ => "",
    }
}
