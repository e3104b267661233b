//! What forms ask: each field may be left empty. What makes no sense is refused: it is no other question.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::NaiveDate;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use crate::api::ask::{Wall, parsed};
use crate::api::silence::Silence;
use crate::problem::Problem;

/// The fields of a form, in the query.
#[derive(Debug)]
pub(super) struct Fields<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Fields<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        parsed(parts, state).await.map(Self)
    }
}

/// A text that was filled in.
pub(super) fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// A date or a time that was filled in.
pub(super) fn wall<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Wall>, D::Error> {
    read(deserializer, "a date like 2026-03-02", Wall::parse)
}

/// A time of silence that was filled in.
pub(super) fn silence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Silence>, D::Error> {
    read(deserializer, "a time like 2h", Silence::parse)
}

/// A month, as browsers write it, by its first day.
pub(super) fn month<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    let first = |text: &str| NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok();
    read(deserializer, "a month like 2026-03", first)
}

/// A number that was filled in.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    read(deserializer, "a number up to 255", |text| text.parse().ok())
}

fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: impl Display,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, D::Error> {
    let read = |text: String| parse(&text).ok_or_else(|| Error::custom(format_args!("{text:?} is not {expected}")));
    filled(deserializer)?.map(read).transpose()
}
