//! Access control: groups, zones, combinations, and what is set for single users.

use std::collections::BTreeMap;

use zk_proto::record::{AccessGroup, Hours, UnlockCombination, UserVerifyStyle, UserZones, VerifyStyle, WeeklyZone};

/// The settings of access control that are not in the user records.
#[derive(Clone, Debug, Default)]
pub struct Access {
    groups: BTreeMap<u8, AccessGroup>,
    zones: BTreeMap<u16, WeeklyZone>,
    combinations: BTreeMap<u8, UnlockCombination>,
    styles: BTreeMap<u16, UserVerifyStyle>,
    /// The zones of users whose records have no place for them.
    user_zones: BTreeMap<u16, UserZones>,
}

impl Access {
    /// A group. By default it lets its users in by the first zone.
    #[must_use]
    pub fn group(&self, number: u8) -> AccessGroup {
        let fresh = AccessGroup { number, zones: [1, 0, 0], style: VerifyStyle::ANY, holidays: false };
        self.groups.get(&number).copied().unwrap_or(fresh)
    }

    /// A zone. By default it is always open.
    #[must_use]
    pub fn zone(&self, number: u16) -> WeeklyZone {
        self.zones.get(&number).copied().unwrap_or(WeeklyZone { number, days: [Hours::ALWAYS; 7] })
    }

    /// A combination. By default the first is one person of the first group, and the others are empty.
    #[must_use]
    pub fn combination(&self, number: u8) -> UnlockCombination {
        let first = UnlockCombination { number, groups: [1, 0, 0, 0, 0], people: 1 };
        let fresh = if number == 1 { first } else { UnlockCombination { number, ..UnlockCombination::default() } };
        self.combinations.get(&number).copied().unwrap_or(fresh)
    }

    /// How a user proves who they are.
    #[must_use]
    pub fn style(&self, uid: u16) -> UserVerifyStyle {
        self.styles.get(&uid).copied().unwrap_or_default()
    }

    pub(crate) fn set_group(&mut self, group: AccessGroup) {
        self.groups.insert(group.number, group);
    }

    pub(crate) fn set_zone(&mut self, zone: WeeklyZone) {
        self.zones.insert(zone.number, zone);
    }

    pub(crate) fn set_combination(&mut self, combination: UnlockCombination) {
        self.combinations.insert(combination.number, combination);
    }

    pub(crate) fn set_style(&mut self, uid: u16, style: UserVerifyStyle) {
        self.styles.insert(uid, style);
    }

    /// The zones of a user whose record has no place for them.
    pub(crate) fn user_zones(&self, uid: u16) -> UserZones {
        self.user_zones.get(&uid).copied().unwrap_or_default()
    }

    pub(crate) fn set_user_zones(&mut self, uid: u16, zones: UserZones) {
        self.user_zones.insert(uid, zones);
    }

    /// Forgets a user who is deleted.
    pub(crate) fn forget(&mut self, uid: u16) {
        self.styles.remove(&uid);
        self.user_zones.remove(&uid);
    }

    /// Forgets everybody.
    pub(crate) fn forget_all(&mut self) {
        self.styles.clear();
        self.user_zones.clear();
    }
}
