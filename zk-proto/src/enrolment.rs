//! A remote enrolment, step by step: the meaning of the terminal's events for the person at the terminal.
//!
//! It does no input or output. Start the enrolment with [`StartEnrolment`](crate::op::StartEnrolment) and hand in every
//! [`LiveEvent`]. [`Client::enrol`](crate::Client::enrol) does both.
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

/// A step of an enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A finger is on the sensor.
    Placed {
        /// The press, from 1; three are usual.
        press: u8,
    },
    /// The press was good.
    Captured {
        /// The press, from 1.
        press: u8,
    },
    /// The press was bad and has to be repeated.
    Repeat {
        /// The press, from 1.
        press: u8,
    },
    /// The enrolment ended.
    Ended(Enrolment),
}

/// The progress of an enrolment.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    captured: u8,
    ended: bool,
}

impl Progress {
    /// Returns the meaning of an event for the enrolment. `None` for unrelated events, such as a punch, and for the
    /// second of the two completions that many terminals send.
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
