//! A plan, for people and as JSON.

use serde::Serialize;
use zk_proto::client::{Change, Plan, PlannedUser};
use zk_proto::encoding::TextEncoding;

use crate::output::{counted, grouped, human, printable};

/// Users that are listed for people.
const LISTED: usize = 20;

/// A plan as JSON. Passwords are not in it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct PlanJson {
    users: Counts,
    fingerprints: Counts,
    /// Users that only this terminal has.
    left_alone: usize,
    /// Users that are added or changed.
    list: Vec<UserJson>,
    obstacles: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    added: usize,
    changed: usize,
    unchanged: usize,
}

#[derive(Debug, Serialize)]
struct UserJson {
    user_id: String,
    name: String,
    slot: u16,
    change: &'static str,
    fields: Vec<String>,
    losses: Vec<String>,
}

impl PlanJson {
    pub(crate) fn of(plan: &Plan, encoding: TextEncoding) -> Self {
        let counts = |count: &dyn Fn(&Change) -> usize| Counts {
            added: count(&Change::Added),
            changed: count(&Change::Changed),
            unchanged: count(&Change::Unchanged),
        };
        let list = changes(plan).map(|planned| UserJson {
            user_id: planned.user.user_id.as_str().to_owned(),
            name: planned.user.name_text(encoding),
            slot: planned.user.uid.0,
            change: if planned.change == Change::Added { "added" } else { "changed" },
            fields: planned.fields().iter().map(ToString::to_string).collect(),
            losses: planned.losses.iter().map(ToString::to_string).collect(),
        });
        Self {
            users: counts(&|change| plan.count_users(change)),
            fingerprints: counts(&|change| plan.count_fingers(change)),
            left_alone: plan.left_alone.len(),
            list: list.collect(),
            obstacles: plan.obstacles.iter().map(ToString::to_string).collect(),
        }
    }
}

fn changes(plan: &Plan) -> impl Iterator<Item = &PlannedUser> {
    plan.users.iter().filter(|planned| planned.change != Change::Unchanged)
}

/// The plan in lines, for people.
pub(crate) fn lines(plan: &Plan, encoding: TextEncoding) -> Vec<String> {
    let counts = |count: &dyn Fn(&Change) -> usize| {
        let number = |change| grouped(count(&change) as u64);
        let (added, changed) = (number(Change::Added), number(Change::Changed));
        format!("{added} added, {changed} changed, {} unchanged", number(Change::Unchanged))
    };
    let alone = match plan.left_alone.len() {
        0 => String::new(),
        count => format!(", {} only here (left alone)", grouped(count as u64)),
    };
    let mut lines = vec![human::wrap(&format!("users: {}{alone}", counts(&|change| plan.count_users(change))))];
    if !plan.fingers.is_empty() {
        lines.push(human::wrap(&format!("fingerprints: {}", counts(&|change| plan.count_fingers(change)))));
    }
    for planned in changes(plan).take(LISTED) {
        let name = printable(&planned.user.name_text(encoding));
        let mut notes: Vec<String> = planned.fields().iter().map(ToString::to_string).collect();
        notes.extend(planned.losses.iter().map(ToString::to_string));
        if planned.before.is_none() && planned.from != planned.user.uid {
            notes.push(format!("slot {}", planned.user.uid.0));
        }
        let sign = if planned.change == Change::Added { '+' } else { '~' };
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        let id = printable(planned.user.user_id.as_str());
        lines.push(human::wrap(&format!("{sign} {id} {name}{notes}")));
    }
    let more = changes(plan).count().saturating_sub(LISTED);
    if more > 0 {
        lines.push(human::wrap(&format!("and {} more; --json lists all", grouped(more as u64))));
    }
    if plan.ownerless > 0 {
        lines.push(human::wrap(&format!(
            "{} of nobody left out",
            counted(plan.ownerless as u64, "fingerprint", "fingerprints")
        )));
    }
    lines.extend(plan.obstacles.iter().map(|obstacle| human::wrap(&format!("impossible: {obstacle}"))));
    lines
}
