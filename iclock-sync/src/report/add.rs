//! Results of the same terminal or sink that came one after another become one: counts are added, the rest is the
//! latest.

use std::collections::BTreeMap;
use std::mem;

use super::{DeviceReport, ErrorKind, Rereads, SinkReport, SinkStatus};

impl DeviceReport {
    /// Adds the next poll of the same terminal.
    pub(crate) fn add(&mut self, next: Self) {
        let earlier = mem::replace(self, next);
        self.serial = self.serial.take().or(earlier.serial);
        self.mode = self.mode.or(earlier.mode);
        self.records_on_device = self.records_on_device.or(earlier.records_on_device);
        self.record_capacity = self.record_capacity.or(earlier.record_capacity);
        self.clock_drift_ms = self.clock_drift_ms.or(earlier.clock_drift_ms);
        self.clock_set = self.clock_set.or(earlier.clock_set);
        self.records_read += earlier.records_read;
        self.bytes_read += earlier.bytes_read;
        self.new += earlier.new;
        self.duplicate += earlier.duplicate;
        self.quarantined += earlier.quarantined;
        self.released += earlier.released;
        self.duration_ms += earlier.duration_ms;
        add_counts(&mut self.flagged, earlier.flagged);
        add_counts(&mut self.rejected, earlier.rejected);
        add_counts(&mut self.counted_only, earlier.counted_only);
        let later = mem::replace(&mut self.rereads, earlier.rereads);
        self.rereads.extend(later);
        for (reason, refused) in earlier.refused {
            self.refused.entry(reason).or_default().add(refused);
        }
        let later = mem::replace(&mut self.hints, earlier.hints);
        add_once(&mut self.hints, later);
        let later = mem::replace(&mut self.notes, earlier.notes);
        add_once(&mut self.notes, later);
    }
}

impl SinkReport {
    /// Adds the next delivery to the same sink.
    pub(crate) fn add(&mut self, next: Self) {
        let earlier = mem::replace(self, next);
        if self.status == SinkStatus::Idle && earlier.status == SinkStatus::Ok {
            self.status = SinkStatus::Ok;
        }
        self.stored += earlier.stored;
        self.already_stored += earlier.already_stored;
        self.merged += earlier.merged;
        self.rejected += earlier.rejected;
        self.requests += earlier.requests;
        self.duration_ms += earlier.duration_ms;
        // Events that were refused for good are not sent again: only the report says so.
        if self.status != SinkStatus::Failed && earlier.error_kind == Some(ErrorKind::Rejected) {
            (self.status, self.error, self.error_kind) = (earlier.status, earlier.error, earlier.error_kind);
        }
        let later = mem::replace(&mut self.notes, earlier.notes);
        add_once(&mut self.notes, later);
    }
}

impl Rereads {
    fn extend(&mut self, later: Self) {
        self.count += later.count;
        self.reasons.extend(later.reasons);
    }
}

fn add_counts<K: Ord>(counts: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (key, count) in more {
        *counts.entry(key).or_default() += count;
    }
}

fn add_once<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{DeviceStatus, ReadMode};

    #[test]
    fn counts_are_added_and_the_rest_is_the_latest() {
        let mut first = DeviceReport::new("gate", "192.0.2.10:4370");
        (first.new, first.mode, first.serial) = (3, Some(ReadMode::Full), Some("A1".to_owned()));
        first.notes = vec!["one".to_owned(), "two".to_owned()];
        let mut next = DeviceReport::new("gate", "192.0.2.10:4370");
        (next.new, next.status, next.error) = (4, DeviceStatus::Failed, Some("gone".to_owned()));
        next.notes = vec!["two".to_owned()];
        first.add(next);
        assert_eq!((first.new, first.status, first.error.as_deref()), (7, DeviceStatus::Failed, Some("gone")));
        assert_eq!((first.mode, first.serial.as_deref()), (Some(ReadMode::Full), Some("A1")));
        assert_eq!(first.notes, ["one", "two"]);
    }

    #[test]
    fn a_rejection_is_still_told_after_a_delivery_that_went_well() {
        let mut first = SinkReport::new("db");
        (first.rejected, first.status, first.error_kind) = (1, SinkStatus::Failed, Some(ErrorKind::Rejected));
        let mut next = SinkReport::new("db");
        (next.stored, next.status) = (5, SinkStatus::Ok);
        first.add(next);
        assert_eq!((first.rejected, first.stored, first.status), (1, 5, SinkStatus::Failed));
        assert_eq!(first.error_kind, Some(ErrorKind::Rejected));
    }
}
