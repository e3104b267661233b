//! Reading everything that a terminal gives, and writing it to a file.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use zk_proto::client::{Backup, ClientError, Progress, Pull, PullRequest, Pulled, UserError, pull};
use zk_proto::encoding::TextEncoding;
use zk_proto::proof::{Proven, Unproven};
use zk_proto::record::FaceTemplate;
use zk_proto::{Client, Identity, Uid};

use crate::archive::{Archive, name};
use crate::log::{Form, LogReader};
use crate::seal::Sealed;
use crate::{FileError, Lock, Log, Manifest, OPTIONS, Sets, Terminal};

/// Bytes of an unproven log that are read at once.
const BLOCK: u64 = 64 << 10;

/// The parts of a terminal that are read, besides users, fingerprints and options.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Wanted {
    /// The request for the whole attendance log; `None` leaves the log out, as by default.
    pub attendance: Option<PullRequest>,
    /// Faces and photos, which take a question for each user. On by default.
    pub portraits: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { attendance: None, portraits: true }
    }
}

impl Wanted {
    /// Sets the request for the attendance log, or leaves the log out.
    #[must_use]
    pub fn attendance(self, attendance: Option<PullRequest>) -> Self {
        Self { attendance, ..self }
    }

    /// Reads faces and photos, or leaves them out.
    #[must_use]
    pub fn portraits(self, portraits: bool) -> Self {
        Self { portraits, ..self }
    }
}

/// The part of a terminal that is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Users and fingerprints.
    People,
    /// Faces and photos: users asked about so far, and in all.
    Portraits {
        /// Users asked about.
        done: usize,
        /// Users in all.
        of: usize,
    },
    /// Options.
    Options,
    /// The attendance log: bytes so far, and in all.
    Attendance {
        /// Bytes so far.
        bytes: u64,
        /// Bytes in all, as the terminal reports them.
        of: u64,
    },
}

/// A log as it was read.
#[derive(Debug)]
enum ReadLog {
    Proven(Box<Proven>),
    Unproven(Box<Unproven>),
}

/// Everything that a terminal gives. Users, fingerprints, faces and photos are in memory, a long log is in a temporary
/// file.
#[derive(Debug)]
pub struct Snapshot {
    identity: Identity,
    encoding: TextEncoding,
    /// Users and fingerprints.
    pub people: Backup,
    /// Templates of faces.
    pub faces: Vec<FaceTemplate>,
    /// Photos by slot, JPEG.
    pub photos: Vec<(Uid, Bytes)>,
    /// Options, name and value.
    pub options: Vec<(String, String)>,
    log: Option<ReadLog>,
    missing: Vec<String>,
}

impl Snapshot {
    /// Reads a terminal. Changes nothing there. `on_stage` is told what is read next.
    ///
    /// Parts that the terminal does not give are named in [`Manifest::missing`]. A log that cannot be proven is kept as
    /// it came.
    ///
    /// # Errors
    /// When users or fingerprints cannot be read, or the connection is lost.
    pub async fn take(
        client: &mut Client,
        wanted: &Wanted,
        mut on_stage: impl FnMut(Stage) + Send,
    ) -> Result<Self, UserError> {
        on_stage(Stage::People);
        let identity = client.identity().await?;
        let people = client.backup().await?;
        let encoding = client.options().encoding;
        let (faces, photos, options) = (Vec::new(), Vec::new(), Vec::new());
        let mut snapshot = Self { identity, encoding, people, faces, photos, options, log: None, missing: Vec::new() };
        if wanted.portraits {
            snapshot.read_portraits(client, &mut on_stage).await?;
        }
        on_stage(Stage::Options);
        snapshot.read_options(client).await?;
        if let Some(request) = &wanted.attendance {
            let mut on_progress = |progress: Progress| {
                on_stage(Stage::Attendance { bytes: progress.bytes, of: progress.of });
            };
            let Pull { found, .. } = pull(client, request, &mut on_progress).await?;
            snapshot.log = match found {
                Pulled::Full(proven) | Pulled::Tail(proven) => Some(ReadLog::Proven(Box::new(proven))),
                Pulled::Unproven { last, .. } => Some(ReadLog::Unproven(Box::new(last))),
                Pulled::UsersUnproven(_) => {
                    snapshot.missing.push("attendance: the people that it names cannot be verified".into());
                    None
                }
                _ => None,
            };
        }
        Ok(snapshot)
    }

