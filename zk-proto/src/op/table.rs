//! The terminal's tables as a whole: counts, the transfer buffer, refreshing written data.

use bytes::{Buf, BufMut, BytesMut};

use super::Operation;
use crate::record::FreeSizes;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads counts and capacities (command 50).
#[derive(Clone, Copy, Debug)]
pub struct GetFreeSizes;

impl Operation for GetFreeSizes {
    const COMMAND: Command = Command::GET_FREE_SIZES;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = FreeSizes;

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<FreeSizes, ProtoError> {
        FreeSizes::parse(reply.ok()?)
    }
}

/// Drops the terminal's transfer buffer (command 1502). Harmless when there is none.
#[derive(Clone, Copy, Debug)]
pub struct FreeData;

bare!(FreeData, FREE_DATA, repeatable);

/// Makes the terminal take over written users and templates (command 1013). Without it, some
/// firmware keeps using the old ones.
#[derive(Clone, Copy, Debug)]
pub struct RefreshData;

bare!(RefreshData, REFRESHDATA, repeatable);

/// Reads how many attendance photos the terminal keeps (command 2013; not verified).
///
/// Public lists name three more commands for these photos (2014 by name, 2015 clear by time, 2016 names by time). The
/// layout of their data is not known, so they are left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountPhotos {
    /// Selects the photos; no source documents the values.
    pub flag: u32,
}

impl Operation for CountPhotos {
    const COMMAND: Command = Command::GET_PHOTO_COUNT;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = u32;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.flag);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<u32, ProtoError> {
        let mut data = reply.ok()?;
        let have = data.len();
        data.try_get_u32_le().map_err(|_| ProtoError::Truncated { what: "photo count", need: 4, have })
    }
}
