//! The table of faults: the name, effect, value and unit of each.

/// The unit that a fault strikes, and that `xTIMES` and `@SKIP` count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A packet that the terminal sends, or over UDP also one that it receives.
    Packet,
    /// A request of the kind that the fault is about.
    Request,
    /// One reading of the attendance log: a 1503, or a direct read.
    Transfer,
    /// A connection, or over UDP a session.
    Session,
    /// A record of the log.
    Record,
    /// The terminal as a whole; always on.
    Terminal,
}

/// The form of a fault's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    None,
    /// A count: the minimum, and the default.
    Count(i64, i64),
    /// Percent, 1-100.
    Percent(i64),
    /// A share in thousandths, 1-1000; written in percent, with one decimal at most.
    Rate(i64),
    /// A duration in milliseconds, without a sign.
    Delay(i64),
    /// A duration in milliseconds, either sign.
    Offset(i64),
}

macro_rules! kinds {
    ($($kind:ident, $name:literal, $value:expr, $unit:ident, $about:literal;)*) => {
        /// The kinds of fault; [`FaultKind::about`] describes each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FaultKind {
            $(#[doc = $about] $kind,)*
        }

        impl FaultKind {
            /// Every kind, in the order of the list.
            pub const ALL: &'static [FaultKind] = &[$(FaultKind::$kind,)*];

            /// The name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The effect, in one line.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Self::$kind => $about,)* }
            }

            /// The unit that is struck and counted.
            #[must_use]
            pub fn unit(self) -> Unit {
                match self { $(Self::$kind => Unit::$unit,)* }
            }

            pub(super) fn value(self) -> Value {
                match self { $(Self::$kind => $value,)* }
            }
        }
    };
}

