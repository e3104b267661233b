//! Writing data that are longer than a packet, through the terminal's upload buffer.

use alloc::vec::Vec;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Event;
use super::contract::{AGAIN, Ask, Context, Next};
use crate::record::{FingerTemplate, User, UserLayout};
use crate::reply::Meaning;
use crate::{Command, Packet, ProtoError, Uid};

/// Bytes of one chunk. With its header it fits the longest datagram that terminals accept.
const CHUNK: usize = 1024;
/// The data that commit users and fingerprints: sub-code 12. Other sub-codes flash firmware, so callers cannot choose
/// one.
const USERS: [u8; 8] = [12, 0, 0, 0, 0, 0, 8, 0];

/// The content of an upload, and the command that commits it as a fingerprint, or as users with fingerprints.
///
/// # Example
/// ```
/// use core::time::Duration;
/// use zk_proto::record::FingerTemplate;
/// use zk_proto::session::{Config, Session, Upload};
/// use zk_proto::{Command, Uid};
///
/// let template = FingerTemplate { uid: Uid(14), finger: 4, flag: 1, template: vec![0x4D; 1214].into() };
/// let upload = Upload::finger(&template)?;
/// assert_eq!((upload.commit(), &upload.commit_data()[..]), (Command::TMP_WRITE, &[14, 0, 4, 1, 0xBE, 0x04][..]));
///
/// // In an open session, each packet is sent after the one before it is acknowledged.
/// let mut session = Session::stream(Config::default());
/// session.upload(Duration::ZERO, upload);
/// assert!(session.poll_transmit().is_some());
/// # Ok::<(), zk_proto::ProtoError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    data: Bytes,
    commit: Command,
    commit_data: Bytes,
    checksum: bool,
}

/// A user and the fingerprints to upload with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The user.
    pub user: User,
    /// The fingerprints. Their uid and flag are ignored: an upload has no flag, and the terminal marks them as valid.
    pub fingers: Vec<FingerTemplate>,
}

impl core::fmt::Debug for Upload {
    /// Without the bytes, which are a person's.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Upload({} bytes, {})", self.data.len(), self.commit)
    }
}

impl Upload {
    /// Uploads one fingerprint, byte for byte (command 87). The user must exist, and the finger must be free: delete it
    /// first.
    ///
    /// # Errors
    /// [`ProtoError::Invalid`] when the finger is not 0-9, or the template is empty or too long for its 16-bit size.
    pub fn finger(template: &FingerTemplate) -> Result<Self, ProtoError> {
        let size = u16::try_from(template.template.len()).ok().filter(|size| *size > 0);
        let size = size.ok_or(ProtoError::Invalid { what: "template" })?;
        let mut commit = BytesMut::with_capacity(6);
        commit.put_u16_le(template.uid.0);
        commit.put_u8(finger(template)?);
        commit.put_u8(template.flag);
        commit.put_u16_le(size);
        Ok(Self {
            data: template.template.clone(),
            commit: Command::TMP_WRITE,
            commit_data: commit.freeze(),
            checksum: false,
        })
    }

    /// Uploads users with their fingerprints (command 110, sub-code 12). Existing users are overwritten.
    ///
    /// # Errors
    /// As [`User::encode`], and [`ProtoError::Invalid`] for a template as in [`Upload::finger`].
    pub fn users(layout: UserLayout, enrolled: &[Enrolled]) -> Result<Self, ProtoError> {
        let (mut users, mut table, mut templates) = (BytesMut::new(), BytesMut::new(), BytesMut::new());
        for Enrolled { user, fingers } in enrolled {
            if user.uid == Uid(0) {
                return Err(ProtoError::Invalid { what: "uid" });
            }
            users.put_u8(2);
            user.encode(layout, &mut users)?;
            for template in fingers {
                let size = u16::try_from(template.template.len()).ok().filter(|size| *size > 0);
                table.put_u8(2);
                table.put_u16_le(user.uid.0);
                table.put_u8(0x10 + finger(template)?);
                table.put_u32_le(word(templates.len())?);
                templates.put_u16_le(size.ok_or(ProtoError::Invalid { what: "template" })?);
                templates.put_slice(&template.template);
            }
        }
        let mut data = BytesMut::with_capacity(12 + users.len() + table.len() + templates.len());
        for part in [&users, &table, &templates] {
            data.put_u32_le(word(part.len())?);
        }
        for part in [users, table, templates] {
            data.put_slice(&part);
        }
        let commit_data = Bytes::from_static(&USERS);
        Ok(Self { data: data.freeze(), commit: Command::SAVE_USERTEMPS, commit_data, checksum: false })
    }

    /// Also requests the terminal's checksum of the buffer (command 119) before the commit, as official tools do. Its
    /// algorithm is not known, so it is not compared.
    #[must_use]
    pub fn with_checksum(self) -> Self {
        Self { checksum: true, ..self }
    }

    /// The bytes for the buffer.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// The command that commits them.
    #[must_use]
    pub fn commit(&self) -> Command {
        self.commit
    }

    /// The data of that command.
    #[must_use]
    pub fn commit_data(&self) -> &Bytes {
        &self.commit_data
    }
}

fn finger(template: &FingerTemplate) -> Result<u8, ProtoError> {
    if template.finger < 10 { Ok(template.finger) } else { Err(ProtoError::Invalid { what: "finger" }) }
}

