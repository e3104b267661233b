//! The proof of a whole attendance log.

use alloc::vec;
use alloc::vec::Vec;

use crate::record::{AttendanceLayout, WIDE_MAX, WIDE_MIN};
use crate::spool::{Spool, SpoolError};

use super::alignment::alternative;
use super::pass::{Pass, judge};
use super::plausible::{ENOUGH, FEW, Plausibility};
use super::preview::Preview;
use super::proven::{Findings, Proven};
use super::refusal::{Refusal, came_whole, confirm, length_word};
use super::region::Region;
use super::unproven::{Doubt, Shape, Unproven};
use super::verdict::Verdict;
use super::witness::{Extent, extent};
use super::{ByteSet, Evidence, WORD_LEN, Witnesses};

/// Proves a whole log. `spool` holds the set, its length word included.
///
/// # Errors
/// [`Unproven`], with the bytes and the doubts. If it asks for a second reading, read the set again in a new session
/// and prove that with [`Evidence::earlier`].
pub fn prove(spool: Spool, evidence: &Evidence) -> Result<Proven, Unproven> {
    prove_with(spool, evidence, None)
}

/// Proves a whole log whose bytes a [`Preview`] has seen as they arrived. The result is that of [`prove`], mostly
/// without reading the records back.
///
/// # Errors
/// As [`prove`].
pub fn prove_previewed(spool: Spool, evidence: &Evidence, preview: &Preview) -> Result<Proven, Unproven> {
    prove_with(spool, evidence, preview.pass())
}

fn prove_with(mut spool: Spool, evidence: &Evidence, ahead: Option<&Pass>) -> Result<Proven, Unproven> {
    match find_layout(&mut spool, evidence, ahead) {
        Ok(findings) => Ok(Proven::new(spool, findings)),
        Err(Refusal { doubts, fingerprint, people_would_help }) => Err(Unproven::new(spool, doubts, evidence.counts)
            .announced(evidence.announced)
            .with_fingerprint(fingerprint)
            .with_people_wanted(people_would_help && evidence.people.is_none())),
    }
}

fn find_layout(spool: &mut Spool, evidence: &Evidence, ahead: Option<&Pass>) -> Result<Findings, Refusal> {
    came_whole(spool, evidence)?;
    if evidence.announced <= WORD_LEN {
        return empty(spool, evidence);
    }
    let word = length_word(spool)?;
    let mut refusal = Refusal::default();
    let mut best: Option<Accepted> = None;
    let extents = candidates(word, evidence)
        .into_iter()
        .filter_map(|layout| Some((layout, extent(word, evidence.announced, layout.width() as u64, evidence.counts)?)));
    let mut extents: Vec<_> = extents.enumerate().collect();
    // Those with the most witnesses come first: then the others need not be looked at.
    extents.sort_by_key(|(_, (layout, extent))| core::cmp::Reverse(highest_standing(evidence, *layout, extent)));
    let mut refused = Vec::new();
    for (place, (layout, extent)) in extents {
        let highest = highest_standing(evidence, layout, &extent);
        if best.as_ref().is_some_and(|best| best.standing() > highest) {
            continue;
        }
        let Witnesses { length_word, size, count, .. } = extent.witnesses;
        match prove_layout(spool, evidence, layout, extent, word, ahead)? {
            Ok(accepted) => match &best {
                Some(other) if other.standing() > accepted.standing() => {}
                Some(other) if other.standing() == accepted.standing() => {
                    let doubt = Doubt::Ambiguous { first: other.region.layout, second: layout };
                    return Err(Refusal { people_would_help: true, ..doubt.into() });
                }
                _ => best = Some(accepted),
            },
            Err(doubt) => {
                refusal.people_would_help |= (length_word || extent.counted_in) && (size || count) || size && count;
                refused.push((place, doubt));
            }
        }
    }
    refused.sort_unstable_by_key(|(place, _)| *place);
    refusal.doubts.extend(refused.into_iter().map(|(_, doubt)| doubt));
    let Some(Accepted { region, trailing, witnesses, verdict, people_wanted }) = best else {
        if refusal.doubts.is_empty() {
            refusal.doubts.push(Doubt::NoLayout);
        }
        return Err(refusal);
    };
    let mut doubts = Vec::new();
    let shape = Shape::Attendance(region.layout);
    if !witnesses.count && !evidence.remembered.count_off {
        doubts.push(Doubt::CountFails { layout: shape, records: region.records });
    } else if witnesses.holding() < 2 {
        doubts.push(Doubt::Remainder { layout: shape, trailing });
    }
    let confirmed = confirm(spool, evidence, region, 0, &verdict, doubts)?;
    Ok(Findings {
        region: Some(region),
        order: evidence.order,
        first_index: 0,
        skipped: 0,
        trailing,
        witnesses,
        tally: verdict.tally,
        vague: verdict.tally.is_neutral() || !verdict.dated,
        states: verdict.states,
        modes: verdict.modes,
        confirmed,
        people_wanted,
    })
}

