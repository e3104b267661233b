//! The difference between a backup and a terminal. Pure: it does no input or output.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::vec::Vec;

use super::RestoreOptions;
use super::fit::{self, Form, Loss};
use crate::client::Backup;
use crate::client::obstacle::Obstacle;
use crate::encoding::TextEncoding;
use crate::record::{FingerTemplate, FreeSizes, UIDS, User, UserLayout};
use crate::{Uid, UserId};

/// What a restore does to one user or fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new here.
    Added,
    /// It is here and differs.
    Changed,
    /// It is here already.
    Unchanged,
}

/// A field of a user that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// The name.
    Name,
    /// The password.
    Password,
    /// The privilege.
    Privilege,
    /// The card number.
    Card,
    /// The access group.
    Group,
    /// The times of access.
    Zones,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Password => "password",
            Self::Privilege => "privilege",
            Self::Card => "card",
            Self::Group => "group",
            Self::Zones => "access times",
        })
    }
}

/// A user of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedUser {
    /// The user as it will be here, in its slot here.
    pub user: User,
    /// The user as it is here; `None` for a new one.
    pub before: Option<User>,
    /// The slot in the backup; 0 if it names none.
    pub from: Uid,
    /// What is done.
    pub change: Change,
    /// The details that the records here cannot hold.
    pub losses: Vec<Loss>,
}

impl PlannedUser {
    /// The fields that differ from what is here; empty for a new user.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        self.before.as_ref().map(|before| differences(before, &self.user)).unwrap_or_default()
    }
}

/// A fingerprint of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedFinger {
    /// The user whose finger it is.
    pub user_id: UserId,
    /// The fingerprint, with the user's slot here.
    pub template: FingerTemplate,
    /// What is done.
    pub change: Change,
}

/// The difference between a backup and a terminal, and what a restore would do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The layout of this terminal's user records.
    pub layout: UserLayout,
    /// The users of the backup, in its order.
    pub users: Vec<PlannedUser>,
    /// The fingerprints of the backup, by slot and finger.
    pub fingers: Vec<PlannedFinger>,
    /// The fingerprints of this terminal, if the plan has any.
    pub fingers_here: Vec<FingerTemplate>,
    /// Users that only this terminal has. They stay as they are.
    pub left_alone: Vec<User>,
    /// Fingerprints of the backup that belong to no user of it. They are not written.
    pub ownerless: usize,
    /// Reasons why nothing can be written.
    pub obstacles: Vec<Obstacle>,
}

impl Plan {
    /// Compares a backup with what a terminal has. `here` needs its layout, or the plan takes it for 72 bytes;
    /// `encoding` is the code page of its names.
    #[must_use]
    pub fn new(backup: &Backup, here: &Backup, encoding: TextEncoding, options: &RestoreOptions) -> Self {
        let layout = here.layout.unwrap_or(UserLayout::SeventyTwo);
        let mut plan = Self {
            layout,
            users: Vec::with_capacity(backup.users.len()),
            fingers: Vec::new(),
            fingers_here: Vec::new(),
            left_alone: Vec::new(),
            ownerless: 0,
            obstacles: Vec::new(),
        };
        let from = Form { layout: backup.layout.unwrap_or(layout), encoding: options.encoding };
        plan.compare_users(backup, here, from, Form { layout, encoding }, options);
        if options.fingers {
            plan.compare_fingers(backup, here);
        }
        if layout == UserLayout::HundredTwenty && !plan.is_empty() {
            plan.obstacles.insert(0, Obstacle::ReadOnly { layout });
        }
        plan
    }

