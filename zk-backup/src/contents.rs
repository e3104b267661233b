//! Reading a backup, and checking it to the last byte.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use zk_proto::Uid;
use zk_proto::client::Backup;
use zk_proto::encoding::TextEncoding;
use zk_proto::record::{FaceSet, FaceTemplate, FingerTemplate, TemplateSet, User, UserLayout};

use crate::archive::{Summed, name, sums};
use crate::{Entry, FileError, Key, Manifest, seal};

/// Bytes of all entries in memory together; far above what the largest terminal has.
const MEMORY: u64 = 1 << 30;

/// A backup as it was read: all but the attendance log, whose bytes were only checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// The table of contents.
    pub manifest: Manifest,
    /// Users and fingerprints.
    pub people: Backup,
    /// Templates of faces.
    pub faces: Vec<FaceTemplate>,
    /// Photos by slot, JPEG.
    pub photos: Vec<(Uid, Bytes)>,
    /// Options, name and value.
    pub options: Vec<(String, String)>,
}

impl Contents {
    /// Reads a file and checks the size and the sum of each entry, and that none is missing or too many.
    ///
    /// This blocks: with a passphrase for a second.
    ///
    /// # Errors
    /// [`FileError`] says whether the file, its content or the key is wrong.
    pub fn read(path: &Path, key: &Key) -> Result<Self, FileError> {
        let content = seal::unseal(path, key)?;
        let mut parts = Parts::default();
        let mut archive = tar::Archive::new(content);
        let reading = FileError::reading(path);
        for (place, entry) in archive.entries().map_err(&reading)?.enumerate() {
            let entry = match entry {
                Ok(entry) => entry,
                // The first entry decides if it is an archive at all.
                Err(error) if place == 0 => {
                    return Err(match reading(error) {
                        FileError::Damaged { path, .. } => FileError::NotABackup { path },
                        other => other,
                    });
                }
                Err(error) => return Err(reading(error)),
            };
            parts.take(path, entry)?;
        }
        if parts.entries.is_empty() {
            return Err(FileError::NotABackup { path: path.to_owned() });
        }
        // What follows the end of the archive is read too, so that an encrypted file is checked to its end.
        let mut rest = archive.into_inner();
        std::io::copy(&mut rest, &mut std::io::sink()).map_err(&reading)?;
        parts.whole(path)
    }

    /// The code page of the names; UTF-8 if it is not known here.
    #[must_use]
    pub fn encoding(&self) -> TextEncoding {
        TextEncoding::named(&self.manifest.encoding).unwrap_or_default()
    }
}

/// The entries that were read so far.
#[derive(Default)]
struct Parts {
    entries: Vec<Entry>,
    bytes: BTreeMap<String, Bytes>,
    memory: u64,
}

impl Parts {
    fn take(&mut self, path: &Path, entry: tar::Entry<'_, impl Read>) -> Result<(), FileError> {
        let damaged = |what: String| FileError::damaged(path, what);
        let reading = FileError::reading(path);
        let name = String::from_utf8(entry.path_bytes().into_owned());
        let name = name.map_err(|_| damaged("a name is no text".into()))?;
        if !entry.header().entry_type().is_file() {
            return Err(damaged(format!("{name} is not a file")));
        }
        if self.entries.iter().any(|other| other.name == name) {
            return Err(damaged(format!("{name} is there twice")));
        }
        if self.entries.last().is_some_and(|last| last.name == name::SUMS) {
            return Err(damaged(format!("{name} follows the sums")));
        }
        let is_log = [name::LOG, name::LOG_CSV, name::UNPROVEN].contains(&&*name);
        let size = entry.size();
        let mut summed = Summed::new(entry);
        if is_log {
            std::io::copy(&mut summed, &mut std::io::sink()).map_err(&reading)?;
        } else {
            self.memory = self.memory.saturating_add(size);
            if self.memory > MEMORY {
                return Err(damaged(format!("{name} is larger than any terminal's")));
            }
            // It grows with what arrives, not with what the header claims.
            let mut bytes = Vec::new();
            summed.read_to_end(&mut bytes).map_err(&reading)?;
            self.bytes.insert(name.clone(), bytes.into());
        }
        if summed.bytes != size {
            return Err(damaged(format!("{name} is incomplete")));
        }
        self.entries.push(Entry { name, bytes: size, sha256: summed.sum() });
        Ok(())
    }