kinds! {
    Latency, "latency", Value::Delay(200), Packet, "waits this time before each packet";
    SplitWrites, "split-writes", Value::Count(1, 1), Session, "TCP: at most N bytes per write";
    CoalescedWrites, "coalesced-writes", Value::None, Session, "TCP: all packets of an answer in one write";
    DropAfter, "drop-after", Value::Count(0, 1000), Session, "ends the connection after N bytes sent";
    Stall, "stall", Value::Count(0, 1000), Session, "sends nothing more after N bytes, and keeps the connection";
    StallPackets, "stall-packets", Value::Count(0, 3), Session, "answers nothing more after N requests";
    BadChecksum, "bad-checksum", Value::Count(1, 1), Packet, "wrong checksum on every Nth packet";
    BadDataChecksum, "bad-data-checksum", Value::Count(1, 1), Packet,
        "wrong checksum on every Nth DATA packet, and on no other";
    SmallChecksum, "small-checksum", Value::Count(1, 1), Packet, "a checksum that is one too small on every Nth packet";
    WrongReplyId, "wrong-reply-id", Value::Count(1, 1), Packet, "another reply id on every Nth packet";
    StalePacket, "stale-packet", Value::Count(1, 1), Packet,
        "a data packet of an earlier reply id before every Nth packet";
    AbsurdFrame, "absurd-frame", Value::Count(0, 0xFFFF_FFF0), Packet, "TCP: the frame claims N bytes";
    CutHead, "cut-head", Value::Count(1, 12), Transfer,
        "N bytes missing at the head of the records; the sizes stay, the data are short";
    CutHeadSized, "cut-head-sized", Value::Count(1, 12), Transfer, "as cut-head, and every size is reduced to match";
    CutHeadFilled, "cut-head-filled", Value::Count(1, 12), Transfer,
        "as cut-head, filled up with zeros at the end so that all sizes agree";
    CutUsers, "cut-users", Value::Count(1, 12), Request, "as cut-head-filled, for the user table";
    CutTemplates, "cut-templates", Value::Count(1, 12), Request, "as cut-head-filled, for the table of fingerprints";
    RefuseUserWrites, "refuse-user-writes", Value::None, Request,
        "single user records are refused (2001), uploaded ones are not";
    IgnoredWrites, "ignored-writes", Value::None, Request, "a user record is acknowledged but not stored";
    ZeroedUsers, "zeroed-users", Value::Count(1, 3), Request,
        "N deleted users are in the user table as rows of zeros";
    LongWord, "long-length-word", Value::Count(1, 48), Transfer,
        "the length word before the records says N bytes more than there are";
    GarbageDirect, "garbage-direct", Value::None, Transfer, "a direct read of the log brings noise of the right length";
    TrailingGarbage, "trailing-garbage", Value::Count(1, 24), Transfer, "N stray bytes after the records";
    CountedGarbage, "counted-garbage", Value::Count(1, 13), Transfer,
        "N stray bytes after the records, included in the length word";
    AbsurdLength, "absurd-length", Value::Count(0, 0xFFFF_FFF0), Transfer, "the log claims a length of N bytes";
    ZeroWord, "zero-length-word", Value::None, Transfer, "the length word before the records is 0";
    CountLarger, "count-larger", Value::Count(1, 5), Request, "free sizes report N records more than there are";
    CountSmaller, "count-smaller", Value::Count(1, 5), Request, "free sizes report N records fewer than there are";
    CountZero, "count-zero", Value::None, Request, "free sizes report no records";
    SizesLength, "sizes-length", Value::Count(0, 16), Request, "the answer to free sizes has N bytes";
    NegativeSizes, "negative-sizes", Value::None, Request, "free sizes report less than nothing for what is still free";
    EmptyOptions, "empty-options", Value::None, Request, "options are answered without a value";
    OptionCode, "option-code", Value::Count(1, 4999), Request, "options are answered with code N";
    WrongFormats, "wrong-formats", Value::None, Request,
        "the options ~ExtendFmt and ~UserExtFmt say the opposite of what the records are";
    EmptyPinWidth, "empty-pin-width", Value::None, Request, "the width of user ids is answered without a number";
    ImpossibleDates, "impossible-dates", Value::Percent(10), Record, "N percent of the records are dated 30 February";
    ResetDates, "reset-dates", Value::Percent(10), Record, "N percent of the records are dated 2000-01-01 00:00:00";
    FutureDates, "future-dates", Value::Percent(10), Record, "N percent of the records are dated ten years ahead";
    EmptyUserIds, "empty-user-ids", Value::Percent(50), Record,
        "N percent of the records have no user id (uid 0 in 8-byte logs)";
    GarbledUserIds, "garbled-user-ids", Value::Percent(10), Record,
        "N percent of the records have control characters for a user id";
    DamagedPatch, "damaged-patch", Value::Count(1, 130), Record,
        "N records in a row are noise; @SKIP says behind how many sound ones";
    DuplicateRecords, "duplicate-records", Value::Percent(10), Record,
        "N percent of the records stand twice in the log";
    ClockOff, "clock-off", Value::Offset(365 * 86_400_000), Terminal, "the clock is off by this time, either way";
    IgnoreCommand, "ignore-command", Value::Count(1, 201), Request,
        "command N gets no answer (11 options, 50 counts, 201 clock)";
    RefuseCommand, "refuse-command", Value::Count(1, 201), Request, "command N is answered 65535, unknown";
    EmptyCommand, "empty-command", Value::Count(1, 201), Request, "command N is answered ACK_OK without data";
    HangUpAt, "hang-up-at", Value::Count(1, 201), Request, "the connection ends at command N";
    StallAt, "stall-at", Value::Count(1, 1503), Request, "command N and all that follows in its session gets no answer";
    LoseSession, "lose-session", Value::None, Request,
        "a request of an open session is answered 2005, and the session is over";
    KeyMidSession, "key-mid-session", Value::Count(0, 3), Session, "demands the comm key again after N requests";
    DemandKey, "demand-key", Value::None, Request, "CONNECT demands a comm key where none is set: key 0 is right";
    NewSession, "new-session-id", Value::None, Request,
        "the answer to AUTH brings another session id, and the first one is refused from then on";
    CloseOnWrongKey, "close-on-wrong-key", Value::None, Request,
        "the connection ends with the answer to a wrong comm key";
    ExitUnanswered, "exit-unanswered", Value::None, Request, "EXIT gets no answer";
    RefuseSecond, "refuse-second", Value::None, Session, "TCP: a connection beside another one is closed at once";
    KillFirst, "kill-first", Value::None, Session, "TCP: a new connection ends those before it";
    EventsOnce, "events-once", Value::None, Session, "a live event that nobody acknowledges is not sent again";
    EventTwice, "event-twice", Value::None, Session, "each live event is sent twice, acknowledged or not";
    LoseEvents, "lose-events", Value::Count(1, 2), Request, "every Nth live event is never sent";
    SilentConnect, "silent-connect", Value::None, Request, "CONNECT gets no answer";
    Secure, "secure", Value::None, Request, "CONNECT is answered 6001, as secure firmware does";
    AccessPanel, "access-panel", Value::None, Request, "answers AA 01, as an access control panel on this port does";
    RefuseAll, "refuse-all", Value::Count(1, 65_533), Request,
        "every request of an open session but EXIT is refused with code N, as in push mode";
    Busy, "busy", Value::None, Request, "requests of an open session are answered 2003: ask again";
    SlowReads, "slow-reads", Value::Delay(1000), Request,
        "waits this time before it answers 1503, as a full memory makes it";
    LogAfterUsers, "log-after-users", Value::None, Request,
        "the log is refused in a session that has read users and freed the buffer";
    NoData, "no-data", Value::Count(1, 4989), Transfer, "1503 for the log is answered with code N (2001, 4989, 4991)";
    RefuseLog, "refuse-log", Value::Count(1, 4989), Request, "every way of reading the log is refused with code N";
    IgnoreBuffered, "ignore-buffered", Value::None, Transfer, "1503 for the log gets no answer";
    IgnoreOffsets, "ignore-offsets", Value::Count(0, 0), Terminal, "1504 gets no answer at offset N and behind it";
    Rewritten, "rewritten", Value::None, Request,
        "as 1504 asks past offset 0, a new punch takes the oldest one's place, in the buffer too";
    FirstChunk, "first-chunk", Value::None, Request,
        "1504 is answered with the bytes from offset 0 on, whatever it asks";
    RefuseOffsets, "refuse-offsets", Value::None, Request, "1504 is refused at every offset but 0";
    RefuseBuffered, "refuse-buffered", Value::None, Request, "1503 is unknown (65535)";
    Inline, "inline", Value::None, Request, "1503 is answered with the data at once, whatever their size";
    PrepareTo1503, "prepare-to-1503", Value::None, Request, "1503 starts the transfer itself";
    AckBeforeData, "ack-before-data", Value::None, Request,
        "an empty ACK_OK comes before the data of an answer, free sizes included";
    BareData, "bare-data", Value::None, Request, "1504 is answered with one DATA packet and nothing else";
    NoFinalAck, "no-final-ack", Value::None, Request, "transfers end without ACK_OK";
    NotReady, "not-ready", Value::None, Request, "1504 is answered ACK_OK without data";
    EventMidTransfer, "event-mid-transfer", Value::None, Request,
        "a live event comes between the packets of a transfer";
    EnrolFails, "enrol-fails", Value::Count(1, 4), Request,
        "a remote enrolment ends with result N (4 failed, 5 finger known, 6 cancelled)";
    EnrolRepeat, "enrol-repeat", Value::None, Request, "the first press of a remote enrolment is bad";
    EnrolTwice, "enrol-twice", Value::None, Request, "the completion of a remote enrolment is told twice";
    EnrolSilent, "enrol-silent", Value::None, Request, "a remote enrolment is acknowledged and nothing is told of it";
    DataSession, "data-session-id", Value::None, Request,
        "the packets of a transfer carry the session id instead of their number";
    EarlyAck, "early-ack", Value::Count(1, 1), Request,
        "UDP: the ACK_OK that ends a transfer overtakes its last N packets";
    IgnoreLength, "ignore-length", Value::None, Request,
        "1504 sends everything from its offset on, whatever length was asked for";
    LongChunks, "long-chunks", Value::Count(1, 16), Request, "1504 sends N bytes more than were asked for";
    ShortChunks, "short-chunks", Value::Count(1, 1), Request, "1504 sends N bytes less than it announces";
    ShortStream, "short-stream", Value::Count(0, 3), Request,
        "a set that comes in one answer, as in a direct read, ends after N packets of data";
    UdpPart, "udp-part", Value::Count(1, 512), Request,
        "UDP: datagrams of a transfer have N bytes of data, however many it announces";
    UdpLoss, "udp-loss", Value::Rate(100), Packet,
        "UDP: N percent (0.1 to 100) of the datagrams are lost, either way; the seed decides which";
    UdpDuplicate, "udp-duplicate", Value::Rate(100), Packet,
        "UDP: N percent (0.1 to 100) of the datagrams are sent twice; the seed decides which";
    UdpReorder, "udp-reorder", Value::Rate(100), Packet,
        "UDP: N percent (0.1 to 100) of the datagrams are overtaken by the next one, also of a later answer";
}

