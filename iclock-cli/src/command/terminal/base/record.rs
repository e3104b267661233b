//! The files of `--record`: a transcript for each terminal.

use std::path::{Path, PathBuf};

use iclock_sync::{Contact, DeviceOptions};
use zk_proto::client::Recorder;

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The start of the note that names the command.
pub(crate) const PROGRAM: &str = "iclock-cli ";
/// The start of the note that has the configured serial number.
pub(crate) const SERIAL: &str = "serial number ";

/// A recorder, and the file that it writes.
#[derive(Clone, Debug)]
struct Record {
    recorder: Recorder,
    path: PathBuf,
}

/// The transcripts of a command: of one terminal in the file that was named, of several each in its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    file: Option<PathBuf>,
    noted: String,
    /// Each with its terminal.
    all: Vec<(String, Record)>,
}

impl Records {
    /// For the file of `--record`, if there is one. `noted` is the command for a note in the transcript, as
    /// [`noted()`] writes it: with its arguments, without terminals and without secrets.
    pub(crate) fn new(file: Option<&Path>, noted: &str) -> Self {
        Self { file: file.map(Path::to_owned), noted: noted.to_owned(), all: Vec::new() }
    }

    /// Gives each terminal its recorder. One that has a transcript already, by its name, goes on with it.
    ///
    /// # Errors
    /// When a file cannot be created.
    pub(crate) fn attach(&mut self, devices: &mut [DeviceOptions]) -> Result<(), CliError> {
        let Some(file) = self.file.clone() else { return Ok(()) };
        let mut called: Vec<&mut DeviceOptions> =
            devices.iter_mut().filter(|device| device.contact == Contact::Call).collect();
        let is_alone = called.len() == 1 && self.all.is_empty();
        for device in &mut called {
            let known = self.all.iter().find(|(name, _)| *name == device.name);
            let recorder = match known {
                Some((_, record)) => record.recorder.clone(),
                None => {
                    let path = if is_alone { file.clone() } else { file_of(&file, &device.name) };
                    let record = Record::create(path, device, &self.noted)?;
                    let recorder = record.recorder.clone();
                    self.all.push((device.name.clone(), record));
                    recorder
                }
            };
            device.recorder = Some(recorder);
        }
        Ok(())
    }

    /// Writes the rest of the transcripts.
    ///
    /// # Errors
    /// When a file cannot be written; its transcript ends early.
    pub(crate) fn finish(&self) -> Result<(), CliError> {
        self.all.iter().try_for_each(|(_, record)| record.finish())
    }
}

impl Record {
    fn create(path: PathBuf, device: &DeviceOptions, noted: &str) -> Result<Self, CliError> {
        let recorder = Recorder::create(&path).map_err(|error| {
            CliError::because(ExitCode::Usage, format!("--record: cannot write {}", path.display()), &error)
                .hint("name a file in a directory that may be written to")
        })?;
        recorder.note(&format!("{PROGRAM}{noted}"));
        if let Some(serial) = &device.serial {
            recorder.note(&format!("{SERIAL}{serial}"));
        }
        Ok(Self { recorder, path })
    }

    fn finish(&self) -> Result<(), CliError> {
        self.recorder.finish().map_err(|error| {
            let what = format!("--record: cannot write {}; the transcript ends early", self.path.display());
            CliError::because(ExitCode::Fault, what, &error).hint("make room for it, then record again")
        })
    }
}

/// A command as a transcript notes it: its words, quoted as a shell wants them, so that they can be read back exactly.
/// A note is one line; words that it cannot hold leave it empty.
pub(crate) fn noted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    if words.iter().any(|word| word.contains(char::is_control)) {
        return String::new();
    }
    shlex::try_join(words).unwrap_or_default()
}

/// The words of the command that a transcript notes; `None` if it notes none.
pub(crate) fn words_of(notes: &[String]) -> Option<Vec<String>> {
    let line = notes.iter().find_map(|note| note.strip_prefix(PROGRAM))?;
    shlex::split(line).filter(|words| !words.is_empty())
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

    #[test]
    fn the_words_of_a_command_are_read_back_exactly() {
        let words = ["options", "set", "Name=a b", "it's", "\"", "", "\\", "#x", "世界", "$HOME", "--x=-1"];
        let note = format!("{PROGRAM}{}", noted(words));
        assert_eq!(words_of(&[note]).unwrap(), words);
        assert_eq!(noted(["info", "--json"]), "info --json");
    }

    #[test]
    fn words_that_a_line_cannot_hold_are_not_noted() {
        assert_eq!(noted(["lcd", "two\nlines"]), "");
        assert_eq!(words_of(&[PROGRAM.to_owned()]), None);
        assert_eq!(words_of(&[format!("{PROGRAM}lcd 'open")]), None);
    }
}
