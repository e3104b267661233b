//! The truth: the punches that the terminals hold and held, and what must have become of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attendance_model::{EventId, Sink};
use iclock_sync::ledger::QuarantineFilter;
use iclock_sync::{Ledger, audit};
use zk_sim::Punch;

use crate::common::key;
use crate::gate::PUSHED_MODE;
use crate::kept::{Kept, KeptEvent};
use crate::sink::MoodySink;

/// Serial number, user id and time as text: no two different punches of a schedule share them.
pub(crate) type Name = (String, String, String);

/// The people whom the strict rules do not know.
pub(crate) const STRANGERS: [&str; 3] = ["1001", "1002", "1003"];

#[derive(Debug, Default)]
pub(crate) struct Truth {
    punches: BTreeMap<Name, Known>,
}

#[derive(Debug)]
struct Known {
    punch: Punch,
    /// A completed poll has shown it, or the sender of a push was told that it is kept.
    shown: bool,
    /// It was also sent as a push, by which it may have entered first.
    pushed: bool,
    /// Rules that know everybody were in force since it was made.
    welcome: bool,
}

/// The judgement of a punch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Event,
    Quarantine,
    /// Either: the rules changed meanwhile.
    One,
}

fn name(serial: &str, user_id: &str, time: impl ToString) -> Name {
    // Layouts with numbers have a 0 where others have no text.
    let user_id = if user_id.is_empty() { "0" } else { user_id };
    (serial.to_owned(), user_id.to_owned(), time.to_string())
}

impl Truth {
    /// A person has punched.
    pub(crate) fn made(&mut self, serial: &str, punch: &Punch, strict: bool) {
        let known = Known { punch: punch.clone(), shown: false, pushed: false, welcome: !strict };
        self.punches.entry(name(serial, &punch.user_id, punch.time)).or_insert(known);
    }

    /// A poll that began later has ended well.
    pub(crate) fn shown(&mut self, serial: &str, log: &[Punch]) {
        for punch in log {
            self.punches.get_mut(&name(serial, &punch.user_id, punch.time)).unwrap().shown = true;
        }
    }

    /// The terminal sends punches as a push.
    pub(crate) fn pushed(&mut self, serial: &str, punches: &[Punch]) {
        for punch in punches {
            self.punches.get_mut(&name(serial, &punch.user_id, punch.time)).unwrap().pushed = true;
        }
    }

    /// Rules that know everybody have come, or may have.
    pub(crate) fn welcomes_all(&mut self) {
        self.punches.values_mut().for_each(|known| known.welcome = true);
    }

    pub(crate) fn len(&self) -> usize {
        self.punches.len()
    }

    /// Compares with the ledger and the sinks.
    pub(crate) fn compare(&self, state: &Path, sinks: &[&MoodySink], strict: bool) -> Result<(), String> {
        let ledger = Ledger::open_read_only(state).unwrap().unwrap();
        let kept = Kept::of(state);
        let ids: BTreeSet<EventId> = kept.events.iter().map(|event| event.key).collect();
        if ids.len() != kept.events.len() {
            return Err("the ledger has an event twice".to_owned());
        }
        if !ledger.events(Default::default()).map(|event| event.unwrap().id).eq(kept.whole().map(|event| event.key)) {
            return Err("the ledger lists other events than it has".to_owned());
        }
        let waiting = self.waiting(&ledger)?;
        let mut allowed = BTreeSet::new();
        for (name, known) in &self.punches {
            let fate = known.fate(strict);
            let possible = known.ids(&name.0);
            let entered = possible.iter().filter(|id| ids.contains(id)).count();
            if entered > 1 {
                return Err(format!("{name:?} is an event as it was pulled, and another as it was pushed"));
            }
            let (is_event, waits) = (entered == 1, waiting.contains(name));
            let right = match fate {
                Fate::Event => !waits && (is_event || !known.shown),
                Fate::Quarantine => !is_event && (waits || !known.shown),
                Fate::One => !(is_event && waits) && (is_event || waits || !known.shown),
            };
            if !right {
                return Err(format!("{name:?} ({fate:?}, {known:?}): event {is_event}, in quarantine {waits}"));
            }
            allowed.extend(possible);
        }
        if let Some(event) = kept.events.iter().find(|event| !allowed.contains(&event.key)) {
            return Err(format!("nobody made this punch: {event:?}"));
        }
        for sink in sinks {
            let stored = sink.inner.stored();
            let scheme = sink.capabilities().ids;
            let there: BTreeSet<EventId> = stored.iter().map(|event| scheme.id_of(event)).collect();
            let takes = |event: &&KeptEvent| sink.oddity.takes(&event.user_id);
            let lost = kept.expected_at(&sink.target()).filter(takes).find(|event| !there.contains(&event.id(scheme)));
            let name = sink.name();
            if let Some(lost) = lost {
                return Err(format!("{name} has {}, and lacks {lost:?}", there.len()));
            }
            let known: BTreeSet<EventId> = kept.events.iter().filter(takes).map(|event| event.id(scheme)).collect();
            if let Some(event) = stored.iter().find(|event| !known.contains(&scheme.id_of(event))) {
                return Err(format!("{name} has {event:?}, which is not for it"));
            }
            if stored.len() != there.len() {
                return Err(format!(
                    "{name} has {} events, and {} of them twice",
                    there.len(),
                    stored.len() - there.len()
                ));
            }
        }
        Ok(())
    }