    fn whole(mut self, path: &Path) -> Result<Contents, FileError> {
        let damaged = |what: &str| FileError::damaged(path, what);
        let Some(listed) = self.bytes.remove(name::SUMS) else {
            return Err(match self.bytes.contains_key(name::USERS) {
                true => damaged("its end is missing"),
                false => FileError::NotABackup { path: path.to_owned() },
            });
        };
        self.entries.pop();
        if sums(&self.entries).as_bytes() != &listed[..] {
            let lines = String::from_utf8_lossy(&listed).into_owned();
            let wrong = self.entries.iter().find(|entry| !lines.contains(&sums(std::slice::from_ref(entry))));
            return Err(match wrong {
                Some(entry) => FileError::damaged(path, format!("{} is not what was written", entry.name)),
                None => damaged("the sums are not those of its entries"),
            });
        }
        let manifest = self.bytes.remove(name::MANIFEST).ok_or_else(|| damaged("the manifest is missing"))?;
        let manifest = manifest_of(path, &manifest)?;
        self.entries.pop();
        if manifest.entries != self.entries {
            return Err(damaged("the manifest does not list its entries"));
        }
        self.contents(path, manifest)
    }

    fn contents(mut self, path: &Path, manifest: Manifest) -> Result<Contents, FileError> {
        let damaged = |what: &str| FileError::damaged(path, what);
        let mut part = |name: &str| self.bytes.remove(name).unwrap_or_default();
        let (layout, users) = users(part(name::USERS), manifest.user_bytes).ok_or_else(|| damaged("users"))?;
        let fingers = fingers(&part(name::FINGERS)).ok_or_else(|| damaged("fingerprints"))?;
        let FaceSet { templates: faces, .. } = FaceSet::parse(part(name::FACES));
        let options: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&part(name::OPTIONS)).map_err(|_| damaged("options"))?;
        let options = options.into_iter().map(|(name, value)| match value {
            serde_json::Value::String(value) => Some((name, value)),
            _ => None,
        });
        let options: Vec<_> = options.collect::<Option<_>>().ok_or_else(|| damaged("options"))?;
        let photos = self.bytes.iter().filter_map(|(name, jpeg)| {
            let uid = name.strip_prefix(name::PHOTOS)?.strip_suffix(name::PHOTO)?.parse().ok()?;
            Some((Uid(uid), jpeg.clone()))
        });
        let mut photos: Vec<_> = photos.collect();
        photos.sort_by_key(|(uid, _)| *uid);
        let counts = manifest.counts;
        let counted = [users.len(), fingers.len(), faces.len(), photos.len(), options.len()];
        if counted != [counts.users, counts.fingerprints, counts.faces, counts.photos, counts.options] {
            return Err(damaged("the manifest counts something else"));
        }
        let people = Backup { layout, users, algorithm: manifest.fingerprint_version.clone(), fingers };
        Ok(Contents { manifest, people, faces, photos, options })
    }
}

/// The manifest, if this program knows its version.
fn manifest_of(path: &Path, bytes: &[u8]) -> Result<Manifest, FileError> {
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| FileError::damaged(path, format!("the manifest: {error}")))?;
    if value.get("format").and_then(serde_json::Value::as_str) != Some(Manifest::FORMAT) {
        return Err(FileError::NotABackup { path: path.to_owned() });
    }
    let version = value.get("version").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if version != u64::from(Manifest::VERSION) {
        let version = u32::try_from(version).unwrap_or(u32::MAX);
        return Err(FileError::Newer { path: path.to_owned(), version });
    }
    serde_json::from_value(value).map_err(|error| FileError::damaged(path, format!("the manifest: {error}")))
}

fn users(mut records: Bytes, width: Option<usize>) -> Option<(Option<UserLayout>, Vec<User>)> {
    let Some(width) = width else { return records.is_empty().then(|| (None, Vec::new())) };
    let layout = UserLayout::ALL.into_iter().find(|layout| layout.width() == width)?;
    let mut users = Vec::with_capacity(records.len() / width);
    while records.len() >= width {
        users.push(User::parse(layout, records.split_to(width)).ok()?);
    }
    records.is_empty().then_some((Some(layout), users))
}

fn fingers(entries: &[u8]) -> Option<Vec<FingerTemplate>> {
    // As in a transfer whose length word says nothing.
    let mut set = BytesMut::zeroed(4);
    set.extend_from_slice(entries);
    let TemplateSet { templates, trailing } = TemplateSet::parse(set.freeze()).ok()?;
    (trailing == 0).then_some(templates)
}
