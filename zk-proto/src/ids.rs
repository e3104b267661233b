//! Numbers with a meaning.

/// The slot a user occupies in one terminal's table. Means nothing on another terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Uid(pub u16);

/// How the person proved who they are: an open set, the raw byte is kept.
///
/// Meanings differ between firmware families; only the constants here are taken as known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct VerifyMode(pub u8);

impl VerifyMode {
    /// Password, or not reported.
    pub const PASSWORD: Self = Self(0);
    /// Fingerprint.
    pub const FINGERPRINT: Self = Self(1);
    /// Card (older numbering).
    pub const CARD: Self = Self(2);
    /// Face.
    pub const FACE: Self = Self(15);
    /// Palm (one source).
    pub const PALM: Self = Self(25);

    /// Whether the value stands in the field's published tables: 0-16 and 25.
    #[must_use]
    pub fn is_documented(self) -> bool {
        matches!(self.0, 0..=16 | 25)
    }
}

/// What the person declared: an open set, the raw byte is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PunchState(pub u8);

impl PunchState {
    /// Arrival.
    pub const CHECK_IN: Self = Self(0);
    /// Departure.
    pub const CHECK_OUT: Self = Self(1);
    /// Begin of a break.
    pub const BREAK_OUT: Self = Self(2);
    /// End of a break.
    pub const BREAK_IN: Self = Self(3);
    /// Begin of overtime.
    pub const OVERTIME_IN: Self = Self(4);
    /// End of overtime.
    pub const OVERTIME_OUT: Self = Self(5);
    /// The terminal asks for no state.
    pub const UNDEFINED: Self = Self(255);

    /// Whether the value is one of the constants.
    #[must_use]
    pub fn is_known(self) -> bool {
        matches!(self.0, 0..=5 | 255)
    }
}
