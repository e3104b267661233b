//! The files of `--record`: a transcript for each terminal.

use std::path::{Path, PathBuf};

use zk_proto::client::Recorder;

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// A recorder, and the file that it writes.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) recorder: Recorder,
    path: PathBuf,
}

impl Record {
    /// Creates the file for one of `count` terminals.
    pub(crate) fn create(file: &Path, terminal: &str, count: usize) -> Result<Self, CliError> {
        let path = if count > 1 { file_of(file, terminal) } else { file.to_owned() };
        let recorder = Recorder::create(&path).map_err(|error| {
            CliError::because(ExitCode::Usage, format!("--record: cannot write {}", path.display()), &error)
                .hint("name a file in a directory that may be written to")
        })?;
        Ok(Self { recorder, path })
    }

    /// Writes the rest.
    pub(crate) fn finish(&self) -> Result<(), CliError> {
        self.recorder.finish().map_err(|error| {
            let what = format!("--record: cannot write {}; the transcript ends early", self.path.display());
            CliError::because(ExitCode::Fault, what, &error).hint("make room for it, then record again")
        })
    }
}

/// The file of one of several terminals: `wire.zkt` becomes `wire-front.zkt`.
pub(crate) fn file_of(file: &Path, terminal: &str) -> PathBuf {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    let safe: String = terminal.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = match file.extension() {
        Some(extension) => format!("{stem}-{safe}.{}", extension.to_string_lossy()),
        None => format!("{stem}-{safe}"),
    };
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_several_terminals_has_a_file_of_its_own() {
        let name = |file: &str, terminal: &str| file_of(Path::new(file), terminal).display().to_string();
        assert_eq!(name("logs/wire.zkt", "front"), "logs/wire-front.zkt");
        assert_eq!(name("wire", "192.0.2.1:4370"), "wire-192.0.2.1_4370");
        assert_eq!(name("wire.zkt", "../up"), "wire-.._up.zkt");
    }
}
