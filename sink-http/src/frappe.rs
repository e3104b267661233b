//! Frappe HR and ERPNext: each punch becomes an "Employee Checkin", by one call of their interface.

use std::fmt;

use async_trait::async_trait;
use attendance_model::{
    AttendanceEvent, Capabilities, IdScheme, LocalTime, Notice, OptionsError, Outcome, PunchState, Secret, Settings,
    Sink, SinkError, SinkUrl,
};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::client::{self, Answer, Client, Line};
use crate::error::{Doing, Words, words_of};
use crate::mapping::shown;
use crate::options::{address_of, holds, is_open};

/// Events in a batch: each is a call of its own, so a larger one would only be repeated in larger parts.
const BATCH: usize = 20;
/// Calls at once.
const AT_ONCE: usize = 4;

const SETTINGS: [&str; 10] = [
    "api_key",
    "api_secret",
    "app",
    "employee_field",
    "ids",
    "no_proxy",
    "proxy",
    "skip_auto_attendance",
    "timeout",
    "tls_ca",
];

/// The function that takes a punch, below `/api/method/` and the name of the app.
const ADD: &str = "hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field";
/// The function that names the caller, with which nothing is stored.
const WHO: &str = "api/method/frappe.auth.get_logged_user";

/// The server has this punch.
const KNOWN: &str = "already has a log with the same timestamp";
/// It will never take it as it is: nobody has this id, or the person has left.
const NEVER: [&str; 2] = ["No Employee found for the given employee field value", "Inactive Employee"];

static WORDS: Words = Words {
    sign_in: "check `api_key` and `api_secret`, and that their user may create Employee Checkins",
    not_there: "check the address, and write app = \"erpnext\" for ERPNext 13 and earlier",
    no_answer: "check that the address is that of a Frappe site, and see its error log",
};

/// The options of [`FrappeSink`], made of a URL and settings. Prints without secrets.
#[derive(Clone)]
pub struct FrappeOptions {
    name: String,
    site: Url,
    key: String,
    secret: Secret,
    app: &'static str,
    employee_field: String,
    skip_auto_attendance: bool,
    line: Line,
}

impl FrappeOptions {
    /// Reads the URL and settings of the sink `name`: `frappe:https://SITE`, or `frappe:http://` within a trusted
    /// network. Contacts nothing.
    ///
    /// Settings: `api_key` and `api_secret` of a user, the latter not after the URL; `employee_field`, the field of an
    /// employee that has the terminal's user id (default `attendance_device_id`); `app` (`hrms`, the default, or
    /// `erpnext` for version 13 and earlier); `ids` (always `iclock-sync-v1`); `skip_auto_attendance` (default
    /// `false`); `timeout` of one request (default `30s`); and `proxy`, `no_proxy` and `tls_ca` of
    /// [`Outgoing`](attendance_model::Outgoing).
    ///
    /// # Errors
    /// [`OptionsError`] names the key, what is wrong with it and what to write instead; never a secret.
    pub fn parse(name: &str, url: &str, settings: Settings) -> Result<Self, OptionsError> {
        let split = SinkUrl::split(url);
        if holds(split.query, "api_secret") {
            return Err(OptionsError::new("url", "has api_secret after the question mark")
                .hint("set `api_secret` next to the URL"));
        }
        let mut settings = settings.and_query(split.query)?;
        let mut site = address_of("url", split.path)
            .map_err(|error| OptionsError::new(error.key, error.problem).hint("write frappe:https://SITE"))?;
        if !site.path().ends_with('/') {
            site.set_path(&format!("{}/", site.path()));
        }
        let (key, secret) = (settings.take("api_key"), settings.take_secret("api_secret"));
        if settings.take_ids()? == Some(IdScheme::Full) {
            return Err(OptionsError::new("ids", "cannot be full: Frappe knows a punch by its person and second")
                .hint("leave it out"));
        }
        let app = match settings.take("app").as_deref() {
            None | Some("hrms") => "hrms",
            Some("erpnext") => "erpnext",
            Some(other) => {
                return Err(OptionsError::new("app", format!("{other:?} is no app with Employee Checkins"))
                    .hint("write hrms, or erpnext for version 13 and earlier"));
            }
        };
        let skip = settings.take_parsed("skip_auto_attendance", "true or false", "write true or false")?;
        let employee_field = settings.take("employee_field").unwrap_or_else(|| "attendance_device_id".to_owned());
        let line = Line::take(&mut settings)?;
        settings.finish(&SETTINGS)?;
        let missing =
            |key: &str| OptionsError::new(key, "is missing").hint("make both in Frappe: User, Settings, API Access");
        Ok(Self {
            name: name.to_owned(),
            site,
            key: key.ok_or_else(|| missing("api_key"))?,
            secret: secret.ok_or_else(|| missing("api_secret"))?,
            app,
            employee_field,
            skip_auto_attendance: skip.unwrap_or(false),
            line,
        })
    }

