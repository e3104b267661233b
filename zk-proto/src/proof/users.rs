//! The proof of a user table, which says whose the punches of an 8-byte log are.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::record::{User, UserLayout};
use crate::spool::{Spool, SpoolError};
use crate::{Uid, UserId};

use super::attendance::{came_whole, length_word};
use super::fields::Id;
use super::unproven::{Reason, Shape, Unproven};
use super::witness::{Extent, extent};
use super::{Evidence, Tally, WORD_LEN, Witnesses};

/// Users that are read from the spool at once.
const BLOCK: u64 = 1024;

/// The rows of a user table that is proven. Vacant rows are left out.
#[derive(Clone, Debug)]
pub struct UserTable {
    layout: Option<UserLayout>,
    users: Vec<User>,
    vacant: u64,
    witnesses: Witnesses,
}

impl UserTable {
    /// How the rows are laid out; `None` for an empty table.
    #[must_use]
    pub fn layout(&self) -> Option<UserLayout> {
        self.layout
    }

    /// The users, in the table's order.
    #[must_use]
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// Unused and deleted rows.
    #[must_use]
    pub fn vacant(&self) -> u64 {
        self.vacant
    }

    /// Which witnesses held.
    #[must_use]
    pub fn witnesses(&self) -> Witnesses {
        self.witnesses
    }

    /// The user id of a slot. `None` when nobody has it (the user was deleted).
    #[must_use]
    pub fn user_id(&self, uid: Uid) -> Option<&UserId> {
        self.users.iter().find(|user| user.uid == uid.0).map(|user| &user.user_id)
    }
}

/// Proves a user table: `spool` holds its set from the length word on, [`Evidence::counts`] are counts of users.
///
/// Two witnesses and believable rows: a number for a slot, an id, texts that end. The count may also be that of the rows that
/// are not vacant. Two readings of a table can differ in earnest, so a count that disagrees is no reason for a second one;
/// length word and size have to hold then.
///
/// # Errors
/// [`Unproven`], with the bytes and the reasons.
pub fn prove_users(mut spool: Spool, evidence: &Evidence) -> Result<UserTable, Unproven> {
    match weigh(&mut spool, evidence) {
        Ok(table) => Ok(table),
        Err(reasons) => Err(Unproven::new(spool, reasons, evidence.counts)),
    }
}

fn weigh(spool: &mut Spool, evidence: &Evidence) -> Result<UserTable, Vec<Reason>> {
    came_whole(spool, evidence).map_err(|reason| vec![reason])?;
    let word = length_word(spool).map_err(|reason| vec![reason])?;
    if evidence.announced <= WORD_LEN {
        let witnesses = Witnesses { length_word: true, size: true, count: true, numbers: None };
        let empty = UserTable { layout: None, users: Vec::new(), vacant: 0, witnesses };
        return if word == 0 && evidence.counts.say_empty() { Ok(empty) } else { Err(vec![Reason::Empty]) };
    }
    let mut reasons = Vec::new();
    let mut accepted: Option<UserTable> = None;
    for layout in UserLayout::ALL {
        let Some(extent) = extent(word, evidence.announced, layout.width() as u64, evidence.counts) else { continue };
        match weigh_layout(spool, evidence, layout, extent).map_err(|_| vec![Reason::Unreadable])? {
            Ok(table)
                if accepted.as_ref().is_none_or(|other| other.witnesses.holding() < table.witnesses.holding()) =>
            {
                accepted = Some(table);
            }
            Ok(_) => {}
            Err(reason) => reasons.push(reason),
        }
    }
    if reasons.is_empty() {
        reasons.push(Reason::NoLayout);
    }
    accepted.ok_or(reasons)
}

fn weigh_layout(
    spool: &mut Spool,
    evidence: &Evidence,
    layout: UserLayout,
    extent: Extent,
) -> Result<Result<UserTable, Reason>, SpoolError> {
    let Extent { records, mut witnesses, .. } = extent;
    let shape = Shape::Users(layout);
    if !(witnesses.length_word || witnesses.size && witnesses.count) {
        return Ok(Err(Reason::Witnesses { layout: shape, witnesses }));
    }
    let width = layout.width() as u64;
    let mut table = UserTable { layout: Some(layout), users: Vec::new(), vacant: 0, witnesses };
    let mut tally = Tally::default();
    let mut first = 0;
    while first < records {
        let rows = BLOCK.min(records - first);
        let start = WORD_LEN + first * width;
        let mut block = Bytes::copy_from_slice(spool.read(start..start + rows * width)?);
        while block.len() >= layout.width() {
            let Ok(user) = User::parse(layout, block.split_to(layout.width())) else { break };
            match () {
                () if user.is_vacant() => tally.neutral += 1,
                () if is_believable(layout, &user) => tally.good += 1,
                () => tally.bad += 1,
            }
            if !user.is_vacant() {
                table.users.push(user);
            }
        }
        first += rows;
    }
    table.vacant = tally.neutral;
    witnesses.count |= evidence.counts.allow(records - tally.neutral);
    table.witnesses = witnesses;
    // Slots are unique; a table read from the wrong place shows the same small numbers again and again.
    let mut slots: Vec<u16> = table.users.iter().map(|user| user.uid).collect();
    slots.sort_unstable();
    let repeated = slots.windows(2).filter(|pair| pair.first() == pair.last()).count() as u64;
    tally.good = tally.good.saturating_sub(repeated);
    tally.bad += repeated;
    Ok(if witnesses.holding() < 2 {
        Err(Reason::Witnesses { layout: shape, witnesses })
    } else if !tally.is_plausible() {
        Err(Reason::Implausible { layout: shape, tally })
    } else {
        Ok(table)
    })
}

fn is_believable(layout: UserLayout, user: &User) -> bool {
    // Bits 4-7 of a privilege are unused in every source; passwords are digits on every known terminal.
    let password = user.password.as_bytes().iter().all(u8::is_ascii_graphic);
    let id = match layout {
        UserLayout::TwentyEight => user.user_id.0.len() <= 9,
        UserLayout::SeventyTwo | UserLayout::HundredTwenty => Id::of_text(user.user_id.0.as_bytes()) == Id::Present,
    };
    // Names are in any code page, but hold no control characters in any of them.
    user.privilege.0 < 16 && password && id && user.name.iter().all(|byte| *byte >= b' ')
}
