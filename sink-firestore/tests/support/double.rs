//! A service on loopback that answers a probe and the question for indexes, and nothing else. No emulator knows of
//! indexes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use gcloud_sdk::google::firestore::admin::v1::{Index, ListIndexesRequest, ListIndexesResponse};
use gcloud_sdk::google::firestore::v1::{BatchWriteRequest, BatchWriteResponse};
use gcloud_sdk::google::rpc;
use gcloud_sdk::prost::Message;
use gcloud_sdk::tonic::Code;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::HeaderValue;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

/// The answer to a request for indexes: pages of them, or a failure.
pub(crate) type Indexes = Result<Vec<Vec<Index>>, Code>;

/// The service. It ends with the runtime of its test.
pub(crate) struct Double {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Double {
    pub(crate) async fn start(indexes: Indexes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, indexes) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(indexes));
        let noted = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, indexes) = (Arc::clone(&noted), Arc::clone(&indexes));
                let service = service_fn(move |request| answer(request, Arc::clone(&noted), Arc::clone(&indexes)));
                // A client that goes away ends it with an error, which is none of ours.
                let connection =
                    http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { address, asked }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The parents whose indexes were asked for, with the token of the page.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    asked: Arc<Mutex<Vec<String>>>,
    indexes: Arc<Indexes>,
) -> Result<Response<Answer>, Infallible> {
    let path = request.uri().path().to_owned();
    let message = message_of(request.into_body()).await;
    Ok(match path.as_str() {
        "/google.firestore.v1.Firestore/BatchWrite" => {
            let writes = BatchWriteRequest::decode(message.as_slice()).unwrap().writes.len();
            let status = rpc::Status { code: Code::NotFound.into(), ..rpc::Status::default() };
            framed(&BatchWriteResponse { status: vec![status; writes], ..BatchWriteResponse::default() })
        }
        "/google.firestore.admin.v1.FirestoreAdmin/ListIndexes" => {
            let ListIndexesRequest { parent, page_token, .. } = ListIndexesRequest::decode(message.as_slice()).unwrap();
            let page: usize = page_token.parse().unwrap_or_default();
            asked.lock().unwrap().push(format!("{parent} {page_token}"));
            match &*indexes {
                Err(code) => failed(*code),
                Ok(pages) => framed(&ListIndexesResponse {
                    indexes: pages[page].clone(),
                    next_page_token: if page + 1 < pages.len() { (page + 1).to_string() } else { String::new() },
                }),
            }
        }
        _ => failed(Code::Unimplemented),
    })
}

/// The one message of a request, without its frame.
async fn message_of(mut body: Incoming) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(data) = frame.unwrap().into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    bytes.split_off(5)
}

fn framed(message: &impl Message) -> Response<Answer> {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    message.encode(&mut bytes).unwrap();
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
    grpc(VecDeque::from([Frame::data(Bytes::from(bytes)), Frame::trailers(trailers)]))
}

fn failed(code: Code) -> Response<Answer> {
    let mut response = grpc(VecDeque::new());
    response.headers_mut().insert("grpc-status", HeaderValue::from(code as i32));
    response
}

fn grpc(frames: VecDeque<Frame<Bytes>>) -> Response<Answer> {
    let mut response = Response::new(Answer(frames));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// The frames of an answer.
struct Answer(VecDeque<Frame<Bytes>>);

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}
