//! What every page needs: the language, the reader, and where the pages are mounted.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use chrono::{DateTime, Utc};

use super::assets;
use super::cookie::LANGUAGE;
use super::texts::Language;
use crate::access::{Caller, Role, csrf};
use crate::guard::Session;
use crate::problem::Problem;
use crate::server::Server;

/// Nothing runs and nothing is loaded that does not come from here, and nothing that is written into a page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// What every page needs. Templates call its methods.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) language: Language,
    /// The path under which the router is mounted; empty at the root.
    pub(super) prefix: String,
    /// Who reads; `None` before the login.
    pub(super) caller: Option<Caller>,
    /// The word that changes bring along.
    pub(super) csrf: String,
    /// The entry of the menu.
    pub(super) here: &'static str,
    pub(super) now: DateTime<Utc>,
}

impl FromRequestParts<Arc<Server>> for Page {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Server>) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl Page {
    pub(super) fn of(parts: &Parts) -> Self {
        let original = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.path(), |uri| uri.path());
        Self {
            language: language(&parts.headers),
            prefix: prefix(original, parts.uri.path()).to_owned(),
            caller: parts.extensions.get::<Caller>().cloned(),
            csrf: parts.extensions.get::<Session>().map(|session| csrf(&session.0)).unwrap_or_default(),
            here: "",
            now: Utc::now(),
        }
    }

    /// The same under an entry of the menu.
    pub(super) fn at(mut self, here: &'static str) -> Self {
        self.here = here;
        self
    }

    /// The text of a key.
    pub(super) fn t(&self, key: &str) -> String {
        self.language.text(key, &[])
    }

    /// A text with a number, as `$count`.
    pub(super) fn count(&self, key: &str, count: impl Count) -> String {
        self.language.text(key, &[("count", count.count().into())])
    }

    /// A text with a name, as `$name`.
    pub(super) fn name(&self, key: &str, name: impl AsRef<str>) -> String {
        self.language.text(key, &[("name", name.as_ref().into())])
    }

    /// A text with a name and a number.
    pub(super) fn two(&self, key: &str, name: impl AsRef<str>, count: impl Count) -> String {
        self.language.text(key, &[("name", name.as_ref().into()), ("count", count.count().into())])
    }

    /// How long ago something was.
    pub(super) fn ago(&self, then: impl Moment) -> String {
        let Some(then) = then.moment() else { return self.t("never") };
        let seconds = (self.now - then).num_seconds().max(0).unsigned_abs();
        match seconds {
            0..60 => self.count("ago-seconds", seconds),
            60..3_600 => self.count("ago-minutes", seconds / 60),
            3_600..172_800 => self.count("ago-hours", seconds / 3_600),
            _ => self.count("ago-days", seconds / 86_400),
        }
    }

    /// An address of these pages. Routers around this one take the first page without a slash at its end.
    pub(super) fn url(&self, path: impl AsRef<str>) -> String {
        match path.as_ref() {
            "/" if !self.prefix.is_empty() => self.prefix.clone(),
            path => format!("{}{path}", self.prefix),
        }
    }

    /// The address of a page with a word of any characters at its end.
    pub(super) fn under(&self, path: &str, word: impl AsRef<str>) -> String {
        format!("{}{path}/{}", self.prefix, escaped(word.as_ref()))
    }

    /// The address of a file that never changes under this name.
    pub(super) fn asset(&self, name: &str) -> String {
        format!("{}/assets/{}", self.prefix, assets::named(name))
    }

    pub(super) fn languages(&self) -> [Language; 2] {
        Language::ALL
    }

    pub(super) fn is_operator(&self) -> bool {
        self.caller.as_ref().is_some_and(|caller| caller.role >= Role::Operator)
    }

    pub(super) fn is_administrator(&self) -> bool {
        self.caller.as_ref().is_some_and(|caller| caller.role >= Role::Administrator)
    }

    /// A page as an answer.
    pub(super) fn show(template: &impl Template) -> Result<Response, Problem> {
        Self::show_with(StatusCode::OK, template)
    }

    pub(super) fn show_with(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
        let text = template.render().map_err(|error| {
            tracing::error!("a page cannot be written: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this page cannot be written").hint("see the log")
        })?;
        let mut response = (status, Html(text)).into_response();
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
        // What a page shows of people stays in no cache, also not after the logout.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("cookie, accept-language"));
        Ok(response)
    }
}

/// A number to be shown. Templates hand on references.
pub(super) trait Count {
    fn count(&self) -> u64;
}

impl Count for u64 {
    fn count(&self) -> u64 {
        *self
    }
}

impl Count for u32 {
    fn count(&self) -> u64 {
        u64::from(*self)
    }
}

impl Count for usize {
    fn count(&self) -> u64 {
        u64::try_from(*self).unwrap_or(u64::MAX)
    }
}

impl<T: Count> Count for &T {
    fn count(&self) -> u64 {
        T::count(self)
    }
}

/// A moment that there may have been.
pub(super) trait Moment {
    fn moment(&self) -> Option<DateTime<Utc>>;
}

impl Moment for DateTime<Utc> {
    fn moment(&self) -> Option<DateTime<Utc>> {
        Some(*self)
    }
}

impl Moment for Option<DateTime<Utc>> {
    fn moment(&self) -> Option<DateTime<Utc>> {
        *self
    }
}

impl<T: Moment> Moment for &T {
    fn moment(&self) -> Option<DateTime<Utc>> {
        T::moment(self)
    }
}

/// The part of a path that routers around this one have taken.
fn prefix<'a>(original: &'a str, path: &str) -> &'a str {
    original.strip_suffix(path).unwrap_or(original).trim_end_matches('/')
}

fn language(headers: &HeaderMap) -> Language {
    let chosen = CookieJar::from_headers(headers).get(LANGUAGE).and_then(|cookie| Language::of_code(cookie.value()));
    let accepted = || headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok().map(Language::preferred);
    chosen.or_else(accepted).unwrap_or(Language::English)
}

/// A word as a part of a path or a query.
pub(super) fn escaped(word: &str) -> String {
    // A blank as `+` means a blank in a query alone.
    form_urlencoded::byte_serialize(word.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_what_routers_around_have_taken() {
        for (original, path, taken) in [
            ("/", "/", ""),
            ("/events", "/events", ""),
            ("/attendance/events", "/events", "/attendance"),
            ("/attendance/", "/", "/attendance"),
            ("/attendance", "/", "/attendance"),
        ] {
            assert_eq!(prefix(original, path), taken, "{original} {path}");
        }
    }

    #[test]
    fn a_word_cannot_leave_its_part_of_an_address() {
        assert_eq!(escaped("../a b?c#d/é+"), "..%2Fa%20b%3Fc%23d%2F%C3%A9%2B");
    }
}