    fn target(&self) -> String {
        format!("frappe:{}", self.site)
    }

    fn address(&self, path: &str) -> Url {
        let mut address = self.site.clone();
        address.set_path(&format!("{}{path}", self.site.path()));
        address
    }
}

impl fmt::Debug for FrappeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrappeOptions")
            .field("name", &self.name)
            .field("target", &self.target())
            .finish_non_exhaustive()
    }
}

/// The body of a call.
#[derive(Serialize)]
struct Checkin<'a> {
    employee_field_value: &'a str,
    employee_fieldname: &'a str,
    timestamp: String,
    device_id: &'a str,
    log_type: &'static str,
    skip_auto_attendance: u8,
}

/// Makes an Employee Checkin of each event. The server knows a person's punch by its second, so the ids are those of
/// [`IdScheme::IclockSyncV1`].
#[derive(Debug)]
pub struct FrappeSink {
    options: FrappeOptions,
    /// The function that takes a punch.
    add: Url,
    client: Client,
}

impl FrappeSink {
    /// Contacts nothing: the first probe or write does.
    ///
    /// # Errors
    /// [`OptionsError`] if the file of `tls_ca` cannot be used.
    pub fn open(options: FrappeOptions) -> Result<Self, OptionsError> {
        let client = Client::open(options.target(), &options.line, &WORDS)?;
        let add = options.address(&format!("api/method/{}.{ADD}", options.app));
        Ok(Self { options, add, client })
    }

    fn headers(&self) -> HeaderMap {
        let FrappeOptions { key, secret, .. } = &self.options;
        client::json(Some(format!("token {key}:{}", secret.expose())))
    }

    async fn add(&self, event: &AttendanceEvent) -> Result<Outcome, SinkError> {
        let checkin = Checkin {
            employee_field_value: &event.user_id,
            employee_fieldname: &self.options.employee_field,
            timestamp: LocalTime::Real(event.local_time).to_string(),
            device_id: if event.device_name.is_empty() { &event.device_serial } else { &event.device_name },
            log_type: log_type(event.punch_state),
            skip_auto_attendance: u8::from(self.options.skip_auto_attendance),
        };
        let body =
            serde_json::to_vec(&checkin).map_err(|failed| self.client.receiver.not_written(Doing::Write, &failed))?;
        let answer = self.client.send(Doing::Write, (Method::POST, &self.add), self.headers(), body).await?;
        let said = String::from_utf8_lossy(&answer.body);
        match answer.status {
            status if status.is_success() && has_message(&answer, "name") => Ok(Outcome::Stored),
            status if status.is_success() => Err(self.client.receiver.not_understood(Doing::Write, &answer)),
            _ if said.contains(KNOWN) => Ok(Outcome::AlreadyStored),
            _ if NEVER.iter().any(|never| said.contains(never)) => Ok(Outcome::Rejected { reason: reason(&answer) }),
            _ => Err(self.client.receiver.refusal(Doing::Write, &answer)),
        }
    }
}

/// The person's declaration, as far as a checkin has it: breaks and overtime begin and end with one too.
fn log_type(state: PunchState) -> &'static str {
    match state.0 {
        0 | 3 | 4 => "IN",
        1 | 2 | 5 => "OUT",
        _ => "",
    }
}

