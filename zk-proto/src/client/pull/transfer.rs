//! One transfer, over new sessions if the connection is lost.

use std::ops::Range;
use std::vec::Vec;

use super::{MAX_SESSIONS, Progress, PullError, Puller, announced, reconnect};
use crate::client::{ClientError, Step, Transport};
use crate::proof::{Counts, Known, Preview, WORD_LEN};
use crate::reply::Meaning;
use crate::session::ChecksumPolicy;
use crate::spool::Spool;
use crate::{Command, Dataset, Prepared};

/// Consecutive sessions that may bring nothing new.
const MAX_FRUITLESS: u32 = 2;
/// Bytes before the point of a lost connection that must be the same in the next session.
const RESUME_OVERLAP: u64 = 2048;

/// The most bytes of one answer over TCP, and over UDP. Parts of one answer fit together.
const ONE_ANSWER: u64 = 0xFFC0;
const ONE_DATAGRAM: u64 = 1024;
/// Bytes that are read again to see whether the log is still the same: several records of any width.
const FIRST_BYTES: u64 = 256;

/// The result of one transfer.
#[derive(Clone, Copy)]
pub(super) enum Transferred {
    /// The set from its beginning.
    Whole { announced: u64 },
    /// The set from the known records on.
    Tail { announced: u64, word: u32 },
}

