//! The hours of each day of a week in which a door may be opened.

use bytes::{Buf, BufMut, BytesMut};

use crate::ProtoError;

/// Size of the known part of the answer: number and seven days. A capture has two more bytes of unknown meaning.
const NEEDED: usize = 30;

/// The hours of one day. Bytes as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hours {
    /// Hour and minute of the start.
    pub from: (u8, u8),
    /// Hour and minute of the end, which is included.
    pub to: (u8, u8),
}

impl Hours {
    /// The whole day.
    pub const ALWAYS: Self = Self { from: (0, 0), to: (23, 59) };
    /// Closed all day: the start is after the end.
    pub const NEVER: Self = Self { from: (23, 59), to: (0, 0) };

    /// Returns true if the day has no open minute.
    #[must_use]
    pub fn is_never(self) -> bool {
        self.from > self.to
    }

    fn exists(self) -> bool {
        [self.from, self.to].into_iter().all(|(hour, minute)| hour < 24 && minute < 60)
    }
}

/// A time zone of access control: the hours of each week in which its users may enter. It has nothing to do with the
/// zones of clocks.
///
/// Source: `vectors/packets_replies.json`, captured.
///
/// ```
/// use zk_proto::record::{Hours, WeeklyZone};
///
/// let office = Hours { from: (8, 0), to: (17, 30) };
/// let zone = WeeklyZone { number: 2, days: [Hours::NEVER, office, office, office, office, office, Hours::NEVER] };
/// assert!(zone.days[0].is_never() && !zone.days[1].is_never());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeeklyZone {
    /// Number of the zone, 1-50.
    pub number: u16,
    /// Sunday first.
    pub days: [Hours; 7],
}

impl WeeklyZone {
    /// Reads the answer to command 27: number `u16`, seven times start and end.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] below 30 bytes.
    pub fn parse(mut data: &[u8]) -> Result<Self, ProtoError> {
        let have = data.len();
        let truncated = |_| ProtoError::Truncated { what: "access time zone", need: NEEDED, have };
        let number = data.try_get_u16_le().map_err(truncated)?;
        let mut days = [Hours::NEVER; 7];
        for day in &mut days {
            let [from_hour, from_minute, to_hour, to_minute] = data.try_get_u32().map_err(truncated)?.to_be_bytes();
            *day = Hours { from: (from_hour, from_minute), to: (to_hour, to_minute) };
        }
        Ok(Self { number, days })
    }

    /// Appends the data of command 28: number `u32`, seven times start and end.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] if a time does not exist.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), ProtoError> {
        if !self.days.iter().all(|day| day.exists()) {
            return Err(ProtoError::Invalid { what: "access time zone" });
        }
        out.put_u32_le(self.number.into());
        for Hours { from, to } in self.days {
            out.put_slice(&[from.0, from.1, to.0, to.1]);
        }
        Ok(())
    }
}
