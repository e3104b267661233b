//! Pages by number, and the links from one to the next.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use serde::Serialize;
use serde_json::{Value, json};

use super::asked::Asked;
use super::refused::Refused;
use crate::server::Server;

/// The rows of a page for which no size is asked.
const USUAL: usize = 10;
/// The largest page. One that asks for more gets so much, and a link to the rest.
const MOST: usize = 10_000;
/// The parameters that say which page.
const OF_PAGE: [&str; 3] = ["page", "page_size", "limit"];

/// A question for a page of a list.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub(super) asked: Asked,
    /// The address of the list, without its query.
    url: String,
    page: Place,
    size: usize,
}

/// A page by its number, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Number(u64),
    Last,
}

/// What a field has to have.
#[derive(Debug)]
struct Wanted<'a> {
    field: &'a str,
    text: String,
    /// Just this, and not somewhere in its text.
    exactly: bool,
}

impl Wanted<'_> {
    fn is_in(&self, row: &Value) -> bool {
        row.get(self.field).is_some_and(|value| self.fits(value))
    }

    /// A thing that the field refers to is named by its number, and any of several will do.
    fn fits(&self, value: &Value) -> bool {
        match value {
            Value::Array(all) => all.iter().any(|value| self.fits(value)),
            Value::Object(thing) => thing.get("id").is_some_and(|id| self.fits(id)),
            Value::String(text) if !self.exactly => text.to_lowercase().contains(&self.text),
            Value::String(text) => *text == self.text,
            Value::Number(number) => number.to_string() == self.text,
            _ => false,
        }
    }
}

impl FromRequestParts<std::sync::Arc<Server>> for Listing {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, server: &std::sync::Arc<Server>) -> Result<Self, Refused> {
        let asked = Asked::of(parts.uri.query());
        let page = match asked.get("page") {
            None => Place::Number(1),
            Some("last") => Place::Last,
            Some(text) => Place::Number(text.parse().ok().filter(|number| *number > 0).ok_or_else(invalid)?),
        };
        // One that is no number counts for nothing, as at the vendor's server.
        let size = ["page_size", "limit"].iter().find_map(|name| {
            let text = asked.get(name)?;
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            // More digits than a number has are more than the most, too.
            digits.then(|| text.parse().unwrap_or(MOST)).filter(|size| *size > 0)
        });
        let size = size.unwrap_or(USUAL).min(MOST);
        let scheme = if server.options.is_secure { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", host(parts).unwrap_or_default(), parts.uri.path());
        Ok(Self { asked, url, page, size })
    }
}

/// The name and the port by which the server was called, and nothing else that may be in that place.
fn host(parts: &Parts) -> Option<String> {
    let of_header = || parts.headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok();
    let authority = parts.uri.authority().cloned().or_else(of_header)?;
    let port = authority.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}{port}", authority.host()))
}

fn invalid() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "Invalid page.")
}

impl Listing {
    /// The rows before the page, and the most rows of it. `count` rows are known to exist if the last page is asked
    /// for.
    pub(super) fn rows(&self, count: impl FnOnce() -> u64) -> (u64, usize) {
        let number = match self.page {
            Place::Number(number) => number,
            Place::Last => self.last(count()),
        };
        ((number - 1).saturating_mul(self.size as u64), self.size)
    }

    /// Whether one has to count before it is known which rows are asked for.
    pub(super) fn is_last(&self) -> bool {
        self.page == Place::Last
    }

    /// The answer with the rows of the page.
    pub(super) fn answer<T: Serialize>(&self, count: u64, data: &[T]) -> Result<Response, Refused> {
        let last = self.last(count);
        let number = match self.page {
            Place::Number(number) => number,
            Place::Last => last,
        };
        if number > last {
            return Err(invalid());
        }
        let next = (number < last).then(|| self.link(number + 1));
        let previous = (number > 1).then(|| self.link(number - 1));
        let body = json!({
            "count": count, "next": next, "previous": previous, "msg": "", "code": 0, "data": data,
        });
        Ok((http::StatusCode::OK, Json(body)).into_response())
    }

    /// The answer with those rows of a whole list that are on the page. `filters` are the parameters that select rows,
    /// each with its field; with `_icontains` behind it, one selects rows whose field has its text somewhere.
    pub(super) fn answer_of<T: Serialize>(&self, all: &[T], filters: &[(&str, &str)]) -> Result<Response, Refused> {
        let wanted: Vec<Wanted<'_>> = filters.iter().flat_map(|filter| self.wanted(*filter)).collect();
        if wanted.is_empty() {
            return self.answer(all.len() as u64, self.part_of(all));
        }
        let rows = all.iter().filter_map(|row| serde_json::to_value(row).ok());
        let rows: Vec<Value> = rows.filter(|row| wanted.iter().all(|wanted| wanted.is_in(row))).collect();
        self.answer(rows.len() as u64, self.part_of(&rows))
    }

    fn part_of<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        let (skip, most) = self.rows(|| all.len() as u64);
        let page = usize::try_from(skip).ok().and_then(|skip| all.get(skip..)).unwrap_or_default();
        page.get(..most).unwrap_or(page)
    }

    fn wanted<'a>(&'a self, (name, field): (&'a str, &'a str)) -> impl Iterator<Item = Wanted<'a>> {
        let exactly = self.asked.get(name).map(|text| Wanted { field, text: text.to_owned(), exactly: true });
        let part = self.asked.get(&format!("{name}_icontains"));
        let part = part.map(|text| Wanted { field, text: text.to_lowercase(), exactly: false });
        exactly.into_iter().chain(part)
    }

    /// The number of the last page; an empty list has one, too.
    fn last(&self, count: u64) -> u64 {
        count.div_ceil(self.size as u64).max(1)
    }

    /// The address of another page, with the size that pages really have.
    fn link(&self, number: u64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.asked.without(&OF_PAGE));
        query.append_pair("page", &number.to_string()).append_pair("page_size", &self.size.to_string());
        format!("{}?{}", self.url, query.finish())
    }
}
