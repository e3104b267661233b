//! The rest that a terminal needs between two sessions.

use std::time::Duration;

use tokio::time::Instant;

use crate::ClientError;

/// The first guess.
const FIRST: Duration = Duration::from_secs(1);
/// Sessions in a row, each soon after the one before, after which a shorter rest is tried. Twice as many after each
/// time that it was too short.
const SHORTER_AFTER: u32 = 50;
/// The longest rest. If a terminal resets a session after that too, it has another reason.
const LONGEST: Duration = Duration::from_secs(60);

/// The rest that a terminal needs between two sessions. Some firmware resets a session that begins too soon after
/// another one.
///
/// It is learned by doubling, from one second to 60 s, with each session that is reset soon after the last one. Note
/// every session with [`SessionRest::began`], [`SessionRest::ended`] and [`SessionRest::failed`], and wait for
/// [`SessionRest::left`] before the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionRest {
    /// After this rest a session came about.
    needed: Duration,
    /// The rest that is tried next.
    tried: Duration,
    ended: Option<Instant>,
    /// Sessions in a row that came about soon after the one before.
    came: u32,
    /// The times that a shorter rest was too short.
    in_vain: u32,
}

impl SessionRest {
    /// Begins with what was learned earlier; 60 s at most.
    #[must_use]
    pub fn new(needed: Duration) -> Self {
        let needed = needed.min(LONGEST);
        Self { needed, tried: needed, ..Self::default() }
    }

    /// The rest that the terminal was seen to need; zero if it needs none. Remember it.
    #[must_use]
    pub fn needed(&self) -> Duration {
        self.needed
    }

    /// The time that the next session still has to wait.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.ended.map_or(Duration::ZERO, |at| self.tried.saturating_sub(at.elapsed()))
    }

    /// Notes that a session came about.
    pub fn began(&mut self) {
        // A terminal that had longer says nothing about a shorter rest.
        let soon = self.tried.saturating_mul(2).saturating_add(FIRST);
        let is_soon = self.ended.is_some_and(|at| at.elapsed() <= soon);
        if is_soon || self.tried > self.needed {
            self.needed = self.tried;
        }
        self.came = if is_soon && !self.needed.is_zero() { self.came.saturating_add(1) } else { self.came };
        if self.came >= SHORTER_AFTER << self.in_vain.min(6) {
            self.came = 0;
            self.tried = if self.needed > FIRST { self.needed / 2 } else { Duration::ZERO };
        }
    }

    /// Notes the end of a session.
    pub fn ended(&mut self) {
        self.ended = Some(Instant::now());
    }

    /// Notes a session that did not come about. Only a reset teaches anything, and only after an earlier session of
    /// ours: before, the terminal may be busy with somebody else.
    pub fn failed(&mut self, why: &ClientError) {
        if self.ended.is_none() || !why.is_reset() {
            return;
        }
        self.came = 0;
        self.in_vain = self.in_vain.saturating_add(u32::from(self.tried < self.needed));
        if self.tried >= LONGEST {
            (self.tried, self.ended) = (self.needed, None);
        } else {
            self.tried = self.tried.saturating_mul(2).clamp(FIRST, LONGEST);
            self.ended();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    fn reset() -> ClientError {
        ClientError::Busy { address: String::new() }
    }

    #[test]
    fn the_rest_doubles_up_to_a_minute_and_is_kept_once_it_was_enough() {
        let mut rest = SessionRest::default();
        rest.began();
        rest.ended();
        let tried: Vec<_> = (0..7)
            .map(|_| {
                rest.failed(&reset());
                rest.left().as_secs_f32().ceil() as u64
            })
            .collect();
        assert_eq!(tried, [1, 2, 4, 8, 16, 32, 60]);
        assert_eq!(rest.needed(), Duration::ZERO, "nothing came about yet");
        rest.began();
        assert_eq!(rest.needed(), LONGEST);
        assert_eq!(SessionRest::new(rest.needed() * 9).needed(), LONGEST);
    }

    #[test]
    fn a_shorter_rest_is_tried_after_many_sessions_and_later_if_it_was_too_short() {
        let mut rest = SessionRest::new(Duration::from_secs(2));
        let session = |rest: &mut SessionRest| {
            rest.ended();
            rest.began();
        };
        (0..SHORTER_AFTER).for_each(|_| session(&mut rest));
        rest.ended();
        assert!(rest.left() <= FIRST, "one second is tried");
        rest.failed(&reset());
        assert!(rest.left() > FIRST, "two again");
        assert_eq!(rest.needed(), Duration::from_secs(2));
        (0..SHORTER_AFTER).for_each(|_| session(&mut rest));
        rest.ended();
        assert!(rest.left() > FIRST, "not yet");
        (0..SHORTER_AFTER + 1).for_each(|_| session(&mut rest));
        assert_eq!(rest.needed(), FIRST, "it was enough this time");
        (0..2 * SHORTER_AFTER).for_each(|_| session(&mut rest));
        assert_eq!(rest.needed(), Duration::ZERO, "and no rest at all");
    }

    #[test]
    fn what_has_another_reason_teaches_nothing() {
        let mut rest = SessionRest::new(Duration::from_secs(2));
        rest.failed(&reset());
        assert_eq!(rest.left(), Duration::ZERO, "no session of ours came before");
        rest.ended();
        rest.failed(&ClientError::Connect { address: String::new(), source: io::ErrorKind::ConnectionRefused.into() });
        assert!(rest.left() <= Duration::from_secs(2));
        for _ in 0..6 {
            rest.failed(&reset());
        }
        assert_eq!(rest.left(), Duration::ZERO, "sixty seconds did not help either");
        rest.began();
        assert_eq!(rest.needed(), Duration::from_secs(2));
    }
}
