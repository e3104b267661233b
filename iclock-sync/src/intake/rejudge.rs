//! Judges the records in quarantine again after a change of the rules, or of a setting or version that reads records in
//! another way. Records that pass become events, as if they had passed when they were read.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use attendance_model::{AttendanceEvent, Context, Device, RawPunch, Rejection, Rules, Source};
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, Utc};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder, Who};

use super::in_force::judge;
use crate::ledger::{Entry, KnownPunches, NewEvent, PollId, Resolution, Transaction, WaitingRecord};
use crate::mask::Mask;
use crate::{DeviceOptions, Hooks, Ledger, LedgerError, wall};

/// The name of the ledger's setting with the fingerprint of what the quarantine was last judged by.
const JUDGED_BY: &str = "judged_by";

/// Records fetched at once.
const PAGE: u32 = 1_000;

/// One review of the quarantine.
#[derive(Debug)]
pub(crate) struct Review<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) devices: &'a [Arc<DeviceOptions>],
    pub(crate) utc_now: DateTime<Utc>,
    pub(crate) local_now: NaiveDateTime,
    /// Judges also if nothing has changed since the last review.
    pub(crate) always: bool,
    /// Decides about what the rules let pass.
    pub(crate) hooks: Option<&'a dyn Hooks>,
}

/// Events that came out of the quarantine, by the terminal's configured name.
pub(crate) type Released = BTreeMap<String, u64>;

