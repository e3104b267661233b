//! The parameters of a query, as programs for the vendor's server write them. Unknown ones are ignored, as it does.

use chrono::{DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::refused::Refused;

/// The forms of a time without a zone.
const TIMES: [&str; 4] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];

/// The parameters of a query, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Vec<(String, String)>);

impl Asked {
    pub(super) fn of(query: Option<&str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// The value of a parameter. One without a value is one that is not there, and the last of several counts.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let of_name = self.0.iter().rev().find(|(has, _)| has == name);
        of_name.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// All but these, in their order.
    pub(super) fn without<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let others = self
            .0
            .iter()
            .filter(|(name, value)| !names.contains(&name.as_str()) && !name.is_empty() && !value.is_empty());
        others.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first moment of a span.
    pub(super) fn begins(&self, name: &str) -> Result<Option<NaiveDateTime>, Refused> {
        self.time(name, |day| day.and_time(NaiveTime::MIN))
    }

    /// The first second after a span. The vendor's spans have their last second. A day counts whole: what a program
    /// that asks from a day to a day means.
    pub(super) fn ends(&self, name: &str) -> Result<Option<NaiveDateTime>, Refused> {
        let last = self.time(name, |day| day.and_hms_opt(23, 59, 59).unwrap_or(NaiveDateTime::MAX))?;
        Ok(last.map(|last| {
            // A fraction belongs to its second.
            let whole = last.and_utc().timestamp();
            let whole = DateTime::from_timestamp(whole, 0).map_or(last, |whole| whole.naive_utc());
            whole.checked_add_signed(TimeDelta::seconds(1)).unwrap_or(NaiveDateTime::MAX)
        }))
    }

    fn time(&self, name: &str, of_day: impl Fn(NaiveDate) -> NaiveDateTime) -> Result<Option<NaiveDateTime>, Refused> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(&of_day);
        let time = || TIMES.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        // With a zone it is a true moment, and the terminals' clocks are taken to show the time of this computer.
        let moment = || text.parse::<DateTime<FixedOffset>>().ok().map(|time| time.with_timezone(&Local).naive_local());
        let found = day().or_else(time).or_else(moment);
        found.map(Some).ok_or_else(|| Refused::field(name, "Enter a valid date/time."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
    }

    #[test]
    fn a_span_has_both_its_ends_and_a_day_is_whole() {
        for (query, begins, ends) in [
            ("t=2026-03-02%2008:00:00", "2026-03-02 08:00:00", "2026-03-02 08:00:01"),
            ("t=2026-03-02+08:00:00", "2026-03-02 08:00:00", "2026-03-02 08:00:01"),
            ("t=2026-03-02T08:00", "2026-03-02 08:00:00", "2026-03-02 08:00:01"),
            ("t=2026-03-02", "2026-03-02 00:00:00", "2026-03-03 00:00:00"),
            ("t=1&t=+2026-3-2+", "2026-03-02 00:00:00", "2026-03-03 00:00:00"),
        ] {
            let asked = Asked::of(Some(query));
            assert_eq!(asked.begins("t").unwrap(), Some(at(begins)), "{query}");
            assert_eq!(asked.ends("t").unwrap(), Some(at(ends)), "{query}");
        }
        // As programs write it that cut the zone off a time of JavaScript.
        let asked = Asked::of(Some("t=2026-03-02%2023:59:59.999"));
        assert_eq!(asked.ends("t").unwrap(), Some(at("2026-03-03 00:00:00")));
        let moment = |text| text_of(&Asked::of(Some(text)));
        assert_eq!(moment("t=2026-03-02T08:00:00Z"), moment("t=2026-03-02T13:00:00%2B05:00"));
        assert_eq!(Asked::of(None).begins("t").unwrap(), None);
        assert_eq!(Asked::of(Some("t=&&t")).ends("t").unwrap(), None);
        assert!(Asked::of(Some("t=%2B262142-12-31")).ends("t").unwrap().is_some());
        for wrong in ["t=yesterday", "t=2026-02-30", "t=2026-03-02%2025:00:00", "t=%00", "t=%ff"] {
            assert!(Asked::of(Some(wrong)).begins("t").is_err(), "{wrong}");
        }
    }

    fn text_of(asked: &Asked) -> NaiveDateTime {
        asked.begins("t").unwrap().unwrap()
    }
}