/// Returns true if the answer has this field in its message.
fn has_message(answer: &Answer, field: &str) -> bool {
    serde_json::from_slice::<Value>(&answer.body).is_ok_and(|body| !body["message"][field].is_null())
}

/// The server's words for people: they are JSON within JSON.
fn reason(answer: &Answer) -> String {
    let inner = |text: &Value| serde_json::from_str::<Value>(text.as_str()?).ok();
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let first = inner(&body["_server_messages"]).and_then(|messages| inner(&messages[0]));
    let message = first.as_ref().and_then(|first| first["message"].as_str()).or(body["exception"].as_str());
    message.map_or_else(|| words_of(answer), shown)
}

#[async_trait]
impl Sink for FrappeSink {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn target(&self) -> String {
        self.options.target()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(BATCH, IdScheme::IclockSyncV1).some_fields().without_lookup().concurrency(AT_ONCE)
    }

    /// Asks for the name of the user whose key it is.
    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        let who = self.options.address(WHO);
        let answer = self.client.send(Doing::Probe, (Method::GET, &who), self.headers(), Vec::new()).await?;
        if !answer.status.is_success() {
            return Err(self.client.receiver.refusal(Doing::Probe, &answer));
        }
        if !serde_json::from_slice::<Value>(&answer.body).is_ok_and(|body| body["message"].is_string()) {
            return Err(self.client.receiver.not_understood(Doing::Probe, &answer));
        }
        let open = Notice::new(format!("people's data and the API secret go to {} unencrypted", self.target()))
            .hint("let the site speak TLS, and write frappe:https://");
        Ok(if is_open(&self.options.site) { vec![open] } else { Vec::new() })
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for event in batch {
            outcomes.push(self.add(event).await?);
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, settings: &[(&str, &str)]) -> Result<FrappeOptions, OptionsError> {
        let all = [&[("api_key", "hunter1"), ("api_secret", "hunter2")], settings].concat();
        let settings = all.into_iter().filter(|(_, value)| !value.is_empty());
        FrappeOptions::parse("erp", url, Settings::new(settings.map(|(key, value)| (key.to_owned(), value.to_owned()))))
    }

    #[test]
    fn the_function_is_that_of_the_app_below_the_address() {
        let add = |url: &str, settings: &[(&str, &str)]| {
            FrappeSink::open(parse(url, settings).unwrap()).unwrap().add.to_string()
        };
        assert_eq!(
            add("frappe:https://erp.example", &[]),
            "https://erp.example/api/method/hrms.hr.doctype.employee_checkin.employee_checkin.\
             add_log_based_on_employee_field"
        );
        let old = add("frappe:https://erp.example/site?app=erpnext", &[]);
        assert!(old.starts_with("https://erp.example/site/api/method/erpnext.hr.doctype.employee_checkin."), "{old}");
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_key() {
        for (url, settings, key) in [
            ("frappe:ftp://erp.example", &[][..], "url"),
            ("frappe://erp.example", &[], "url"),
            ("frappe:https://ann:hunter2@erp.example", &[], "url"),
            ("frappe:https://erp.example?api_secret=hunter2", &[], "url"),
            ("frappe:https://erp.example", &[("app", "hr")], "app"),
            ("frappe:https://erp.example", &[("skip_auto_attendance", "perhaps")], "skip_auto_attendance"),
            ("frappe:https://erp.example", &[("ids", "full")], "ids"),
            ("frappe:https://erp.example", &[("table", "x")], "table"),
        ] {
            let error = parse(url, settings).unwrap_err();
            assert!(error.key == key && error.hint.is_some(), "{url} {settings:?}: {error:?}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        let error = FrappeOptions::parse("erp", "frappe:https://erp.example", Settings::default()).unwrap_err();
        assert_eq!(error.key, "api_key");
        assert!(!format!("{:?}", parse("frappe:https://erp.example", &[]).unwrap()).contains("hunter"));
    }

    #[test]
    fn what_a_person_declared_is_in_or_out_or_nothing() {
        let types = [0, 1, 2, 3, 4, 5, 48, 255].map(|state| log_type(PunchState(state)));
        assert_eq!(types, ["IN", "OUT", "OUT", "IN", "IN", "OUT", "", ""]);
    }
}