    /// The terminal.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns true if the log was read and could not be proven.
    #[must_use]
    pub fn is_unproven(&self) -> bool {
        matches!(self.log, Some(ReadLog::Unproven(_)))
    }

    async fn read_portraits(
        &mut self,
        client: &mut Client,
        on_stage: &mut (impl FnMut(Stage) + Send),
    ) -> Result<(), ClientError> {
        let of = self.people.users.len();
        let (mut faces, mut photos) = (true, true);
        for (done, user) in self.people.users.iter().enumerate() {
            if !faces && !photos {
                break;
            }
            on_stage(Stage::Portraits { done, of });
            if faces {
                match client.face(user.uid).await {
                    Ok(set) => self.faces.extend(set.templates),
                    Err(why) => {
                        faces = false;
                        self.missing.push(format!("faces: {}", client.skip(why).await?));
                    }
                }
            }
            if photos {
                match client.user_photo(&user.user_id).await {
                    Ok(photo) => self.photos.extend(photo.map(|jpeg| (user.uid, jpeg))),
                    Err(why) => {
                        photos = false;
                        self.missing.push(format!("photos: {}", client.skip(why).await?));
                    }
                }
            }
        }
        Ok(())
    }

    async fn read_options(&mut self, client: &mut Client) -> Result<(), ClientError> {
        for option in OPTIONS {
            match client.option(option).await {
                Ok(value) => self.options.extend(value.map(|value| ((*option).to_owned(), value))),
                Err(why) => {
                    let silent = why.is_silence();
                    let why = client.skip(why).await?;
                    self.missing.push(format!("option {option}: {why}"));
                    if silent {
                        // Each further one would cost a whole wait.
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes everything to a file that only the program's user may read. It appears whole, under a temporary name
    /// before. `now` is the time that it states. `replace` allows a file that is there already to be replaced.
    ///
    /// This blocks: with a passphrase for a second, with a long log for some.
    ///
    /// # Errors
    /// [`FileError::Exists`], [`FileError::Key`], [`FileError::Spool`], or the system's error.
    pub fn write(mut self, path: &Path, lock: &Lock, now: SystemTime, replace: bool) -> Result<Manifest, FileError> {
        if !replace && path.exists() {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        let directory = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => Path::new("."),
        };
        // With mode 0600.
        let file = tempfile::Builder::new().prefix(".backup-").tempfile_in(directory).map_err(FileError::io(path))?;
        let out = Sealed::new(lock, path, BufWriter::new(file))?;
        let (archive, manifest) = self.fill(path, Archive::new(out, now), now)?;
        let mut out = archive.finish().and_then(Sealed::finish).map_err(FileError::io(path))?;
        out.flush().map_err(FileError::io(path))?;
        let file = out.into_inner().map_err(|error| FileError::io(path)(error.into_error()))?;
        file.as_file().sync_all().map_err(FileError::io(path))?;
        let kept = if replace { file.persist(path) } else { file.persist_noclobber(path) };
        kept.map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => FileError::Exists { path: path.to_owned() },
            _ => FileError::io(path)(error.error),
        })?;
        Ok(manifest)
    }

    fn fill<W: std::io::Write>(
        &mut self,
        path: &Path,
        mut archive: Archive<W>,
        now: SystemTime,
    ) -> Result<(Archive<W>, Manifest), FileError> {
        let io = || FileError::io(path);
        let mut bytes = BytesMut::new();
        self.people.users.iter().for_each(|user| bytes.extend_from_slice(&user.raw));
        archive.add(name::USERS, &bytes).map_err(io())?;
        bytes.clear();
        for finger in &self.people.fingers {
            finger.encode(&mut bytes).map_err(|error| io()(std::io::Error::other(error)))?;
        }
        archive.add(name::FINGERS, &bytes).map_err(io())?;
        if !self.faces.is_empty() {
            bytes.clear();
            for face in &self.faces {
                face.encode(&mut bytes).map_err(|error| io()(std::io::Error::other(error)))?;
            }
            archive.add(name::FACES, &bytes).map_err(io())?;
        }
        for (uid, jpeg) in &self.photos {
            archive.add(&format!("{}{}{}", name::PHOTOS, uid.0, name::PHOTO), jpeg).map_err(io())?;
        }
        let options: serde_json::Map<String, serde_json::Value> =
            self.options.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        archive.add(name::OPTIONS, &json(path, &options)?).map_err(io())?;
        let attendance = self.fill_log(path, &mut archive)?;
        let Identity { serial, firmware, platform, device_name, .. } = self.identity.clone();
        let manifest = Manifest {
            format: Manifest::FORMAT.into(),
            version: Manifest::VERSION,
            taken_at: humantime::format_rfc3339_seconds(now).to_string(),
            terminal: Terminal { serial, model: device_name, firmware, platform },
            encoding: self.encoding.label().into(),
            user_bytes: self.people.layout.map(zk_proto::record::UserLayout::width),
            fingerprint_version: self.people.algorithm.clone(),
            counts: Sets {
                users: self.people.users.len(),
                fingerprints: self.people.fingers.len(),
                faces: self.faces.len(),
                photos: self.photos.len(),
                options: self.options.len(),
            },
            attendance,
            missing: std::mem::take(&mut self.missing),
            entries: archive.entries.clone(),
        };
        archive.add(name::MANIFEST, &json(path, &manifest)?).map_err(io())?;
        Ok((archive, manifest))
    }

    fn fill_log<W: std::io::Write>(&mut self, path: &Path, archive: &mut Archive<W>) -> Result<Option<Log>, FileError> {
        let users = &self.people.users;
        match &mut self.log {
            None => Ok(None),
            Some(ReadLog::Proven(proven)) => {
                for (name, form) in [(name::LOG, Form::Raw), (name::LOG_CSV, Form::Csv)] {
                    let size = LogReader::new(proven, users, form).size()?;
                    let content = LogReader::new(proven, users, form);
                    archive.stream(name, size, content).map_err(FileError::io(path))?;
                }
                let layout = proven.layout().map(|layout| layout.to_string());
                Ok(Some(Log { proven: true, records: Some(proven.records()), layout }))
            }
            Some(ReadLog::Unproven(unproven)) => {
                let records = unproven.counts().after.map(u64::from);
                let spool = unproven.spool();
                // Only what came from the first byte on without a gap.
                let size = spool.contiguous();
                let content = Spooled { spool, at: 0, size };
                archive.stream(name::UNPROVEN, size, content).map_err(FileError::io(path))?;
                Ok(Some(Log { proven: false, records, layout: None }))
            }
        }
    }
}

/// The bytes of a spool.
struct Spooled<'a> {
    spool: &'a mut zk_proto::Spool,
    at: u64,
    size: u64,
}

impl std::io::Read for Spooled<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let most = BLOCK.min(out.len() as u64).min(self.size - self.at);
        let bytes = self.spool.read(self.at..self.at + most).map_err(std::io::Error::other)?;
        out.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
        self.at += most;
        Ok(bytes.len())
    }
}

fn json(path: &Path, value: &impl serde::Serialize) -> Result<Vec<u8>, FileError> {
    let mut json =
        serde_json::to_vec_pretty(value).map_err(|error| FileError::io(path)(std::io::Error::other(error)))?;
    json.push(b'\n');
    Ok(json)
}
