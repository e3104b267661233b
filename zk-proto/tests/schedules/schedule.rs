//! One schedule: a terminal, what it holds, and what goes wrong.

use chrono::NaiveDate;
use zk_proto::Transport;
use zk_proto::proof::Proven;
use zk_proto::record::{AttendanceLayout, Who};
use zk_sim::{Device, Fault, FaultKind, Profile, Punch, Terminal};

/// Numbers without meaning, the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_of<T: Clone>(&mut self, choice: &[T]) -> T {
        choice[self.below(choice.len() as u64) as usize].clone()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) number: u64,
    profile: &'static str,
    records: usize,
    over_udp: bool,
    faults: Vec<Fault>,
}

/// A fault of a kind with a value near what is usual for it, mostly for a while only.
fn fault(kind: FaultKind, dice: &mut Dice) -> Fault {
    let usual = Fault::new(kind).to_string();
    let number = usual.split_once('=').map(|(_, value)| value.trim_end_matches("ms").to_owned());
    let mut fault = Fault::new(kind);
    if let Some(number) = number.and_then(|number| number.parse::<i64>().ok()) {
        let values = [number, number, 1, 1 + dice.below(60) as i64, number / 2 + 1];
        fault = fault.value(dice.one_of(&values));
    }
    if dice.below(3) > 0 {
        fault = fault.times(1 + dice.below(4));
    }
    fault.skip(dice.one_of(&[0, 0, 1, 2, 7]))
}

impl Schedule {
    pub(crate) fn new(number: u64) -> Self {
        let mut dice = Dice(number);
        let profile = dice.one_of(Profile::ALL);
        let over_udp = !profile.tcp || (profile.udp && dice.below(3) == 0);
        let records = dice.one_of(&[0, 1, 2, 3, 4, 5, 8, 17, 40, 200, 200, 1000]);
        let faults = (0..dice.below(5)).map(|_| fault(dice.one_of(FaultKind::ALL), &mut dice)).collect();
        Self { number, profile: profile.name, records, over_udp, faults }
    }

    pub(crate) fn transport(&self) -> Transport {
        if self.over_udp { Transport::Udp } else { Transport::Tcp }
    }

    fn profile(&self) -> Profile {
        Profile::named(self.profile).unwrap()
    }

    /// The terminal, still without its faults: a log with 30 February in it would be drawn anew by each.
    pub(crate) fn terminal(&self) -> Terminal {
        let now = NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(9, 0, 0).unwrap();
        let terminal = Terminal::builder().profile(self.profile()).records(self.records).users(40);
        terminal.seed(self.number).now(now).build()
    }

    /// Lets go wrong what is to go wrong.
    pub(crate) fn arm(&self, set: impl FnOnce(&[Fault])) {
        set(&self.faults);
    }

    fn strikes(&self, kinds: &[FaultKind]) -> bool {
        self.faults.iter().any(|fault| kinds.contains(&fault.kind()))
    }

    /// Whether bytes alone cannot tell what was done to them; the docs of `proof` name these cases.
    fn is_undecidable(&self) -> bool {
        // A terminal that counts nothing and says that it has no data has none, for all that it tells.
        let all_say_empty = [FaultKind::CountZero, FaultKind::NoData].iter().all(|kind| self.strikes(&[*kind]));
        all_say_empty
            || self.cuts_all_and_counts_none()
            || self.cuts_whole_records()
            || self.counts_as_another_width()
            // So few short records read as other ones as well, if the count says as many of those.
            || self.profile().log.width() < 40
                && self.records <= 3
                && self.strikes(&[FaultKind::CutHeadFilled, FaultKind::CountLarger, FaultKind::CountSmaller])
    }

    /// Whether the cut takes every record, and the count says that there are none.
    fn cuts_all_and_counts_none(&self) -> bool {
        let whole = self.records * self.profile().log.width();
        let cut = self.amount(FaultKind::CutHeadSized).is_some_and(|bytes| bytes >= whole);
        cut && self.strikes(&[FaultKind::CountZero])
    }

    /// Whether the head is cut by whole records: none of the others is out of place then.
    fn cuts_whole_records(&self) -> bool {
        let width = self.profile().log.width();
        let cuts = [FaultKind::CutHead, FaultKind::CutHeadSized, FaultKind::CutHeadFilled];
        cuts.iter().any(|cut| self.amount(*cut).is_some_and(|bytes| bytes % width == 0))
    }

    /// Whether the count is wrong by just the factor between two widths of short records: every length says the other one then.
    fn counts_as_another_width(&self) -> bool {
        let twice = self.amount(FaultKind::CountLarger) == Some(self.records);
        let half = self.amount(FaultKind::CountSmaller).is_some_and(|fewer| fewer * 2 == self.records);
        self.profile().log.width() < 40 && self.records < 50 && (twice || half)
    }

    /// The value of a fault that strikes.
    fn amount(&self, kind: FaultKind) -> Option<usize> {
        let written = self.faults.iter().find(|fault| fault.kind() == kind)?.to_string();
        written.split(['=', 'x', '@']).nth(1)?.parse().ok()
    }

    /// The log as a client should find it: faults that change records have changed it, duplicates included.
    fn truth(&self) -> Vec<Row> {
        let mut device = Device::new(self.terminal());
        device.set_faults(&self.faults);
        device.records().iter().map(|punch| row(punch, self.profile().log)).collect()
    }

    /// What was proven is what the terminal holds, each record once and in order.
    pub(crate) fn assert_true(&self, mut proven: Proven) {
        if proven.is_neutral() || self.is_undecidable() {
            return;
        }
        let mut rows = Vec::new();
        loop {
            let batch = proven.next_batch(64).unwrap();
            if batch.is_empty() {
                break;
            }
            rows.extend(batch.into_iter().map(|record| {
                let who = match record.who {
                    Who::UserId(id) => id.0,
                    Who::Uid(uid) => format!("uid {}", uid.0),
                };
                (who, record.time.0, record.punch_state.0, record.verify_mode.0)
            }));
        }
        assert!(rows == self.truth(), "{self:?}: {} rows", rows.len());
    }
}

/// Who, when, state, mode.
type Row = (String, u32, u8, u8);

fn row(punch: &Punch, layout: AttendanceLayout) -> Row {
    let who = match layout {
        AttendanceLayout::EightA | AttendanceLayout::EightB => format!("uid {}", punch.uid),
        // A number that nobody keyed in is 0.
        AttendanceLayout::Sixteen if punch.user_id.is_empty() => "0".to_owned(),
        _ => punch.user_id.to_string(),
    };
    (who, punch.time.0, punch.state, punch.mode)
}
