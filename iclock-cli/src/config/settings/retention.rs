//! The keys of `[retention]`.

use std::time::Duration;

use iclock_sync::Retention;

use super::super::key::Shape::Span;
use super::super::key::Shown::Example;
use super::super::key::{Entry, Wrong, key, put, span};

pub(in crate::config) fn entries() -> Vec<Entry<Retention>> {
    vec![
        key(
            "events",
            Span,
            Example("400d"),
            "The age from which an event that every configured sink has been given shrinks to its key. It cannot be \
             sent again, and exports leave it out. At least a week.",
            |retention: &mut Retention, text| put(&mut retention.events, age(text).map(Some)),
        ),
        key(
            "quarantine",
            Span,
            Example("400d"),
            "The same for a record that has left the quarantine.",
            |retention: &mut Retention, text| put(&mut retention.quarantine, age(text).map(Some)),
        ),
    ]
}

/// An age of at least a week: a mistyped unit must not shrink what was just read.
fn age(text: &str) -> Result<Duration, Wrong> {
    let week = Duration::from_secs(7 * 86_400);
    let short = || Wrong::new(format!("{text:?} is less than a week"), "write it in days, like 400d");
    span(text).and_then(|age| if age < week { Err(short()) } else { Ok(age) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_at_least_a_week() {
        assert_eq!(age("400d").unwrap(), Duration::from_secs(400 * 86_400));
        let problem = |text| age(text).unwrap_err().problem;
        // A bare number counts seconds.
        assert!(problem("400").contains("less than a week") && problem("6d").contains("less than a week"));
        assert!(problem("soon").contains("not a valid span"));
    }
}
