//! The proof of a user table, and of 8-byte records against it: they name people by their slot alone.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::record::{AttendanceRecord, FieldOrder, User, UserLayout, Who};
use crate::spool::{Spool, SpoolError};
use crate::{Uid, UserId};

use super::plausible::{Clock, FEW, Id};
use super::refusal::{came_whole, length_word};
use super::unproven::{Doubt, Shape, Unproven};
use super::witness::{Extent, extent};
use super::{Evidence, People, Proven, Tally, WORD_LEN, Witnesses};

/// Users read from the spool at once.
const BLOCK: u64 = 1024;
/// Rows compared with other interpretations of the same bytes.
const COMPARED: u64 = 64;
/// With fewer rows than this, every one has to be believable.
const FEW_ROWS: u64 = 5;

/// The rows of a proven user table, without the vacant ones.
#[derive(Clone, Debug)]
pub struct UserTable {
    layout: Option<UserLayout>,
    users: Vec<User>,
    vacant: u64,
    without_id: Vec<Uid>,
    witnesses: Witnesses,
}

impl UserTable {
    /// The layout of the rows; `None` for an empty table.
    #[must_use]
    pub fn layout(&self) -> Option<UserLayout> {
        self.layout
    }

    /// The users, in the table's order.
    #[must_use]
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// Unused and deleted rows, and those of people without an id.
    #[must_use]
    pub fn vacant(&self) -> u64 {
        self.vacant
    }

    /// The slots of people without an id, which count as vacant: [`User::lacks_id`].
    #[must_use]
    pub fn without_id(&self) -> &[Uid] {
        &self.without_id
    }

    /// The witnesses that held.
    #[must_use]
    pub fn witnesses(&self) -> Witnesses {
        self.witnesses
    }

    /// The user id in a slot. `None` if the slot is vacant, as after the user was deleted.
    #[must_use]
    pub fn user_id(&self, uid: Uid) -> Option<&UserId> {
        self.users.iter().find(|user| user.uid == uid).map(|user| &user.user_id)
    }
}

impl People {
    /// The people in this table; `None` if it is empty and proves nothing.
    #[must_use]
    pub fn of(table: &UserTable) -> Option<Self> {
        let users = table.users();
        let texts = users.iter().map(|user| user.user_id.to_bytes()).collect();
        let numbers = users.iter().filter_map(|user| user.user_id.0.parse().ok()).collect();
        let slots = users.iter().map(|user| user.uid.0).collect();
        (!users.is_empty()).then(|| Self::new(texts, numbers, slots))
    }
}

/// Proves a user table. `spool` holds the set, its length word included; [`Evidence::counts`] are counts of users.
///
/// A table needs two witnesses and believable rows: a slot and an id, both unique, and texts that end. No better
/// table may lie between the rows. The count may leave out vacant rows. Two readings of a table can really differ, so
/// a wrong count asks for no second reading; then length word and size have to hold, and vacant rows count as bad. If
/// all three agree on a width, no other width is considered.
///
/// # Errors
/// [`Unproven`], with the bytes and the doubts.
pub fn prove_users(mut spool: Spool, evidence: &Evidence) -> Result<UserTable, Unproven> {
    match find_layout(&mut spool, evidence) {
        Ok(table) => Ok(table),
        Err(doubts) => Err(Unproven::new(spool, doubts, evidence.counts)),
    }
}

fn find_layout(spool: &mut Spool, evidence: &Evidence) -> Result<UserTable, Vec<Doubt>> {
    came_whole(spool, evidence).map_err(|doubt| vec![doubt])?;
    let word = length_word(spool).map_err(|doubt| vec![doubt])?;
    if evidence.announced <= WORD_LEN {
        let witnesses = Witnesses { length_word: true, size: true, count: true, numbers: None, people: None };
        let empty = UserTable { layout: None, users: Vec::new(), vacant: 0, without_id: Vec::new(), witnesses };
        return if word == 0 && evidence.counts.say_empty() { Ok(empty) } else { Err(vec![Doubt::Empty]) };
    }
    let mut doubts = Vec::new();
    let mut accepted: Option<UserTable> = None;
    let extent = |layout: UserLayout| extent(word, evidence.announced, layout.width() as u64, evidence.counts);
    let agreed = |layout| extent(layout).is_some_and(|extent| extent.witnesses.sizes_agree());
    let width_is_certain = UserLayout::ALL.into_iter().any(agreed);
    for layout in UserLayout::ALL {
        let Some(extent) = extent(layout) else { continue };
        if width_is_certain && !extent.witnesses.sizes_agree() {
            continue;
        }
        match prove_layout(spool, evidence, layout, extent).map_err(|_| vec![Doubt::Unreadable])? {
            Ok(table)
                if accepted.as_ref().is_none_or(|other| other.witnesses.holding() < table.witnesses.holding()) =>
            {
                accepted = Some(table);
            }
            Ok(_) => {}
            Err(doubt) => doubts.push(doubt),
        }
    }
    if doubts.is_empty() {
        doubts.push(Doubt::NoLayout);
    }
    accepted.ok_or(doubts)
}

