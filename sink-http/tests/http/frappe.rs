//! Employee Checkins: a double that behaves as Frappe HR does, the suite against it, and what becomes of each answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use attendance_model::conformance::{Harness, View, sample, sample_with};
use attendance_model::{AttendanceEvent, EventId, LocalTime, Outcome, PunchState, Settings, Sink, SinkErrorKind};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::NaiveDateTime;
use serde_json::{Value, json};
use sink_http::{FrappeOptions, FrappeSink};

const ADD: &str = "/api/method/hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field";

/// The site: its checkins by employee and second.
#[derive(Debug, Default)]
struct Inside {
    checkins: Mutex<BTreeMap<(String, String), Value>>,
    calls: Mutex<Vec<Value>>,
    unknown: Mutex<BTreeSet<String>>,
    inactive: Mutex<BTreeSet<String>>,
    /// The answer to all that follows, instead of the right one.
    instead: Mutex<Option<(u16, String)>>,
}

#[derive(Clone, Debug)]
struct Site {
    address: SocketAddr,
    inside: Arc<Inside>,
}

impl Site {
    async fn start() -> Self {
        let inside = Arc::new(Inside::default());
        let router = Router::new()
            .route(ADD, post(add))
            .route("/api/method/frappe.auth.get_logged_user", get(who))
            .with_state(Arc::clone(&inside));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inside }
    }

    fn sink(&self, settings: &[(&str, &str)]) -> FrappeSink {
        let all = [&[("api_key", "k3y"), ("api_secret", "s3cret")], settings].concat();
        let settings = Settings::new(all.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        let url = format!("frappe:http://{}", self.address);
        FrappeSink::open(FrappeOptions::parse("erp", &url, settings).unwrap()).unwrap()
    }

    fn calls(&self) -> Vec<Value> {
        self.inside.calls.lock().unwrap().clone()
    }

    fn answer_instead(&self, status: u16, body: &str) {
        *self.inside.instead.lock().unwrap() = Some((status, body.to_owned()));
    }
}

fn is_known(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| value == "token k3y:s3cret")
}

/// A validation error as Frappe writes it: the words are JSON within JSON.
fn refused(words: &str) -> Response {
    let message = json!({ "message": words, "title": "Message", "indicator": "red", "raise_exception": 1 });
    let body = json!({
        "exception": format!("frappe.exceptions.ValidationError: {words}"),
        "exc_type": "ValidationError",
        "_server_messages": json!([message.to_string()]).to_string(),
    });
    (StatusCode::EXPECTATION_FAILED, body.to_string()).into_response()
}

async fn who(headers: HeaderMap) -> Response {
    match is_known(&headers) {
        true => json!({ "message": "clerk@school.example" }).to_string().into_response(),
        false => (StatusCode::UNAUTHORIZED, json!({ "exc_type": "AuthenticationError" }).to_string()).into_response(),
    }
}

