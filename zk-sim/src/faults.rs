//! Faults by name: what can be wrong with a terminal or the line to it.
//!
//! A fault is written `NAME[=VALUE][xTIMES][@SKIP]`: `cut-head=12x1` cuts twelve bytes off the first transfer of the log
//! and leaves the others whole, `bad-checksum=1x1@20` damages the 21st packet alone. What is counted is the kind's
//! [`Unit`]; without `xTIMES` the fault never ends. Times of day and delays carry their unit (`250ms`, `5s`, `-2h`, `3d`).

use std::fmt;
use std::str::FromStr;

/// What a fault strikes, and so what `xTIMES` and `@SKIP` count.
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

/// How the value of a fault is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    None,
    /// A count, at least the first number; the second stands when none is written.
    Count(i64, i64),
    /// Percent, 1-100.
    Percent(i64),
    /// A duration in milliseconds, without a sign.
    Delay(i64),
    /// A duration in milliseconds, either sign.
    Offset(i64),
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $name:literal, $value:expr, $unit:ident, $about:literal;)*) => {
        /// The kinds of fault; [`FaultKind::about`] says what each does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultKind {
            $(#[doc = $about] $kind,)*
        }

        impl FaultKind {
            /// Every kind, in the order in which they are listed.
            pub const ALL: &'static [FaultKind] = &[$(FaultKind::$kind,)*];

            /// The name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// What it does, in one line.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Self::$kind => $about,)* }
            }

            /// What is struck and counted.
            #[must_use]
            pub fn unit(self) -> Unit {
                match self { $(Self::$kind => Unit::$unit,)* }
            }

            fn value(self) -> Value {
                match self { $(Self::$kind => $value,)* }
            }
        }
    };
}

kinds! {
    Latency, "latency", Value::Delay(200), Packet, "waits before each packet";
    SplitWrites, "split-writes", Value::Count(1, 1), Session, "TCP: sends at most so many bytes at a time";
    CoalescedWrites, "coalesced-writes", Value::None, Session, "TCP: sends all packets of an answer in one write";
    DropAfter, "drop-after", Value::Count(0, 1000), Session, "ends the connection after so many bytes sent";
    Stall, "stall", Value::Count(0, 1000), Session, "sends nothing more after so many bytes, and keeps the connection";
    StallPackets, "stall-packets", Value::Count(0, 3), Session, "answers nothing more after so many requests";
    BadChecksum, "bad-checksum", Value::Count(1, 1), Packet, "wrong checksum on every so-manieth packet";
    WrongReplyId, "wrong-reply-id", Value::Count(1, 1), Packet, "another reply id on every so-manieth packet";
    StalePacket, "stale-packet", Value::Count(1, 1), Packet, "a data packet of an earlier reply id before every so-manieth packet";
    AbsurdFrame, "absurd-frame", Value::Count(0, 0xFFFF_FFF0), Packet, "TCP: the frame claims so many bytes";
    CutHead, "cut-head", Value::Count(1, 12), Transfer, "so many bytes missing at the head of the records; the sizes stay, the data are short";
    CutHeadSized, "cut-head-sized", Value::Count(1, 12), Transfer, "as cut-head, and every size is reduced to match";
    CutHeadFilled, "cut-head-filled", Value::Count(1, 12), Transfer, "as cut-head, filled up with zeros at the end so that all sizes agree";
    CutUsers, "cut-users", Value::Count(1, 12), Request, "as cut-head-filled, for the user table";
    TrailingGarbage, "trailing-garbage", Value::Count(1, 24), Transfer, "so many stray bytes behind the records";
    AbsurdLength, "absurd-length", Value::Count(0, 0xFFFF_FFF0), Transfer, "the log claims to be so many bytes long";
    ZeroWord, "zero-length-word", Value::None, Transfer, "the length word in front of the records is 0";
    CountLarger, "count-larger", Value::Count(1, 5), Request, "free sizes report so many records more than there are";
    CountSmaller, "count-smaller", Value::Count(1, 5), Request, "free sizes report so many records fewer than there are";
    CountZero, "count-zero", Value::None, Request, "free sizes report no records";
    ImpossibleDates, "impossible-dates", Value::Percent(10), Record, "percent of the records that are dated 30 February";
    ResetDates, "reset-dates", Value::Percent(10), Record, "percent of the records that are dated 2000-01-01 00:00:00";
    FutureDates, "future-dates", Value::Percent(10), Record, "percent of the records that are dated ten years ahead";
    EmptyUserIds, "empty-user-ids", Value::Percent(50), Record, "percent of the records without a user id (uid 0 in 8-byte logs)";
    GarbledUserIds, "garbled-user-ids", Value::Percent(10), Record, "percent of the records with control characters for a user id";
    DuplicateRecords, "duplicate-records", Value::Percent(10), Record, "percent of the records that stand in the log twice";
    ClockOff, "clock-off", Value::Offset(365 * 86_400_000), Terminal, "the terminal's clock is off by so much";
    KeyMidSession, "key-mid-session", Value::Count(0, 3), Session, "demands the comm key again after so many requests";
    ExitUnanswered, "exit-unanswered", Value::None, Request, "EXIT gets no answer";
    RefuseSecond, "refuse-second", Value::None, Session, "TCP: a connection beside another one is closed at once";
    SilentConnect, "silent-connect", Value::None, Request, "CONNECT gets no answer";
    Secure, "secure", Value::None, Request, "CONNECT is answered 6001, as secure firmware does";
    NoData, "no-data", Value::Count(1, 4989), Transfer, "1503 for the log is answered with this code (2001, 4989, 4991)";
    RefuseOffsets, "refuse-offsets", Value::None, Request, "1504 is refused at every offset but 0";
    RefuseBuffered, "refuse-buffered", Value::None, Request, "1503 is unknown (65535)";
    Inline, "inline", Value::None, Request, "1503 is answered with the data at once, whatever their size";
    PrepareTo1503, "prepare-to-1503", Value::None, Request, "1503 starts the transfer itself";
    AckBeforeData, "ack-before-data", Value::None, Request, "an empty ACK_OK comes before the data of an answer";
    BareData, "bare-data", Value::None, Request, "1504 is answered with one DATA packet and nothing else";
    NoFinalAck, "no-final-ack", Value::None, Request, "transfers end without ACK_OK";
    NotReady, "not-ready", Value::None, Request, "1504 is answered ACK_OK without data";
    EventMidTransfer, "event-mid-transfer", Value::None, Request, "a live event comes between the packets of a transfer";
    UdpLoss, "udp-loss", Value::Percent(10), Packet, "UDP: percent of the datagrams that are lost, either way";
    UdpDuplicate, "udp-duplicate", Value::Percent(10), Packet, "UDP: percent of the datagrams that are sent twice";
    UdpReorder, "udp-reorder", Value::Percent(10), Packet, "UDP: percent of the datagrams that the next one overtakes";
}

