//! The truth: the punches that the terminals hold and held, and what must have become of them.

use std::collections::{BTreeMap, BTreeSet};

use attendance_model::{EventId, Sink};
use iclock_sync::Ledger;
use iclock_sync::ledger::QuarantineFilter;
use zk_sim::Punch;

use crate::common::key;
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
    /// A completed poll has shown it.
    shown: bool,
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
        let known = Known { punch: punch.clone(), shown: false, welcome: !strict };
        self.punches.entry(name(serial, &punch.user_id, punch.time)).or_insert(known);
    }

    /// A poll that began later has ended well.
    pub(crate) fn shown(&mut self, serial: &str, log: &[Punch]) {
        for punch in log {
            self.punches.get_mut(&name(serial, &punch.user_id, punch.time)).unwrap().shown = true;
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
    pub(crate) fn compare(&self, ledger: &Ledger, sinks: &[&MoodySink], strict: bool) -> Result<(), String> {
        let events: Vec<_> = ledger.events(Default::default()).map(Result::unwrap).collect();
        let ids: BTreeSet<EventId> = events.iter().map(|event| event.id).collect();
        if ids.len() != events.len() {
            return Err("the ledger has an event twice".to_owned());
        }
        let waiting = self.waiting(ledger)?;
        let mut allowed = BTreeSet::new();
        for (name, known) in &self.punches {
            let fate = known.fate(strict);
            let id = is_sound(&known.punch).then(|| key(&name.0, &known.punch));
            let (is_event, waits) = (id.is_some_and(|id| ids.contains(&id)), waiting.contains(name));
            let right = match fate {
                Fate::Event => !waits && (is_event || !known.shown),
                Fate::Quarantine => !is_event && (waits || !known.shown),
                Fate::One => !(is_event && waits) && (is_event || waits || !known.shown),
            };
            if !right {
                return Err(format!("{name:?} ({fate:?}, {known:?}): event {is_event}, in quarantine {waits}"));
            }
            allowed.extend(id);
        }
        if let Some(event) = events.iter().find(|event| !allowed.contains(&event.id)) {
            return Err(format!("nobody made this punch: {event:?}"));
        }
        for sink in sinks {
            let stored = sink.inner.stored();
            let scheme = sink.capabilities().ids;
            let there: BTreeSet<EventId> = stored.iter().map(|event| scheme.id_of(event)).collect();
            let takes = events.iter().filter(|event| sink.oddity.takes(event));
            let wanted: BTreeSet<EventId> = takes.map(|event| scheme.id_of(event)).collect();
            let sink = sink.name();
            if let Some(lost) = wanted.difference(&there).next() {
                let lost = events.iter().find(|event| scheme.id_of(event) == *lost);
                return Err(format!("{sink} has {} of {}, and lacks {lost:?}", there.len(), wanted.len()));
            }
            if stored.len() != wanted.len() {
                return Err(format!("{sink} has {} events, and should have {}", stored.len(), wanted.len()));
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
