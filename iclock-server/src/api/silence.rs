//! For how long nothing was heard of a terminal.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use super::terminals::Terminal;

/// So long, or longer: `2h`, `90m`, `1d 12h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Silence(Duration);

impl Silence {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        humantime::parse_duration(text).ok().map(Self)
    }

    /// Returns true for a terminal of which nothing was heard for so long, or never.
    pub(crate) fn is_of(self, terminal: &Terminal, now: DateTime<Utc>) -> bool {
        // A last word in the future is one of a clock that was set back since.
        terminal.heard().is_none_or(|then| (now - then).to_std().unwrap_or_default() >= self.0)
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl<'de> Deserialize<'de> for Silence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let problem = || serde::de::Error::custom(format_args!("{text:?} is not a time like 90m, 2h or 1d"));
        Self::parse(&text).ok_or_else(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_a_number_with_its_unit() {
        for (text, shown) in [("2h", "2h"), ("120m", "2h"), ("1d 12h", "1day 12h"), ("90s", "1m 30s")] {
            assert_eq!(Silence::parse(text).unwrap().to_string(), shown);
        }
        for text in ["", "2", "h", "-2h", "for ever", "99999999999999999999d"] {
            assert_eq!(Silence::parse(text), None, "{text}");
        }
    }
}