fn prove_layout(
    spool: &mut Spool,
    evidence: &Evidence,
    layout: UserLayout,
    extent: Extent,
) -> Result<Result<UserTable, Doubt>, SpoolError> {
    let Extent { records, mut witnesses, .. } = extent;
    let shape = Shape::Users(layout);
    if !(witnesses.length_word || witnesses.size && witnesses.count) {
        return Ok(Err(Doubt::Witnesses { layout: shape, witnesses }));
    }
    let width = layout.width() as u64;
    let mut table = UserTable { layout: Some(layout), users: Vec::new(), vacant: 0, without_id: Vec::new(), witnesses };
    let mut tally = Tally::default();
    let mut remnants = 0;
    let mut first = 0;
    while first < records {
        let rows = BLOCK.min(records - first);
        let start = WORD_LEN + first * width;
        let mut block = Bytes::copy_from_slice(spool.read(start..start + rows * width)?);
        while block.len() >= layout.width() {
            let Ok(user) = User::parse(layout, block.split_to(layout.width())) else { break };
            match () {
                () if user.is_vacant() => {
                    tally.neutral += 1;
                    remnants += u64::from(user.raw.iter().any(|byte| *byte != 0));
                }
                () if is_believable(layout, &user) => tally.good += 1,
                () => tally.bad += 1,
            }
            if user.lacks_id() {
                table.without_id.push(user.uid);
            } else if !user.is_vacant() {
                table.users.push(user);
            }
        }
        first += rows;
    }
    table.vacant = tally.neutral;
    witnesses.count |= evidence.counts.allow(records - tally.neutral);
    table.witnesses = witnesses;
    // Slots and ids are unique. A misaligned table repeats the same small numbers.
    let slots = repeated(table.users.iter().map(|user| user.uid.0).collect());
    let ids = repeated(table.users.iter().map(|user| user.user_id.0.as_str()).collect());
    let doubtful = slots.max(ids).max(one_byte_late(&table.users));
    tally.good = tally.good.saturating_sub(doubtful);
    tally.bad += doubtful;
    // A deleted row may keep remnants, but rows of people without a slot are more likely misaligned.
    if !witnesses.count || remnants > tally.good {
        tally.bad += tally.neutral;
    }
    let few_and_bad = records < FEW_ROWS && tally.bad > 0;
    Ok(if witnesses.holding() < 2 {
        Err(Doubt::Witnesses { layout: shape, witnesses })
    } else if few_and_bad
        || !tally.is_plausible()
        || !ascends(&table.users) && ascends_elsewhere(spool, layout, records)?
    {
        Err(Doubt::Implausible { layout: shape, tally })
    } else {
        Ok(table)
    })
}

/// Counts the rows whose slot is a multiple of 256, if most are: slots below 256 that are read one byte early.
fn one_byte_late(users: &[User]) -> u64 {
    let late = users.iter().filter(|user| user.uid.0 & 0xFF == 0).count();
    if late * 2 > users.len() { late as u64 } else { 0 }
}

fn ascends(users: &[User]) -> bool {
    users.iter().zip(users.iter().skip(1)).all(|(user, next)| user.uid < next.uid)
}

/// Returns true if a later beginning in the same bytes makes a faultless table with its slots in order. Most
/// terminals list users in order, and a table in another order has no such table between its rows.
fn ascends_elsewhere(spool: &mut Spool, layout: UserLayout, records: u64) -> Result<bool, SpoolError> {
    let width = layout.width();
    let head = Bytes::copy_from_slice(spool.read(WORD_LEN..WORD_LEN + records.min(COMPARED) * width as u64)?);
    Ok((1..width).any(|shift| {
        let rows = (shift..head.len()).step_by(width).filter_map(|at| head.get(at..at + width).map(|_| at..at + width));
        let users: Vec<User> = rows.filter_map(|row| User::parse(layout, head.slice(row)).ok()).collect();
        let ids = users.iter().map(|user| user.user_id.0.as_str()).collect();
        let believable = |user: &User| !user.is_vacant() && is_believable(layout, user);
        users.len() > 1 && users.iter().all(believable) && ascends(&users) && repeated(ids) == 0
    }))
}

/// Counts repetitions, without the first occurrence of each.
fn repeated<T: Ord>(mut all: Vec<T>) -> u64 {
    all.sort_unstable();
    all.windows(2).filter(|pair| pair.first() == pair.last()).count() as u64
}