async fn add(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some((status, body)) = inside.instead.lock().unwrap().clone() {
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    let call: Value = serde_json::from_slice(&body).unwrap();
    inside.calls.lock().unwrap().push(call.clone());
    let text = |name: &str| call[name].as_str().unwrap().to_owned();
    let (employee, time) = (text("employee_field_value"), text("timestamp"));
    // A time that cannot be read is an error of another kind.
    assert!(NaiveDateTime::parse_from_str(&time, "%Y-%m-%d %H:%M:%S").is_ok(), "{time}");
    assert!(["IN", "OUT", ""].contains(&text("log_type").as_str()) && call["skip_auto_attendance"].is_u64());
    if inside.unknown.lock().unwrap().contains(&employee) {
        return refused(&format!(
            "No Employee found for the given employee field value. '{}': {employee}",
            text("employee_fieldname")
        ));
    }
    if inside.inactive.lock().unwrap().contains(&employee) {
        return refused(&format!("Transactions cannot be created for an Inactive Employee HR-EMP-{employee}."));
    }
    let mut checkins = inside.checkins.lock().unwrap();
    if checkins.contains_key(&(employee.clone(), time.clone())) {
        return refused("This employee already has a log with the same timestamp.<Br><a href=\"#\">EMP-CKIN-1</a>");
    }
    let name = format!("EMP-CKIN-{}", checkins.len() + 1);
    checkins.insert((employee.clone(), time), call);
    json!({ "message": { "name": name, "employee": employee, "doctype": "Employee Checkin" } })
        .to_string()
        .into_response()
}

struct Erp {
    site: Site,
    sink: FrappeSink,
}

fn view(id: EventId, user_id: &str, local_time: &str, place: &str, log_type: &str) -> View {
    // The layout has IN and OUT instead of a state.
    let state = match log_type {
        "IN" => Some("0".to_owned()),
        "OUT" => Some("1".to_owned()),
        _ => None,
    };
    View::new(id)
        .with("user_id", user_id.to_owned())
        .with("local_time", local_time.to_owned())
        .with("device_name", place.to_owned())
        .with("punch_state", state)
}

impl Harness for Erp {
    const BIG_LOG: usize = 500;

    async fn fresh() -> Self {
        let site = Site::start().await;
        let sink = site.sink(&[]);
        Self { site, sink }
    }

    fn sink(&self) -> &dyn Sink {
        &self.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(self.site.sink(&[]))
    }

    async fn stored(&self) -> Vec<View> {
        let checkins = self.site.inside.checkins.lock().unwrap();
        let of = |((user, time), call): (&(String, String), &Value)| {
            let text = |name: &str| call[name].as_str().unwrap().to_owned();
            let at = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").unwrap();
            view(EventId::iclock_sync_v1(user, at), user, time, &text("device_id"), &text("log_type"))
        };
        checkins.iter().map(of).collect()
    }

    fn view(&self, event: &AttendanceEvent) -> View {
        let time = LocalTime::Real(event.local_time).to_string();
        let place = if event.device_name.is_empty() { &event.device_serial } else { &event.device_name };
        let log_type = match event.punch_state.0 {
            0 | 3 | 4 => "IN",
            1 | 2 | 5 => "OUT",
            _ => "",
        };
        view(EventId::iclock_sync_v1(&event.user_id, event.local_time), &event.user_id, &time, place, log_type)
    }
}

attendance_model::sink_conformance!(Erp);

#[tokio::test]
async fn a_person_whom_the_site_does_not_know_or_who_has_left_is_rejected_alone() {
    let site = Site::start().await;
    site.inside.unknown.lock().unwrap().insert("2".to_owned());
    site.inside.inactive.lock().unwrap().insert("4".to_owned());
    let outcomes = site.sink(&[]).write(&sample(5)).await.unwrap();
    let reason = |at: usize| match &outcomes[at] {
        Outcome::Rejected { reason } => reason.clone(),
        other => panic!("{at}: {other:?}"),
    };
    assert_eq!(reason(1), "No Employee found for the given employee field value. 'attendance_device_id': 2");
    assert_eq!(reason(3), "Transactions cannot be created for an Inactive Employee HR-EMP-4.");
    for stored in [0, 2, 4] {
        assert_eq!(outcomes[stored], Outcome::Stored);
    }
    assert_eq!(site.inside.checkins.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn each_punch_is_a_call_with_the_settings_that_were_made() {
    let site = Site::start().await;
    let sink = site.sink(&[("employee_field", "badge"), ("skip_auto_attendance", "true")]);
    let unnamed = sample_with(|event| {
        event.device_name.clear();
        event.punch_state = PunchState(255);
    });
    let batch = [sample(2).remove(1), unnamed];
    assert_eq!(sink.write(&batch).await.unwrap(), [Outcome::Stored, Outcome::Stored]);
    let expected = |user: &str, time: &str, place: &str, log_type: &str| {
        json!({
            "employee_field_value": user, "employee_fieldname": "badge", "timestamp": time, "device_id": place,
            "log_type": log_type, "skip_auto_attendance": 1,
        })
    };
    let out = expected("2", "2025-05-18 07:02:09", "front-gate", "OUT");
    assert_eq!(site.calls(), [out, expected("1", "2025-05-18 07:01:09", "OID7040067012100054", "")]);
}

#[tokio::test]
async fn a_wrong_key_or_address_is_found_before_anything_is_sent() {
    let site = Site::start().await;
    assert_eq!(site.sink(&[]).probe().await.unwrap(), []);
    let error = site.sink(&[("api_secret", "other")]).probe().await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Credentials);
    assert!(error.hint.unwrap().contains("api_secret"));
    let settings = Settings::new([("api_key", "k"), ("api_secret", "s")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    let elsewhere = format!("frappe:http://{}/other", site.address);
    let sink = FrappeSink::open(FrappeOptions::parse("erp", &elsewhere, settings).unwrap()).unwrap();
    assert_eq!(sink.probe().await.unwrap_err().kind, SinkErrorKind::Missing);
    // The site of version 13 has the function elsewhere.
    let error = site.sink(&[("app", "erpnext")]).write(&sample(1)).await.unwrap_err();
    assert!(error.kind == SinkErrorKind::Missing && error.hint.unwrap().contains("erpnext"));
    assert!(site.calls().is_empty());
}

#[tokio::test]
async fn another_error_is_no_outcome_of_an_event() {
    use SinkErrorKind::{Busy, Invalid, Rights, Schema};
    let site = Site::start().await;
    let sink = site.sink(&[]);
    let missing = r#"{"exc_type": "ValidationError", "exception": "Log Type is required for check-ins"}"#;
    let cases = [
        (417, missing, Invalid),
        (403, r#"{"exc_type": "PermissionError"}"#, Rights),
        (429, "", Busy),
        (502, "<h1>Bad Gateway</h1>", Busy),
        // A login page, or an answer without the name of what was stored.
        (200, "<html>Login</html>", Schema),
        (200, r#"{"message": null}"#, Schema),
    ];
    for (status, body, kind) in cases {
        site.answer_instead(status, body);
        let error = sink.write(&sample(1)).await.unwrap_err();
        assert_eq!(error.kind, kind, "{status} {body}");
        assert!(error.hint.is_some());
    }
}