    /// Returns true if nothing is to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.iter().all(|user| user.change == Change::Unchanged)
            && self.fingers.iter().all(|finger| finger.change == Change::Unchanged)
    }

    /// The number of users with this change.
    #[must_use]
    pub fn count_users(&self, change: &Change) -> usize {
        self.users.iter().filter(|user| user.change == *change).count()
    }

    /// The number of fingerprints with this change.
    #[must_use]
    pub fn count_fingers(&self, change: &Change) -> usize {
        self.fingers.iter().filter(|finger| finger.change == *change).count()
    }

    /// Adds the obstacles of a terminal that has too little room, by its own counts.
    #[must_use]
    pub fn within(mut self, sizes: &FreeSizes) -> Self {
        let left = |left: Option<u32>, capacity: Option<u32>, count: Option<u32>| {
            // Some firmware reports nothing but zeros.
            let capacity = capacity.filter(|capacity| *capacity > 0)?;
            left.filter(|left| *left > 0).or_else(|| capacity.checked_sub(count?))
        };
        let users = self.count_users(&Change::Added) as u64;
        match left(sizes.users_left(), sizes.user_capacity(), sizes.users()) {
            Some(room) if users > room.into() => self.obstacles.push(Obstacle::Users { new: users, room }),
            _ => {}
        }
        let fingers = self.count_fingers(&Change::Added) as u64;
        match left(sizes.fingers_left(), sizes.finger_capacity(), sizes.fingers()) {
            Some(room) if fingers > room.into() => self.obstacles.push(Obstacle::Fingers { new: fingers, room }),
            _ => {}
        }
        self
    }

    fn compare_users(&mut self, backup: &Backup, here: &Backup, from: Form, to: Form, options: &RestoreOptions) {
        let there: HashMap<&str, &User> = here.users.iter().map(|user| (user.user_id.as_str(), user)).collect();
        let mut slots = Slots::of(&here.users, to.layout);
        let mut seen = BTreeSet::new();
        for user in &backup.users {
            if !seen.insert(user.user_id.as_str()) {
                self.obstacles.push(Obstacle::Twice { user_id: user.user_id.clone() });
                continue;
            }
            let unfit = |source| Obstacle::Unfit { user_id: user.user_id.clone(), source };
            let (fitted, losses) = match fit::fit(user, from, to) {
                Ok(fitted) => fitted,
                Err(source) => {
                    self.obstacles.push(unfit(source));
                    continue;
                }
            };
            let before = there.get(user.user_id.as_str()).copied();
            if let Some(before) = before.filter(|before| before.uid != user.uid && !options.move_slots) {
                self.obstacles.push(Obstacle::UserIdTaken { user_id: user.user_id.clone(), uid: before.uid });
            }
            let mut fitted = User { uid: before.map_or(Uid(0), |before| before.uid), ..fitted };
            if before.is_none() && slots.claim(user.uid) {
                fitted.uid = user.uid;
            } else if before.is_none() && !options.move_slots && user.uid != Uid(0) {
                self.obstacles.push(Obstacle::UidTaken { uid: user.uid });
            }
            // A layout that nobody can write is one obstacle, not one for each user.
            if to.layout != UserLayout::HundredTwenty {
                if let Err(source) = fit::check(to.layout, &fitted) {
                    self.obstacles.push(unfit(source));
                }
            }
            let change = match before {
                None => Change::Added,
                Some(before) if differences(before, &fitted).is_empty() => Change::Unchanged,
                Some(_) => Change::Changed,
            };
            let (from, before) = (user.uid, before.cloned());
            self.users.push(PlannedUser { user: fitted, before, from, change, losses });
        }
        // After those that keep their slots.
        for planned in self.users.iter_mut().filter(|planned| planned.user.uid == Uid(0)) {
            match slots.choose(&planned.user.user_id) {
                Some(uid) => planned.user.uid = uid,
                None => {
                    self.obstacles.push(Obstacle::NoFreeUid);
                    break;
                }
            }
        }
        self.left_alone = here.users.iter().filter(|user| !seen.contains(user.user_id.as_str())).cloned().collect();
    }

    fn compare_fingers(&mut self, backup: &Backup, here: &Backup) {
        let owners: HashMap<Uid, &User> = self.users.iter().map(|planned| (planned.from, &planned.user)).collect();
        let there: BTreeMap<(Uid, u8), &FingerTemplate> =
            here.fingers.iter().map(|finger| ((finger.uid, finger.finger), finger)).collect();
        for finger in &backup.fingers {
            let Some(owner) = owners.get(&finger.uid).filter(|_| finger.uid != Uid(0)) else {
                self.ownerless += 1;
                continue;
            };
            let template = FingerTemplate { uid: owner.uid, ..finger.clone() };
            let change = match there.get(&(owner.uid, finger.finger)) {
                None => Change::Added,
                Some(before) if **before == template => Change::Unchanged,
                Some(_) => Change::Changed,
            };
            self.fingers.push(PlannedFinger { user_id: owner.user_id.clone(), template, change });
        }
        self.fingers.sort_by_key(|planned| (planned.template.uid, planned.template.finger));
        if let (Some(there), Some(here), false) = (&backup.algorithm, &here.algorithm, self.fingers.is_empty()) {
            if there != here {
                self.obstacles.push(Obstacle::Algorithm { there: there.clone(), here: here.clone() });
            }
        }
        self.fingers_here.clone_from(&here.fingers);
    }
}

/// The fields that differ. The slot and the raw bytes do not count.
fn differences(before: &User, after: &User) -> Vec<Field> {
    let zones = before.zones == after.zones || fit::is_of_group(before.zones) && fit::is_of_group(after.zones);
    [
        (Field::Name, before.name == after.name && before.last_name == after.last_name),
        (Field::Password, before.password == after.password),
        (Field::Privilege, before.privilege == after.privilege),
        (Field::Card, before.card == after.card),
        (Field::Group, before.group == after.group),
        (Field::Zones, zones),
    ]
    .into_iter()
    .filter(|(_, same)| !same)
    .map(|(field, _)| field)
    .collect()
}

/// The slots of a terminal that are taken.
struct Slots {
    layout: UserLayout,
    taken: BTreeSet<u16>,
    /// No slot below it is free.
    next: u16,
}

impl Slots {
    fn of(users: &[User], layout: UserLayout) -> Self {
        Self { layout, taken: users.iter().map(|user| user.uid.0).collect(), next: *UIDS.start() }
    }

    /// Takes a slot, if it is free and can be one.
    fn claim(&mut self, uid: Uid) -> bool {
        UIDS.contains(&uid.0) && self.taken.insert(uid.0)
    }

    /// Takes a free slot: on terminals with 28-byte records the one whose number is the user id, as their own menu
    /// does, else the smallest.
    fn choose(&mut self, user_id: &UserId) -> Option<Uid> {
        if self.layout == UserLayout::TwentyEight {
            if let Some(same) = user_id.as_str().parse().ok().map(Uid).filter(|uid| self.claim(*uid)) {
                return Some(same);
            }
        }
        let free = (self.next..=*UIDS.end()).find(|uid| !self.taken.contains(uid))?;
        self.next = free;
        self.taken.insert(free);
        Some(Uid(free))
    }
}
