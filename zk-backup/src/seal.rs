//! Encryption by the `age` format: a passphrase, or keys.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, IdentityFile, x25519};

use crate::FileError;

/// The first bytes of an encrypted file.
const MAGIC: &[u8] = b"age-encryption.org/";
/// Base-2 logarithm of the most work that a passphrase may ask for: a minute or so.
const MOST_WORK: u8 = 22;

/// A passphrase. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(String);

impl Passphrase {
    /// A passphrase from its text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn secret(&self) -> SecretString {
        SecretString::from(self.0.clone())
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// How a backup is encrypted.
#[derive(Clone, Debug, Default)]
pub enum Lock {
    /// Not at all: who reads the file has everything.
    #[default]
    Open,
    /// With a passphrase.
    Passphrase(Passphrase),
    /// For one of these keys, each `age1...`.
    Recipients(Vec<String>),
}

impl Lock {
    /// Checks that it can be used.
    ///
    /// # Errors
    /// [`FileError::Key`] for a recipient that is none, or for an empty list.
    pub fn check(&self) -> Result<(), FileError> {
        match self {
            Self::Open | Self::Passphrase(_) => Ok(()),
            Self::Recipients(texts) => recipients(texts).map(drop),
        }
    }
}

/// What opens an encrypted backup.
#[derive(Clone, Default)]
pub enum Key {
    /// Nothing: the file is not encrypted.
    #[default]
    None,
    /// A passphrase.
    Passphrase(Passphrase),
    /// The text of a key file, with lines `AGE-SECRET-KEY-...`.
    Identities(String),
}

impl fmt::Debug for Key {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Key::None",
            Self::Passphrase(_) => "Key::Passphrase(..)",
            Self::Identities(_) => "Key::Identities(..)",
        })
    }
}

/// How a file is encrypted, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// It is not.
    Open,
    /// With a passphrase.
    Passphrase,
    /// For one or more keys.
    Recipients,
}

impl Protection {
    /// Looks at a file.
    ///
    /// # Errors
    /// [`FileError::Io`] if it cannot be read, [`FileError::Damaged`] if it begins like an encrypted file and is none.
    pub fn of(path: &Path) -> Result<Self, FileError> {
        let mut file = open(path)?;
        if !is_sealed(&mut file).map_err(FileError::io(path))? {
            return Ok(Self::Open);
        }
        let decryptor = Decryptor::new_buffered(file).map_err(|error| unopened(path, error, "key"))?;
        Ok(if decryptor.is_scrypt() { Self::Passphrase } else { Self::Recipients })
    }
}

fn open(path: &Path) -> Result<BufReader<File>, FileError> {
    Ok(BufReader::new(File::open(path).map_err(FileError::io(path))?))
}

fn is_sealed(file: &mut BufReader<File>) -> io::Result<bool> {
    Ok(file.fill_buf()?.starts_with(MAGIC))
}

/// Opens a file to read its content.
pub(crate) fn unseal(path: &Path, key: &Key) -> Result<Box<dyn Read>, FileError> {
    let mut file = open(path)?;
    if !is_sealed(&mut file).map_err(FileError::io(path))? {
        return Ok(Box::new(file));
    }
    let decryptor = Decryptor::new_buffered(file).map_err(|error| unopened(path, error, "key"))?;
    match key {
        Key::Passphrase(passphrase) if decryptor.is_scrypt() => {
            let mut identity = age::scrypt::Identity::new(passphrase.secret());
            identity.set_max_work_factor(MOST_WORK);
            let opened = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
            Ok(Box::new(opened.map_err(|error| unopened(path, error, "passphrase"))?))
        }
        Key::Identities(text) if !decryptor.is_scrypt() => {
            let file = IdentityFile::from_buffer(text.as_bytes()).map_err(|_| FileError::Key { what: "key file" })?;
            let identities = file.into_identities().map_err(|_| FileError::Key { what: "key file" })?;
            if identities.is_empty() {
                return Err(FileError::Key { what: "key file" });
            }
            let opened = decryptor.decrypt(identities.iter().map(|identity| &**identity as &dyn age::Identity));
            Ok(Box::new(opened.map_err(|error| unopened(path, error, "key"))?))
        }
        _ if decryptor.is_scrypt() => Err(FileError::NeedsPassphrase { path: path.to_owned() }),
        _ => Err(FileError::NeedsIdentity { path: path.to_owned() }),
    }
}

fn unopened(path: &Path, error: DecryptError, with: &'static str) -> FileError {
    match error {
        DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
            FileError::WrongKey { path: path.to_owned(), with }
        }
        DecryptError::Io(error) => FileError::reading(path)(error),
        other => FileError::damaged(path, other.to_string()),
    }
}

fn recipients(texts: &[String]) -> Result<Vec<x25519::Recipient>, FileError> {
    let recipients: Result<Vec<_>, _> = texts.iter().map(|text| text.trim().parse()).collect();
    recipients.ok().filter(|all| !all.is_empty()).ok_or(FileError::Key { what: "recipient" })
}

/// A writer that encrypts, or not.
pub(crate) enum Sealed<W: Write> {
    Open(W),
    Age(Box<age::stream::StreamWriter<W>>),
}

impl<W: Write> Sealed<W> {
    pub(crate) fn new(lock: &Lock, path: &Path, out: W) -> Result<Self, FileError> {
        let encryptor = match lock {
            Lock::Open => return Ok(Self::Open(out)),
            Lock::Passphrase(passphrase) => Encryptor::with_user_passphrase(passphrase.secret()),
            Lock::Recipients(texts) => {
                let recipients = recipients(texts)?;
                Encryptor::with_recipients(recipients.iter().map(|one| one as &dyn age::Recipient))
                    .map_err(|_| FileError::Key { what: "recipient" })?
            }
        };
        Ok(Self::Age(Box::new(encryptor.wrap_output(out).map_err(FileError::io(path))?)))
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Open(out) => Ok(out),
            Self::Age(out) => out.finish(),
        }
    }
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Open(out) => out.write(bytes),
            Self::Age(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Open(out) => out.flush(),
            Self::Age(out) => out.flush(),
        }
    }
}
