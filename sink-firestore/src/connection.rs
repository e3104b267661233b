//! The channel to the service: opened when first needed, with its credentials and a time-out for every request, and
//! opened again after it broke.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use attendance_model::{SinkError, SinkErrorKind};
use gcloud_sdk::error::ErrorKind;
use gcloud_sdk::google::firestore::v1::firestore_client::FirestoreClient;
use gcloud_sdk::google::firestore::v1::{
    BatchGetDocumentsRequest, BatchWriteRequest, DocumentMask, Write, batch_get_documents_response,
};
use gcloud_sdk::google::rpc;
use gcloud_sdk::tonic::{Request, Status};
use gcloud_sdk::{GoogleAuthHeaders, GoogleAuthMiddleware, GoogleAuthMiddlewareLayer, HeaderMap};
use tokio::time::{Instant, timeout_at};
use tower_layer::Layer as _;

use crate::auth::{CredentialsSource, no_credentials};
use crate::cause::{Cause, is_certificate};
use crate::channel::Way;
use crate::credentials::ServiceAccountKey;
use crate::delivery::Rpc;
use crate::endpoint::Endpoint;
use crate::error::{from_status, of_kind};
use crate::options::Treated;
use crate::ramp::Ramp;
use crate::status::{Failure, breaks_channel};

/// A channel with credentials.
#[derive(Clone)]
pub(crate) struct Api(GoogleAuthMiddleware);

impl Api {
    /// The client of documents.
    pub(crate) fn get(&self) -> FirestoreClient<GoogleAuthMiddleware> {
        self.get_with(FirestoreClient::new)
    }

    /// Another client.
    pub(crate) fn get_with<C>(&self, new: impl FnOnce(GoogleAuthMiddleware) -> C) -> C {
        new(self.0.clone())
    }
}

/// The requests that the sink makes.
pub(crate) struct Connection {
    endpoint: Endpoint,
    way: Way,
    source: CredentialsSource,
    timeout: Duration,
    /// Held while connecting, so that writers at the same time make one connection. Outlives a broken channel.
    auth: tokio::sync::Mutex<Option<Arc<GoogleAuthHeaders>>>,
    api: Mutex<Option<Api>>,
    /// For the real service alone: an emulator takes any rate.
    ramp: Option<(Instant, Mutex<Ramp>)>,
    requests: AtomicU64,
    reads: AtomicU64,
}

