//! What a command does, and how much harm it can do.

use super::Command;

/// The kind of a command, from its first words. Names are case-sensitive: terminals refuse other spellings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// `DATA UPDATE`: writes rows.
    Update,
    /// `DATA DELETE`: deletes rows.
    Delete,
    /// `DATA QUERY`: asks for rows, which come as uploads.
    Query,
    /// `DATA COUNT`: asks for the number of rows.
    Count,
    /// `CHECK`: reads the options again, and uploads the tables whose stamp became 0.
    Check,
    /// `LOG`: uploads what is new now.
    Log,
    /// `INFO`: reports the parameters.
    Info,
    /// `VERIFY SUM`: counts attendance records in a period.
    VerifySum,
    /// `SET OPTION`, or `SET OPTIONS` in the access control dialect.
    SetOption,
    /// `GET OPTION FROM`, or `GET OPTIONS` in the access control dialect.
    GetOption,
    /// `RELOAD OPTIONS`.
    ReloadOptions,
    /// `CLEAR LOG`, `CLEAR DATA` and the like.
    Clear,
    /// `REBOOT`.
    Reboot,
    /// `AC_UNLOCK`: opens the door.
    Unlock,
    /// `AC_UNALARM`: ends an alarm.
    EndAlarm,
    /// `ENROLL_FP`, `ENROLL_MF`, `ENROLL_BIO`: enrolment at the terminal.
    Enroll,
    /// `SHELL`: a command of the operating system.
    Shell,
    /// `GetFile`.
    GetFile,
    /// `PutFile`.
    PutFile,
    /// `UPGRADE`: new firmware.
    Upgrade,
    /// `CONTROL DEVICE`: doors, alarms, restart.
    Control,
    /// `ACCOUNT`: compares the log.
    Account,
    /// `Test Host`: tries the address of a server.
    TestHost,
    /// Anything else.
    Other,
}

/// Longer beginnings come first. A beginning that ends with a letter is a whole command.
const VERBS: [(&str, Verb); 29] = [
    ("DATA UPDATE ", Verb::Update),
    ("DATA DELETE ", Verb::Delete),
    ("DATA QUERY ", Verb::Query),
    ("DATA COUNT ", Verb::Count),
    ("CHECK", Verb::Check),
    ("LOG", Verb::Log),
    ("INFO", Verb::Info),
    ("VERIFY SUM ", Verb::VerifySum),
    ("SET OPTIONS ", Verb::SetOption),
    ("SET OPTION ", Verb::SetOption),
    ("GET OPTIONS ", Verb::GetOption),
    ("GET OPTION FROM ", Verb::GetOption),
    ("RELOAD OPTIONS", Verb::ReloadOptions),
    ("CLEAR ", Verb::Clear),
    ("RESET ", Verb::Clear),
    ("REBOOT", Verb::Reboot),
    ("AC_UNLOCK", Verb::Unlock),
    ("AC_UNALARM", Verb::EndAlarm),
    ("ENROLL_FP ", Verb::Enroll),
    ("ENROLL_MF ", Verb::Enroll),
    ("ENROLL_BIO ", Verb::Enroll),
    ("SHELL ", Verb::Shell),
    ("Shell ", Verb::Shell),
    ("GetFile ", Verb::GetFile),
    ("PutFile ", Verb::PutFile),
    ("UPGRADE ", Verb::Upgrade),
    ("CONTROL DEVICE ", Verb::Control),
    ("ACCOUNT ", Verb::Account),
    ("Test Host ", Verb::TestHost),
];

impl Verb {
    pub(super) fn of(text: &str) -> Self {
        let found = VERBS.iter().find(|(start, _)| match start.strip_suffix(' ') {
            Some(_) => text.starts_with(start),
            None => text.trim_end() == *start,
        });
        found.map_or(Self::Other, |(_, verb)| *verb)
    }

    /// The text after the verb.
    pub(super) fn rest(self, text: &str) -> &str {
        let starts = VERBS.iter().filter(|(_, verb)| *verb == self);
        starts.filter_map(|(start, _)| text.strip_prefix(start)).next().unwrap_or_default()
    }

