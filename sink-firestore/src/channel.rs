//! The connection itself: directly or by a proxy, and the certificates that it trusts.

use std::time::Duration;

use attendance_model::Outgoing;
use gcloud_sdk::tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use hyper::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;

/// The limit for a connection, and the pace at which one that is silent is tried.
const CONNECT: Duration = Duration::from_secs(30);
const ALIVE: Duration = Duration::from_secs(60);

/// The way to the service, apart from its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) outgoing: Outgoing,
    /// Certificates that are trusted besides those of public authorities, as PEM.
    pub(crate) authorities: Option<Vec<u8>>,
}

impl Way {
    /// Connects to `http://` or `https://` with a host.
    pub(crate) async fn connect(&self, url: &str) -> Result<Channel, gcloud_sdk::error::Error> {
        let uri: Uri = url.parse()?;
        let endpoint = Endpoint::from(uri.clone())
            .connect_timeout(CONNECT)
            .tcp_keepalive(Some(ALIVE))
            .keep_alive_timeout(ALIVE)
            .http2_keep_alive_interval(ALIVE)
            .keep_alive_while_idle(true);
        // An emulator is within reach, and speaks no TLS.
        if uri.scheme_str() != Some("https") {
            return Ok(endpoint.connect().await?);
        }
        let tls = ClientTlsConfig::new().with_webpki_roots().domain_name(uri.host().unwrap_or_default());
        let own = self.authorities.as_deref().map(Certificate::from_pem);
        let endpoint = endpoint.tls_config(tls.ca_certificates(own))?;
        match self.tunnel(&uri) {
            Some(tunnel) => Ok(endpoint.connect_with_connector(tunnel).await?),
            None => Ok(endpoint.connect().await?),
        }
    }

    /// The tunnel that the proxy makes to this address; `None` if it is called directly.
    fn tunnel(&self, to: &Uri) -> Option<Tunnel<HttpConnector>> {
        let proxy = self.outgoing.proxy()?;
        let matcher = Matcher::builder().https(proxy.expose()).no(self.outgoing.no_proxy()).build();
        let intercept = matcher.intercept(to)?;
        let mut http = HttpConnector::new();
        http.set_keepalive(Some(ALIVE));
        http.set_nodelay(true);
        let tunnel = Tunnel::new(intercept.uri().clone(), http);
        Some(match intercept.basic_auth() {
            Some(password) => tunnel.with_auth(password.clone()),
            None => tunnel,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use attendance_model::Settings;
    use gcloud_sdk::error::ErrorKind;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::cause::is_certificate;

    /// A server with a certificate of its own for this name. Yields its port, and the certificate as PEM.
    async fn server(name: &str) -> (u16, Vec<u8>) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let pem = made.cert.pem().into_bytes();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                // An empty frame of settings: this is HTTP/2.
                // The client may have gone: it is connected once it has sent its own.
                let _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
                tokio::spawn(async move { tokio::io::copy(&mut stream, &mut tokio::io::sink()).await });
            }
        });
        (port, pem)
    }

    /// A proxy that makes each tunnel to this port here, and the heads of what it is asked.
    async fn proxy(port: u16, status: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mut stream, mut head) = (BufReader::new(stream), String::new());
                while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).await.unwrap() > 0 {}
                kept.lock().unwrap().push(head);
                stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.unwrap();
                if status.starts_with("200") {
                    let mut to = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    tokio::spawn(async move { copy_bidirectional(&mut stream, &mut to).await });
                }
            }
        });
        (place, heads)
    }

    fn way(settings: &[(&str, &str)], authorities: Option<&[u8]>) -> Way {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let outgoing = Outgoing::take(&mut Settings::new(settings)).unwrap();
        Way { outgoing, authorities: authorities.map(<[u8]>::to_vec) }
    }

    #[tokio::test]
    async fn the_service_is_called_through_the_proxy_and_trusted_by_the_certificates_that_are_named() {
        let (port, pem) = server("firestore.googleapis.com").await;
        let (place, heads) = proxy(port, "200 OK").await;
        let through = [("proxy", &*format!("http://office:p%40ss@{place}"))];
        let url = "https://firestore.googleapis.com";
        way(&through, Some(&pem)).connect(url).await.unwrap();
        let head = heads.lock().unwrap().pop().unwrap();
        assert!(head.starts_with("CONNECT firestore.googleapis.com:443 HTTP/1.1\r\n"), "{head}");
        // office:p@ss
        assert!(head.contains("Basic b2ZmaWNlOnBAc3M="), "{head}");
        let error = way(&through, None).connect(url).await.unwrap_err();
        let ErrorKind::GrpcStatus(error) = error.into_kind() else { panic!("no answer of the channel") };
        assert!(is_certificate(&error), "{error:?}");
        assert_eq!(heads.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_host_of_no_proxy_is_called_directly() {
        let (port, pem) = server("localhost").await;
        let (place, heads) = proxy(port, "200 OK").await;
        let url = format!("https://localhost:{port}");
        for direct in [&[][..], &[("proxy", &*place), ("no_proxy", "localhost, .example")]] {
            way(direct, Some(&pem)).connect(&url).await.unwrap();
        }
        assert!(heads.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_ends_the_attempt_and_its_password_is_not_shown() {
        let (place, heads) = proxy(1, "407 Proxy Authentication Required").await;
        let through = way(&[("proxy", &format!("http://office:hunter2@{place}"))], None);
        let error = through.connect("https://firestore.googleapis.com").await.unwrap_err();
        let shown = format!("{error:?} {through:?}");
        assert!(shown.contains("Proxy") && !shown.contains("hunter2"), "{shown}");
        assert_eq!(heads.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_emulator_is_called_directly() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let through = way(&[("proxy", "http://127.0.0.1:1")], None);
        let (connected, _) = tokio::join!(through.connect(&url), listener.accept());
        connected.unwrap();
    }
}
