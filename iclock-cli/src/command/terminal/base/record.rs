//! The files of `--record`: a transcript for each terminal.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// Each with its terminal.
    all: Mutex<Vec<(String, Record)>>,
}

impl Records {
    /// Gives each terminal its recorder, if `--record` names a file. One that has a transcript already, by its name,
    /// goes on with it. `noted` is the command for a note in the transcript, as [`noted()`] writes it: with its
    /// arguments, without terminals and without secrets.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn attach(
        &self,
        file: Option<&Path>,
        noted: &str,
        devices: &mut [DeviceOptions],
    ) -> Result<(), CliError> {
        let Some(file) = file else { return Ok(()) };
        let mut all = self.lock();
        let mut called: Vec<&mut DeviceOptions> =
            devices.iter_mut().filter(|device| device.contact == Contact::Call).collect();
        let is_alone = called.len() == 1 && all.is_empty();
        for device in &mut called {
            let known = all.iter().find(|(name, _)| *name == device.name);
            let recorder = match known {
                Some((_, record)) => record.recorder.clone(),
                None => {
                    let path = if is_alone { file.to_owned() } else { file_of(file, &device.name) };
                    let record = Record::create(path, device, noted)?;
                    let recorder = record.recorder.clone();
                    all.push((device.name.clone(), record));
                    recorder
                }
            };
            device.recorder = Some(recorder);
        }
        Ok(())
    }

    /// Writes the rest of the transcripts. Returns an error for each that ends early because its file cannot be
    /// written.
    pub(crate) fn finish(&self) -> Vec<CliError> {
        self.lock().iter().filter_map(|(_, record)| record.finish().err()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Record)>> {
        // Nothing that holds it can panic.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn create(path: PathBuf, device: &DeviceOptions, noted: &str) -> Result<Self, CliError> {
        let recorder = Recorder::create(&path).map_err(|error| {
            CliError::because(ExitCode::Usage, format!("--record: cannot write {}", path.display()), &error)
                .hint("name a file in a directory that may be written to and has room")
        })?;
        recorder.note(&format!("{PROGRAM}{noted}"));
        if let Some(serial) = &device.serial {
            recorder.note(&format!("{SERIAL}{serial}"));
        }
        Ok(Self { recorder, path })
    }

    fn finish(&self) -> Result<(), CliError> {
        self.recorder.finish().map_err(|error| {
            let what = format!("--record: cannot write {}, and the recording ends early", self.path.display());
            CliError::because(ExitCode::Fault, what, &error)
                .hint("make room for it, or name another file; the command itself is not affected")
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