    pub(super) fn has_table(self) -> bool {
        matches!(self, Self::Update | Self::Delete | Self::Query | Self::Count)
    }
}

/// How much harm a command can do. Let a person permit what is dangerous, for each terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Risk {
    /// It changes nothing.
    Read,
    /// It changes rows or options.
    Write,
    /// It opens doors, deletes everything, restarts or replaces software, or may cut the terminal off.
    Dangerous,
}

/// Options that may cut the terminal off from its server.
const STRANDING: [&str; 11] = [
    "IPAddress",
    "NetMask",
    "GATEIPAddress",
    "DHCP",
    "WebServerIP",
    "WebServerPort",
    "WebServerURLModel",
    "IsPushComKey",
    "PushComKey",
    "EnableProxyServer",
    "ComPwd",
];

impl Risk {
    pub(super) fn of(command: &Command) -> Self {
        match command.verb() {
            Verb::Query | Verb::Count | Verb::Check | Verb::Log | Verb::Info | Verb::VerifySum | Verb::Account => {
                Self::Read
            }
            Verb::GetOption if command.arguments().contains("ComPwd") => Self::Dangerous,
            Verb::GetOption => Self::Read,
            Verb::Delete if !command.arguments().contains('=') => Self::Dangerous,
            Verb::SetOption if STRANDING.iter().any(|key| sets(command.arguments(), key)) => Self::Dangerous,
            Verb::Update | Verb::Delete | Verb::SetOption | Verb::ReloadOptions | Verb::Enroll => Self::Write,
            _ => Self::Dangerous,
        }
    }
}

fn sets(arguments: &str, key: &str) -> bool {
    let keys = arguments.split(',').filter_map(|pair| pair.split('=').next());
    keys.into_iter().any(|set| set.trim().eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn risk(text: &str) -> Risk {
        Command::new(text).unwrap().risk()
    }

    #[test]
    fn what_opens_erases_or_replaces_is_dangerous() {
        for text in [
            "AC_UNLOCK",
            "AC_UNALARM",
            "CLEAR LOG",
            "CLEAR DATA",
            "REBOOT",
            "SHELL date",
            "Shell date",
            "GetFile a",
            "PutFile a\tb",
            "UPGRADE checksum=1,url=x,size=1",
            "CONTROL DEVICE 01010105",
            "DATA DELETE USERINFO",
            "DATA DELETE timezone *",
            "SET OPTION IPAddress=192.0.2.1",
            "SET OPTIONS Door1Drivertime=5,WebServerIP=192.0.2.1",
            "GET OPTIONS ComPwd",
            "RESET ALL USERINFO",
            "FORMAT C",
        ] {
            assert_eq!(risk(text), Risk::Dangerous, "{text}");
        }
    }

    #[test]
    fn reading_is_harmless_and_writing_is_writing() {
        for text in
            ["CHECK", "LOG", "INFO", "DATA QUERY ATTLOG StartTime=1", "DATA COUNT user", "GET OPTION FROM FWVersion"]
        {
            assert_eq!(risk(text), Risk::Read, "{text}");
        }
        for text in
            ["DATA UPDATE USERINFO PIN=1", "DATA DELETE USERINFO PIN=1", "SET OPTION VOLUME=5", "ENROLL_FP PIN=1"]
        {
            assert_eq!(risk(text), Risk::Write, "{text}");
        }
    }

    #[test]
    fn another_spelling_is_another_command() {
        for text in ["data update user Pin=1", "USER ADD PIN=1", "DATA DEL USERINFO PIN=1", "LOGS", "reboot"] {
            assert_eq!(Verb::of(text), Verb::Other, "{text}");
        }
        let query = Command::new("DATA QUERY tablename=user,fielddesc=*,filter=*").unwrap();
        assert_eq!((query.verb(), query.table()), (Verb::Query, Some("user")));
        let update = Command::new("DATA UPDATE USERINFO PIN=1\tName=A").unwrap();
        assert_eq!((update.table(), update.arguments()), (Some("USERINFO"), "PIN=1\tName=A"));
    }
}
