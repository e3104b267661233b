//! A remote enrolment, step by step: what the terminal's events mean for the person who stands before it.
//!
//! This is the whole of it without input and output: start it with [`StartEnrolment`](crate::op::StartEnrolment) and hand in
//! every [`LiveEvent`]. [`Client::enrol`](crate::Client::enrol) does both.
//!
//! ```
//! use zk_proto::enrolment::{Progress, Step};
//! use zk_proto::record::LiveEvent;
//!
//! let mut progress = Progress::default();
//! assert_eq!(progress.on_event(&LiveEvent::Finger), Some(Step::Placed { press: 1 }));
//! assert_eq!(progress.on_event(&LiveEvent::FingerScore(0)), Some(Step::Repeat { press: 1 }));
//! assert_eq!(progress.on_event(&LiveEvent::FingerScore(100)), Some(Step::Captured { press: 1 }));
//! assert_eq!(progress.on_event(&LiveEvent::Finger), Some(Step::Placed { press: 2 }));
//! ```

use crate::record::{Enrolment, LiveEvent};

/// What happened in an enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A finger lies on the sensor.
    Placed {
        /// For which press, from 1; three are usual.
        press: u8,
    },
    /// The press was good.
    Captured {
        /// Which, from 1.
        press: u8,
    },
    /// The press was bad and has to be done again.
    Repeat {
        /// Which, from 1.
        press: u8,
    },
    /// It is over.
    Ended(Enrolment),
}

/// How far an enrolment has come.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    captured: u8,
    ended: bool,
}

impl Progress {
    /// What an event means for the enrolment. `None`: nothing, as for a punch in between, or for the second of the two
    /// completions that many terminals send.
    pub fn on_event(&mut self, event: &LiveEvent) -> Option<Step> {
        if self.ended {
            return None;
        }
        let press = self.captured.saturating_add(1);
        match event {
            LiveEvent::Finger => Some(Step::Placed { press }),
            LiveEvent::FingerScore(0) => Some(Step::Repeat { press }),
            LiveEvent::FingerScore(_) => {
                self.captured = press;
                Some(Step::Captured { press })
            }
            LiveEvent::Enrolled(enrolment) => {
                self.ended = true;
                Some(Step::Ended(enrolment.clone()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::EnrolmentResult;

    #[test]
    fn a_completion_that_comes_twice_ends_it_once() {
        let ended = Enrolment { result: EnrolmentResult::DONE, finger: None };
        let mut progress = Progress::default();
        let completion = LiveEvent::Enrolled(ended.clone());
        assert_eq!(progress.on_event(&completion), Some(Step::Ended(ended)));
        assert_eq!(progress.on_event(&completion), None);
    }
}
