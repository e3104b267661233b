//! Recent events, to recognize repetitions.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::record::EventCode;

/// Far more than a terminal has events in a few seconds.
const MOST: usize = 256;

/// Recent events, to recognize repetitions.
#[derive(Debug)]
pub(super) struct Recent {
    within: Duration,
    events: VecDeque<(EventCode, Bytes, Instant)>,
}

impl Recent {
    pub(super) fn new(within: Duration) -> Self {
        Self { within, events: VecDeque::new() }
    }

    /// Returns true if this event repeats a recent one. A repetition renews the time.
    ///
    /// Only punches and ended enrolments are compared: they name a person or a second. Finger events carry nothing that
    /// could tell two of them apart.
    pub(super) fn is_repeated(&mut self, code: EventCode, payload: &Bytes) -> bool {
        if !matches!(code, EventCode::ATTENDANCE | EventCode::ENROLL_FINGER) {
            return false;
        }
        let now = Instant::now();
        self.events.retain(|(_, _, at)| now.duration_since(*at) < self.within);
        let known = self.events.iter_mut().find(|(other, data, _)| *other == code && data == payload);
        if let Some((_, _, at)) = known {
            *at = now;
            return true;
        }
        if self.events.len() == MOST {
            self.events.pop_front();
        }
        // A copy: a slice would keep the whole receive buffer alive.
        self.events.push_back((code, Bytes::copy_from_slice(payload), now));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_punch_is_told_once_and_a_finger_each_time() {
        let mut recent = Recent::new(Duration::from_secs(60));
        let (one, other) = (Bytes::from_static(b"1"), Bytes::from_static(b"2"));
        let told: Vec<_> = [&one, &other, &one].map(|punch| !recent.is_repeated(EventCode::ATTENDANCE, punch)).into();
        assert_eq!(told, [true, true, false]);
        assert!(!(0..3).any(|_| recent.is_repeated(EventCode::FINGER, &Bytes::new())));
        let mut forgetful = Recent::new(Duration::ZERO);
        assert!(!(0..2).any(|_| forgetful.is_repeated(EventCode::ATTENDANCE, &one)));
    }
}
