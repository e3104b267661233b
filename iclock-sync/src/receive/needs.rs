//! What a command needs before it is sent: a permission, and an answer to "may it be sent again".

use zk_push::command::{Command, Control, Risk, Verb};

use super::order::SET_TIME;
use crate::{DeviceOptions, Permission};

/// What a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A permission for its terminal.
    Permission(Permission),
    /// It is never sent.
    Never,
}

/// Returns what a command needs. A command that nobody knows is never sent: it may do anything.
#[must_use]
pub fn needs(command: &Command) -> Needs {
    match (command.verb(), command.risk()) {
        (Verb::Reboot, _) | (_, Risk::Read | Risk::Write) => Needs::Nothing,
        (Verb::Control, _) => match Control::parse(command) {
            Some(Control::Restart) => Needs::Nothing,
            // All doors, and forever, are not among them.
            Some(control) if control.command().is_ok() => Needs::Permission(Permission::OpenDoor),
            _ => Needs::Never,
        },
        (Verb::Unlock | Verb::EndAlarm, _) => Needs::Permission(Permission::OpenDoor),
        (Verb::Clear | Verb::Delete, _) => Needs::Permission(Permission::Clear),
        (Verb::Shell | Verb::GetFile | Verb::PutFile, _) => Needs::Permission(Permission::Shell),
        (Verb::Upgrade, _) => Needs::Permission(Permission::Upgrade),
        (Verb::SetOption, _) => Needs::Permission(Permission::Network),
        _ => Needs::Never,
    }
}

/// The reason why a terminal is not sent a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPermitted {
    /// Its time is not known.
    #[error("its time is not known, because it has no zone")]
    NoZone,
    /// It lacks a permission.
    #[error("it has no permission for {0}")]
    Needs(Permission),
    /// Nobody knows what the command does.
    #[error("nobody knows what this command does")]
    Never,
}

/// Refuses a command for which a terminal has no permission, or that is never sent. `device` is `None` for a terminal
/// that is approved and not configured.
///
/// # Errors
/// [`NotPermitted`].
pub fn permitted(device: Option<&DeviceOptions>, command: &Command) -> Result<(), NotPermitted> {
    if command.as_str() == SET_TIME && device.is_none_or(|device| device.zone.is_none()) {
        return Err(NotPermitted::NoZone);
    }
    let has = |permission: Permission| device.is_some_and(|device| device.permits.contains(&permission));
    match needs(command) {
        Needs::Nothing => Ok(()),
        Needs::Permission(permission) if has(permission) => Ok(()),
        Needs::Permission(permission) => Err(NotPermitted::Needs(permission)),
        Needs::Never => Err(NotPermitted::Never),
    }
}

/// Returns true if a terminal may carry out a command twice: when an answer is lost, it is sent again.
#[must_use]
pub(crate) fn may_repeat(command: &Command) -> bool {
    command.risk() == Risk::Read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Needs {
        needs(&Command::new(text).unwrap())
    }

    #[test]
    fn what_opens_deletes_or_replaces_needs_a_permission() {
        for (text, permission) in [
            ("AC_UNLOCK", Permission::OpenDoor),
            ("AC_UNALARM", Permission::OpenDoor),
            ("CONTROL DEVICE 01010105", Permission::OpenDoor),
            ("CLEAR LOG", Permission::Clear),
            ("CLEAR DATA", Permission::Clear),
            ("DATA DELETE timezone *", Permission::Clear),
            ("DATA DELETE USERINFO", Permission::Clear),
            ("SHELL date", Permission::Shell),
            ("PutFile a\tb", Permission::Shell),
            ("UPGRADE checksum=1,url=x,size=1", Permission::Upgrade),
            ("SET OPTION IPAddress=192.0.2.1", Permission::Network),
        ] {
            assert_eq!(of(text), Needs::Permission(permission), "{text}");
        }
    }

    #[test]
    fn the_usual_needs_none_and_the_unknown_is_never_sent() {
        for text in [
            "INFO",
            "REBOOT",
            "CONTROL DEVICE 03000000",
            "DATA UPDATE USERINFO PIN=1",
            "DATA DELETE USERINFO PIN=1",
            "SET OPTION VOLUME=5",
            "ENROLL_FP PIN=1",
        ] {
            assert_eq!(of(text), Needs::Nothing, "{text}");
        }
        // All doors, a door that stays open, the password of the line, and what no document names.
        for text in [
            "CONTROL DEVICE 01000105",
            "CONTROL DEVICE 010101FF",
            "CONTROL DEVICE xx",
            "GET OPTIONS ComPwd",
            "FORMAT C",
        ] {
            assert_eq!(of(text), Needs::Never, "{text}");
        }
    }

    #[test]
    fn only_what_changes_nothing_may_be_sent_again() {
        let repeats = |text: &str| may_repeat(&Command::new(text).unwrap());
        assert!(repeats("INFO") && repeats("DATA QUERY ATTLOG StartTime=1"));
        assert!(!repeats("REBOOT") && !repeats("SET OPTION VOLUME=5") && !repeats("DATA UPDATE USERINFO PIN=1"));
    }
}
