//! Two ways of doing the same, timed by turns.

use std::time::{Duration, Instant};

/// The results of paired rounds.
pub(crate) struct Pairs {
    /// The median time of the first.
    pub(crate) proven: Duration,
    /// The median time of the second.
    pub(crate) bare: Duration,
    /// The median of the rounds' ratios.
    pub(crate) ratio: f64,
}

/// Does both in each round, one after the other: what else the machine does is in both, or in few ratios.
pub(crate) fn compare(rounds: usize, mut proven: impl FnMut(), mut bare: impl FnMut()) -> Pairs {
    let mut times: Vec<(Duration, Duration)> = (0..rounds).map(|_| (time(&mut proven), time(&mut bare))).collect();
    times.sort_unstable_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    Pairs {
        ratio: ratio(&times[rounds / 2]),
        proven: median(times.iter().map(|(proven, _)| *proven)),
        bare: median(times.iter().map(|(_, bare)| *bare)),
    }
}

fn time(work: &mut impl FnMut()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn ratio((proven, bare): &(Duration, Duration)) -> f64 {
    proven.as_secs_f64() / bare.as_secs_f64()
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times[times.len() / 2]
}
