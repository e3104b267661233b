//! The verdict about a log that was refused, in one sentence for people.

use zk_proto::proof::{Doubt, Forced, Shape};

/// Explains in one sentence why a log was refused. `best` is the layout in which most of it makes sense.
pub(crate) fn verdict(reasons: &[Doubt], best: Option<&Forced>) -> String {
    let of_transfer = reasons.iter().find_map(|reason| match reason {
        Doubt::Incomplete { have, announced } => Some(format!("only {have} of {announced} announced bytes came")),
        Doubt::Damaged { packets } => Some(format!("{packets} packets came damaged, on a new connection too")),
        Doubt::Empty
        | Doubt::ReadingsDiffer
        | Doubt::OverlapDiffers
        | Doubt::ShorterThanKnown
        | Doubt::NamesNobody { .. }
        | Doubt::Unreadable => Some(reason.to_string()),
        _ => None,
    });
    if let Some(sentence) = of_transfer {
        return sentence;
    }
    let Some(best) = best else { return "its bytes make sense in no known record layout".to_owned() };
    let (layout, tally) = (best.layout(), best.tally());
    let all = tally.good + tally.neutral + tally.bad;
    let sense = format!("as {layout:#} records, {} of {all} make sense", tally.good);
    if let Some(patch) = best.patches().first() {
        let damaged: u64 = best.patches().iter().map(|patch| patch.records).sum();
        return format!("{sense}, but {damaged} from number {} on are damaged", best.first_index() + patch.first + 1);
    }
    let why = reasons.iter().find_map(|reason| match reason {
        Doubt::Ambiguous { first, second } if *first == layout || *second == layout => {
            Some(format!("{first:#} and {second:#} records are both possible"))
        }
        Doubt::Witnesses { layout: shape, witnesses } if *shape == Shape::Attendance(layout) => {
            let failing =
                [("length word", witnesses.length_word), ("size", witnesses.size), ("count", witnesses.count)];
            let failing: Vec<&str> = failing.iter().filter(|(_, holds)| !holds).map(|(name, _)| *name).collect();
            Some(match failing.as_slice() {
                [] => "that is too little to be sure of the layout".to_owned(),
                failing => format!("the {} does not fit", failing.join(" and the ")),
            })
        }
        Doubt::CountFails { layout: shape, .. } if *shape == Shape::Attendance(layout) => {
            Some("the terminal counts another number".to_owned())
        }
        Doubt::Misaligned { layout: at, rival } if *at == layout => {
            Some(format!("they make better sense {} bytes further on", rival.shift))
        }
        Doubt::Repeated { layout: shape, first } if *shape == Shape::Attendance(layout) => {
            Some(format!("those from about number {} on came before, so that others are missing", first + 1))
        }
        Doubt::Swapped { layout: shape, first, records } if *shape == Shape::Attendance(layout) => {
            Some(format!("the {records} from about number {} on changed places with others", first + 1))
        }
        Doubt::Implausible { layout: shape, .. } | Doubt::BadRun { layout: shape, .. }
            if *shape == Shape::Attendance(layout) =>
        {
            Some("too many do not".to_owned())
        }
        _ => None,
    });
    match why {
        Some(why) => format!("{sense}, but {why}"),
        None => format!("{sense}, which is not enough"),
    }
}

/// The kinds of verdicts, as far as a person does different things about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Fewer bytes came than announced.
    CutShort,
    /// Packets came damaged.
    DamagedLine,
    /// Two readings differ, or the log changed otherwise.
    Changes,
    /// No known layout makes sense of it.
    Unknown,
    /// A part of it is damaged.
    Patch,
    /// Two layouts are possible.
    Ambiguous,
    /// The records are shifted.
    Misframed,
    /// Sizes or counts do not fit.
    Disagrees,
    /// Another reason.
    Other,
}

impl Unfit {
    /// The kind of a verdict, by the words that [`verdict`] writes.
    pub(crate) fn of(verdict: &str) -> Self {
        const WORDS: [(&str, Unfit); 11] = [
            ("announced bytes came", Unfit::CutShort),
            ("packets came damaged", Unfit::DamagedLine),
            ("readings of the same log differ", Unfit::Changes),
            ("before the known end are not those", Unfit::Changes),
            ("shorter than what is known", Unfit::Changes),
            ("make sense in no known record layout", Unfit::Unknown),
            ("are damaged", Unfit::Patch),
            ("are both possible", Unfit::Ambiguous),
            ("bytes further on", Unfit::Misframed),
            ("does not fit", Unfit::Disagrees),
            ("counts another number", Unfit::Disagrees),
        ];
        WORDS.iter().find(|(words, _)| verdict.contains(words)).map_or(Self::Other, |(_, kind)| *kind)
    }
}
