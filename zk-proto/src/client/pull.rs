//! What is new in a terminal's log, proven: the whole of an incremental read, over as many sessions as it takes.

use std::boxed::Box;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;
use std::vec::Vec;

use tokio::time::sleep;

use super::{Client, ClientError, Step};
use crate::proof::{
    Counts, Evidence, Known, Proven, Reading, Reason, Remembered, Unproven, UserTable, WORD_LEN, prove, prove_tail,
    prove_users,
};
use crate::record::FieldOrder;
use crate::session::ChecksumPolicy;
use crate::spool::{DEFAULT_MEMORY, Spool, SpoolError};
use crate::{Command, Dataset, DeviceTime, Prepared, ProtoError};

/// Records that are kept of a log's end to know it again.
pub const DEFAULT_OVERLAP: u64 = 16;
/// Sessions that one pull may use, however much each of them brought.
const MAX_SESSIONS: u32 = 12;
/// Sessions in a row that may bring nothing new.
const MAX_FRUITLESS: u32 = 2;
/// Readings of one log that are compared before it is given up.
const MAX_READINGS: usize = 3;
/// How often a fresh session is asked for, and how long the first wait is; a terminal with one session needs a moment to
/// notice that it is free.
const RECONNECTS: u32 = 4;
const RECONNECT_AFTER: Duration = Duration::from_millis(200);
/// Bytes before the place where a line was lost that have to be the same on the next session.
const RESUME_OVERLAP: u64 = 2048;

/// What is known before a pull, and how it is to be done.
#[derive(Clone, Debug)]
pub struct PullRequest {
    /// The records at the end of what is known of this log; `None` reads everything.
    pub known: Option<Known>,
    /// Reads everything even when the end is known.
    pub force_full: bool,
    /// The count of records that this session has already read, if it has.
    pub count_before: Option<u32>,
    /// What earlier pulls have shown about the terminal.
    pub remembered: Remembered,
    /// The terminal was seen to refuse offsets: everything is read from the start.
    pub offsets_refused: bool,
    /// Which of two bytes of a 16-byte record is the punch state.
    pub order: FieldOrder,
    /// The host's local time.
    pub host_now: DeviceTime,
    /// The terminal's clock, where it was read.
    pub terminal_now: Option<DeviceTime>,
    /// Bytes of a transfer that are kept in memory; default 1 MiB.
    pub spool_memory: usize,
    /// Where a longer transfer waits in a temporary file. Without it, a longer one fails.
    pub spool_directory: Option<PathBuf>,
    /// Records of the log's end to give back for the next pull; default [`DEFAULT_OVERLAP`].
    pub overlap: u64,
}

impl PullRequest {
    /// A full read of a terminal that nothing is known of.
    #[must_use]
    pub fn new(host_now: DeviceTime) -> Self {
        Self {
            known: None,
            force_full: false,
            count_before: None,
            remembered: Remembered::default(),
            offsets_refused: false,
            order: FieldOrder::default(),
            host_now,
            terminal_now: None,
            spool_memory: DEFAULT_MEMORY,
            spool_directory: None,
            overlap: DEFAULT_OVERLAP,
        }
    }

    fn spool(&self) -> Spool {
        match &self.spool_directory {
            Some(directory) => Spool::in_directory(self.spool_memory, directory),
            None => Spool::in_memory(self.spool_memory),
        }
    }
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of it that came.
    pub bytes: u64,
    /// Bytes that are to come.
    pub of: u64,
}

/// What a pull found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Pulled {
    /// The log ends where it is known to end.
    Unchanged,
    /// What stands behind the known end.
    Tail(Proven),
    /// The whole log, from its first record on.
    Full(Proven),
    /// No proof, on a fresh session either. The last reading, and why each failed.
    Unproven {
        /// The last reading, with its bytes.
        last: Unproven,
        /// Why each reading failed, in order.
        readings: Vec<Vec<Reason>>,
    },
}

