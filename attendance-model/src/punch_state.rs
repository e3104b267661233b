//! The declaration of a person at the terminal.

use serde::{Deserialize, Serialize};

/// The person's declaration (in, out, break, overtime): the terminal's byte as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PunchState(pub u8);

impl PunchState {
    /// Returns true if terminals are known to use the value: 0-5 (in, out, break out and in, overtime in and out), or
    /// 255 if they ask for none.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self.0, 0..=5 | 255)
    }
}
