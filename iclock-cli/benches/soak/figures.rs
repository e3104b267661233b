//! What the program uses, and whether that grows.

use std::path::Path;
use std::time::Duration;

use crate::Result;

/// The columns of [`Figures::line`].
pub(crate) const HEAD: &str = "   time polls/s punches/s memory handles ledger audit sinks  WAL logs rest\n\
    \u{20}     s                      MiB            MiB   MiB   MiB  MiB  MiB  MiB";

const MIB: f64 = 1024.0 * 1024.0;

/// The share of the time in which memory is still being filled: caches, learned habits.
const WARM_UP: f64 = 0.1;
/// The most that memory may be above, in MiB.
const MEMORY: f64 = 4.0;
/// The most that handles or threads may be above.
const HANDLES: f64 = 4.0;
/// The bounds of files that must not grow with the punches, in MiB: as the ledger and SQLite's sink limit their logs,
/// as the configuration limits the log, and for three unproven logs of each terminal and the ballast.
const WAL: f64 = 72.0;
const LOGS: f64 = 0.8;
const REST: f64 = 48.0;
/// The bounds of the others, in bytes for each punch, and in MiB for pages that are not full yet.
const LEDGER: f64 = 1_024.0;
const AUDIT: f64 = 1_536.0;
const SINKS: f64 = 1_024.0;
const BEGUN: f64 = 8.0;

/// A figure: its name, its value, and the most that it may be or grow.
type Bar = (&'static str, fn(&Figures) -> f64, f64);

/// The figures of a moment.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) at: Duration,
    /// Punches and polls since the start.
    pub(crate) punches: f64,
    pub(crate) polls: f64,
    /// Resident memory in MiB.
    pub(crate) memory: f64,
    pub(crate) handles: f64,
    pub(crate) threads: f64,
    pub(crate) files: Files,
}

/// Bytes of files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    ledger: f64,
    audit: f64,
    sinks: f64,
    wal: f64,
    logs: f64,
    rest: f64,
}

impl Files {
    pub(crate) fn add(&mut self, path: &Path, size: f64) {
        let is_in = |dir: &str| path.parent().is_some_and(|parent| parent.ends_with(dir));
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let sum = match name {
            name if name.ends_with("-wal") || name.ends_with("-shm") => &mut self.wal,
            "ledger.sqlite" => &mut self.ledger,
            name if name.starts_with("attendance.") => &mut self.sinks,
            _ if is_in("audit") => &mut self.audit,
            _ if is_in("logs") => &mut self.logs,
            _ => &mut self.rest,
        };
        *sum += size;
    }
}

impl Figures {
    /// A line, with the rates since an earlier moment.
    pub(crate) fn line(&self, since: &Self) -> String {
        let Files { ledger, audit, sinks, wal, logs, rest } = &self.files;
        let seconds = (self.at - since.at).as_secs_f64().max(1.0);
        format!(
            "{:7.0} {:7.1} {:9.1} {:6.1} {:7.0} {:6.1} {:5.1} {:5.1} {:4.1} {:4.2} {:4.1}",
            self.at.as_secs_f64(),
            (self.polls - since.polls) / seconds,
            (self.punches - since.punches) / seconds,
            self.memory,
            self.handles,
            ledger / MIB,
            audit / MIB,
            sinks / MIB,
            wal / MIB,
            logs / MIB,
            rest / MIB,
        )
    }
}

/// Compares the second half with the first, without the time in which memory is still being filled.
///
/// # Errors
/// If something grows that must not.
pub(crate) fn flatness(taken: &[Figures]) -> Result<()> {
    let warm = taken.get((taken.len() as f64 * WARM_UP) as usize..).unwrap_or_default();
    let (first, second) = warm.split_at(warm.len() / 2);
    let (Some(start), Some(end)) = (warm.first(), warm.last()) else { return Err("it was too short".into()) };
    let mut grown = Vec::new();
    let figures: [Bar; 3] = [
        ("memory in MiB", |figures| figures.memory, MEMORY),
        ("handles", |figures| figures.handles, HANDLES),
        ("threads", |figures| figures.threads, HANDLES),
    ];
    for (name, of, most) in figures {
        let (before, after) = (median(first, of), median(second, of));
        let peak = warm.iter().map(of).fold(0.0, f64::max);
        println!("{name}: {before:.1} in the first half, {after:.1} in the second, {peak:.1} at most");
        if after > before + most {
            grown.push(format!("{name} grew from {before:.1} to {after:.1}"));
        }
    }
    let bounded: [Bar; 3] = [
        ("SQLite's logs", |figures| figures.files.wal, WAL),
        ("the log", |figures| figures.files.logs, LOGS),
        ("other files", |figures| figures.files.rest, REST),
    ];
    for (name, of, most) in bounded {
        let peak = taken.iter().map(of).fold(0.0, f64::max) / MIB;
        println!("{name}: {peak:.1} MiB at most");
        if peak > most {
            grown.push(format!("{name} had {peak:.1} MiB; the bound is {most} MiB"));
        }
    }
    let per_punch: [Bar; 3] = [
        ("the ledger", |figures| figures.files.ledger, LEDGER),
        ("the audit", |figures| figures.files.audit, AUDIT),
        ("the sinks", |figures| figures.files.sinks, SINKS),
    ];
    for (name, of, most) in per_punch {
        let (bytes, punches) = (of(end) - of(start), (end.punches - start.punches).max(1.0));
        let each = bytes / punches;
        println!("{name}: {each:.0} bytes for each punch");
        if bytes > most * punches + BEGUN * MIB {
            grown.push(format!("{name} grew by {each:.0} bytes for each punch; the bound is {most}"));
        }
    }
    if grown.is_empty() { Ok(()) } else { Err(grown.join("; ").into()) }
}

fn median(of: &[Figures], number: fn(&Figures) -> f64) -> f64 {
    let mut numbers: Vec<f64> = of.iter().map(number).collect();
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
