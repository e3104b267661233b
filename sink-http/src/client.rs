//! One request, within its time.

use std::fs;
use std::time::Duration;

use attendance_model::{OptionsError, Outgoing, Settings, SinkError};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, NoProxy, Proxy, StatusCode};
use url::Url;

use crate::error::{Doing, Receiver, Words};

/// The most of an answer that is read.
const MOST: usize = 1 << 20;
/// The longest wait that a receiver may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The settings of the line, which every receiver has.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The limit for one request.
    pub(crate) timeout: Duration,
    pub(crate) outgoing: Outgoing,
}

impl Line {
    /// Takes `timeout` (default `30s`), `proxy`, `no_proxy` and `tls_ca`.
    pub(crate) fn take(settings: &mut Settings) -> Result<Self, OptionsError> {
        let timeout = settings.take_timeout()?.unwrap_or(Duration::from_secs(30));
        Ok(Self { timeout, outgoing: Outgoing::take(settings)? })
    }
}

/// What a receiver answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// It asks to be left alone for so long.
    pub(crate) wait: Option<Duration>,
    /// The address to which it redirects.
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// A client for the addresses of one sink. A redirect is an answer: nobody is sent people's data unasked.
#[derive(Debug)]
pub(crate) struct Client {
    inner: reqwest::Client,
    /// The receiver, as errors name it.
    pub(crate) receiver: Receiver,
}

impl Client {
    /// Contacts nothing.
    pub(crate) fn open(target: String, line: &Line, words: &'static Words) -> Result<Self, OptionsError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("iclock-sync/", env!("CARGO_PKG_VERSION")))
            .timeout(line.timeout)
            .redirect(Policy::none())
            .no_proxy();
        let outgoing = &line.outgoing;
        if let Some(proxy) = outgoing.proxy() {
            // Its error may repeat the address, which may have a password.
            let proxy = Proxy::https(proxy.expose()).map_err(|_| OptionsError::new("proxy", "cannot be called"))?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(outgoing.no_proxy())));
        }
        let authorities = outgoing.authorities(|path| fs::read(path))?;
        if let Some(pem) = &authorities {
            let certificates = Certificate::from_pem_bundle(pem).map_err(|e| outgoing.unusable_authorities(e))?;
            builder = builder.tls_certs_merge(certificates);
        }
        let inner = builder.build().map_err(|error| match authorities {
            // Bytes that are in the form of a certificate, and are none, show only here.
            Some(_) => outgoing.unusable_authorities("has no certificate that can be read"),
            None => OptionsError::new("url", format!("cannot be called: {error}")),
        })?;
        let proxy = outgoing.shown_proxy().map(str::to_owned);
        Ok(Self { inner, receiver: Receiver { target, timeout: line.timeout, words, proxy } })
    }

    /// Sends a request. Any status is an answer.
    pub(crate) async fn send(
        &self,
        doing: Doing,
        (method, url): (Method, &Url),
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answer, SinkError> {
        let failed = |error: reqwest::Error| self.receiver.no_answer(doing, error);
        let request = self.inner.request(method, url.clone()).headers(headers).body(body);
        let mut response = request.send().await.map_err(failed)?;
        let header = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let (wait, location) =
            (header(RETRY_AFTER).and_then(wait_of), header(reqwest::header::LOCATION).map(str::to_owned));
        let mut answer = Answer { status: response.status(), wait, location, body: Vec::new() };
        while let Some(bytes) = response.chunk().await.map_err(failed)? {
            let room = MOST - answer.body.len();
            answer.body.extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
            if answer.body.len() == MOST {
                break;
            }
        }
        Ok(answer)
    }
}

/// The headers of a body of JSON, from a caller who identifies like this.
pub(crate) fn json(authorization: Option<String>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(mut value) = authorization.and_then(|value| HeaderValue::try_from(value).ok()) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    headers
}

/// A number of seconds. The form with a date is not read: the next try then comes by our own schedule.
fn wait_of(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_number_of_seconds_and_no_longer_than_an_hour() {
        assert_eq!(wait_of(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(wait_of("99999999"), Some(LONGEST_WAIT));
        assert_eq!(wait_of("Fri, 31 Dec 1999 23:59:59 GMT"), None);
    }
}
