//! Files of people: lists and fingerprints.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use iclock_sync::chain;

use crate::command::terminal::base::{Failure, file_of};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

/// The largest file that is read, in bytes: far above any terminal's.
const LARGEST: u64 = 256 << 20;

/// A file to be written, or one for each of several terminals.
#[derive(Debug)]
pub(crate) struct Target {
    file: PathBuf,
    is_shared: bool,
    replace: bool,
}

impl Target {
    /// For `count` terminals.
    ///
    /// # Errors
    /// When several terminals would share stdout.
    pub(crate) fn new(file: &Path, count: usize, replace: bool) -> Result<Self, CliError> {
        let target = Self { file: file.to_owned(), is_shared: count > 1, replace };
        if target.is_stdout() && target.is_shared {
            let what = format!("{count} terminals cannot share stdout");
            return Err(CliError::new(ExitCode::Usage, what).hint("name one terminal with --device, or a file"));
        }
        Ok(target)
    }

    /// Returns true if the data go to stdout.
    pub(crate) fn is_stdout(&self) -> bool {
        self.file == Path::new("-")
    }

    /// Refuses a file that is there already.
    ///
    /// # Errors
    /// With exit code 80.
    pub(crate) fn check(&self, terminal: &str) -> Result<(), CliError> {
        let path = self.path(terminal);
        if self.is_stdout() || self.replace || !path.exists() {
            return Ok(());
        }
        let what = format!("{} is there already", path.display());
        Err(CliError::new(ExitCode::Refused, what).hint("name another file, or add --replace"))
    }

    /// Writes the file of a terminal, which only its owner may read, and returns its name; `None` for stdout.
    ///
    /// # Errors
    /// With exit code 10 when it cannot be written.
    pub(crate) fn write(&self, terminal: &str, content: &[u8]) -> Result<Option<String>, Failure> {
        if self.is_stdout() {
            output::text(String::from_utf8_lossy(content));
            return Ok(None);
        }
        let path = self.path(terminal);
        // It may have come while the terminal was read.
        let written = match !self.replace && path.exists() {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => write(&path, content),
        };
        let shown = path.display().to_string();
        written.map_err(|error| {
            Failure {
                code: ExitCode::Configuration,
                ..Failure::new(format!("cannot write {shown}: {}", chain(&error)))
            }
            .hint("check the path, the rights and the room on the disk")
        })?;
        Ok(Some(shown))
    }

    fn path(&self, terminal: &str) -> PathBuf {
        if self.is_shared { file_of(&self.file, terminal) } else { self.file.clone() }
    }
}

/// Writes a file whole or not at all, so that an old one is still there after a failure.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let fill = |path: &Path| {
        let mut file = options.open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    // The file behind a link, and not the link, is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return options.open(&path)?.write_all(content);
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let written = fill(Path::new(&part)).and_then(|()| fs::rename(&part, &path));
    if written.is_err() {
        // A part of a list would pass for the list.
        let _ = fs::remove_file(&part);
    }
    written
}

/// Returns true if a file is JSON by its name.
pub(crate) fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// Reads a text file, without a byte order mark.
///
/// # Errors
/// With exit code 10.
pub(crate) fn read(path: &Path) -> Result<String, CliError> {
    let failed = |why: &dyn std::fmt::Display| {
        CliError::new(ExitCode::Configuration, format!("cannot read {}: {why}", path.display()))
            .hint("name a file of text in UTF-8 that this user may read; nothing was changed")
    };
    let size = fs::metadata(path).map_err(|error| failed(&error))?.len();
    if size > LARGEST {
        return Err(failed(&"it is larger than any list of people"));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}
