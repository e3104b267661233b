//! A kept log in the layouts that are possible, as a person looks at it before a decision.

use attendance_model::LocalTime;
use zk_proto::proof::{Forced, Grade};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, Who};

use super::{AcceptError, UnprovenBuffer, open};

/// A kept log in one layout.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sample {
    /// The layout.
    pub layout: AttendanceLayout,
    /// Records in all.
    pub records: u64,
    /// Records that make sense.
    pub good: u64,
    /// Records that lack an id, or have the date of a clock that was reset.
    pub neutral: u64,
    /// Records with a field that is impossible.
    pub bad: u64,
    /// The first records.
    pub first: Vec<SampleRecord>,
}

/// A record of a kept log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SampleRecord {
    /// Its number in the terminal's log, from 1 on.
    pub number: u64,
    /// How believable it is: `good`, `neutral` or `bad`.
    pub grade: &'static str,
    /// The user id, or the slot of the person; noise has any characters.
    pub user_id: String,
    /// The terminal's clock; it need not be a time that exists.
    pub local_time: LocalTime,
    /// The terminal's number for what the person declared.
    pub punch_state: u8,
    /// The terminal's number for how the person proved who they are.
    pub verify_mode: u8,
    /// Its bytes.
    pub raw: Vec<u8>,
}

/// Returns a kept log in each layout in which most of it makes sense, the best first, with so many of its first
/// records.
///
/// # Errors
/// [`AcceptError::Ledger`] and [`AcceptError::Spool`] when its bytes cannot be read.
pub fn samples(buffer: &UnprovenBuffer, shown: usize) -> Result<Vec<Sample>, AcceptError> {
    let mut bytes = open(buffer)?;
    let mut samples = Vec::new();
    for mut reading in bytes.possible()? {
        let number = reading.first_index() + reading.place() + 1;
        let batch = reading.next_batch(bytes.spool(), shown)?;
        let first = (number..).zip(&batch).map(|(number, (grade, record))| row(buffer, number, *grade, record));
        samples.push(sample(&reading, first.collect()));
    }
    Ok(samples)
}

fn sample(reading: &Forced, first: Vec<SampleRecord>) -> Sample {
    let tally = reading.tally();
    let (good, neutral, bad) = (tally.good, tally.neutral, tally.bad);
    Sample { layout: reading.layout(), records: reading.records(), good, neutral, bad, first }
}

fn row(buffer: &UnprovenBuffer, number: u64, grade: Grade, record: &AttendanceRecord) -> SampleRecord {
    let slot = |uid: u16| {
        let users = buffer.evidence.as_ref().and_then(|known| known.users.as_ref());
        users.and_then(|users| users.get(&uid)).cloned().unwrap_or_else(|| format!("slot {uid}"))
    };
    SampleRecord {
        number,
        grade: match grade {
            Grade::Good => "good",
            Grade::Neutral => "neutral",
            Grade::Bad => "bad",
        },
        user_id: match &record.who {
            Who::UserId(id) => id.0.clone(),
            Who::Uid(uid) => slot(uid.0),
        },
        local_time: LocalTime::from(record.time),
        punch_state: record.punch_state.0,
        verify_mode: record.verify_mode.0,
        raw: record.raw.to_vec(),
    }
}
