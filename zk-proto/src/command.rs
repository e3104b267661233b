//! Command and reply codes: an open set, because firmware extends it.

use core::fmt;

/// The first word of a packet: the request, or the answer.
///
/// Source of every number: public documents and other implementations.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Command(pub u16);

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl Command {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name of a known code, as other implementations spell it (without `CMD_`).
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

commands! {
    /// Reads a table directly (templates, work codes, messages).
    DB_RRQ = 7;
    /// Writes one user record.
    USER_WRQ = 8;
    /// Reads one fingerprint template, or all users.
    USERTEMP_RRQ = 9;
    /// Writes a template (old firmware).
    USERTEMP_WRQ = 10;
    /// Reads one option: `name\0`.
    OPTIONS_RRQ = 11;
    /// Writes one option: `name=value\0`.
    OPTIONS_WRQ = 12;
    /// Reads the attendance log.
    ATTLOG_RRQ = 13;
    /// Clears a table; without a type it clears everything.
    CLEAR_DATA = 14;
    /// Clears the attendance log.
    CLEAR_ATTLOG = 15;
    /// Deletes a user by uid.
    DELETE_USER = 18;
    /// Deletes a fingerprint template.
    DELETE_USERTEMP = 19;
    /// Makes every administrator a common user.
    CLEAR_ADMIN = 20;
    /// Reads a user's group.
    USERGRP_RRQ = 21;
    /// Writes a user's group.
    USERGRP_WRQ = 22;
    /// Reads a user's access time zones.
    USERTZ_RRQ = 23;
    /// Writes a user's access time zones.
    USERTZ_WRQ = 24;
    /// Reads a group's access time zones.
    GRPTZ_RRQ = 25;
    /// Writes a group's access time zones.
    GRPTZ_WRQ = 26;
    /// Reads an access time zone.
    TZ_RRQ = 27;
    /// Writes an access time zone.
    TZ_WRQ = 28;
    /// Reads an unlock combination.
    ULG_RRQ = 29;
    /// Writes an unlock combination.
    ULG_WRQ = 30;
    /// Opens the door.
    UNLOCK = 31;
    /// Clears the operation log.
    CLEAR_OPLOG = 33;
    /// Reads the operation log.
    OPLOG_RRQ = 34;
    /// Reads counts and capacities.
    GET_FREE_SIZES = 50;
    /// Makes the clock on the screen blink, or stops it.
    ENABLE_CLOCK = 57;
    /// Starts verification.
    STARTVERIFY = 60;
    /// Starts remote enrolment.
    STARTENROLL = 61;
    /// Ends a running capture.
    CANCELCAPTURE = 62;
    /// Reads the terminal's state, which comes in the session field.
    STATE_RRQ = 64;
    /// Writes a line on the screen.
    WRITE_LCD = 66;
    /// Clears the screen.
    CLEAR_LCD = 67;
    /// Reads the width of user ids.
    GET_PINWIDTH = 69;
    /// Writes a short message.
    SMS_WRQ = 70;
    /// Reads a short message.
    SMS_RRQ = 71;
    /// Deletes a short message.
    DELETE_SMS = 72;
    /// Links a short message to a user.
    UDATA_WRQ = 73;
    /// Unlinks a short message from a user.
    DELETE_UDATA = 74;
    /// Reads the door sensor.
    DOORSTATE_RRQ = 75;
    /// Writes a user's verify style.
    VERIFY_WRQ = 79;
    /// Reads a user's verify style.
    VERIFY_RRQ = 80;
    /// Commits one uploaded fingerprint template.
    TMP_WRITE = 87;
    /// Reads one fingerprint template.
    GET_USERTEMP = 88;
    /// Commits uploaded users and templates (sub-code 12 only; others flash firmware).
    SAVE_USERTEMPS = 110;
    /// Checksum of the upload buffer (algorithm unknown).
    CHECKSUM_BUFFER = 119;
    /// Deletes a fingerprint template by user id.
    DEL_FPTMP = 134;
    /// Reads face templates of old face terminals.
    USERFACE_RRQ = 150;
    /// Reads the clock.
    GET_TIME = 201;
    /// Sets the clock.
    SET_TIME = 202;
    /// Registers for live events; also the code of every event.
    REG_EVENT = 500;
    /// Opens a session.
    CONNECT = 1000;
    /// Ends a session.
    EXIT = 1001;
    /// Lets people use the terminal again.
    ENABLEDEVICE = 1002;
    /// Blocks keypad and sensors ("working...").
    DISABLEDEVICE = 1003;
    /// Restarts the terminal.
    RESTART = 1004;
    /// Switches the terminal off.
    POWEROFF = 1005;
    /// Puts the terminal to sleep.
    SLEEP = 1006;
    /// Wakes the terminal.
    RESUME = 1007;
    /// Takes a picture of a finger.
    CAPTUREFINGER = 1009;
    /// Asks whose finger a template is.
    TEST_TEMP = 1011;
    /// Takes the whole picture of the sensor.
    CAPTUREIMAGE = 1012;
    /// Makes the terminal apply written data.
    REFRESHDATA = 1013;
    /// Makes the terminal apply written options.
    REFRESHOPTION = 1014;
    /// Plays a voice message.
    TESTVOICE = 1017;
    /// Reads the firmware version.
    GET_VERSION = 1100;
    /// Answers the demand for a comm key.
    AUTH = 1102;
    /// Announces the size of a transfer, in either direction.
    PREPARE_DATA = 1500;
    /// Carries data, in either direction.
    DATA = 1501;
    /// Drops the terminal's transfer buffer.
    FREE_DATA = 1502;
    /// Prepares a buffered read.
    DATA_WRRQ = 1503;
    /// Reads a range of the prepared buffer.
    DATA_RDY = 1504;
    /// Done; may carry data.
    ACK_OK = 2000;
    /// Failed, not found, or unsupported.
    ACK_ERROR = 2001;
    /// Done, with data.
    ACK_DATA = 2002;
    /// Busy: retry.
    ACK_RETRY = 2003;
    /// Undocumented; taken as `ACK_RETRY`.
    ACK_REPEAT = 2004;
    /// A comm key is required, or was wrong.
    ACK_UNAUTH = 2005;
    /// Secure firmware: access locked.
    AUTH_LOCK = 2032;
    /// Counts attendance photos (not verified).
    GET_PHOTO_COUNT = 2013;
    /// The buffered read could not be prepared, mostly because there is no data.
    NO_BUFFER = 4989;
    /// Data or feature not found.
    NOT_FOUND = 4991;
    /// An option could not be read.
    OPTION_READ_FAILED = 4999;
    /// Secure firmware answers `CONNECT` with this.
    SECURE_CHALLENGE = 6001;
    /// Reads the attendance log between two times (newer firmware).
    ATTLOG_TIME_RRQ = 10004;
    /// Reads a user's photo (newer firmware, one source).
    USERPHOTO_RRQ = 10010;
    /// Bad data.
    ACK_ERROR_DATA = 65531;
    /// Not initialised.
    ACK_ERROR_INIT = 65532;
    /// Command refused.
    ACK_ERROR_CMD = 65533;
    /// Unknown command or option.
    ACK_UNKNOWN = 65535;
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "command {}", self.0),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
