//! The table of faults of terminals that push: the name and the effect of each.

macro_rules! kinds {
    ($($kind:ident, $name:literal, $about:literal;)*) => {
        /// What is odd or wrong with a request of a terminal that pushes. Each is about one request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum PushFault {
            $(#[doc = $about] $kind,)*
        }

        impl PushFault {
            /// Every fault, in the order of the list.
            pub const ALL: &'static [PushFault] = &[$(PushFault::$kind,)*];

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
        }
    };
}

kinds! {
    CutBody, "cut-body", "ends the connection in the middle of the body";
    ResetBody, "reset-body", "resets the connection in the middle of the body";
    LoseAnswer, "lose-answer", "ends the connection before the answer is read";
    Twice, "twice", "sends the request twice, on two connections";
    Replay, "replay", "sends an earlier upload once more before the request";
    SlowBody, "slow-body", "sends the request in small pieces, with a pause after each";
    StallHead, "stall-head", "stops in the middle of the head, and keeps the connection";
    StallBody, "stall-body", "stops in the middle of the body, and keeps the connection";
    PollMeanwhile, "poll-meanwhile", "polls on another connection while the request is on its way";
    Ping, "ping", "sends a sign of life before the request";
    LowerCase, "lower-case", "names of headers in lower case";
    UpperCase, "upper-case", "names of headers in upper case";
    OldVersion, "http-1.0", "HTTP/1.0";
    NoHost, "no-host", "HTTP/1.0 without Host";
    Chunked, "chunked", "the body in chunks, without a length";
    FormType, "form-type", "the Content-Type of a form";
    NoType, "no-type", "no Content-Type";
    NoLength, "no-length", "no Content-Length if the body is empty";
    Starting, "starting", "`Connection: starting`, which is no such thing";
    Aspx, "aspx", "calls paths with .aspx";
    DoubledPrefix, "doubled-prefix", "calls /iclock/iclock/...";
    ServiceControl, "service-control", "access control: polls and reports at /iclock/service/control";
    MarketingType, "marketing-type", "attendance: says DeviceType=middle east at the handshake";
    OtherStamp, "other-stamp", "names its stamp OpStamp, with a time for a value";
    ShortInfo, "short-info", "polls with INFO that ends early and has empty values";
    TrailingNuls, "trailing-nuls", "NULs after the last record";
    CarriageReturns, "cr-lf", "lines end with CR LF";
    MixedEnds, "mixed-ends", "lines end with LF, CR LF and CR in turn, the last one with nothing";
    Reversed, "reversed", "the records of an upload in reverse order";
    Oversize, "oversize", "an upload repeats its records until it has more than 20,000";
    BadText, "bad-text", "bytes that are not UTF-8 in a name or a reserved column";
    NulInText, "nul-in-text", "a NUL in a name or a reserved column";
    EmptyWorkCode, "empty-work-code", "attendance: an empty work code";
    UnknownKeys, "unknown-keys", "records of keys have one more key, which nobody knows";
    EmptyUploads, "empty-uploads", "attendance: three empty uploads of OPERLOG before the request";
    Parameters, "parameters", "uploads its parameters before the request, some empty, with blanks";
    GluedOperations, "glued-operations",
        "attendance: uploads two operations without a line end between them before the request";
    UnknownTable, "unknown-table", "uploads a table that nobody knows before the request";
    BadBase64, "bad-base64", "uploads a fingerprint with damaged base64 before the request";
    WrongSize, "wrong-size", "uploads a photo that is shorter than its head says before the request";
    Pictures, "pictures", "access control: uploads one picture as two tables before the request";
    NobodysEvents, "nobodys-events",
        "access control: uploads an event of the door itself and the state of the doors before the request";
}

impl PushFault {
    /// Returns true if the fault changes the text of records. A terminal that does so does it each time, so strike all
    /// requests or none: a record that came in two forms is two bad lines if it is a bad one.
    #[must_use]
    pub fn changes_records(self) -> bool {
        matches!(self, Self::BadText | Self::NulInText | Self::EmptyWorkCode | Self::UnknownKeys)
    }

    /// The fault of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_is_found_by_its_own_name() {
        let names: BTreeSet<&str> = PushFault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), PushFault::ALL.len());
        assert!(PushFault::ALL.iter().all(|fault| PushFault::named(fault.name()) == Some(*fault)));
        assert_eq!(PushFault::named("cut"), None);
    }
}
