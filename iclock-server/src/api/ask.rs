//! What requests ask: parameters of the query, names in the path, and times.

use std::fmt;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::IntoParams;

use crate::problem::Problem;

/// The next step after a wrong parameter.
const DESCRIBED: &str = "/api/v1/openapi.json says which values there are";

/// Parameters of the query. One that is not known is an error: a filter that is mistyped would filter nothing.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

/// Two kinds of parameters in one query.
#[derive(Debug)]
pub(super) struct Both<A, B>(pub(super) A, pub(super) B);

/// The name in the path.
#[derive(Debug)]
pub(crate) struct Named(pub(crate) String);

/// What a request sends, as JSON.
#[derive(Debug)]
pub(super) struct Sent<T>(pub(super) T);

/// A number of things to return at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit(usize);

/// A time by the terminals' clocks, or a whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wall {
    Day(NaiveDate),
    Time(NaiveDateTime),
}

impl<T: DeserializeOwned + IntoParams, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        know(parts, &names::<T>())?;
        parsed(parts, state).await.map(Self)
    }
}

impl<A, B, S> FromRequestParts<S> for Both<A, B>
where
    A: DeserializeOwned + IntoParams + Send,
    B: DeserializeOwned + IntoParams,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        know(parts, &[names::<A>(), names::<B>()].concat())?;
        Ok(Self(parsed(parts, state).await?, parsed(parts, state).await?))
    }
}

/// The names of parameters.
fn names<T: IntoParams>() -> Vec<String> {
    T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect()
}

/// Refuses a query with other names.
fn know(parts: &Parts, names: &[String]) -> Result<(), Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let Some((other, _)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| !names.iter().any(|n| n == name))
    else {
        return Ok(());
    };
    let problem = Problem::bad_request(format!("there is no parameter {other:?} here"));
    Err(problem.hint(match names {
        [] => "leave it out".to_owned(),
        names => format!("the parameters are {}", names.join(", ")),
    }))
}

/// The parameters of the query.
pub(crate) async fn parsed<T: DeserializeOwned, S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<T, Problem> {
    let Query(asked) = Query::from_request_parts(parts, state)
        .await
        .map_err(|error: QueryRejection| Problem::bad_request(error.body_text()).hint(DESCRIBED))?;
    Ok(asked)
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|error: PathRejection| Problem::bad_request(error.body_text()))?;
        Ok(Self(name))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let sent = Json::<Map<String, Value>>::from_request(request, state).await;
        let Json(sent) = sent.map_err(|error: JsonRejection| {
            let problem = Problem::new(error.status(), error.body_text());
            // One that is no JSON, one of another shape: both are the caller's to correct.
            let known = [StatusCode::UNSUPPORTED_MEDIA_TYPE, StatusCode::PAYLOAD_TOO_LARGE].contains(&error.status());
            (if known { problem } else { Problem::bad_request(error.body_text()) }).hint(DESCRIBED)
        })?;
        // Not at once: a list would count as the fields in their order.
        let sent = serde_json::from_value(Value::Object(sent));
        let sent = sent.map_err(|error| Problem::bad_request(format!("the body: {error}")).hint(DESCRIBED))?;
        Ok(Self(sent))
    }
}

impl Limit {
    /// The usual number.
    pub(super) const USUAL: usize = 100;
    /// The largest.
    pub(super) const MOST: usize = 1_000;

    /// The number.
    pub(super) fn get(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(Self::USUAL)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = usize::deserialize(deserializer)?;
        let fits = (1..=Self::MOST).contains(&limit);
        let problem = || serde::de::Error::custom(format!("limit is 1 to {}", Self::MOST));
        fits.then_some(Self(limit)).ok_or_else(problem)
    }
}

impl Wall {
    /// The first moment.
    pub(crate) fn begins(self) -> NaiveDateTime {
        match self {
            Self::Day(date) => date.and_time(NaiveTime::MIN),
            Self::Time(time) => time,
        }
    }

    /// The first moment after it, where it is the end of a span: a day counts whole, a time does not count.
    pub(crate) fn ends(self) -> NaiveDateTime {
        match self {
            Self::Day(date) => date.and_time(NaiveTime::MIN).checked_add_signed(TimeDelta::days(1)),
            Self::Time(time) => Some(time),
        }
        .unwrap_or(NaiveDateTime::MAX)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Self::Day(date));
        }
        let times = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        times.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(Self::Time)
    }
}

/// As a query has it.
impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => write!(f, "{date}"),
            Self::Time(time) => write!(f, "{}", time.format("%Y-%m-%dT%H:%M:%S")),
        }
    }
}

impl<'de> Deserialize<'de> for Wall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl serde::de::Visitor<'_> for Text {
            type Value = Wall;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date like 2026-03-02, or a time like 2026-03-02T08:00:00")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Wall, E> {
                Wall::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_or_a_second() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let eight = Wall::Time(day.and_hms_opt(8, 0, 0).unwrap());
        assert_eq!(Wall::parse("2026-03-02"), Some(Wall::Day(day)));
        for text in ["2026-03-02T08:00:00", "2026-03-02 08:00:00", "2026-03-02T08:00"] {
            assert_eq!(Wall::parse(text), Some(eight), "{text}");
        }
        for text in ["", "2026-13-02", "08:00", "2026-03-02T25:00:00", "yesterday"] {
            assert_eq!(Wall::parse(text), None, "{text}");
        }
        assert_eq!(Wall::Day(day).ends(), day.succ_opt().unwrap().and_time(NaiveTime::MIN));
        assert_eq!(Wall::Day(NaiveDate::MAX).ends(), NaiveDateTime::MAX);
        assert_eq!((eight.begins(), eight.ends()), (eight.begins(), eight.begins()));
    }
}