    /// Checks the audit: its chain, and that each event was read and is at each sink.
    pub(crate) fn compare_audit(&self, state: &Path, sinks: &[&MoodySink]) -> Result<(), String> {
        let ledger = Ledger::open_read_only(state).unwrap().unwrap();
        let verdict = audit::verify(&ledger).unwrap();
        if let Some(problem) = verdict.problems.first() {
            return Err(format!("the audit: {problem}"));
        }
        let entries = audit::entries(&ledger, &audit::Filter::default()).unwrap();
        let read: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let kept = Kept::of(state);
        if read != kept.events.iter().map(|event| event.key.to_string()).collect::<Vec<_>>() {
            return Err(format!("the audit has {} events, and the ledger {}", read.len(), kept.events.len()));
        }
        for sink in sinks {
            let (target, scheme) = (sink.target(), sink.capabilities().ids);
            let mut documents = BTreeSet::new();
            for (event, entry) in kept.events.iter().zip(&entries) {
                let mut results = entry.sinks.iter().filter(|stored| stored.target == target);
                let wanted =
                    if sink.oddity.takes(&event.user_id) { ["stored", "had", "known"] } else { ["refused"; 3] };
                if results.any(|stored| wanted.contains(&stored.result)) {
                    documents.insert(event.id(scheme));
                }
            }
            // Events that share a document were merged, and one of them was sent.
            let mut expected = kept.expected_at(&target);
            if let Some(event) = expected.find(|event| !documents.contains(&event.id(scheme))) {
                return Err(format!("the audit does not say that {} has {event:?}", sink.name()));
            }
        }
        Ok(())
    }

    /// The records in the quarantine, each of which must be a punch and there once.
    fn waiting(&self, ledger: &Ledger) -> Result<BTreeSet<Name>, String> {
        let rows = ledger.quarantine(&QuarantineFilter::default(), u32::MAX).unwrap();
        let mut waiting = BTreeSet::new();
        for row in rows.into_iter().filter(|row| row.resolved_at.is_none()) {
            let name = name(&row.serial, &row.user_id, row.local_time);
            if !self.punches.contains_key(&name) {
                return Err(format!("nobody made this punch in the quarantine: {name:?}"));
            }
            if !waiting.insert(name.clone()) {
                return Err(format!("twice in the quarantine: {name:?}"));
            }
        }
        Ok(waiting)
    }
}

/// Rules can let it pass.
fn is_sound(punch: &Punch) -> bool {
    !punch.user_id.is_empty() && punch.time.exists()
}

/// Rules can refuse it.
pub(crate) fn may_be_refused(punch: &Punch) -> bool {
    !is_sound(punch) || STRANGERS.contains(&&*punch.user_id)
}

impl Known {
    /// The keys under which it may be an event.
    fn ids(&self, serial: &str) -> BTreeSet<EventId> {
        let as_pushed = Punch { mode: PUSHED_MODE, ..self.punch.clone() };
        let ways = [Some(&self.punch), self.pushed.then_some(&as_pushed)];
        ways.into_iter().flatten().filter(|punch| is_sound(punch)).map(|punch| key(serial, punch)).collect()
    }

    fn fate(&self, strict: bool) -> Fate {
        if !is_sound(&self.punch) {
            Fate::Quarantine
        } else if !strict || !may_be_refused(&self.punch) {
            Fate::Event
        } else if self.welcome {
            Fate::One
        } else {
            Fate::Quarantine
        }
    }
}