/// What a pull found, and what it learnt on the way.
#[derive(Debug)]
pub struct Pull {
    /// What it found.
    pub found: Pulled,
    /// Bytes of the log that were read, those read again included.
    pub bytes_read: u64,
    /// Sessions that it took.
    pub sessions: u32,
    /// How many records the log has, as its bytes say; `None` when they are not proven.
    pub records_on_device: Option<u64>,
    /// How many records the terminal counted before and after.
    pub counts: Counts,
    /// What is to be remembered of the terminal.
    pub remembered: Remembered,
    /// The terminal refused to read from an offset.
    pub offsets_refused: bool,
    /// The log's end as it is known now, for the next pull; `None` for an empty log and for one that is not proven.
    pub known: Option<Known>,
}

/// Why a pull failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum PullError {
    /// The terminal or the line.
    Client(ClientError),
    /// The place where the transfer waits.
    Spool(SpoolError),
}

impl PullError {
    /// Whether the same may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Client(error) => error.is_transient(),
            Self::Spool(_) => false,
        }
    }

    /// Whether bytes came damaged or not at all although they were asked for again.
    fn lacks_bytes(&self) -> bool {
        match self {
            Self::Client(ClientError::Protocol { source, .. }) => {
                matches!(**source, ProtoError::Damaged { .. } | ProtoError::Incomplete { .. })
            }
            // A terminal that has no more than it sent says nothing to the rest.
            Self::Client(ClientError::TimedOut { step }) => *step == Step::Command(Command::DATA_RDY),
            _ => false,
        }
    }

    fn is_damage(&self) -> bool {
        let Self::Client(ClientError::Protocol { source, .. }) = self else { return false };
        matches!(**source, ProtoError::Damaged { .. })
    }
}

impl fmt::Display for PullError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::Spool(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PullError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Client(error) => error.source(),
            Self::Spool(error) => std::error::Error::source(error),
        }
    }
}

impl From<ClientError> for PullError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<SpoolError> for PullError {
    fn from(error: SpoolError) -> Self {
        Self::Spool(error)
    }
}

