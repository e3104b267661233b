//! The terminal's communication key and its scramble.

use core::fmt;

use crate::SessionId;

/// The numeric key that a terminal may demand after `CONNECT`; 0 means none is set. Never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CommKey(u32);

/// The time byte that every known client sends; it travels in clear, so any value works.
pub const TICKS: u8 = 50;

impl CommKey {
    /// A key. Terminals' menus allow 0-999999. Other programs set larger ones, so any `u32` is accepted.
    #[must_use]
    pub const fn new(key: u32) -> Self {
        Self(key)
    }

    /// The four data bytes of `AUTH` for a session. Source: `vectors/commkey.json`.
    #[must_use]
    pub fn scramble(self, session: SessionId, ticks: u8) -> [u8; 4] {
        let [_, r1, r2, r3] = self.0.reverse_bits().wrapping_add(u32::from(session.0)).to_le_bytes();
        // XOR with "ZKSO", halves swapped; the byte that would hold r0 carries the ticks instead.
        [r2 ^ b'S' ^ ticks, r3 ^ b'O' ^ ticks, ticks, r1 ^ b'K' ^ ticks]
    }

    /// Returns true if `token` is this key's for the session, with any ticks. Used on the terminal's side.
    #[must_use]
    pub fn accepts(self, session: SessionId, token: &[u8]) -> bool {
        matches!(token, [a, b, ticks, d, ..] if self.scramble(session, *ticks) == [*a, *b, *ticks, *d])
    }
}

impl fmt::Debug for CommKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommKey(..)")
    }
}
