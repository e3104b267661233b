//! A tar archive with the sums of its entries.

use std::io::{self, Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use crate::Entry;

/// The names of the entries.
pub(crate) mod name {
    pub(crate) const USERS: &str = "users.bin";
    pub(crate) const FINGERS: &str = "fingerprints.bin";
    pub(crate) const FACES: &str = "faces.bin";
    pub(crate) const PHOTOS: &str = "photos/";
    pub(crate) const PHOTO: &str = ".jpg";
    pub(crate) const OPTIONS: &str = "options.json";
    pub(crate) const LOG: &str = "attendance.bin";
    pub(crate) const LOG_CSV: &str = "attendance.csv";
    pub(crate) const UNPROVEN: &str = "attendance-unproven.bin";
    pub(crate) const MANIFEST: &str = "manifest.json";
    pub(crate) const SUMS: &str = "SHA256SUMS";
}

/// An archive to be written, and the sums of its entries so far.
pub(crate) struct Archive<W: Write> {
    tar: tar::Builder<W>,
    seconds: u64,
    pub(crate) entries: Vec<Entry>,
}

impl<W: Write> Archive<W> {
    pub(crate) fn new(out: W, time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Self { tar: tar::Builder::new(out), seconds, entries: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.stream(name, bytes.len() as u64, bytes)
    }

    /// Adds an entry whose size is known and whose bytes come one after the other.
    pub(crate) fn stream(&mut self, name: &str, bytes: u64, content: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(self.seconds);
        let mut summed = Summed::new(content.take(bytes));
        self.tar.append_data(&mut header, name, &mut summed)?;
        if summed.bytes != bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.entries.push(Entry { name: name.to_owned(), bytes, sha256: summed.sum() });
        Ok(())
    }

    /// Adds the sums of all entries, and ends the archive.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let sums = sums(&self.entries);
        self.add(name::SUMS, sums.as_bytes())?;
        self.tar.into_inner()
    }
}

/// The sums of entries, as `sha256sum -c` reads them.
pub(crate) fn sums(entries: &[Entry]) -> String {
    entries.iter().map(|entry| format!("{}  {}\n", entry.sha256, entry.name)).collect()
}

/// A reader that counts and sums what passes.
pub(crate) struct Summed<R> {
    inner: R,
    digest: Sha256,
    pub(crate) bytes: u64,
}

impl<R> Summed<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, digest: Sha256::new(), bytes: 0 }
    }

    /// The SHA-256 in hex.
    pub(crate) fn sum(self) -> String {
        hex::encode(self.digest.finalize())
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.digest.update(out.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}
