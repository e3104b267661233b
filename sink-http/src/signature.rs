//! The signature of a request, as the Standard Webhooks have it, for which most languages have a library: HMAC-SHA256
//! over `ID.TIMESTAMP.BODY`.

use std::fmt;

use attendance_model::{EventId, OptionsError, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::HttpOptions;
use crate::client::json;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The beginning of a secret that is written in Base64.
const IN_BASE64: &str = "whsec_";

/// The key that signs. Prints without its bytes.
#[derive(Clone)]
pub(crate) struct SigningKey(Vec<u8>);

impl SigningKey {
    /// From `whsec_` and Base64, or from any other text, whose bytes are the key.
    pub(crate) fn new(secret: &Secret) -> Result<Self, OptionsError> {
        let text = secret.expose();
        let key = match text.strip_prefix(IN_BASE64) {
            None => text.as_bytes().to_vec(),
            Some(rest) => STANDARD.decode(rest).map_err(|_| {
                OptionsError::new("secret", "begins with whsec_, but Base64 does not follow")
                    .hint("copy it whole from the receiver, or write any other text")
            })?,
        };
        if key.is_empty() {
            return Err(OptionsError::new("secret", "is empty").hint("write the text that the receiver has too"));
        }
        Ok(Self(key))
    }

    /// The value of `webhook-signature`. `None` for a key that HMAC does not take; it takes any.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// The headers of a request with this id and body.
pub(crate) fn headers(options: &HttpOptions, id: &str, body: &[u8]) -> HeaderMap {
    let now = Utc::now().timestamp();
    let bearer = options.token.as_ref().map(|token| format!("Bearer {}", token.expose()));
    let signature = options.key.as_ref().and_then(|key| key.sign(id, now, body));
    let mut headers = json(bearer);
    let set = [
        (ID, Some(id.to_owned())),
        (IDEMPOTENCY_KEY, Some(id.to_owned())),
        (TIMESTAMP, Some(now.to_string())),
        (SIGNATURE, signature),
    ];
    for (name, value) in set {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

/// The id of a request: the same for the same events, however often they are sent.
pub(crate) fn request_id(ids: &[EventId]) -> String {
    let mut digest = Sha256::new();
    ids.iter().for_each(|id| digest.update(id.as_bytes()));
    let digest = digest.finalize();
    digest.iter().take(16).fold("evt_".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn a_request_is_signed_as_the_standard_webhooks_do() {
        let key = SigningKey::new(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_same_events_have_the_same_request_and_others_another() {
        let ids: Vec<EventId> = (0..3).map(|n| format!("{n:032x}").parse().unwrap()).collect();
        assert_eq!(request_id(&ids), request_id(&ids));
        assert_ne!(request_id(&ids), request_id(&ids[1..]));
        assert_eq!(request_id(&ids).len(), 36);
    }
}
