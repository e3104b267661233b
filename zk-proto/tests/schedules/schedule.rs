//! One schedule: a terminal, what it holds, and what goes wrong.

use std::fmt;
use std::str::FromStr;

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

/// What happens, in one line that says all of it: `seed profile carrier records fault,fault`, as in `417 tft40 udp 200
/// cut-head=12x1@1,udp-loss=10`. A number alone stands for the schedule that is drawn from it today; another version,
/// with other faults or families to draw from, draws another one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schedule {
    number: u64,
    profile: &'static str,
    records: usize,
    over_udp: bool,
    faults: Vec<Fault>,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, profile, records, .. } = self;
        let faults: Vec<_> = self.faults.iter().map(Fault::to_string).collect();
        write!(f, "{number} {profile} {} {records} {}", if self.over_udp { "udp" } else { "tcp" }, faults.join(","))
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{what} in the schedule {line:?}");
        let mut words = line.split_whitespace();
        let number = words.next().and_then(|number| number.parse().ok()).ok_or_else(|| wrong("no seed"))?;
        let Some(profile) = words.next() else { return Ok(Self::new(number)) };
        let profile = Profile::named(profile).ok_or_else(|| wrong("no such family"))?.name;
        let over_udp = match words.next() {
            Some("udp") => true,
            Some("tcp") => false,
            _ => return Err(wrong("no carrier")),
        };
        let records = words.next().and_then(|records| records.parse().ok()).ok_or_else(|| wrong("no records"))?;
        let faults = words.next().into_iter().flat_map(|faults| faults.split(','));
        let faults = faults.map(Fault::parse).collect::<Result<_, _>>().map_err(|error| wrong(&error.to_string()))?;
        match words.next() {
            None => Ok(Self { number, profile, records, over_udp, faults }),
            Some(_) => Err(wrong("too much")),
        }
    }
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
        // A log that is rewritten while it is read has no truth of its own to compare with; `quirks` looks at it.
        let kinds: Vec<_> = FaultKind::ALL.iter().copied().filter(|kind| *kind != FaultKind::Rewritten).collect();
        let faults = (0..dice.below(5)).map(|_| fault(dice.one_of(&kinds), &mut dice)).collect();
        Self { number, profile: profile.name, records, over_udp, faults }
    }

    pub(crate) fn transport(&self) -> Transport {
        if self.over_udp { Transport::Udp } else { Transport::Tcp }
    }

    fn profile(&self) -> Profile {
        Profile::named(self.profile).unwrap()
    }

    /// The terminal, still without its faults: a log with 30 February in it would be generated again by each.
    pub(crate) fn terminal(&self) -> Terminal {
        let now = NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(9, 0, 0).unwrap();
        let terminal = Terminal::builder().profile(self.profile()).records(self.records).users(40);
        terminal.seed(self.number).now(now).build()
    }

    /// Lets go wrong what is to go wrong.
    pub(crate) fn arm(&self, set: impl FnOnce(&[Fault])) {
        set(&self.faults);
    }

    fn strikes(&self, kind: FaultKind) -> bool {
        self.faults.iter().any(|fault| fault.kind() == kind)
    }

    /// Returns true if whole records are missing, and nothing else: none of the others is out of place then, and bytes
    /// alone cannot tell; the docs of `proof` say so. That few short records leave more open than this, no schedule has
    /// met.
    fn lacks_whole_records(&self, truth: &[Row], rows: &[Row]) -> bool {
        let behind = |kind| self.cut(kind, truth.len()).and_then(|records| truth.get(records..));
        let shorter = behind(FaultKind::CutHeadSized);
        let says_none = self.strikes(FaultKind::CountZero) || self.amount(FaultKind::CountSmaller) >= Some(truth.len());
        let has_none = self.strikes(FaultKind::NoData) || shorter == Some(&[]);
        // A log is filled up with empty records.
        let filled = behind(FaultKind::CutHeadFilled).and_then(|shorter| rows.strip_prefix(shorter));
        (rows.is_empty() && says_none && has_none)
            || shorter == Some(rows)
            || filled.is_some_and(|filling| rows.len() == truth.len() && filling.iter().all(|row| row.1 == 0))
    }

    /// How many of so many records a cut takes, if those are whole ones.
    fn cut(&self, kind: FaultKind, records: usize) -> Option<usize> {
        let width = self.profile().log.width();
        let bytes = self.amount(kind)?.min(records * width);
        (bytes % width == 0).then_some(bytes / width)
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

    /// A damaged patch is in the terminal's own log: its noise is what the terminal holds, and the truth does not have
    /// it. In short records some of it can pass for punches. All rows outside of the patch have to be true.
    fn take_over_noise(&self, rows: &[Row], truth: &mut [Row]) {
        let Some(noisy) = self.amount(FaultKind::DamagedPatch) else { return };
        let written = self.faults.iter().find(|fault| fault.kind() == FaultKind::DamagedPatch).map(ToString::to_string);
        let sound = written.as_deref().and_then(|fault| fault.split_once('@')?.1.parse().ok()).unwrap_or(0);
        for (row, true_row) in rows.iter().zip(truth).skip(sound).take(noisy) {
            true_row.clone_from(row);
        }
    }

    /// Checks that the proven records are those of the terminal, each once and in order.
    pub(crate) fn assert_true(&self, mut proven: Proven) {
        if proven.is_neutral() {
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
        let mut truth = self.truth();
        self.take_over_noise(&rows, &mut truth);
        assert!(rows == truth || self.lacks_whole_records(&truth, &rows), "{} rows of {}", rows.len(), truth.len());
    }
}

/// Says how a schedule is run again, if anything panics while this is held.
pub(crate) struct Told<'a>(pub(crate) &'a Schedule);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to run it again: SCHEDULE=\"{}\" cargo test -p zk-proto --test schedules", self.0);
        }
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
