//! The causes of an error: in one line, and searched for a bad certificate.

use std::error::Error;

/// A library's error and the causes below it, in one line that says nothing twice.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Cause(String);

impl Cause {
    /// The error and its causes.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        Self::below(error.to_string(), error.source())
    }

    /// The same, below words of our own.
    pub(crate) fn below(mut said: String, mut below: Option<&(dyn Error + 'static)>) -> Self {
        while let Some(error) = below {
            let text = error.to_string();
            if !said.contains(&text) {
                said = format!("{said}: {text}");
            }
            below = error.source();
        }
        Self(said)
    }
}

/// Returns true if the other side's certificate is not trusted, expired, or made for another name.
pub(crate) fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
        return true;
    }
    // An I/O error that wraps another error reports the inner error's cause as its own.
    let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    within.is_some_and(|within| is_certificate(within)) || error.source().is_some_and(is_certificate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_is_known_however_deep_it_is() {
        #[derive(Debug, thiserror::Error)]
        #[error("transport error")]
        struct Outer(#[source] std::io::Error);
        let expired = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        assert!(is_certificate(&Outer(std::io::Error::other(expired))));
        let other = rustls::Error::General("handshake".to_owned());
        assert!(!is_certificate(&Outer(std::io::Error::other(other))));
    }

    #[test]
    fn a_cause_says_nothing_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("transport error")]
        struct Outer(#[source] std::io::Error);
        let inner = || std::io::Error::other("transport error");
        assert_eq!(Cause::of(&Outer(inner())).to_string(), "transport error");
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(Cause::of(&Outer(refused)).to_string(), "transport error: connection refused");
    }
}