impl Connection {
    /// Contacts nothing.
    pub(crate) fn open(
        endpoint: Endpoint,
        way: Way,
        key: Option<ServiceAccountKey>,
        timeout: Duration,
        treated: Treated,
    ) -> Self {
        let ramp = treated.is_as_service(&endpoint).then(|| (Instant::now(), Mutex::default()));
        Self {
            endpoint,
            way,
            source: CredentialsSource(key),
            timeout,
            auth: tokio::sync::Mutex::default(),
            api: Mutex::default(),
            ramp,
            requests: AtomicU64::new(0),
            reads: AtomicU64::new(0),
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Requests sent so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Documents read so far, as they are billed: a lookup of a document that is not there is one too.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Counts documents that a query yielded.
    pub(crate) fn note_reads(&self, documents: usize) {
        self.reads.fetch_add(documents as u64, Ordering::Relaxed);
    }

    /// The error for a failed request.
    pub(crate) fn error(&self, failure: Failure) -> SinkError {
        match failure {
            Failure::Sink(error) => error,
            Failure::Status(status) => from_status(&self.endpoint, status),
        }
    }

    /// The names of those documents that exist, in no order; fetches no field of them.
    pub(crate) async fn found(&self, documents: Vec<String>) -> Result<Vec<String>, Failure> {
        self.note_reads(documents.len());
        let request = BatchGetDocumentsRequest {
            database: self.endpoint.database_path(),
            documents,
            mask: Some(DocumentMask::default()),
            ..BatchGetDocumentsRequest::default()
        };
        self.call(request, async |api, request| {
            let mut answers = api.get().batch_get_documents(request).await?.into_inner();
            let mut found = Vec::new();
            while let Some(answer) = answers.message().await? {
                if let Some(batch_get_documents_response::Result::Found(document)) = answer.result {
                    found.push(document.name);
                }
            }
            Ok(found)
        })
        .await
    }

    /// Sends one request and waits for its whole answer, all within the time-out.
    pub(crate) async fn call<M, T, F>(&self, message: M, send: impl FnOnce(Api, Request<M>) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let deadline = Instant::now() + self.timeout;
        let api = self.api(deadline).await?;
        let mut request = Request::new(message);
        // The server is told too, and then stops working on it. A little later, so that the limit below comes first:
        // the channel's own ends a request as "cancelled".
        request.set_timeout(self.timeout + Duration::from_secs(1));
        self.requests.fetch_add(1, Ordering::Relaxed);
        let result = match timeout_at(deadline, send(api, request)).await {
            Ok(result) => result.map_err(Failure::Status),
            Err(_) => Err(self.timed_out().into()),
        };
        let broken = match &result {
            Ok(_) => false,
            Err(Failure::Sink(_)) => true,
            Err(Failure::Status(status)) => breaks_channel(status.code()),
        };
        if broken {
            *self.known_api() = None;
        }
        result
    }

    /// The channel, connected and with credentials that are valid now.
    async fn api(&self, deadline: Instant) -> Result<Api, SinkError> {
        let mut held = timeout_at(deadline, self.auth.lock()).await.map_err(|_| self.timed_out())?;
        let auth = match timeout_at(deadline, self.source.headers(&self.endpoint, held.clone())).await {
            Ok(Ok(auth)) => auth,
            failed => {
                // The credentials stop renewing themselves after some failures: the next attempt makes new ones.
                *held = None;
                *self.known_api() = None;
                return Err(match failed {
                    Ok(Err(cause)) => self.source.failure(&self.endpoint, cause),
                    _ if self.source.is_nowhere(&self.endpoint) => no_credentials(&self.endpoint),
                    _ => self.timed_out(),
                });
            }
        };
        *held = Some(Arc::clone(&auth));
        if let Some(api) = self.known_api().clone() {
            return Ok(api);
        }
        let api = timeout_at(deadline, self.connect(auth))
            .await
            .map_err(|_| self.timed_out())?
            .map_err(|cause| self.unconnected(cause))?;
        *self.known_api() = Some(api.clone());
        Ok(api)
    }

    fn known_api(&self) -> MutexGuard<'_, Option<Api>> {
        self.api.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self, auth: Arc<GoogleAuthHeaders>) -> gcloud_sdk::error::Result<Api> {
        let mut middleware = GoogleAuthMiddlewareLayer::new(auth, Some(self.endpoint.database_path()))?;
        if self.endpoint.is_emulator() {
            // The emulator's own convention for one whom security rules do not concern.
            let mut owner = HeaderMap::new();
            owner.insert("authorization", "Bearer owner".parse()?);
            middleware.set_additional_headers(owner);
        }
        let api = Api(middleware.layer(self.way.connect(&self.endpoint.url()).await?));
        tracing::debug!(sink = %self.endpoint.target(), "connected to Firestore");
        Ok(api)
    }

    fn timed_out(&self) -> SinkError {
        let what =
            format!("no answer within {} from {}", humantime::format_duration(self.timeout), self.endpoint.target());
        of_kind(&self.endpoint, SinkErrorKind::TimedOut, what)
    }

    fn unconnected(&self, cause: gcloud_sdk::error::Error) -> SinkError {
        let what = match self.way.outgoing.shown_proxy().filter(|_| !self.endpoint.is_emulator()) {
            Some(proxy) => format!("cannot reach {}, with {proxy} as proxy", self.endpoint.target()),
            None => format!("cannot reach {}", self.endpoint.target()),
        };
        match cause.into_kind() {
            ErrorKind::GrpcStatus(cause) if is_certificate(&cause) => {
                let what = format!("no trust in the certificate that was shown for {}", self.endpoint.target());
                of_kind(&self.endpoint, SinkErrorKind::Certificate, what).because(Cause::of(&cause))
            }
            ErrorKind::GrpcStatus(cause) => {
                of_kind(&self.endpoint, SinkErrorKind::Unreachable, what).because(Cause::of(&cause))
            }
            other => {
                of_kind(&self.endpoint, SinkErrorKind::Invalid, what).because(gcloud_sdk::error::Error::from(other))
            }
        }
    }
}

impl Rpc for Connection {
    async fn ready(&self) -> Result<(), Failure> {
        self.api(Instant::now() + self.timeout).await?;
        Ok(())
    }

    async fn batch_write(&self, writes: Vec<Write>) -> Result<Vec<rpc::Status>, Failure> {
        if let Some((origin, ramp)) = &self.ramp {
            let wait = {
                let mut ramp = ramp.lock().unwrap_or_else(PoisonError::into_inner);
                ramp.reserve(origin.elapsed(), writes.len())
            };
            tokio::time::sleep(wait).await;
        }
        let request =
            BatchWriteRequest { database: self.endpoint.database_path(), writes, ..BatchWriteRequest::default() };
        self.call(request, async |api, request| Ok(api.get().batch_write(request).await?.into_inner().status)).await
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("endpoint", &self.endpoint)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// A server for this name that nobody vouches for. Says its port.
    async fn untrusted(name: &str) -> u16 {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
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
                let _ = acceptor.accept(stream).await;
            }
        });
        port
    }

    #[tokio::test]
    async fn a_service_whose_certificate_nobody_vouches_for_is_not_written_to() {
        let url = format!("https://localhost:{}", untrusted("localhost").await);
        let Err(cause) = Way::default().connect(&url).await else { panic!("connected") };
        let mut endpoint = Endpoint::new("my-project", "logs").unwrap();
        endpoint.use_emulator("127.0.0.1:1").unwrap();
        let connection = Connection::open(endpoint, Way::default(), None, Duration::from_secs(5), Treated::AsEmulator);
        let error = connection.unconnected(cause);
        assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Certificate, false), "{error:?}");
        assert!(error.source.unwrap().to_string().contains("certificate"));
    }
}