impl Puller<'_> {
    /// Reads the set, or its tail, into the spool, over new sessions if the connection is lost.
    pub(super) async fn transfer(&mut self, spool: &mut Spool, tail: Option<&Known>) -> Result<Transferred, PullError> {
        let mut fruitless = 0;
        let mut damage = 0;
        loop {
            let (before, silent) = (self.reached_bytes(), self.client.driver.silence.spent);
            let outcome = self.try_transfer(spool, tail).await;
            let fruitful = self.reached_bytes() > before;
            if fruitful {
                // Only silence after the progress counts.
                self.client.driver.silence.forget(silent);
            }
            let error = match outcome {
                Ok(came) => return Ok(came),
                Err(error) => error,
            };
            if error.is_refused_log() && !std::mem::replace(&mut self.log_refused, true) {
                // Some firmware refuses its log in one session and serves it in the next.
                self.interruptions.push(error.in_full());
                self.go_on().await?;
                continue;
            }
            if !error.is_transient() {
                return Err(error);
            }
            damage += u32::from(error.is_damage());
            fruitless = if fruitful { 0 } else { fruitless + 1 };
            let is_over = self.client.driver.silence.is_over() || fruitless >= MAX_FRUITLESS;
            if error.is_silence() && is_over && !(has_all(spool)? && self.is_alive().await) {
                return Err(self.stalled());
            }
            let seen = self.client.statistics();
            let all_data = seen.data_damaged > 0 && seen.data_damaged == seen.data;
            let systematic = all_data || (seen.damaged > 0 && self.answers_are_damaged().await);
            let is_in_vain = error.lacks_bytes() && self.client.driver.silence.is_over();
            if fruitless >= MAX_FRUITLESS || self.sessions >= MAX_SESSIONS || is_in_vain {
                if damage >= MAX_FRUITLESS && systematic && !self.remembered.checksums_wrong {
                    // Not the connection: this terminal computes every checksum wrong, in every session.
                    self.remembered.checksums_wrong = true;
                    self.client.set_checksum_policy(ChecksumPolicy::Tolerate);
                    fruitless = 0;
                } else if let (true, Some(announced)) =
                    (error.lacks_bytes() && (damage > 0 || !spool.is_empty()), self.buffered)
                {
                    self.damaged |= error.is_damage();
                    return Ok(Transferred::Whole { announced });
                } else {
                    return Err(error);
                }
            }
            self.interruptions.push(error.in_full());
            self.go_on().await?;
        }
    }

    /// Continues in a new session.
    async fn go_on(&mut self) -> Result<(), PullError> {
        match self.fresh().await {
            Err(error) if error.is_silence() => Err(self.stalled()),
            outcome => outcome,
        }
    }

    fn reached_bytes(&self) -> u64 {
        self.reached.map_or(0, |reached| reached.bytes)
    }

    /// Returns true if short answers have wrong checksums too.
    async fn answers_are_damaged(&mut self) -> bool {
        let before = self.client.statistics().damaged;
        self.client.time().await.is_ok() && self.client.statistics().damaged > before
    }

    /// Returns true if the terminal still answers any request.
    async fn is_alive(&mut self) -> bool {
        self.client.time().await.is_ok()
    }

    fn stalled(&self) -> PullError {
        ClientError::Stalled { step: Step::Log, progress: self.reached }.into()
    }

    async fn try_transfer(&mut self, spool: &mut Spool, tail: Option<&Known>) -> Result<Transferred, PullError> {
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
                        if let Prepared::Empty { code } = whole {
                            self.check_refusal(code).await?;
                        }
                        spool.truncate(0);
                        let announced = announced(&whole);
                        reach(&mut self.reached, 0, announced);
                        let (progress, reached) = (&mut self.progress, &mut self.reached);
                        let write = |offset: u64, bytes: bytes::Bytes| {
                            spool.write_at(offset, &bytes)?;
                            let came = offset + bytes.len() as u64;
                            reach(reached, came, announced);
                            progress(Progress { bytes: came, of: announced });
                            Ok::<_, PullError>(())
                        };
                        self.bytes_read += self.client.read_all(&whole, write).await?;
                        return Ok(Transferred::Whole { announced });
                    }
                }
            }
        };
        if let Some(known) = tail.filter(|known| known.end() <= size && !self.offsets_refused) {
            match self.read_tail(spool, known, size).await {
                Err(PullError::Client(ClientError::Refused { .. })) => self.offsets_refused = true,
                other => return other,
            }
        }
        reach(&mut self.reached, 0, size);
        let from = self.resume_at(spool, size).await?;
        if from == 0 {
            self.preview = Some(Preview::new(self.evidence(size)));
        }
        spool.expect(size)?;
        self.read(spool, from..size, 0).await?;
        self.is_still_the_same(spool, 0).await?;
        Ok(Transferred::Whole { announced: size })
    }

    /// Reads the first bytes again, if the others came in later answers. A full terminal stores a new punch in place of
    /// its oldest one. If it does so in the buffer that is being read, all records move: where two answers meet, the id
    /// of one punch would stand next to the time of another, and one record would be missing.
    ///
    /// # Errors
    /// [`PullError::Changed`]; then the spool is empty.
    async fn is_still_the_same(&mut self, spool: &mut Spool, base: u64) -> Result<(), PullError> {
        let usual = if self.client.transport() == Transport::Udp { ONE_DATAGRAM } else { ONE_ANSWER };
        let have = spool.contiguous();
        if have <= self.client.options.limits.chunk.map_or(usual, |chunk| usual.min(chunk.into())) {
            return Ok(());
        }
        let first = 0..FIRST_BYTES.min(have);
        // Everything is here. A terminal that does not send it twice is asked nothing more.
        let Ok(again) = self.peek(base..base + first.end).await else { return Ok(()) };
        if spool.read(first)? == again {
            return Ok(());
        }
        spool.truncate(0);
        self.buffered = None;
        Err(PullError::Changed)
    }

    /// Fails if the terminal refused its log as empty, but counts people or records.
    async fn check_refusal(&mut self, code: Command) -> Result<(), PullError> {
        if Meaning::of(code) != Meaning::Refused {
            return Ok(());
        }
        let (mut users, mut records) = (None, self.counts.before);
        if let Ok(sizes) = self.client.free_sizes().await {
            (users, records) = (sizes.users(), records.max(sizes.records()));
        }
        match (users.unwrap_or(0), records.unwrap_or(0)) {
            (0, 0) => Ok(()),
            (users, records) => Err(PullError::Refused { code, users, records }),
        }
    }

    async fn read_tail(&mut self, spool: &mut Spool, known: &Known, size: u64) -> Result<Transferred, PullError> {
        spool.truncate(0);
        self.preview = None;
        reach(&mut self.reached, 0, size - known.overlap_at());
        let word = self.peek(0..WORD_LEN).await?;
        let word = word.first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
        self.read(spool, known.overlap_at()..size, known.overlap_at()).await?;
        self.is_still_the_same(spool, known.overlap_at()).await?;
        Ok(Transferred::Tail { announced: size, word })
    }

    /// Returns the offset at which to continue a spool that an earlier session began: after its bytes, if they match
    /// the new buffer.
    async fn resume_at(&mut self, spool: &mut Spool, size: u64) -> Result<u64, PullError> {
        let have = spool.contiguous();
        if (RESUME_OVERLAP + WORD_LEN..=size).contains(&have) && !self.offsets_refused {
            let overlap = have - RESUME_OVERLAP..have;
            let (word, there) = (self.peek(0..WORD_LEN).await?, self.peek(overlap.clone()).await?);
            if spool.read(overlap)? == there {
                // The log may have grown since. Of the bytes that are here, only the length word shows that.
                spool.write_at(0, &word)?;
                return Ok(have);
            }
        }
        spool.truncate(0);
        Ok(0)
    }

    /// Reads a range into the spool. The spool begins at offset `base` of the set.
    async fn read(&mut self, spool: &mut Spool, range: Range<u64>, base: u64) -> Result<(), PullError> {
        let (progress, bytes_read, preview) = (&mut self.progress, &mut self.bytes_read, &mut self.preview);
        let (reached, end) = (&mut self.reached, range.end);
        self.client
            .read_range(range, |offset, bytes| {
                spool.write_at(offset - base, &bytes)?;
                if let Some(preview) = preview {
                    preview.push(offset, &bytes);
                }
                *bytes_read += bytes.len() as u64;
                let came = offset + bytes.len() as u64 - base;
                reach(reached, came, end - base);
                progress(Progress { bytes: came, of: end - base });
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

    /// Reads the terminal's count of records, unless the caller has already read it.
    pub(super) async fn count(&mut self) -> Result<Option<u32>, PullError> {
        if let (1, None, Some(count)) = (self.sessions, self.counts.before, self.request.count_before) {
            return Ok(Some(count));
        }
        if self.countless {
            return Ok(None);
        }
        match self.client.free_sizes().await {
            Ok(sizes) => Ok(sizes.records()),
            Err(ClientError::SessionLost) => Err(ClientError::SessionLost.into()),
            Err(error) if error.is_about_the_question() => {
                // It is not asked again. If the question ended the session, the next request opens a new one.
                self.countless = true;
                if self.client.in_call { Err(error.into()) } else { Ok(None) }
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn fresh(&mut self) -> Result<(), PullError> {
        self.sessions += 1;
        self.buffered = None;
        reconnect(self.client).await
    }
}

/// Notes the progress of a reading. Bytes that arrive again in another session are no progress.
pub(super) fn reach(reached: &mut Option<Progress>, bytes: u64, of: u64) {
    let before = reached.filter(|reached| reached.of == of).map_or(0, |reached| reached.bytes);
    *reached = Some(Progress { bytes: before.max(bytes), of });
}

/// Returns true if the spool has all bytes that the length word of the set counts. If the terminal announced more, it
/// cannot answer for the rest.
fn has_all(spool: &mut Spool) -> Result<bool, PullError> {
    let have = spool.contiguous();
    if have < WORD_LEN {
        return Ok(false);
    }
    let word = spool.read(0..WORD_LEN)?;
    let word = word.first_chunk().map_or(0, |word| u64::from(u32::from_le_bytes(*word)));
    Ok(word > 0 && word + WORD_LEN <= have)
}