fn empty(spool: &mut Spool, evidence: &Evidence) -> Result<Findings, Refusal> {
    let says_nothing = length_word(spool)? == 0;
    if !says_nothing || !evidence.counts.say_empty() {
        return Err(Doubt::Empty.into());
    }
    Ok(Findings {
        region: None,
        order: evidence.order,
        first_index: 0,
        skipped: 0,
        trailing: 0,
        witnesses: Witnesses { length_word: true, size: true, count: true, numbers: None, people: None },
        tally: super::Tally::default(),
        vague: false,
        states: ByteSet::default(),
        modes: ByteSet::default(),
        confirmed: None,
        people_wanted: false,
    })
}

/// Returns the layouts to try: only the pinned one if there is one; else the known ones, the remembered one, and
/// every wide one whose width divides the size by a count.
pub(super) fn candidates(word: u32, evidence: &Evidence) -> Vec<AttendanceLayout> {
    if let Some(pinned) = evidence.pinned {
        return vec![pinned];
    }
    let mut layouts = Vec::from(AttendanceLayout::KNOWN);
    layouts.extend(evidence.remembered.layout);
    let body = evidence.announced - WORD_LEN;
    for count in [evidence.counts.before, evidence.counts.after].into_iter().flatten() {
        for bytes in [u64::from(word), body] {
            let width = bytes.checked_div(count.into()).filter(|_| bytes % u64::from(count) == 0);
            let width = width.and_then(|width| u16::try_from(width).ok());
            layouts.extend(width.filter(|width| (WIDE_MIN..=WIDE_MAX).contains(width)).map(AttendanceLayout::Wide));
        }
    }
    layouts.sort_unstable();
    layouts.dedup();
    layouts
}

/// A layout that explains the set.
struct Accepted {
    region: Region,
    trailing: u64,
    witnesses: Witnesses,
    verdict: Verdict,
    /// There are so few records that the user table should confirm the people they name.
    people_wanted: bool,
}

impl Accepted {
    /// Ranks explanations of a set: first by naming people in the user table, then by the number of witnesses.
    fn standing(&self) -> (bool, usize) {
        (self.witnesses.people == Some(true), self.witnesses.holding())
    }
}

/// The standing that a layout has at most, once its records are judged.
fn highest_standing(evidence: &Evidence, layout: AttendanceLayout, extent: &Extent) -> (bool, usize) {
    let asked = evidence.people.is_some();
    let numbered = layout.fields().number.is_some();
    (asked, extent.witnesses.holding() + usize::from(numbered) + usize::from(asked))
}

