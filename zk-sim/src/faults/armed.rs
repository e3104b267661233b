//! The faults of a running terminal, and when each strikes.

use zk_proto::Command;

use super::kind::Value;
use super::{Fault, FaultKind, Unit};

/// The faults of one terminal, and how often each has struck.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
}

#[derive(Clone, Debug)]
struct Armed {
    fault: Fault,
    seen: u64,
}

impl Faults {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self { armed: faults.iter().map(|fault| Armed { fault: *fault, seen: 0 }).collect() }
    }

    /// The faults as they were set.
    pub(crate) fn set(&self) -> impl Iterator<Item = &Fault> {
        self.armed.iter().map(|armed| &armed.fault)
    }

    /// Counts an occasion for a fault of this kind. Returns the fault's value if it strikes.
    pub(crate) fn strike(&mut self, kind: FaultKind) -> Option<i64> {
        let armed = self.armed.iter_mut().find(|armed| armed.fault.kind == kind)?;
        let occasion = armed.seen;
        armed.seen += 1;
        armed.fault.strikes(occasion).then_some(armed.fault.value)
    }

    /// As [`Faults::strike`] for a fault whose value names a command: an occasion is that command.
    pub(crate) fn strike_command(&mut self, kind: FaultKind, command: Command) -> bool {
        let value = i64::from(command.0);
        let about = |armed: &&mut Armed| armed.fault.kind == kind && armed.fault.value == value;
        let Some(armed) = self.armed.iter_mut().find(about) else { return false };
        let occasion = armed.seen;
        armed.seen += 1;
        armed.fault.strikes(occasion)
    }

    /// As [`Faults::strike`] for a fault that strikes at every Nth occasion, where N is its value.
    pub(crate) fn strike_nth(&mut self, kind: FaultKind) -> bool {
        let Some(armed) = self.armed.iter_mut().find(|armed| armed.fault.kind == kind) else { return false };
        let occasion = armed.seen;
        armed.seen += 1;
        let every = u64::try_from(armed.fault.value).unwrap_or(1).max(1);
        (occasion + 1).is_multiple_of(every) && armed.fault.strikes(occasion / every)
    }

    /// The value of a fault that is always on once set.
    pub(crate) fn standing(&self, kind: FaultKind) -> Option<i64> {
        self.armed.iter().find(|armed| armed.fault.kind == kind).map(|armed| armed.fault.value)
    }

    /// The value of a fault that is always on once set, and the number of occasions that it skips.
    pub(crate) fn standing_after(&self, kind: FaultKind) -> Option<(u64, i64)> {
        let fault = self.armed.iter().find(|armed| armed.fault.kind == kind)?.fault;
        Some((fault.skip, fault.value))
    }

    /// Returns true if `share` is within the rate of a fault that strikes records or datagrams. Strikes are counted.
    pub(crate) fn strike_share(&mut self, kind: FaultKind, share: u64) -> bool {
        let Some(armed) = self.armed.iter_mut().find(|armed| armed.fault.kind == kind) else { return false };
        let whole = if matches!(kind.value(), Value::Rate(_)) { 1000 } else { 100 };
        if share % whole >= u64::try_from(armed.fault.value).unwrap_or(0) {
            return false;
        }
        let occasion = armed.seen;
        armed.seen += 1;
        armed.fault.strikes(occasion)
    }

    /// Returns true if any fault changes the records of the log.
    pub(crate) fn touch_records(&self) -> bool {
        self.armed.iter().any(|armed| armed.fault.kind.unit() == Unit::Record)
    }
}

impl Fault {
    fn strikes(&self, occasion: u64) -> bool {
        occasion >= self.skip && self.times.is_none_or(|times| occasion - self.skip < times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_begin_after_the_skip_and_end_after_the_times() {
        let mut faults = Faults::new(&[Fault::new(FaultKind::CutHead).value(3).times(2).skip(1)]);
        let struck: Vec<_> = (0..5).map(|_| faults.strike(FaultKind::CutHead)).collect();
        assert_eq!(struck, [None, Some(3), Some(3), None, None]);
    }

    #[test]
    fn every_third_packet_is_struck_as_often_as_told() {
        let mut faults = Faults::new(&[Fault::new(FaultKind::BadChecksum).value(3).times(2)]);
        let struck: Vec<_> = (0..12).filter(|_| faults.strike_nth(FaultKind::BadChecksum)).collect();
        assert_eq!(struck, [2, 5]);
    }
}
