//! The policy of each rule, and what a punch is judged by.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use crate::{Policy, Reason};

/// The facts that a punch is judged by, apart from itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The terminal's zone, if one is configured.
    pub zone: Option<Tz>,
    /// The policies in force.
    pub rules: &'a Rules,
    /// The time that a correct clock next to the terminal shows now: in the terminal's zone if one is configured, else
    /// the host's local time.
    pub host_now: NaiveDateTime,
}

/// The policies in force. The default is the table in [`Reason`]: what could never be a person's punch waits in
/// quarantine, what is only remarkable is flagged and delivered, and there is no allow-list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    policies: [Policy; Reason::ALL.len()],
    allow_list: Option<BTreeSet<String>>,
    earliest: NaiveDateTime,
    usual_since: Option<NaiveDateTime>,
}

/// A policy that cannot be set: without it something would be stored that cannot be, or a fact would be hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy of {reason} is always {}", .reason.default_policy())]
pub struct FixedPolicy {
    /// The rule.
    pub reason: Reason,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            policies: Reason::ALL.map(Reason::default_policy),
            allow_list: None,
            earliest: NaiveDate::from_ymd_opt(2010, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN),
            usual_since: None,
        }
    }
}

impl Rules {
    /// Sets the policy of one rule.
    ///
    /// # Errors
    /// [`FixedPolicy`] for a rule whose policy is fixed ([`Reason::is_fixed`]) and another policy than its own.
    pub fn policy(mut self, reason: Reason, policy: Policy) -> Result<Self, FixedPolicy> {
        if reason.is_fixed() && policy != reason.default_policy() {
            return Err(FixedPolicy { reason });
        }
        // In range: the discriminants count from 0, in the order of `Reason::ALL`, whose length the table has.
        self.policies[reason as usize] = policy;
        Ok(self)
    }

    /// Turns the allow-list on: a user id (as read) outside it breaks [`Reason::NotOnAllowList`].
    #[must_use]
    pub fn allow_list(mut self, user_ids: impl IntoIterator<Item = String>) -> Self {
        self.allow_list = Some(user_ids.into_iter().collect());
        self
    }

    /// Sets the first believable time; an earlier one breaks [`Reason::ClockResetTime`]. The start of 2010 by default.
    #[must_use]
    pub fn earliest(mut self, earliest: NaiveDateTime) -> Self {
        self.earliest = earliest;
        self
    }

    /// Sets the first time that fits the punches of the terminal whose records are judged next: [`Usual`](crate::Usual)
    /// finds it. An earlier one breaks [`Reason::ClockResetTime`].
    pub fn set_usual_since(&mut self, since: Option<NaiveDateTime>) {
        self.usual_since = since;
    }

    /// Returns true if a time is before the first believable one, or does not fit the terminal's other punches.
    #[must_use]
    pub fn is_too_early(&self, time: NaiveDateTime) -> bool {
        time < self.earliest || self.usual_since.is_some_and(|usual| time < usual)
    }

    /// The policy in force for a rule.
    #[must_use]
    pub fn policy_of(&self, reason: Reason) -> Policy {
        // In range: see `policy`.
        self.policies[reason as usize]
    }

    /// Returns true if the allow-list has the user id, or if there is no list.
    #[must_use]
    pub fn allows(&self, user_id: &str) -> bool {
        self.allow_list.as_ref().is_none_or(|list| list.contains(user_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_order_of_all() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            assert_eq!(Rules::default().policy_of(reason), reason.default_policy());
        }
    }

    #[test]
    fn a_policy_that_would_store_the_impossible_cannot_be_set() {
        let refused = Rules::default().policy(Reason::ImpossibleTime, Policy::Flag).unwrap_err();
        assert_eq!(refused.to_string(), "the policy of impossible_time is always quarantine");
        assert!(Rules::default().policy(Reason::Undecodable, Policy::Accept).is_err());
    }

    #[test]
    fn naming_a_fixed_policy_as_it_is_changes_nothing() {
        let rules = Rules::default().policy(Reason::SkippedLocalTime, Policy::Flag).unwrap();
        assert_eq!(rules, Rules::default());
    }

    #[test]
    fn the_allow_list_is_off_until_it_is_given() {
        assert!(Rules::default().allows("7"));
        assert!(!Rules::default().allow_list(["8".to_owned()]).allows("7"));
    }
}