fn prove_layout(
    spool: &mut Spool,
    evidence: &Evidence,
    layout: AttendanceLayout,
    extent: Extent,
    word: u32,
    ahead: Option<&Pass>,
) -> Result<Result<Accepted, Doubt>, SpoolError> {
    let Extent { records, trailing, counted_in, mut witnesses } = extent;
    let shape = Shape::Attendance(layout);
    let region = Region { layout, at: WORD_LEN, records, trusted: 0 };
    let pinned = evidence.pinned == Some(layout);
    let remembered = pinned || evidence.remembered.layout == Some(layout);
    let numbered = layout.fields().number.is_some();
    // Word and size agree to the byte, and the records are enough to show their layout by their content alone.
    let complete = witnesses.length_word && witnesses.size && trailing == 0;
    let telling = complete && records >= ENOUGH;
    let few = records < FEW;
    let scant = layout.needs_users() && records < ENOUGH;
    // Ids prove nothing about bytes whose sizes disagree. The small numbers of 8-byte records prove nothing unless
    // word and size agree.
    let may_speak = complete || witnesses.count && !layout.needs_users();
    if let Some(people) = evidence.people.as_ref().filter(|_| may_speak) {
        let named = people.among(spool, region)?;
        witnesses.people = Some(if few || scant { named.all() } else { named.nearly_all() });
        // Few short records show so little that they have to name people, if the table is known.
        if few && !numbered && !named.all() || scant && !named.most() {
            return Ok(Err(Doubt::Witnesses { layout: shape, witnesses }));
        }
    }
    let named = witnesses.people == Some(true);
    let remainder = counted_in && witnesses.count && (records >= ENOUGH || named || remembered || numbered);
    // Record numbers are checked later. They can add one witness and support a wide layout.
    let could_hold = witnesses.holding() + usize::from(numbered) >= 2 || remainder;
    let could_back = witnesses.count || remembered || numbered || named || telling;
    let lone_a = layout == AttendanceLayout::EightA
        && !(witnesses.sizes_agree() || complete && (named || pinned || telling) || remainder && (named || pinned));
    if !could_hold || !could_back || lone_a {
        return Ok(Err(Doubt::Witnesses { layout: shape, witnesses }));
    }
    let familiar = remembered || AttendanceLayout::KNOWN.contains(&layout);
    // Word and size disagree if they differ by whole records, although each is a whole number of records.
    let sizes_agree = witnesses.sizes_agree() && trailing == 0;
    let enough = !few || numbered || sizes_agree || named && complete;
    if !enough || (!familiar && (few || !sizes_agree)) {
        return Ok(Err(Doubt::Witnesses { layout: shape, witnesses }));
    }
    let narrow = few && !numbered;
    if let Some(second) = also_fits(word, evidence, region).filter(|_| !numbered && !named && !pinned) {
        return Ok(Err(Doubt::Ambiguous { first: layout, second }));
    }
    let rules = Plausibility::new(evidence, sizes_agree && !narrow).of_few(few).of_recent(scant && !sizes_agree);
    let rules = rules.of_padded(few && !sizes_agree);
    let rules = rules.of_people(evidence.people.clone().filter(|_| named));
    // A count that moved allows one record more or less. With few short records, that is another width.
    let certain_width =
        pinned || named && complete || sizes_agree && familiar && (!narrow || evidence.counts.is_steady());
    let verdict = judge(spool, region, &rules, certain_width, ahead)?;
    if !familiar && verdict.is_acceptable() {
        if let Some(first) = narrower(spool, region, &rules)? {
            return Ok(Err(Doubt::Ambiguous { first, second: layout }));
        }
    }
    let people = evidence.people.as_ref();
    let mut people_wanted = people.is_none() && (scant || few && !numbered);
    if !pinned && (few && !layout.needs_users() || people.is_some() && !numbered && records < ENOUGH) {
        let bytes = spool.read(region.at..region.at + records * layout.width() as u64)?;
        let recent = few && rules.are_recent(layout, bytes);
        match alternative(bytes, layout, &rules, people) {
            // Without a user table, the better-known of two possible layouts is taken.
            Some(_) if people.is_none() && recent => people_wanted = true,
            Some(rival) => return Ok(Err(Doubt::Misaligned { layout, rival })),
            None => {}
        }
    }
    witnesses.numbers = verdict.numbers;
    // While the terminal's clock is reset, any small number is a believable date, and short records show little else.
    let by_content = telling && is_plain(layout, &verdict) && (numbered || !rules.clock.is_reset());
    // Without a count, people support only plain records.
    let by_people = named && is_plain(layout, &verdict) && !((few || scant) && verdict.tally.good < records);
    let thin = few && layout.needs_users() && witnesses.people.is_some() && verdict.tally.bad > 0;
    // States learned from few records may be bytes of another field, unless the records name people.
    let odd = records < ENOUGH && !verdict.has_known_states() && !named && !pinned;
    let backed = witnesses.count || remembered || by_people || witnesses.numbers == Some(true) || by_content;
    // If the length word includes a remainder, only the count and the records show where they end.
    let whole = witnesses.holding() >= 2 && !counted_in;
    let but_for_the_rest = remainder
        && verdict.tally.bad == 0
        && (named || remembered || witnesses.numbers == Some(true) || is_plain(layout, &verdict));
    let vague = verdict.tally.is_neutral() || !verdict.dated;
    Ok(if let Some(first) = verdict.bad_run {
        Err(Doubt::BadRun { layout: shape, first })
    } else if let Some(rival) = verdict.rival {
        Err(Doubt::Misaligned { layout, rival })
    } else if let Some(first) = verdict.repeated {
        Err(Doubt::Repeated { layout: shape, first })
    } else if !verdict.is_acceptable() || (!familiar && verdict.tally.bad > 0) {
        Err(Doubt::Implausible { layout: shape, tally: verdict.tally })
    } else if !backed || thin || odd || !(whole || but_for_the_rest) || (vague && !sizes_agree) {
        Err(Doubt::Witnesses { layout: shape, witnesses })
    } else {
        Ok(Accepted { region, trailing, witnesses, verdict, people_wanted: people_wanted && !pinned })
    })
}

