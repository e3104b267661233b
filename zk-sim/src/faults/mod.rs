//! Faults by name: whatever can be wrong with a terminal or the line to it.
//!
//! A fault is written `NAME[=VALUE][xTIMES][@SKIP]`: `cut-head=12x1` cuts twelve bytes off the first transfer of the
//! log and leaves the others whole, `bad-checksum=1x1@20` damages only the 21st packet. TIMES and SKIP count the kind's
//! [`Unit`]; without `xTIMES` the fault never ends. Times have a unit (`250ms`, `5s`, `-2h`, `3d`). The shares of lost,
//! duplicated and overtaken datagrams are percentages with at most one decimal (`udp-loss=0.2`). The terminal's seed
//! decides which datagrams they strike, so the same seed and the same requests meet the same faults.

use std::fmt;
use std::str::FromStr;

mod armed;
mod kind;

pub(crate) use armed::Faults;
pub use kind::{FaultKind, Unit};

use kind::Value;

/// The syntax of a fault, for help texts.
pub const SYNTAX: &str = "NAME[=VALUE][xTIMES][@SKIP]";

/// One fault: its kind, its value, and how often it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    value: i64,
    times: Option<u64>,
    skip: u64,
}

impl Fault {
    /// A fault with its default value that never ends.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        let value = match kind.value() {
            Value::None => 0,
            Value::Count(_, default)
            | Value::Percent(default)
            | Value::Rate(default)
            | Value::Delay(default)
            | Value::Offset(default) => default,
        };
        Self { kind, value, times: None, skip: 0 }
    }

    /// Sets the value: bytes, packets, requests, percent or milliseconds, see [`FaultKind::about`].
    #[must_use]
    pub fn value(self, value: i64) -> Self {
        match self.kind.value() {
            Value::Rate(_) => self.permille(value.saturating_mul(10)),
            _ => Self { value, ..self },
        }
    }

    /// Sets a rate in thousandths, for faults that strike a share of the datagrams: 5 is half a percent.
    #[must_use]
    pub fn permille(self, rate: i64) -> Self {
        Self { value: rate, ..self }
    }

    /// Ends the fault after so many strikes.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Skips so many occasions before the first strike.
    #[must_use]
    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// Parses `NAME[=VALUE][xTIMES][@SKIP]`.
    ///
    /// # Errors
    /// [`FaultError`] names the mistake and the expected form.
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
            Value::Rate(_) if self.value % 10 == 0 => write!(f, "={}", self.value / 10)?,
            Value::Rate(_) => write!(f, "={}.{}", self.value / 10, self.value % 10)?,
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

/// Why a text is not a fault.
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
        /// The given value.
        value: String,
        /// The expected form.
        wanted: &'static str,
    },
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
    fn rates_have_one_decimal_at_most() {
        for (text, permille) in [("0.2", 2), ("0.5%", 5), ("1", 10), ("20", 200), ("100", 1000)] {
            let fault = Fault::parse(&format!("udp-loss={text}x3")).unwrap();
            assert_eq!(fault, Fault::new(FaultKind::UdpLoss).permille(permille).times(3), "{text}");
        }
        assert_eq!(Fault::new(FaultKind::UdpReorder).permille(2).to_string(), "udp-reorder=0.2");
        assert_eq!(Fault::new(FaultKind::UdpReorder).value(30), Fault::parse("udp-reorder=30").unwrap());
        for text in ["0", "0.05", "100.1", "101", "-1", "1.", ".5", "1.x"] {
            assert!(Fault::parse(&format!("udp-duplicate={text}")).is_err(), "{text}");
        }
    }

    #[test]
    fn wrong_texts_say_what_would_be_right() {
        assert!(matches!(Fault::parse("cut-hat"), Err(FaultError::Unknown { .. })));
        assert_eq!(
            Fault::parse("udp-loss=101").unwrap_err().to_string(),
            "fault udp-loss takes a percentage, 0.1 to 100, not \"101\""
        );
        assert!(Fault::parse("exit-unanswered=1").is_err());
        assert!(Fault::parse("latency=5").is_err());
    }
}
