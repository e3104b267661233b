//! The certificate of `serve`: two files, which are read again when they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zk_push::server::Tls;

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The files, and what was read from them last.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: Files,
    seen: [Option<Stamp>; 2],
    tls: Tls,
}

/// The file of the certificate, and the file of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// The table of the configuration that names them.
    pub(crate) table: &'static str,
}

/// Time and length of a file.
type Stamp = (SystemTime, u64);

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// When one cannot be read or used.
    pub(crate) fn open(files: Files) -> Result<Self, CliError> {
        let seen = files.stamps();
        let (certificate, key) = files.read()?;
        let tls = Tls::from_pem(&certificate, &key).map_err(|error| files.unusable(&error))?;
        Ok(Self { files, seen, tls })
    }

    /// The certificate in force.
    pub(crate) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Takes over other files, with the next [`Certificate::refresh`].
    pub(crate) fn set_files(&mut self, files: Files) {
        if self.files != files {
            (self.files, self.seen) = (files, [None, None]);
        }
    }

    /// Reads the files again if one has changed. Returns true if there is another certificate now. Files that do not
    /// fit together yet are tried again when one of them changes.
    ///
    /// # Errors
    /// When one cannot be read or used; the certificate before stays in force.
    pub(crate) fn refresh(&mut self) -> Result<bool, CliError> {
        let seen = self.files.stamps();
        if seen == self.seen {
            return Ok(false);
        }
        self.seen = seen;
        let (certificate, key) = self.files.read()?;
        self.tls.replace(&certificate, &key).map_err(|error| self.files.unusable(&error))?;
        Ok(true)
    }
}

impl Files {
    fn stamps(&self) -> [Option<Stamp>; 2] {
        [&self.certificate, &self.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        })
    }

    fn read(&self) -> Result<(Vec<u8>, Vec<u8>), CliError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|error| {
                let what = format!("cannot read {}", path.display());
                CliError::because(ExitCode::Configuration, what, &error)
                    .hint(format!("see certificate and certificate_key of [{}] in iclock.toml", self.table))
            })
        };
        Ok((read(&self.certificate)?, read(&self.key)?))
    }

    fn unusable(&self, error: &zk_push::server::TlsError) -> CliError {
        let what = format!("cannot use {} with {}", self.certificate.display(), self.key.display());
        CliError::because(ExitCode::Configuration, what, error).hint(
            "the first has the certificate and those above it, the second its key without a password, both as PEM",
        )
    }
}
