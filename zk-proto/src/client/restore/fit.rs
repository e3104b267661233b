//! A user of one terminal in the records of another.

use std::fmt;
use std::vec::Vec;

use bytes::{Bytes, BytesMut};

use crate::ProtoError;
use crate::encoding::TextEncoding;
use crate::record::{AccessZones, User, UserLayout, UserPassword, check_user_id};

/// A detail of a user that the records of the other terminal cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// The name is cut.
    Name,
    /// The times of access become those of the user's group.
    Zones,
    /// Password and card are not known: nobody knows where the records of the backup have them.
    Credentials,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name cut",
            Self::Zones => "access times become the group's",
            Self::Credentials => "without password and card",
        })
    }
}

/// A kind of record, and the code page of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) layout: UserLayout,
    pub(super) encoding: TextEncoding,
}

/// Returns the user as the records of `to` hold it, still in its own slot, and what is lost.
pub(super) fn fit(user: &User, from: Form, to: Form) -> Result<(User, Vec<Loss>), ProtoError> {
    if from == to {
        return Ok((user.clone(), Vec::new()));
    }
    let mut losses = Vec::new();
    let mut fitted = User { raw: Bytes::new(), last_name: Bytes::new(), ..user.clone() };
    let mut name = user.name_text(from.encoding);
    let last = from.encoding.decode(&user.last_name);
    if !name.is_empty() && !last.is_empty() {
        name.push(' ');
    }
    name.push_str(&last);
    fitted.set_name(&name, to.layout, to.encoding)?;
    if fitted.name_text(to.encoding) != name {
        losses.push(Loss::Name);
    }
    if from.layout != to.layout {
        check_user_id(to.layout, &user.user_id)?;
        if !is_of_group(user.zones) {
            losses.push(Loss::Zones);
        }
        fitted.zones = AccessZones::Group;
        if from.layout == UserLayout::HundredTwenty {
            losses.push(Loss::Credentials);
            fitted.password = UserPassword::default();
            fitted.card = 0;
        }
    }
    Ok((fitted, losses))
}

/// Returns true if the user may enter when the group may.
pub(super) fn is_of_group(zones: AccessZones) -> bool {
    match zones {
        AccessZones::Group | AccessZones::Bits(0) => true,
        AccessZones::Listed { flag, zones } => flag == 0 && zones == [0; 3],
        AccessZones::Bits(_) => false,
    }
}

/// Checks that the record can be written.
pub(super) fn check(layout: UserLayout, user: &User) -> Result<(), ProtoError> {
    user.encode(layout, &mut BytesMut::with_capacity(layout.width()))
}