/// One fault: its kind, its value, and how often it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    value: i64,
    times: Option<u64>,
    skip: u64,
}

impl Fault {
    /// A fault of its default value that never ends.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        let value = match kind.value() {
            Value::None => 0,
            Value::Count(_, default) | Value::Percent(default) | Value::Delay(default) | Value::Offset(default) => {
                default
            }
        };
        Self { kind, value, times: None, skip: 0 }
    }

    /// The same with a value: bytes, packets, requests, percent or milliseconds, as [`FaultKind::about`] says.
    #[must_use]
    pub fn value(self, value: i64) -> Self {
        Self { value, ..self }
    }

    /// The same, ended after so many strikes.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The same, begun after so many occasions were let pass.
    #[must_use]
    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// Reads `NAME[=VALUE][xTIMES][@SKIP]`.
    ///
    /// # Errors
    /// [`FaultError`] names what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let (rest, skip) = counted(text, '@');
        let (rest, times) = counted(rest, 'x');
        let (name, value) = match rest.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (rest, None),
        };
        let kind = FaultKind::ALL
            .iter()
            .copied()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| FaultError::Unknown { name: name.to_owned() })?;
        let mut fault = Self::new(kind);
        if let Some(value) = value {
            let wrong = |wanted| FaultError::Value { name: kind.name(), value: value.to_owned(), wanted };
            fault.value = kind.value().parse(value).map_err(wrong)?;
        }
        fault.times = times;
        fault.skip = skip.unwrap_or(0);
        Ok(fault)
    }
}

/// Splits a trailing `mark` and number off.
fn counted(text: &str, mark: char) -> (&str, Option<u64>) {
    match text.rsplit_once(mark) {
        Some((head, number)) => match number.parse() {
            Ok(number) => (head, Some(number)),
            Err(_) => (text, None),
        },
        None => (text, None),
    }
}

impl Value {
    /// The value, or what would have been right.
    fn parse(self, text: &str) -> Result<i64, &'static str> {
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
            Self::Delay(_) => milliseconds(text).filter(|value| *value >= 0).ok_or("a time such as 250ms or 5s"),
            Self::Offset(_) => milliseconds(text).ok_or("a time such as 90s, -2h or 400d"),
        }
    }
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

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        Self::parse(text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        match self.kind.value() {
            Value::None => {}
            Value::Count(..) | Value::Percent(_) => write!(f, "={}", self.value)?,
            Value::Delay(_) | Value::Offset(_) => write!(f, "={}ms", self.value)?,
        }
        if let Some(times) = self.times {
            write!(f, "x{times}")?;
        }
        if self.skip > 0 {
            write!(f, "@{}", self.skip)?;
        }
        Ok(())
    }
}

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// No fault has that name.
    #[error("no fault is called {name:?}; see the list of faults")]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// The value does not fit the fault.
    #[error("fault {name} takes {wanted}, not {value:?}")]
    Value {
        /// The fault.
        name: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        wanted: &'static str,
    },
}

