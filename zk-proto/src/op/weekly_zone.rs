use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::record::WeeklyZone;
use crate::reply::Reply;
use crate::{Command, ProtoError};

/// Reads an access time zone by its number, 1-50 (command 27).
#[derive(Clone, Copy, Debug)]
pub struct ReadWeeklyZone(pub u16);

impl Operation for ReadWeeklyZone {
    const COMMAND: Command = Command::TZ_RRQ;
    const REPEATABLE: bool = true;
    const WANTS_DATA: bool = true;
    type Answer = WeeklyZone;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.0.into());
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<WeeklyZone, ProtoError> {
        WeeklyZone::parse(reply.ok()?)
    }
}

/// Writes an access time zone (command 28).
#[derive(Clone, Debug)]
pub struct WriteWeeklyZone(Bytes);

impl WriteWeeklyZone {
    /// The whole zone, in place of what it was.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when a field has no place in the record.
    pub fn new(record: &WeeklyZone) -> Result<Self, ProtoError> {
        let mut data = BytesMut::new();
        record.encode(&mut data)?;
        Ok(Self(data.freeze()))
    }
}

impl Operation for WriteWeeklyZone {
    const COMMAND: Command = Command::TZ_WRQ;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_slice(&self.0);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}
