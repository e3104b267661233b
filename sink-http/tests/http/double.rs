//! A receiver of another make: it keeps events by id, and checks each signature by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use attendance_model::{EventId, Settings};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use sink_http::{HttpOptions, HttpSink};

/// The way in which a receiver says what became of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// An outcome for each.
    Tells,
    /// 201 and 409, for one event at a time.
    OneByOne,
    /// 200 and nothing more.
    Silent,
    /// 409 for a request with anything that it has.
    Conflicts,
}

#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

#[derive(Debug)]
struct Inside {
    manner: Manner,
    stored: Mutex<BTreeMap<String, Value>>,
    /// The headers of each request, and its body.
    requests: Mutex<Vec<(HeaderMap, Value)>>,
    /// The answer to all that follows, instead of the right one.
    instead: Mutex<Option<Answer>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    inside: Arc<Inside>,
}

impl Receiver {
    pub(crate) async fn start(manner: Manner) -> Self {
        let inside = Arc::new(Inside {
            manner,
            stored: Mutex::default(),
            requests: Mutex::default(),
            instead: Mutex::default(),
        });
        let router = Router::new()
            .route("/in", post(take))
            .route("/which", post(which))
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
            .with_state(Arc::clone(&inside));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inside }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }

    pub(crate) fn sink(&self, settings: &[(&str, &str)]) -> HttpSink {
        let lookup = format!("http://{}/which", self.address);
        let all = [&[("lookup", lookup.as_str()), ("token", "t0p"), ("secret", SECRET)], settings].concat();
        let settings = all.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        HttpSink::open(HttpOptions::parse("hook", &self.url(), Settings::new(settings)).unwrap()).unwrap()
    }

    pub(crate) fn stored(&self) -> Vec<Value> {
        self.inside.stored.lock().unwrap().values().cloned().collect()
    }

    pub(crate) fn requests(&self) -> Vec<(HeaderMap, Value)> {
        self.inside.requests.lock().unwrap().clone()
    }

    pub(crate) fn answer_instead(&self, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        *self.inside.instead.lock().unwrap() = Some(Answer { status, headers, body: body.to_owned() });
    }

    pub(crate) fn answer_as_usual(&self) {
        *self.inside.instead.lock().unwrap() = None;
    }
}

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// HMAC-SHA256 by its definition (RFC 2104), so that the sink's is not compared with itself alone.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut block = [0u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], message].concat());
    Sha256::digest([&block.map(|byte| byte ^ 0x5C)[..], &inner].concat()).to_vec()
}

fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = [format!("{}.{}.", text("webhook-id"), text("webhook-timestamp")).as_bytes(), body].concat();
    text("webhook-signature") == format!("v1,{}", STANDARD.encode(hmac(&key, &signed)))
        && text("authorization") == "Bearer t0p"
        && text("idempotency-key") == text("webhook-id")
}

fn instead(inside: &Inside) -> Option<Response> {
    let Answer { status, headers, body } = inside.instead.lock().unwrap().clone()?;
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    Some(response)
}

async fn take(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed(&headers, &body) {
        return (StatusCode::UNAUTHORIZED, "no signature of ours").into_response();
    }
    let said: Value = serde_json::from_slice(&body).unwrap();
    inside.requests.lock().unwrap().push((headers, said.clone()));
    if let Some(response) = instead(&inside) {
        return response;
    }
    let events = said["events"].as_array().unwrap();
    let mut stored = inside.stored.lock().unwrap();
    let id_of = |event: &Value| event["event_id"].as_str().unwrap().to_owned();
    if inside.manner == Manner::Conflicts && events.iter().any(|event| stored.contains_key(&id_of(event))) {
        return StatusCode::CONFLICT.into_response();
    }
    let mut outcomes = Vec::new();
    for event in events {
        let is_new = !stored.contains_key(&id_of(event));
        stored.entry(id_of(event)).or_insert_with(|| event.clone());
        outcomes.push(if is_new { "stored" } else { "known" });
    }
    match inside.manner {
        Manner::Tells => json!({ "outcomes": outcomes }).to_string().into_response(),
        Manner::OneByOne if outcomes == ["known"] => StatusCode::CONFLICT.into_response(),
        Manner::OneByOne | Manner::Conflicts => StatusCode::CREATED.into_response(),
        Manner::Silent => "OK".into_response(),
    }
}

async fn which(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed(&headers, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(response) = instead(&inside) {
        return response;
    }
    let said: Value = serde_json::from_slice(&body).unwrap();
    let stored = inside.stored.lock().unwrap();
    let ids = said["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().parse::<EventId>().unwrap());
    let answers: Vec<bool> = ids.map(|id| stored.contains_key(&id.to_string())).collect();
    json!({ "stored": answers }).to_string().into_response()
}
