//! Decisions about serial numbers that another process makes while a receiver runs.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zk_push::SerialNumber;

use super::mailbox::Mailbox;
use crate::ledger::PushState;

/// The directory of the files, in the state directory.
const DIR: &str = "push-decisions";

/// A decision about a serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    serial: SerialNumber,
    /// Admits the terminal, or refuses it.
    approves: bool,
    /// A name for it.
    name: Option<String>,
}

/// The content of a file.
#[derive(Serialize, Deserialize)]
struct Content {
    approves: bool,
    name: Option<String>,
}

impl Decision {
    /// Admits a terminal. `None` if no terminal has such a serial number.
    #[must_use]
    pub fn approve(serial: &str, name: Option<String>) -> Option<Self> {
        Some(Self { serial: SerialNumber::new(serial)?, approves: true, name })
    }

    /// Refuses a terminal. `None` if no terminal has such a serial number.
    #[must_use]
    pub fn deny(serial: &str) -> Option<Self> {
        Some(Self { serial: SerialNumber::new(serial)?, approves: false, name: None })
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> &str {
        self.serial.as_str()
    }

    /// The state that the serial number gets.
    #[must_use]
    pub fn state(&self) -> PushState {
        if self.approves { PushState::Approved } else { PushState::Denied }
    }

    /// The name that the terminal gets.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Leaves the decision for the receiver that runs in a state directory. An earlier one about the same serial number
    /// is replaced.
    ///
    /// # Errors
    /// The error of the file system.
    pub fn leave(&self, state_dir: &Path) -> io::Result<()> {
        let content = Content { approves: self.approves, name: self.name.clone() };
        Mailbox::new(state_dir, DIR).leave(&self.file(), &content)
    }

    /// Takes the decision back. Returns false if a receiver has taken it.
    ///
    /// # Errors
    /// The error of the file system.
    pub fn withdraw(&self, state_dir: &Path) -> io::Result<bool> {
        Mailbox::new(state_dir, DIR).withdraw(&self.file())
    }

    /// Returns the decisions that wait in a state directory, with a bound on their number.
    pub(super) fn waiting(state_dir: &Path) -> io::Result<Vec<Self>> {
        Mailbox::new(state_dir, DIR).waiting(|file, content| {
            let serial = SerialNumber::new(file.strip_prefix(PREFIX)?)?;
            let Content { approves, name } = serde_json::from_slice(content).ok()?;
            Some(Self { serial, approves, name })
        })
    }

    fn file(&self) -> String {
        format!("{PREFIX}{}", self.serial)
    }
}

/// A serial number alone may be the name of a device on Windows.
const PREFIX: &str = "serial-";

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_decision_waits_until_it_is_taken_and_the_last_one_counts() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Decision::waiting(dir.path()).unwrap(), []);
        Decision::deny("NUL").unwrap().leave(dir.path()).unwrap();
        let approved = Decision::approve("NUL", Some("gate".to_owned())).unwrap();
        approved.leave(dir.path()).unwrap();
        assert_eq!(Decision::waiting(dir.path()).unwrap(), std::slice::from_ref(&approved));
        assert!(approved.withdraw(dir.path()).unwrap());
        assert!(!approved.withdraw(dir.path()).unwrap());
        assert_eq!(Decision::waiting(dir.path()).unwrap(), []);
    }

    #[test]
    fn a_file_of_something_else_is_no_decision() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!((Decision::deny("../x"), Decision::approve("", None)), (None, None));
        fs::create_dir(dir.path().join(DIR)).unwrap();
        for (name, content) in [("serial-A1.json", "{}"), ("A1.json", "{}"), ("serial-B2.part", "{"), ("x", "")] {
            fs::write(dir.path().join(DIR).join(name), content).unwrap();
        }
        assert_eq!(Decision::waiting(dir.path()).unwrap(), []);
        let left: Vec<_> = fs::read_dir(dir.path().join(DIR)).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(!left.contains(&"serial-A1.json".into()), "{left:?}");
    }
}