/// The faults of one terminal, and how often each has struck.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
}

#[derive(Clone, Debug)]
struct Armed {
    fault: Fault,
    seen: u64,
}

impl Faults {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self { armed: faults.iter().map(|fault| Armed { fault: *fault, seen: 0 }).collect() }
    }

    /// Counts an occasion for a fault of this kind; the fault's value when it strikes.
    pub(crate) fn strike(&mut self, kind: FaultKind) -> Option<i64> {
        let armed = self.armed.iter_mut().find(|armed| armed.fault.kind == kind)?;
        let occasion = armed.seen;
        armed.seen += 1;
        armed.fault.strikes(occasion).then_some(armed.fault.value)
    }

    /// As [`Faults::strike`] for a fault whose value says at every how-manieth occasion it strikes.
    pub(crate) fn strike_nth(&mut self, kind: FaultKind) -> bool {
        let Some(armed) = self.armed.iter_mut().find(|armed| armed.fault.kind == kind) else { return false };
        let occasion = armed.seen;
        armed.seen += 1;
        let every = u64::try_from(armed.fault.value).unwrap_or(1).max(1);
        (occasion + 1).is_multiple_of(every) && armed.fault.strikes(occasion / every)
    }

    /// The value of a fault that is always on once set.
    pub(crate) fn standing(&self, kind: FaultKind) -> Option<i64> {
        self.armed.iter().find(|armed| armed.fault.kind == kind).map(|armed| armed.fault.value)
    }

    /// Whether `share` falls into the percentage of a record fault; used up strikes are counted.
    pub(crate) fn strike_share(&mut self, kind: FaultKind, share: u64) -> bool {
        let Some(armed) = self.armed.iter_mut().find(|armed| armed.fault.kind == kind) else { return false };
        if share % 100 >= u64::try_from(armed.fault.value).unwrap_or(0) {
            return false;
        }
        let occasion = armed.seen;
        armed.seen += 1;
        armed.fault.strikes(occasion)
    }

    /// Whether any fault changes the records of the log.
    pub(crate) fn touch_records(&self) -> bool {
        self.armed.iter().any(|armed| armed.fault.kind.unit() == Unit::Record)
    }
}

impl Fault {
    fn strikes(&self, occasion: u64) -> bool {
        occasion >= self.skip && self.times.is_none_or(|times| occasion - self.skip < times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_its_own_default_back() {
        for kind in FaultKind::ALL {
            let fault = Fault::new(*kind);
            assert_eq!(Fault::parse(&fault.to_string()), Ok(fault));
        }
    }

    #[test]
    fn a_limit_and_a_delay_are_read() {
        let fault = Fault::parse("cut-head=7x2@1").unwrap();
        assert_eq!(fault, Fault::new(FaultKind::CutHead).value(7).times(2).skip(1));
        assert_eq!(Fault::parse("latency=5sx3").unwrap(), Fault::new(FaultKind::Latency).value(5000).times(3));
        assert_eq!(Fault::parse("clock-off=-2h").unwrap(), Fault::new(FaultKind::ClockOff).value(-7_200_000));
    }

    #[test]
    fn wrong_texts_say_what_would_be_right() {
        assert!(matches!(Fault::parse("cut-hat"), Err(FaultError::Unknown { .. })));
        assert_eq!(
            Fault::parse("udp-loss=101").unwrap_err().to_string(),
            "fault udp-loss takes a percentage, 1 to 100, not \"101\""
        );
        assert!(Fault::parse("exit-unanswered=1").is_err());
        assert!(Fault::parse("latency=5").is_err());
    }

    #[test]
    fn strikes_begin_after_the_skip_and_end_after_the_times() {
        let mut faults = Faults::new(&[Fault::new(FaultKind::CutHead).value(3).times(2).skip(1)]);
        let struck: Vec<_> = (0..5).map(|_| faults.strike(FaultKind::CutHead)).collect();
        assert_eq!(struck, [None, Some(3), Some(3), None, None]);
    }

    #[test]
    fn every_third_packet_is_struck_as_often_as_told() {
        let mut faults = Faults::new(&[Fault::new(FaultKind::BadChecksum).value(3).times(2)]);
        let struck: Vec<_> = (0..12).filter(|_| faults.strike_nth(FaultKind::BadChecksum)).collect();
        assert_eq!(struck, [2, 5]);
    }
}
