//! Passphrases and keys of backups. No secret is an argument.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use iclock_sync::chain;
use zk_backup::{FileError, Key, Lock, Passphrase, Protection};

use crate::command::terminal::base::Failure;
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The variable with the passphrase.
const VARIABLE: &str = "ICLOCK_BACKUP_PASSPHRASE";

/// The flags that encrypt a backup.
#[derive(Debug, Args)]
pub(crate) struct Sealing {
    /// Encrypt with a passphrase: of --passphrase-file, of the variable
    /// ICLOCK_BACKUP_PASSPHRASE, or typed in
    #[arg(long, verbatim_doc_comment)]
    encrypt: bool,
    /// Encrypt with the passphrase in the first line of a file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Encrypt for the owner of this age key, age1...; repeats
    #[arg(long, value_name = "KEY", conflicts_with_all = ["encrypt", "passphrase_file"])]
    recipient: Vec<String>,
}

/// The flags that open an encrypted backup.
#[derive(Debug, Args)]
pub(crate) struct Opening {
    /// The passphrase is in the first line of a file; else it is in the variable
    /// ICLOCK_BACKUP_PASSPHRASE, or typed in
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    passphrase_file: Option<PathBuf>,
    /// The age key file for a backup made with --recipient
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

impl Sealing {
    pub(crate) fn lock(&self) -> Result<Lock, CliError> {
        let lock = if !self.recipient.is_empty() {
            Lock::Recipients(self.recipient.clone())
        } else if self.encrypt || self.passphrase_file.is_some() {
            Lock::Passphrase(passphrase(self.passphrase_file.as_deref(), true)?)
        } else {
            Lock::Open
        };
        lock.check()?;
        Ok(lock)
    }
}

impl Opening {
    /// What opens the file.
    pub(crate) fn key(&self, path: &Path) -> Result<Key, CliError> {
        Ok(match Protection::of(path)? {
            Protection::Open => Key::None,
            Protection::Passphrase => Key::Passphrase(passphrase(self.passphrase_file.as_deref(), false)?),
            Protection::Recipients => match &self.identity {
                Some(file) => Key::Identities(secret(file)?),
                None => Key::None,
            },
        })
    }
}

/// The text of a file with a secret.
fn secret(file: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(file).map_err(|error| {
        CliError::because(ExitCode::Configuration, format!("cannot read {}", file.display()), &error)
            .hint("name a file of text that this user may read")
    })
}

fn passphrase(file: Option<&Path>, twice: bool) -> Result<Passphrase, CliError> {
    let text = match file {
        Some(file) => secret(file)?.lines().next().unwrap_or_default().to_owned(),
        None => match std::env::var(VARIABLE) {
            Ok(text) => text,
            Err(_) => typed(twice)?,
        },
    };
    if text.is_empty() {
        return Err(CliError::new(ExitCode::Configuration, "the passphrase is empty").hint("choose one"));
    }
    Ok(Passphrase::new(text))
}

/// The passphrase that a person types.
fn typed(twice: bool) -> Result<String, CliError> {
    if !std::io::stdin().is_terminal() {
        let what = "a passphrase is needed, and nobody can be asked for it";
        return Err(
            CliError::new(ExitCode::Configuration, what).hint(format!("use --passphrase-file FILE, or set {VARIABLE}"))
        );
    }
    let failed = |error: std::io::Error| CliError::because(ExitCode::Fault, "cannot ask for a passphrase", &error);
    let text = rpassword::prompt_password("Passphrase of the backup: ").map_err(failed)?;
    if twice && rpassword::prompt_password("Once more: ").map_err(failed)? != text {
        return Err(CliError::new(ExitCode::Configuration, "the two passphrases differ").hint("type them again"));
    }
    Ok(text)
}

impl From<FileError> for CliError {
    fn from(error: FileError) -> Self {
        Failure::from(error).into()
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let (code, hint) = match &error {
            FileError::Io { .. } => (ExitCode::Configuration, "check the path, the rights and the room on the disk"),
            FileError::Exists { .. } => (ExitCode::Refused, "name another file, or add --replace"),
            FileError::NotABackup { .. } => (ExitCode::Configuration, "name a file that `backup` wrote"),
            FileError::Damaged { .. } => (ExitCode::Refused, "use another copy of it; nothing was changed"),
            FileError::Newer { .. } => (ExitCode::Refused, "update this program; nothing was changed"),
            FileError::NeedsPassphrase { .. } => (ExitCode::Configuration, "use --passphrase-file FILE"),
            FileError::NeedsIdentity { .. } => (ExitCode::Configuration, "use --identity FILE"),
            FileError::WrongKey { .. } => (ExitCode::Configuration, "use the one that it was made with"),
            FileError::Key { .. } => (ExitCode::Configuration, "age-keygen makes a pair of keys"),
            _ => (ExitCode::Fault, "make room in the directory for temporary files"),
        };
        Self { code, ..Self::new(chain(&error)) }.hint(hint)
    }
}