fn word(length: usize) -> Result<u32, ProtoError> {
    u32::try_from(length).map_err(|_| ProtoError::Invalid { what: "upload" })
}

impl Enrolled {
    /// The slot of the user.
    #[must_use]
    pub fn uid(&self) -> Uid {
        self.user.uid
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Freeing the buffer of an earlier writer.
    Freeing,
    /// The size is announced.
    Announcing,
    /// A chunk is in flight, which ends here.
    Sending {
        end: usize,
    },
    Summing,
    Committing,
    /// Freeing the buffer.
    Ending,
}

/// An upload in progress, one acknowledged packet at a time.
#[derive(Debug)]
pub(super) struct Uploading {
    upload: Upload,
    stage: Stage,
    again: u8,
    checksum: Option<u32>,
    /// Why the commit failed. The buffer is freed anyway.
    failure: Option<ProtoError>,
}

impl Uploading {
    pub(super) fn start(context: &Context<'_>, upload: Upload) -> (Self, Ask) {
        let uploading = Self { upload, stage: Stage::Freeing, again: 0, checksum: None, failure: None };
        (uploading, ask(context, Command::FREE_DATA, Bytes::new(), true))
    }

    /// The number of bytes to send.
    pub(super) fn size(&self) -> u64 {
        self.upload.data.len() as u64
    }

    pub(super) fn on_packet(&mut self, context: &mut Context<'_>, packet: &Packet) -> Next {
        let meaning = Meaning::of(packet.command);
        if meaning == Meaning::Unauthorized {
            return Next::Fail(ProtoError::SessionLost);
        }
        let done = meaning == Meaning::Done;
        match self.stage {
            // Any answer will do: freeing an empty buffer may be refused.
            Stage::Freeing => self.announce(context),
            Stage::Announcing if done => self.send(context, 0),
            Stage::Sending { end } if done => self.send(context, end),
            Stage::Announcing => refused(Command::PREPARE_DATA, packet),
            Stage::Sending { .. } => refused(Command::DATA, packet),
            Stage::Summing => {
                self.checksum = (&packet.data[..]).try_get_u32_le().ok().filter(|_| done);
                self.commit(context)
            }
            Stage::Committing if done => self.end(context, None),
            Stage::Committing => {
                let failure = ProtoError::Refused { command: self.upload.commit, code: packet.command };
                self.end(context, Some(failure))
            }
            Stage::Ending => self.finish(context),
        }
    }

    pub(super) fn on_silence(&mut self, context: &mut Context<'_>) -> Next {
        match self.stage {
            // Nothing takes effect before the commit, and repeating one chunk might append it twice. So the upload
            // starts over.
            Stage::Announcing | Stage::Sending { .. } if self.again < AGAIN => {
                self.again += 1;
                self.stage = Stage::Freeing;
                Next::Ask(ask(context, Command::FREE_DATA, Bytes::new(), true))
            }
            Stage::Freeing => Next::Fail(ProtoError::TimedOut { command: Command::FREE_DATA }),
            Stage::Announcing => Next::Fail(ProtoError::TimedOut { command: Command::PREPARE_DATA }),
            Stage::Sending { .. } => Next::Fail(ProtoError::TimedOut { command: Command::DATA }),
            Stage::Summing => self.commit(context),
            Stage::Committing => Next::Fail(ProtoError::TimedOut { command: self.upload.commit }),
            Stage::Ending => self.finish(context),
        }
    }

    fn announce(&mut self, context: &Context<'_>) -> Next {
        self.stage = Stage::Announcing;
        // It fits: the caps are far below 4 GiB.
        let size = (self.upload.data.len() as u32).to_le_bytes();
        Next::Ask(ask(context, Command::PREPARE_DATA, Bytes::copy_from_slice(&size), true))
    }

    /// Sends the chunk at an offset, or continues after the last one.
    fn send(&mut self, context: &Context<'_>, from: usize) -> Next {
        let end = self.upload.data.len().min(from + CHUNK);
        if from < end {
            self.stage = Stage::Sending { end };
            return Next::Ask(ask(context, Command::DATA, self.upload.data.slice(from..end), false));
        }
        if self.upload.checksum {
            self.stage = Stage::Summing;
            return Next::Ask(ask(context, Command::CHECKSUM_BUFFER, Bytes::new(), true));
        }
        self.commit(context)
    }

    fn commit(&mut self, context: &Context<'_>) -> Next {
        self.stage = Stage::Committing;
        Next::Ask(ask(context, self.upload.commit, self.upload.commit_data.clone(), false))
    }

    fn end(&mut self, context: &Context<'_>, failure: Option<ProtoError>) -> Next {
        (self.stage, self.failure) = (Stage::Ending, failure);
        Next::Ask(ask(context, Command::FREE_DATA, Bytes::new(), true))
    }

    fn finish(&mut self, context: &mut Context<'_>) -> Next {
        match self.failure.take() {
            Some(failure) => Next::Fail(failure),
            None => {
                context.events.push_back(Event::Uploaded { checksum: self.checksum });
                Next::Done
            }
        }
    }
}

fn ask(context: &Context<'_>, command: Command, data: Bytes, repeatable: bool) -> Ask {
    Ask { command, data, wait: context.config.timeout, repeatable }
}

fn refused(command: Command, packet: &Packet) -> Next {
    Next::Fail(ProtoError::Refused { command, code: packet.command })
}
