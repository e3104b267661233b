//! The rest that a terminal needs between two sessions.

use std::time::Duration;

use tokio::time::Instant;

use crate::ClientError;

/// The first guess.
const FIRST: Duration = Duration::from_secs(1);
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
}

impl SessionRest {
    /// Begins with what was learned earlier; 60 s at most.
    #[must_use]
    pub fn new(needed: Duration) -> Self {
        let needed = needed.min(LONGEST);
        Self { needed, tried: needed, ended: None }
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
        self.needed = self.tried;
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