impl Review<'_> {
    /// Judges all records that wait in the quarantine, a page of them in each durable change, so that nobody waits for
    /// all of them. A review that is cut off begins again. If nothing has changed since the last review, it does so
    /// only on demand.
    pub(crate) fn judge_again(&self, ledger: &Ledger) -> Result<Released, LedgerError> {
        let by = self.fingerprint();
        if !self.always && ledger.setting(JUDGED_BY)?.as_deref() == Some(by.as_str()) {
            return Ok(Released::new());
        }
        let (mut released, mut after) = (Released::new(), 0);
        while let Some(last) = ledger.write("judge the quarantine again", |transaction| {
            let page = WaitingRecord::page(transaction, after, PAGE)?;
            let last = page.last().map(|record| record.id);
            self.judge_page(transaction, page, &mut released)?;
            if last.is_none() {
                Ledger::set(transaction, JUDGED_BY, &by)?;
            }
            Ok(last)
        })? {
            after = last;
        }
        Ok(released)
    }

    /// Judges a page of records, and counts those that became events.
    fn judge_page(
        &self,
        transaction: &Transaction<'_>,
        page: Vec<WaitingRecord>,
        released: &mut Released,
    ) -> rusqlite::Result<()> {
        // Between two pages, punches may have entered.
        let mut known = HashMap::new();
        let mut entry = Entry::begin(transaction)?;
        for record in page {
            let (layout, punch) = self.read(&record);
            let poll = PollId { poll: record.poll, terminal: record.terminal };
            let known = known.entry((record.terminal, record.source.as_str()));
            let known: &mut KnownPunches = known.or_insert_with(|| KnownPunches::of(record.source));
            let mask = match layout {
                Some(layout) => Some(Mask::from(layout)),
                // A record of a log is known by its layout.
                None => (record.source != Source::Pull).then(|| Mask::of_layout(None)),
            };
            let before = match mask {
                Some(mask) => known.user_id(transaction, record.terminal, mask, &punch)?.is_some(),
                None => false,
            };
            let uid = punch.uid;
            let resolution = match self.judge(punch, &record) {
                Err(rejection) if rejection.reason == record.reason => continue,
                Err(rejection) => {
                    record.set_reason(transaction, rejection.reason)?;
                    continue;
                }
                Ok(_) if before => Resolution::Known,
                Ok(event) if entry.insert(transaction, poll, &NewEvent { event: &event, uid })? => {
                    *released.entry(record.device_name.clone()).or_default() += 1;
                    Resolution::Released
                }
                Ok(_) => Resolution::Known,
            };
            record.resolve(transaction, resolution, self.utc_now.timestamp())?;
        }
        Ok(())
    }

    /// Reads the record as today. If its layout is not known, it is as it was read then.
    fn read(&self, record: &WaitingRecord) -> (Option<AttendanceLayout>, RawPunch) {
        let device = Device {
            serial: &record.serial,
            name: &record.device_name,
            clock_drift_ms: record.drift_ms,
            source: record.source,
        };
        let known = record.layout.as_deref().and_then(|word| word.parse().ok());
        // A line that was pushed may be as long as some record; it is none.
        let of_width = || AttendanceLayout::of_width(record.raw.len()).filter(|_| record.source != Source::Push);
        let layout = known.or_else(of_width);
        let order = self.order_of(record, layout);
        let decoded = layout.zip(order).and_then(|(layout, order)| {
            let decoded = AttendanceRecord::decode(layout, order, Bytes::copy_from_slice(&record.raw))?;
            Some((layout, decoded))
        });
        let Some((read_as, decoded)) = decoded else {
            return (layout, record.as_read(layout.is_some_and(|layout| layout.fields().id.is_number())));
        };
        let mut punch = RawPunch::from_record(&decoded, read_as, &device, |_| Some(record.user_id.clone()));
        if matches!(decoded.who, Who::UserId(_)) {
            punch.uid = record.uid;
        }
        (layout, punch)
    }

    /// `None` if the layout leaves open which field is which and the terminal is no longer configured.
    fn order_of(&self, record: &WaitingRecord, layout: Option<AttendanceLayout>) -> Option<FieldOrder> {
        let device = self.devices.iter().find(|device| device.name == record.device_name);
        match device {
            Some(device) if device.sixteen_mode_first => Some(FieldOrder::VerifyFirst),
            None if layout.is_some_and(|layout| layout.fields().order_varies) => None,
            _ => Some(FieldOrder::StateFirst),
        }
    }

    #[expect(clippy::result_large_err)] // As `normalize` itself.
    fn judge(&self, punch: RawPunch, record: &WaitingRecord) -> Result<AttendanceEvent, Rejection> {
        let host_now = wall::wall_now(record.zone, self.utc_now, self.local_now);
        judge(punch, &Context { zone: record.zone, rules: self.rules, host_now }, self.hooks)
    }

    /// A text that changes whenever a record may be judged differently.
    fn fingerprint(&self) -> String {
        let mut text = format!("{} {:?}", env!("CARGO_PKG_VERSION"), self.rules);
        for device in self.devices.iter().filter(|device| device.sixteen_mode_first) {
            // Writing to a String cannot fail.
            let _ = write!(text, " {:?}", device.name);
        }
        // FNV-1a: a collision would cost a run that judges nothing again, until the next change.
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{hash:016x}")
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::path::Path;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::crash::Crashes;
    use crate::quarantine::Resolve;
    use crate::{CrashPoint, CrashPoints};

    /// The durable changes of a review.
    #[derive(Debug, Default)]
    struct Changes(Mutex<usize>);

    impl CrashPoints for Changes {
        fn reached(&self, point: CrashPoint) {
            let judged = point == CrashPoint::AfterCommit("judge the quarantine again");
            *self.0.lock().unwrap() += usize::from(judged);
        }
    }

    /// Ends the thread after the first durable change of a review, as a crash does.
    #[derive(Debug, Default)]
    struct CrashesOnce(AtomicBool);

    impl CrashPoints for CrashesOnce {
        fn reached(&self, point: CrashPoint) {
            let is_first = || !self.0.swap(true, Ordering::SeqCst);
            if point == CrashPoint::AfterCommit("judge the quarantine again") && is_first() {
                resume_unwind(Box::new("crashes as planned"));
            }
        }
    }

    /// A ledger with 2,500 records of one terminal that wait because they are not on the list.
    fn filled(dir: &Path, points: Arc<dyn CrashPoints>) -> Ledger {
        let ledger = Ledger::open(dir).unwrap();
        let ledger = ledger.with_crashes(Crashes { points: Some(points) });
        ledger
            .write("fill", |transaction| {
                transaction.execute_batch(
                    "INSERT INTO terminals (id, serial, name) VALUES (1, 'S', 'gate');
                     INSERT INTO readings (id, terminal, device_name, source, read_at) VALUES (1, 1, 'gate', 'push', 0);
                     INSERT INTO quarantine (terminal, masked, occurrence, raw, reason, user_id, time, verify_mode,
                         punch_state, first_seen, last_seen, epoch, position, reading, doubtful)
                     WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
                     SELECT 1, CAST(n AS BLOB), 1, CAST(n AS BLOB), 'not_on_allow_list', '7',
                         datetime(1700000000 + n, 'unixepoch'), 1, 0, 0, 0, 0, n, 1, FALSE FROM n;",
                )
            })
            .unwrap();
        ledger
    }

    /// A review by rules that let everybody pass.
    fn review(rules: &Rules) -> Review<'_> {
        let utc_now = DateTime::from_timestamp(1_700_010_000, 0).unwrap();
        Review { rules, devices: &[], utc_now, local_now: utc_now.naive_utc(), always: false, hooks: None }
    }

    #[test]
    fn a_long_quarantine_is_judged_page_by_page_and_each_record_once() {
        let dir = tempfile::tempdir().unwrap();
        let changes = Arc::new(Changes::default());
        let ledger = filled(dir.path(), Arc::clone(&changes) as _);
        let rules = Rules::default();
        let review = review(&rules);
        assert_eq!(review.judge_again(&ledger).unwrap(), Released::from([("gate".to_owned(), 2_500)]));
        assert_eq!(*changes.0.lock().unwrap(), 4, "three pages, and the note that it is done");
        assert_eq!((ledger.event_count().unwrap(), ledger.quarantine_counts().unwrap()), (2_500, Vec::new()));
        assert_eq!(review.judge_again(&ledger).unwrap(), Released::new());
    }

    #[test]
    fn what_a_person_dealt_with_is_not_judged_again() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = filled(dir.path(), Arc::new(Changes::default()));
        let by_hand: Vec<i64> = vec![1, 1_000, 1_001, 2_500];
        assert_eq!(ledger.resolve(Resolve::Records(&by_hand), "tests of the terminal", Utc::now()).unwrap(), 4);
        let rules = Rules::default();
        let review = Review { always: true, ..review(&rules) };
        assert_eq!(review.judge_again(&ledger).unwrap(), Released::from([("gate".to_owned(), 2_496)]));
        assert_eq!(review.judge_again(&ledger).unwrap(), Released::new(), "nothing waits any more");
        assert_eq!(ledger.event_count().unwrap(), 2_496);
    }

    #[test]
    fn a_review_that_is_cut_off_is_made_again_and_leaves_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = filled(dir.path(), Arc::new(CrashesOnce::default()));
        let rules = Rules::default();
        let review = review(&rules);
        assert!(catch_unwind(AssertUnwindSafe(|| review.judge_again(&ledger))).is_err());
        assert_eq!(ledger.event_count().unwrap(), 1_000, "the first page is durable");
        assert_eq!(review.judge_again(&ledger).unwrap(), Released::from([("gate".to_owned(), 1_500)]));
        assert_eq!((ledger.event_count().unwrap(), ledger.quarantine_counts().unwrap()), (2_500, Vec::new()));
    }
}
