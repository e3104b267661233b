//! The circuit breaker of a sink: after a failure it is left alone for a while, and then tried with one event.
//!
//! It reads no clock and draws no random numbers: the caller passes both.

use std::time::Duration;

/// The wait after the first failure. It doubles with each further one.
const FIRST: Duration = Duration::from_secs(5);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(300);

/// The longest wait that a sink can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

/// A circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Circuit {
    /// Failures since the last success.
    failures: u32,
    /// The time at which it may be called again; `None` if it may be called now.
    closed_until: Option<Duration>,
}

/// The calls that are allowed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Any.
    All,
    /// One write of one event. Others follow if it goes through.
    Probe,
    /// None for so long.
    None(Duration),
}

impl Circuit {
    /// Returns the calls that are allowed. `now` is time since any fixed origin.
    pub(super) fn allowed(&self, now: Duration) -> Allowed {
        match self.closed_until.map(|until| until.saturating_sub(now)) {
            None => Allowed::All,
            Some(Duration::ZERO) => Allowed::Probe,
            Some(left) => Allowed::None(left),
        }
    }

    /// The sink has taken something, or a person wants it tried now.
    pub(super) fn close(&mut self) {
        *self = Self::default();
    }

    /// The sink has failed. `asked` is the wait that it asked for, and `random` a number from 0 to 1 that keeps many
    /// engines from retrying in step. Returns the wait.
    pub(super) fn fail(&mut self, now: Duration, asked: Option<Duration>, random: f64) -> Duration {
        let base = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        let wait = base.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0));
        let wait = wait.max(asked.unwrap_or_default().min(LONGEST_ASKED));
        self.failures = self.failures.saturating_add(1);
        self.closed_until = Some(now + wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_one_success_ends_them() {
        let mut circuit = Circuit::default();
        let waits: Vec<u64> = (0..8).map(|_| circuit.fail(Duration::ZERO, None, 1.0).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        circuit.close();
        assert_eq!(circuit.allowed(Duration::ZERO), Allowed::All);
        assert_eq!(circuit.fail(Duration::ZERO, None, 0.0), Duration::from_millis(2_500));
    }

    #[test]
    fn a_wait_that_the_sink_asks_for_is_kept_up_to_an_hour() {
        let wait = |asked| Circuit::default().fail(Duration::ZERO, Some(Duration::from_secs(asked)), 0.5).as_secs();
        assert_eq!([wait(90), wait(1_000_000)], [90, 3_600]);
    }

    proptest! {
        /// A sink that is tried as often as allowed: never within the wait, after a failure only with one event, and
        /// again with everything after one success.
        #[test]
        fn a_failing_sink_is_tried_seldom_and_a_working_one_freely(
            steps in prop::collection::vec((0u64..400_000, any::<bool>(), 0.0f64..=1.0), 1..60),
        ) {
            let (mut circuit, mut now, mut failed_at) = (Circuit::default(), Duration::ZERO, None::<Duration>);
            for (later, works, random) in steps {
                now += Duration::from_millis(later);
                match (circuit.allowed(now), failed_at) {
                    (Allowed::All, failed) => prop_assert_eq!(failed, None),
                    (Allowed::Probe, failed) => prop_assert!(failed.is_some_and(|at| now - at >= FIRST / 2)),
                    (Allowed::None(left), failed) => {
                        prop_assert!(failed.is_some_and(|at| now - at < LONGEST) && left <= LONGEST);
                        prop_assert_eq!(circuit.allowed(now + left), Allowed::Probe);
                        continue;
                    }
                }
                if works {
                    circuit.close();
                    failed_at = None;
                } else {
                    let wait = circuit.fail(now, None, random);
                    prop_assert!((FIRST / 2..=LONGEST).contains(&wait));
                    failed_at = Some(now);
                }
            }
        }
    }
}
