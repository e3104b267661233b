//! TLS for terminals that can do HTTPS.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A certificate with its private key. It can be replaced while a server runs; its clones are the same one.
///
/// TLS 1.2 and 1.3 are spoken. Terminals present no certificate of their own.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

/// The reason why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no certificate in the file, or what is there is none.
    #[error("the file of the certificate has no certificate in PEM form")]
    Certificate,
    /// There is no private key in the file, or it is encrypted.
    #[error("the file of the key has no private key in PEM form without a password")]
    Key,
    /// Certificate and key do not belong together, or are of a kind that is not known.
    #[error("the certificate cannot be used with this key")]
    Refused(#[source] rustls::Error),
}

/// Shows nothing of the key.
impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads PEM: the certificate of the server and those between it and its authority, and the private key.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(config(certificate, key)?)))))
    }

    /// Takes another certificate and key, for connections from now on.
    ///
    /// # Errors
    /// [`TlsError`]; then the old ones stay in use.
    pub fn replace(&self, certificate: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let config = Arc::new(config(certificate, key)?);
        // Nothing can panic while the lock is held.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Shakes hands with a terminal.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        // Nothing can panic while the lock is held.
        let config = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(config).accept(stream).await
    }
}

fn config(certificate: &[u8], key: &[u8]) -> Result<ServerConfig, TlsError> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>().map_err(|_| TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::Certificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Refused)?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).map_err(TlsError::Refused)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn what_does_not_belong_together_is_refused_and_the_old_one_stays() {
        let ((certificate, key), (other, _)) = (pair("one.example"), pair("two.example"));
        let tls = Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let before = Arc::as_ptr(&tls.0.read().unwrap());
        assert!(matches!(tls.replace(other.as_bytes(), key.as_bytes()), Err(TlsError::Refused(_))));
        assert!(matches!(tls.replace(b"", key.as_bytes()), Err(TlsError::Certificate)));
        assert!(matches!(tls.replace(certificate.as_bytes(), b"none"), Err(TlsError::Key)));
        assert_eq!(Arc::as_ptr(&tls.0.read().unwrap()), before);
        tls.replace(certificate.as_bytes(), key.as_bytes()).unwrap();
        assert_ne!(Arc::as_ptr(&tls.0.read().unwrap()), before);
    }
}
