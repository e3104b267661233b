//! The cookies: that of a session, and the language that was chosen.

use std::time::Duration;

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::access::{LASTS, Secret};

/// The language of the pages, if it was chosen.
pub(super) const LANGUAGE: &str = "language";
/// The session, over HTTPS. Browsers take a cookie of such a name from nobody but this server itself.
const SECURE: &str = "__Host-iclock";
/// The session, over plain HTTP.
const PLAIN: &str = "iclock";
const YEAR: Duration = Duration::from_secs(31_536_000);

/// The session of a browser. Over HTTPS a cookie that may have come over plain HTTP counts for nothing.
pub(crate) fn session(jar: &CookieJar, is_secure: bool) -> Option<&str> {
    jar.get(if is_secure { SECURE } else { PLAIN }).map(Cookie::value).filter(|word| !word.is_empty())
}

/// The cookie that begins a session.
pub(super) fn begun(session: &Secret, is_secure: bool) -> Cookie<'static> {
    cookie(session.reveal().to_owned(), is_secure, LASTS.to_std().unwrap_or_default())
}

/// The cookie that takes that of a session away.
pub(super) fn ended(is_secure: bool) -> Cookie<'static> {
    cookie(String::new(), is_secure, Duration::ZERO)
}

/// The cookie of a chosen language.
pub(super) fn language(code: &'static str, is_secure: bool) -> Cookie<'static> {
    let cookie = Cookie::build((LANGUAGE, code)).path("/").same_site(SameSite::Strict).http_only(true);
    cookie.secure(is_secure).max_age(YEAR.try_into().unwrap_or_default()).build()
}

fn cookie(value: String, is_secure: bool, lasts: Duration) -> Cookie<'static> {
    let name = if is_secure { SECURE } else { PLAIN };
    let cookie = Cookie::build((name, value)).path("/").http_only(true).same_site(SameSite::Strict);
    cookie.secure(is_secure).max_age(lasts.try_into().unwrap_or_default()).build()
}