fn is_believable(layout: UserLayout, user: &User) -> bool {
    // Bits 4-7 of a privilege are unused in every source; passwords are digits on every known terminal.
    let password = user.password.as_bytes().iter().all(u8::is_ascii_graphic);
    let id = match layout {
        UserLayout::TwentyEight => user.user_id.0.len() <= 9,
        UserLayout::SeventyTwo | UserLayout::HundredTwenty => Id::of_text(user.user_id.0.as_bytes()) == Id::Present,
    };
    // Names may be in any code page. None of them has control characters in a name.
    user.privilege.0 < 16 && password && id && user.name.iter().all(|byte| *byte >= b' ')
}

/// Records at the end of the log that are compared with the user table.
const LAST: u64 = 16;

/// Of this many records in a row, how many may both name nobody and be dated in the future.
const ROW: usize = 16;
const NOISY: u32 = 10;
/// Records decoded at once.
const RECORDS_AT_ONCE: usize = 1_024;

/// Checks proven records against the user table, if they name people by their slot.
///
/// At least one of the last sixteen has to name a person: the newest punches are not all of people who have left. In
/// a log of fewer than five, each has to. Otherwise the records or the users are misaligned. And of sixteen records
/// in a row, at most nine may both name nobody and be dated in the future: that is noise, which short records cannot
/// show otherwise. `evidence` is that of the log.
///
/// # Errors
/// [`Unproven`], with [`Doubt::NamesNobody`] or [`Doubt::BadRun`]: read both again on a fresh session.
pub fn prove_names(mut proven: Proven, users: &UserTable, evidence: &Evidence) -> Result<Proven, Unproven> {
    let doubt = match doubt_of(&mut proven, users, Clock::new(evidence)) {
        Ok(None) => return Ok(proven),
        Ok(Some(doubt)) => doubt,
        Err(_) => Doubt::Unreadable,
    };
    let (announced, begin) = proven.origin();
    Err(Unproven::new(proven.into_spool(), vec![doubt], evidence.counts).announced(announced).beginning(begin))
}

fn doubt_of(proven: &mut Proven, users: &UserTable, clock: Clock) -> Result<Option<Doubt>, SpoolError> {
    let places = places(proven)?;
    let (nobodys, of) = (count_of_nobodys(&places, users), places.len() as u64);
    let few = proven.records_on_device() < FEW;
    if nobodys > 0 && (nobodys == of || few) {
        return Ok(Some(Doubt::NamesNobody { records: nobodys, of }));
    }
    let noise = match proven.layout().filter(|layout| layout.needs_users() && !users.users().is_empty()) {
        Some(layout) => noise(proven, users, clock)?.map(|first| (Shape::Attendance(layout), first)),
        None => None,
    };
    Ok(noise.map(|(layout, first)| Doubt::BadRun { layout, first }))
}

/// Returns the first of sixteen records of which most are noise.
fn noise(proven: &mut Proven, users: &UserTable, clock: Clock) -> Result<Option<u64>, SpoolError> {
    let people: BTreeSet<u16> = users.users().iter().map(|user| user.uid.0).collect();
    let mut place = proven.first_index();
    // The last sixteen records, one bit each.
    let mut row = 0u16;
    let mut found = None;
    while found.is_none() {
        let batch = proven.next_batch(RECORDS_AT_ONCE)?;
        if batch.is_empty() {
            break;
        }
        for record in batch {
            let nobodys = matches!(record.who, Who::Uid(uid) if !people.contains(&uid.0));
            row = row << 1 | u16::from(nobodys && record.time > clock.limit);
            place += 1;
            if row.count_ones() >= NOISY {
                found = Some(place.saturating_sub(ROW as u64));
                break;
            }
        }
    }
    proven.rewind();
    Ok(found)
}

/// Returns the slots that the last records name.
fn places(proven: &mut Proven) -> Result<Vec<Uid>, SpoolError> {
    let Some(layout) = proven.layout() else { return Ok(Vec::new()) };
    let last = Bytes::from(proven.overlap(LAST)?);
    let records = last.chunks_exact(layout.width()).map(|raw| last.slice_ref(raw));
    let records = records.filter_map(|raw| AttendanceRecord::decode(layout, FieldOrder::StateFirst, raw));
    let places = records.filter_map(|record| match record.who {
        Who::Uid(uid) if uid.0 != 0 => Some(uid),
        _ => None,
    });
    Ok(places.collect())
}

/// Counts the vacant slots. If the terminal has no users, there is no table to compare with.
fn count_of_nobodys(places: &[Uid], users: &UserTable) -> u64 {
    let users = users.users();
    let is_anybodys = |place: &&Uid| users.iter().any(|user| user.uid == **place);
    if users.is_empty() { 0 } else { (places.len() - places.iter().filter(is_anybodys).count()) as u64 }
}