/// Reads what is new in the attendance log and proves it.
///
/// With a known end, only what stands behind it is read, if the records before it are still those that were stored; else
/// everything. A reading that is not proven is followed by one on a fresh session, and so is a line that was lost, which goes
/// on where it broke if the log still is the same. The terminal's buffer is freed at the end.
///
/// # Errors
/// When the terminal cannot be talked to, refuses, or the transfer cannot be kept. A log that cannot be proven is no error
/// but [`Pulled::Unproven`].
pub async fn pull(
    client: &mut Client,
    request: &PullRequest,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Pull, PullError> {
    let mut puller = Puller {
        client,
        request,
        progress,
        bytes_read: 0,
        sessions: 1,
        counts: Counts::default(),
        remembered: request.remembered,
        offsets_refused: request.offsets_refused,
        buffered: None,
        damaged: false,
    };
    if request.remembered.checksums_wrong {
        puller.client.set_checksum_policy(ChecksumPolicy::Tolerate);
    }
    let pull = puller.run().await;
    // A terminal that does not answer any more frees its buffer with the session.
    let _ = puller.client.free_data().await;
    pull
}

/// Reads the user table and proves it. A table that is not proven is read once more on a fresh session.
///
/// The outer error is that of the terminal, the line or the spool; the inner one is a table without proof.
///
/// # Errors
/// As [`pull`].
pub async fn pull_users(client: &mut Client, request: &PullRequest) -> Result<Result<UserTable, Unproven>, PullError> {
    let first = read_users(client, request).await;
    match first {
        Ok(Ok(table)) => Ok(Ok(table)),
        Ok(Err(_)) => {
            reconnect(client).await?;
            read_users(client, request).await
        }
        Err(error) if error.is_transient() => {
            reconnect(client).await?;
            read_users(client, request).await
        }
        Err(error) => Err(error),
    }
}

async fn read_users(client: &mut Client, request: &PullRequest) -> Result<Result<UserTable, Unproven>, PullError> {
    let before = user_count(client).await?;
    let prepared = client.prepare(Dataset::Users).await?;
    let mut spool = request.spool();
    let announced = announced(&prepared);
    client.read_all(&prepared, |offset, bytes| Ok::<_, PullError>(spool.write_at(offset, &bytes)?)).await?;
    client.free_data().await?;
    let after = user_count(client).await?;
    let evidence = Evidence {
        remembered: request.remembered,
        ..Evidence::new(announced, Counts { before, after }, request.host_now)
    };
    Ok(prove_users(spool, &evidence))
}

async fn user_count(client: &mut Client) -> Result<Option<u32>, PullError> {
    match client.free_sizes().await {
        Ok(sizes) => Ok(sizes.users()),
        Err(ClientError::Refused { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Bytes that a set has, as its offer says.
fn announced(prepared: &Prepared) -> u64 {
    match prepared {
        Prepared::Inline(bytes) => bytes.len() as u64,
        Prepared::Buffered { size } | Prepared::Streamed { size } => *size,
        Prepared::Empty { .. } => 0,
    }
}

async fn reconnect(client: &mut Client) -> Result<(), PullError> {
    let mut wait = RECONNECT_AFTER;
    for _ in 1..RECONNECTS {
        match client.reconnect().await {
            Ok(()) => return Ok(()),
            Err(error) if !error.is_transient() => return Err(error.into()),
            Err(_) => sleep(wait).await,
        }
        wait *= 2;
    }
    Ok(client.reconnect().await?)
}

/// One pull under way.
struct Puller<'a> {
    client: &'a mut Client,
    request: &'a PullRequest,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    bytes_read: u64,
    sessions: u32,
    counts: Counts,
    remembered: Remembered,
    offsets_refused: bool,
    /// Bytes of the log in the terminal's buffer, once it is prepared on this session.
    buffered: Option<u64>,
    /// Some bytes came damaged on every session.
    damaged: bool,
}

/// What one transfer brought.
#[derive(Clone, Copy)]
enum Came {
    /// The set from its beginning.
    Whole { announced: u64 },
    /// The set from the known records on.
    Tail { announced: u64, word: u32 },
}

impl Puller<'_> {
    async fn run(&mut self) -> Result<Pull, PullError> {
        let mut tail =
            self.request.known.clone().filter(|known| !self.request.force_full && known.overlap_records() > 0);
        let mut readings: Vec<Vec<Reason>> = Vec::new();
        let mut earlier = None;
        loop {
            let unproven = match self.reading(tail.as_ref(), earlier).await? {
                Ok(pull) => return Ok(pull),
                Err(unproven) => unproven,
            };
            if tail.take().is_some() && self.buffered.is_some() {
                // The end is not what it was, but the same prepared buffer has the whole log.
                continue;
            }
            let asked = unproven.needs_second_reading();
            let compared = earlier.is_some();
            readings.push(unproven.reasons().to_vec());
            let enough = readings.len() >= 2 && (asked.is_none() || compared);
            if enough || readings.len() >= MAX_READINGS || self.sessions >= MAX_SESSIONS {
                return Ok(self.report(Pulled::Unproven { last: *unproven, readings }, None));
            }
            earlier = asked;
            self.fresh().await?;
        }
    }

    /// Reads once and proves once.
    async fn reading(
        &mut self,
        tail: Option<&Known>,
        earlier: Option<Reading>,
    ) -> Result<Result<Pull, Box<Unproven>>, PullError> {
        let mut spool = self.request.spool();
        let came = self.transfer(&mut spool, tail).await?;
        // A line that is lost now has brought everything; one count is enough then.
        self.counts.after = self.count().await.unwrap_or(None);
        let announced = match came {
            Came::Whole { announced } | Came::Tail { announced, .. } => announced,
        };
        let evidence = Evidence {
            announced,
            counts: self.counts,
            host_now: self.request.host_now,
            terminal_now: self.request.terminal_now,
            remembered: self.remembered,
            order: self.request.order,
            damaged_packets: self.damaged.into(),
            earlier,
        };
        let proven = match (came, tail) {
            (Came::Tail { word, .. }, Some(known)) => prove_tail(spool, word, known, &evidence),
            _ => prove(spool, &evidence),
        };
        let mut proven = match proven {
            Ok(proven) => proven,
            Err(unproven) => return Ok(Err(Box::new(unproven))),
        };
        if let Some(layout) = proven.layout() {
            self.remembered.layout = Some(layout);
            self.remembered.count_off = !proven.witnesses().count;
        }
        let known = self.known(&mut proven)?;
        let found = match came {
            Came::Tail { .. } if proven.records() == 0 => Pulled::Unchanged,
            Came::Tail { .. } => Pulled::Tail(proven),
            Came::Whole { .. } => Pulled::Full(proven),
        };
        Ok(Ok(self.report(found, Some(known))))
    }

    fn known(&self, proven: &mut Proven) -> Result<(u64, Option<Known>), SpoolError> {
        let records = proven.records_on_device();
        let Some(layout) = proven.layout() else { return Ok((records, None)) };
        let overlap = proven.overlap(self.request.overlap)?;
        Ok((records, Some(Known { records, overlap, layout })))
    }

    fn report(&self, found: Pulled, known: Option<(u64, Option<Known>)>) -> Pull {
        let (records_on_device, known) = known.map_or((None, None), |(records, known)| (Some(records), known));
        Pull {
            found,
            bytes_read: self.bytes_read,
            sessions: self.sessions,
            records_on_device,
            counts: self.counts,
            remembered: self.remembered,
            offsets_refused: self.offsets_refused,
            known,
        }
    }

    /// Brings the set, or its tail, into the spool, over fresh sessions where the line is lost.
    async fn transfer(&mut self, spool: &mut Spool, tail: Option<&Known>) -> Result<Came, PullError> {
        let mut fruitless = 0;
        let mut damage = 0;
        loop {
            let before = spool.contiguous();
            let error = match self.try_transfer(spool, tail).await {
                Ok(came) => return Ok(came),
                Err(error) => error,
            };
            if !error.is_transient() {
                return Err(error);
            }
            damage += u32::from(error.is_damage());
            fruitless = if spool.contiguous() > before { 0 } else { fruitless + 1 };
            let systematic = self.client.statistics().damaged > 0 && self.answers_are_damaged().await;
            if fruitless >= MAX_FRUITLESS || self.sessions >= MAX_SESSIONS {
                if damage >= MAX_FRUITLESS && systematic && !self.remembered.checksums_wrong {
                    // Not the line: this terminal computes every checksum wrong, in one session as in the next.
                    self.remembered.checksums_wrong = true;
                    self.client.set_checksum_policy(ChecksumPolicy::Tolerate);
                    fruitless = 0;
                } else if let (true, Some(announced)) =
                    (error.lacks_bytes() && (damage > 0 || !spool.is_empty()), self.buffered)
                {
                    self.damaged |= error.is_damage();
                    return Ok(Came::Whole { announced });
                } else {
                    return Err(error);
                }
            }
            self.fresh().await?;
        }
    }

    /// Whether short answers come with wrong checksums too.
    async fn answers_are_damaged(&mut self) -> bool {
        let before = self.client.statistics().damaged;
        self.client.time().await.is_ok() && self.client.statistics().damaged > before
    }

    async fn try_transfer(&mut self, spool: &mut Spool, tail: Option<&Known>) -> Result<Came, PullError> {
        let size = match self.buffered {
            Some(size) => size,
            None => {
                self.counts = Counts { before: self.count().await?, after: None };
                let prepared = self.client.prepare(Dataset::Attendance).await?;
                match prepared {
                    Prepared::Buffered { size } => {
                        self.buffered = Some(size);
                        size
                    }
                    whole => {
                        spool.truncate(0);
                        let announced = announced(&whole);
                        let progress = &mut self.progress;
                        let write = |offset: u64, bytes: bytes::Bytes| {
                            spool.write_at(offset, &bytes)?;
                            progress(Progress { bytes: offset + bytes.len() as u64, of: announced });
                            Ok::<_, PullError>(())
                        };
                        self.bytes_read += self.client.read_all(&whole, write).await?;
                        return Ok(Came::Whole { announced });
                    }
                }
            }
        };
        if let Some(known) = tail
            && known.end() <= size
            && !self.offsets_refused
        {
            match self.read_tail(spool, known, size).await {
                Err(PullError::Client(ClientError::Refused { .. })) => self.offsets_refused = true,
                other => return other,
            }
        }
        let from = self.resume_at(spool, size).await?;
        self.read(spool, from..size, 0).await?;
        Ok(Came::Whole { announced: size })
    }

    async fn read_tail(&mut self, spool: &mut Spool, known: &Known, size: u64) -> Result<Came, PullError> {
        spool.truncate(0);
        let word = self.peek(0..WORD_LEN).await?;
        let word = word.first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
        self.read(spool, known.overlap_at()..size, known.overlap_at()).await?;
        Ok(Came::Tail { announced: size, word })
    }

    /// Where to go on with a spool that an earlier session began: behind what it has, if the new buffer agrees with that.
    async fn resume_at(&mut self, spool: &mut Spool, size: u64) -> Result<u64, PullError> {
        let have = spool.contiguous();
        if (RESUME_OVERLAP + WORD_LEN..=size).contains(&have) && !self.offsets_refused {
            let overlap = have - RESUME_OVERLAP..have;
            let (word, there) = (self.peek(0..WORD_LEN).await?, self.peek(overlap.clone()).await?);
            if spool.read(overlap)? == there {
                // The log may have grown since; only its length word shows that in what is already here.
                spool.write_at(0, &word)?;
                return Ok(have);
            }
        }
        spool.truncate(0);
        Ok(0)
    }

    /// Reads a range into the spool, where offset `base` of the set is the spool's beginning.
    async fn read(&mut self, spool: &mut Spool, range: Range<u64>, base: u64) -> Result<(), PullError> {
        let (progress, bytes_read) = (&mut self.progress, &mut self.bytes_read);
        let end = range.end;
        self.client
            .read_range(range, |offset, bytes| {
                spool.write_at(offset - base, &bytes)?;
                *bytes_read += bytes.len() as u64;
                progress(Progress { bytes: offset + bytes.len() as u64 - base, of: end - base });
                Ok::<_, PullError>(())
            })
            .await?;
        Ok(())
    }

    /// Reads a short range for a comparison.
    async fn peek(&mut self, range: Range<u64>) -> Result<Vec<u8>, PullError> {
        let mut there = Vec::new();
        self.bytes_read += self
            .client
            .read_range(range, |_, bytes| {
                there.extend_from_slice(&bytes);
                Ok::<_, PullError>(())
            })
            .await?;
        Ok(there)
    }

    /// The terminal's count of records; what the caller has read already is not asked for again.
    async fn count(&mut self) -> Result<Option<u32>, PullError> {
        if let (1, None, Some(count)) = (self.sessions, self.counts.before, self.request.count_before) {
            return Ok(Some(count));
        }
        match self.client.free_sizes().await {
            Ok(sizes) => Ok(sizes.records()),
            Err(ClientError::Refused { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn fresh(&mut self) -> Result<(), PullError> {
        self.sessions += 1;
        self.buffered = None;
        reconnect(self.client).await
    }
}
