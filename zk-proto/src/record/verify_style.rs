//! The ways in which people may prove who they are, by group or by user.

/// The proofs that a group accepts: an open set of 7 bits, the raw number is kept. Source: a public table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct VerifyStyle(pub u8);

impl VerifyStyle {
    /// Finger, password or card.
    pub const ANY: Self = Self(0);
    /// Finger.
    pub const FINGER: Self = Self(1);
    /// User id.
    pub const USER_ID: Self = Self(2);
    /// Password.
    pub const PASSWORD: Self = Self(3);
    /// Card.
    pub const CARD: Self = Self(4);
    /// Finger or password.
    pub const FINGER_OR_PASSWORD: Self = Self(5);
    /// Finger or card.
    pub const FINGER_OR_CARD: Self = Self(6);
    /// Password or card.
    pub const PASSWORD_OR_CARD: Self = Self(7);
    /// User id and finger.
    pub const USER_ID_AND_FINGER: Self = Self(8);
    /// Finger and password.
    pub const FINGER_AND_PASSWORD: Self = Self(9);
    /// Finger and card.
    pub const FINGER_AND_CARD: Self = Self(10);
    /// Password and card.
    pub const PASSWORD_AND_CARD: Self = Self(11);
    /// Finger, password and card.
    pub const FINGER_AND_PASSWORD_AND_CARD: Self = Self(12);
    /// User id, finger and password.
    pub const USER_ID_AND_FINGER_AND_PASSWORD: Self = Self(13);
    /// Finger and card, or finger and user id.
    pub const FINGER_AND_CARD_OR_USER_ID: Self = Self(14);
}

/// The proofs that a user needs: the byte as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserVerifyStyle(pub u8);

impl UserVerifyStyle {
    /// Those of the user's group.
    pub const GROUP: Self = Self(0);

    /// The user's own.
    #[must_use]
    pub const fn own(style: VerifyStyle) -> Self {
        Self(128 | style.0)
    }

    /// Returns the user's own style, if the byte is one.
    #[must_use]
    pub const fn style(self) -> Option<VerifyStyle> {
        if self.0 & 128 != 0 { Some(VerifyStyle(self.0 & 127)) } else { None }
    }
}
