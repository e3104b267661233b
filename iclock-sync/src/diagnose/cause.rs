//! The table of causes: the word, the check that finds it, how much it matters, a title and the usual fix of each.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Check, Level};

macro_rules! causes {
    ($($cause:ident, $word:literal, $check:ident, $level:ident, $title:literal, $fix:literal;)*) => {
        /// A cause that a check can name. Its word stays the same in later versions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Cause {
            $(#[doc = concat!("It means: ", $title, ".")] $cause,)*
        }

        impl Cause {
            /// Every cause, in the order of the checks.
            pub const ALL: &'static [Self] = &[$(Self::$cause,)*];

            /// The stable word, for JSON and alerts.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$cause => $word,)* }
            }

            /// The cause in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$cause => $title,)* }
            }

            /// The check that finds it.
            #[must_use]
            pub const fn check(self) -> Check {
                match self { $(Self::$cause => Check::$check,)* }
            }

            /// How much it matters.
            #[must_use]
            pub const fn level(self) -> Level {
                match self { $(Self::$cause => Level::$level,)* }
            }

            /// The fix that usually helps. It names no command: a program that has one for it says so itself.
            #[must_use]
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$cause => $fix,)* }
            }
        }
    };
}

causes! {
    NameUnknown, "name_unknown", Name, Problem, "the host name has no address",
        "check the spelling of host, or write the terminal's address instead (its menu: Comm, Ethernet)";
    NoRoute, "no_route", Connection, Problem, "there is no way to the address",
        "check that this machine is in the terminal's network or has a route to it, and that the address is right";
    NoAnswer, "no_answer", Connection, Problem, "nothing answers at the address",
        "check the terminal's power and cable, its address (menu: Comm, Ethernet), and that no firewall is between";
    PortClosed, "port_closed", Connection, Problem, "a machine answers, but nothing listens at the port",
        "check the port (menu: Comm, PC connection; 4370 as delivered), and that the address is the terminal's";
    NotATerminal, "not_a_terminal", Session, Problem, "something else than a terminal answers",
        "check the address and the port: another service listens there";
    SessionSilent, "session_silent", Session, Problem, "the port is open, but no session begins",
        "restart the terminal; try ?transport=udp; a terminal with a cloud server set (ADMS) may serve nobody else";
    SessionTaken, "session_taken", Session, Problem, "another program holds the terminal's only session",
        "end the other program (vendor software, another collector), or let it poll at other times";
    SessionContested, "session_contested", Session, Note, "another program takes the terminal's only session at times",
        "let the other program poll at other times, or end it: polls that meet it fail, and are repeated";
    HangsUp, "hangs_up", Session, Problem, "the terminal ends the connection at once",
        "check that no other program polls it; restart the terminal; try ?transport=udp";
    SessionPause, "session_pause", Session, Note, "the terminal needs a pause between two sessions",
        "nothing to do: a service learns the pause and keeps it";
    SecureFirmware, "secure_firmware", Session, Problem, "the firmware demands its secure protocol",
        "switch off the secure communication in its menu (allow legacy PC connections), or use other firmware";
    AccessPanel, "access_panel", Session, Problem, "it is an access control panel, which speaks another protocol",
        "use the panel's own software; iclock reads attendance terminals";
    KeyMissing, "key_missing", Key, Problem, "the terminal demands a communication key, and none is set",
        "set comm_key = \"ENV:NAME\" for this terminal; its menu shows the key (Comm, PC connection, Comm Key)";
    KeyWrong, "key_wrong", Key, Problem, "the communication key is wrong",
        "look the key up in its menu (Comm, PC connection, Comm Key) and correct comm_key; 0 means none";
    SessionLost, "session_lost", Key, Problem, "the terminal keeps ending its sessions and demands the key again",
        "check that the key did not change and that no other program takes the session; then restart the terminal";
    WrongTerminal, "wrong_terminal", Identity, Problem, "another terminal is at this address",
        "correct host, or set serial to the new terminal's number if it was replaced on purpose";
    NoSerial, "no_serial", Identity, Note, "the terminal does not report its serial number",
        "give it a name that never changes: its records are kept under the name";
    RefusesAll, "refuses_all", Mode, Problem, "the terminal refuses every request",
        "switch off the push or cloud mode (menu: Comm, Cloud server / ADMS), or allow PC connections; then restart it";
    TerminalBusy, "terminal_busy", Mode, Problem, "the terminal answers that it is busy",
        "leave its menu if somebody is in it, wait for an enrolment to end, or restart it";
    CountMissing, "count_missing", Counts, Note, "the terminal does not say how many records it has",
        "nothing to do: its log is read and proven without the count";
    CountZero, "count_zero", Counts, Note, "the terminal counts no records, although its log has some",
        "nothing to do: its log is read all the same; a restart of the terminal often corrects the count";
    CountOff, "count_off", Counts, Note, "the terminal counts another number of records than its log has",
        "nothing to do: the bytes of the log decide";
    ClockMissing, "clock_missing", Clock, Note, "the terminal does not answer the question for its clock",
        "compare its display with a watch now and then";
    ClockInvalid, "clock_invalid", Clock, Problem, "its clock shows a time that does not exist",
        "set the clock at the terminal; if it happens again, its backup battery is empty";
    ClockReset, "clock_reset", Clock, Problem, "its clock started again at the factory's date",
        "set the clock at the terminal, and replace its backup battery";
    ClockOff, "clock_off", Clock, Problem, "its clock is wrong",
        "set the clock at the terminal, or set clock = \"correct\" and zone for it";
    ZoneOff, "zone_off", Clock, Problem, "its clock shows the time of another zone",
        "if its display shows the right local time, set zone for this terminal, e.g. zone = \"Indian/Maldives\"";
    LogNearlyFull, "log_nearly_full", Capacity, Problem, "its log is nearly full",
        "clear it once all of it is stored";
    LogFull, "log_full", Capacity, Problem, "its log is full: it overwrites old records or refuses punches",
        "sync now, then clear it";
    UsersUnreadable, "users_unreadable", Users, Problem, "the table of users could not be read whole",
        "restart the terminal and try again; punches of short records cannot be given to people without it";
    UsersWithoutId, "users_without_id", Users, Problem, "there are users without a user id",
        "give each of them a user id at the terminal: their punches cannot be stored";
    UsersDeleted, "users_deleted", Users, Note, "the table has rows of deleted users",
        "nothing to do: they are left out";
    NoUsers, "no_users", Users, Note, "the terminal has no users",
        "enrol people at the terminal";
    LineBreaks, "line_breaks", Log, Problem, "the connection breaks while data come",
        "check the cable, the switch and the Wi-Fi; end other programs that connect to it";
    Stalls, "stalls", Log, Problem, "the terminal stops answering while data come",
        "restart the terminal; allow more time with ?timeout=20s; check the line for losses";
    LogRefused, "log_refused", Log, Problem, "the terminal refuses to send its log",
        "restart the terminal; if nobody has punched on it yet, the first punch ends this";
    EmptyLog, "empty_log", Log, Note, "its log has no records",
        "if people have punched: another program may clear the log after reading (vendor software), or this is another \
         terminal";
    BadBytes, "bad_bytes", Log, Problem, "the terminal sends bytes that the protocol does not allow",
        "restart the terminal, and check the line; if it stays, record a session and report it";
    LogCutShort, "log_cut_short", Log, Problem, "fewer bytes came than the terminal announced",
        "restart the terminal and try again; check the line; if it stays, look at the log that a sync keeps";
    LogMisframed, "log_misframed", Log, Problem, "the log's records are shifted: bytes are missing or too many",
        "restart the terminal and try again; nothing was stored; if it stays, look at the log that a sync keeps";
    LogDamaged, "log_damaged", Log, Problem, "a part of the log is damaged in the terminal",
        "look at the log that a sync keeps, then accept its good records";
    LogUnknown, "log_unknown", Log, Problem, "the log makes sense in no known record layout",
        "restart the terminal and try again; if it stays, report its model, its firmware and what the kept log shows";
    LogAmbiguous, "log_ambiguous", Log, Problem, "the log makes sense in more than one record layout",
        "look at the log that a sync keeps: it shows which one is right; then set layout for this terminal";
    LogDisagrees, "log_disagrees", Log, Problem, "the log and the terminal's own sizes and counts disagree",
        "restart the terminal and try again; if it stays, look at the log that a sync keeps";
    LogChanges, "log_changes", Log, Problem, "two readings of the log differ",
        "check the line, and that no other program reads or clears the terminal at the same time";
    LineDamages, "line_damages", Log, Problem, "packets come damaged",
        "check the cable and the switch, and avoid Wi-Fi; try ?transport=udp or tcp";
    LogUnproven, "log_unproven", Log, Problem, "the log could not be proven",
        "restart the terminal and try again; if it stays, look at the log that a sync keeps";
    ReadAgain, "read_again", Log, Note, "the log had to be read more than once before it was proven",
        "if this comes often, check the line";
    StrayBytes, "stray_bytes", Log, Note, "there are stray bytes after the last record",
        "nothing to do: they are left out";
    TooSlow, "too_slow", Log, Problem, "the terminal did not finish in time",
        "check the line; a slow terminal with a long log may need its log cleared";
    EmptyUserIds, "empty_user_ids", Records, Problem, "there are punches without a user id",
        "give each card and finger a user; the quarantine has the punches (reason empty_user_id)";
    UnknownSlots, "unknown_slots", Records, Problem, "there are punches whose slots in the user table have no user",
        "enter missing users again in the same slots, then read the whole log again; until then the punches wait in \
         quarantine";
    LettersInIds, "letters_in_ids", Records, Problem, "there are user ids with letters, which the rules refuse",
        "if such ids are meant: non_numeric_user_id = \"accept\" under [rules]";
    GarbledIds, "garbled_ids", Records, Problem, "there are user ids with bytes that are no text",
        "correct those users at the terminal; the quarantine has the punches (reason undecodable_user_id)";
    ZeroIds, "zero_ids", Records, Problem, "there are user ids of zero or less",
        "if such ids are meant: non_positive_user_id = \"accept\" under [rules]";
    ForeignIds, "foreign_ids", Records, Note, "there are punches of people who are not on the allow-list",
        "add them to the list if they belong there";
    ImpossibleDates, "impossible_dates", Records, Problem, "there are punches dated on a day that does not exist",
        "check the terminal's clock and its backup battery; the records stay in quarantine";
    ResetDates, "reset_dates", Records, Problem, "there are punches from a time when the clock had started again",
        "replace the terminal's backup battery and set its clock; the punches are stored with a flag";
    FutureDates, "future_dates", Records, Problem, "there are punches from the future",
        "set the terminal's clock; the punches are stored with a flag";
    UnknownStates, "unknown_states", Records, Note, "there are punch states that no table has",
        "nothing to do: function keys send such states; the punches are stored with a flag";
    UnreadableRecords, "unreadable_records", Records, Problem, "there are records that cannot be decoded",
        "look at them in the quarantine (reason undecodable)";
    SinkUnreachable, "sink_unreachable", Sink, Problem, "the sink cannot be reached",
        "check its address, and that its server runs and lets this machine in";
    SinkSlow, "sink_slow", Sink, Problem, "the sink does not answer in time",
        "check the line to its server, and the server's load";
    SinkBusy, "sink_busy", Sink, Problem, "the sink is overloaded or locked, or its quota is used up",
        "wait, or raise its quota; events stay pending";
    SinkFull, "sink_full", Sink, Problem, "the sink has no room left",
        "make room there; events stay pending";
    SinkReadOnly, "sink_read_only", Sink, Problem, "the sink cannot be written to",
        "connect to the primary server, or end its read-only mode";
    SinkCertificate, "sink_certificate", Sink, Problem, "the certificate of the sink's server is not accepted",
        "renew the certificate, name the server as the certificate does, or name the authority that signed it";
    SinkCredentials, "sink_credentials", Sink, Problem, "the sink does not accept the credentials",
        "check the user, the password or the key file of this sink";
    SinkRights, "sink_rights", Sink, Problem, "the credentials lack a right",
        "grant the right to this user at the server";
    SinkMissing, "sink_missing", Sink, Problem, "the database, project or file does not exist",
        "create it, or correct the sink's url";
    SinkSchema, "sink_schema", Sink, Problem, "the sink's table or server version cannot be used",
        "see the sink's own documentation about its table";
    SinkRefuses, "sink_refuses", Sink, Problem, "the sink refuses the request itself",
        "check the sink's settings";
    SinkNotice, "sink_notice", Sink, Note, "the sink works, but something should be improved",
        "see the evidence";
    StateNew, "state_new", Directory, Note, "there is no state directory yet",
        "nothing to do: the first sync makes it";
    StateNotWritable, "state_not_writable", Directory, Problem, "the state directory cannot be written to",
        "let the user that runs the service own it, or name another one with state_dir";
    StateOpen, "state_open", Directory, Problem, "other users of this machine can read the state directory",
        "take their rights away: chmod 700 on the directory";
    DiskFull, "disk_full", Directory, Problem, "the disk of the state directory is nearly full",
        "make room, or move the state directory to another disk";
    LedgerDamaged, "ledger_damaged", Ledger, Problem, "the ledger is damaged",
        "restore it from a backup, or save what can be read";
    LedgerTooNew, "ledger_too_new", Ledger, Problem, "a later version wrote the ledger",
        "use that version or a later one";
    LedgerUnreadable, "ledger_unreadable", Ledger, Problem, "the ledger cannot be read",
        "check the rights of the directory and that its disk works";
    UnprovenKept, "unproven_kept", Ledger, Problem, "logs wait that could not be verified",
        "look at them, and accept their good records";
    QuarantineWaits, "quarantine_waits", Ledger, Note, "refused records wait in the quarantine",
        "look at them, and correct what makes the rules refuse them";
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
