//! One request, within its time.

use std::fs;
use std::time::Duration;

use attendance_model::{OptionsError, SinkError};
use chrono::Utc;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, StatusCode};
use url::Url;

use crate::HttpOptions;
use crate::error::{self, Doing};

/// The most of an answer that is read.
const MOST: usize = 1 << 20;
/// The longest wait that a receiver may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

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
pub(crate) fn client(options: &HttpOptions) -> Result<reqwest::Client, OptionsError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("iclock-sync/", env!("CARGO_PKG_VERSION")))
        .timeout(options.timeout)
        .redirect(Policy::none())
        .no_proxy();
    if let Some(path) = &options.tls_ca {
        let unusable = |problem: String| {
            OptionsError::new("tls_ca", format!("{}: {problem}", path.display()))
                .hint("name a PEM file of certificates")
        };
        let pem = fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let pem = pem.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&pem);
        let certificates = Certificate::from_pem_bundle(pem).map_err(|error| unusable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(unusable("has no certificate".to_owned()));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| OptionsError::new("url", format!("cannot be called: {error}")))
}

/// Posts a body under an id. Any status is an answer.
pub(crate) async fn post(
    client: &reqwest::Client,
    options: &HttpOptions,
    doing: Doing,
    (url, id): (&Url, &str),
    body: Vec<u8>,
) -> Result<Answer, SinkError> {
    let failed = |error: reqwest::Error| error::from_client(doing, options, error);
    let headers = headers(options, id, &body);
    let mut response = client.post(url.clone()).headers(headers).body(body).send().await.map_err(failed)?;
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

fn headers(options: &HttpOptions, id: &str, body: &[u8]) -> HeaderMap {
    let now = Utc::now().timestamp();
    let bearer = options.token.as_ref().map(|token| format!("Bearer {}", token.expose()));
    let signature = options.key.as_ref().and_then(|key| key.sign(id, now, body));
    let set = [
        (CONTENT_TYPE, Some("application/json".to_owned())),
        (ID, Some(id.to_owned())),
        (IDEMPOTENCY_KEY, Some(id.to_owned())),
        (TIMESTAMP, Some(now.to_string())),
        (SIGNATURE, signature),
        (AUTHORIZATION, bearer),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in set {
        if let Some(mut value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            value.set_sensitive(name == AUTHORIZATION);
            headers.insert(name, value);
        }
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