impl Value {
    /// Parses the value; the error is the expected form.
    pub(super) fn parse(self, text: &str) -> Result<i64, &'static str> {
        match self {
            Self::None => Err("no value"),
            Self::Count(least, _) => text.parse().ok().filter(|value| *value >= least).ok_or(if least == 0 {
                "a whole number"
            } else {
                "a whole number above 0"
            }),
            Self::Percent(_) => {
                let text = text.strip_suffix('%').unwrap_or(text);
                text.parse().ok().filter(|value| (1..=100).contains(value)).ok_or("a percentage, 1 to 100")
            }
            Self::Rate(_) => {
                let text = text.strip_suffix('%').unwrap_or(text);
                thousandths(text).filter(|value| (1..=1000).contains(value)).ok_or("a percentage, 0.1 to 100")
            }
            Self::Delay(_) => milliseconds(text).filter(|value| *value >= 0).ok_or("a time such as 250ms or 5s"),
            Self::Offset(_) => milliseconds(text).ok_or("a time such as 90s, -2h or 400d"),
        }
    }
}

/// Parses a percentage with at most one decimal, in thousandths.
fn thousandths(text: &str) -> Option<i64> {
    let (whole, tenths) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok());
    let tenths = digits(tenths).flatten().filter(|_| tenths.len() == 1)?;
    digits(whole).flatten()?.checked_mul(10)?.checked_add(tenths)
}

fn milliseconds(text: &str) -> Option<i64> {
    let split = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(scale)
}