/// Returns true if nearly all records are good, which no other interpretation comes close to. Half of the ids of
/// longer records may be missing, but only a quarter of those of 8 bytes: a record of 16 bytes looks like one of 8
/// and another without an id.
fn is_plain(layout: AttendanceLayout, verdict: &Verdict) -> bool {
    let super::Tally { good, neutral, bad } = verdict.tally;
    let share = if layout.needs_users() { 4 } else { 2 };
    let all = good + neutral + bad;
    bad * 20 <= all && neutral * share <= all
}

/// Returns a known wide layout in which the records of an unfamiliar one are plausible too, each as several records.
fn narrower(spool: &mut Spool, region: Region, rules: &Plausibility) -> Result<Option<AttendanceLayout>, SpoolError> {
    for layout in AttendanceLayout::KNOWN.into_iter().filter(|layout| layout.is_wide()) {
        let (width, known) = (region.layout.width(), layout.width());
        if width % known == 0 {
            let records = region.records * (width / known) as u64;
            if judge(spool, Region { layout, records, ..region }, rules, true, None)?.is_acceptable() {
                return Ok(Some(layout));
            }
        }
    }
    Ok(None)
}

/// Returns another width that length word, size and a moving count fit too, if either has few records. So few bytes
/// cannot tell the two apart.
fn also_fits(word: u32, evidence: &Evidence, region: Region) -> Option<AttendanceLayout> {
    AttendanceLayout::KNOWN.into_iter().filter(|other| other.width() != region.layout.width()).find(|other| {
        extent(word, evidence.announced, other.width() as u64, evidence.counts).is_some_and(|extent| {
            let few = region.records.min(extent.records) < FEW;
            few && extent.witnesses.sizes_agree() && extent.trailing == 0
        })
    })
}
