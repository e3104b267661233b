//! Calls of Odoo's functions by JSON-RPC. An error is an answer with status 200.

use std::sync::{Mutex, PoisonError};

use attendance_model::{SinkError, SinkErrorKind};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::OdooOptions;
use crate::client::{self, Answer, Client};
use crate::error::{Doing, LATER, REFUSED, Words};
use crate::mapping::shown;

pub(super) static WORDS: Words = Words {
    sign_in: "check `login` and `password`: an API key of that user, or the password",
    not_there: "check the address: that of Odoo itself, without /web or /odoo",
    no_answer: "check that the address is that of an Odoo site, and see its log",
};

const NO_RIGHT: &str = "give the user of `login` the rights \"Officer\" of Employees and of Attendances";
const NO_MODULE: &str = "install the apps Employees and Attendances in Odoo";
const NO_DATABASE: &str = "check `database`: the name that Odoo's page of databases shows";

/// The way to the functions of one site.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) client: Client,
    address: Url,
    /// The number of the user, once somebody has signed in.
    user: Mutex<Option<i64>>,
}

/// A call that brought no result.
#[derive(Debug)]
pub(super) enum Failed {
    /// Odoo refuses what is written. Perhaps somebody else has written in between.
    Refused(SinkError),
    Other(SinkError),
}

impl From<SinkError> for Failed {
    fn from(error: SinkError) -> Self {
        Self::Other(error)
    }
}

impl From<Failed> for SinkError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(error) | Failed::Other(error) => error,
        }
    }
}

impl Caller {
    pub(super) fn new(client: Client, site: &Url) -> Self {
        let mut address = site.clone();
        address.set_path(&format!("{}jsonrpc", site.path()));
        Self { client, address, user: Mutex::new(None) }
    }

    /// Calls a function of a model, as the user of the options.
    pub(super) async fn execute(
        &self,
        doing: Doing,
        options: &OdooOptions,
        (model, function): (&str, &str),
        arguments: Value,
        mut named: Value,
    ) -> Result<Value, Failed> {
        let user = self.signed_in(doing, options).await?;
        // Errors are told apart by their words, some of them.
        named["context"] = json!({ "lang": "en_US" });
        let secret = options.password.expose();
        let all = json!([options.database, user, secret, model, function, arguments, named]);
        self.call(doing, "object", "execute_kw", all).await
    }

    async fn signed_in(&self, doing: Doing, options: &OdooOptions) -> Result<i64, Failed> {
        let known = *self.user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(user) = known {
            return Ok(user);
        }
        let arguments = json!([options.database, options.login, options.password.expose()]);
        let answer = self.call(doing, "common", "login", arguments).await?;
        let Some(user) = answer.as_i64() else {
            let said = "it knows no such user with this password or key".to_owned();
            return Err(self.client.receiver.error(doing, SinkErrorKind::Credentials, WORDS.sign_in, said).into());
        };
        *self.user.lock().unwrap_or_else(PoisonError::into_inner) = Some(user);
        Ok(user)
    }

    async fn call(&self, doing: Doing, service: &str, method: &str, arguments: Value) -> Result<Value, Failed> {
        let receiver = &self.client.receiver;
        let question = json!({
            "jsonrpc": "2.0", "method": "call", "id": 1,
            "params": { "service": service, "method": method, "args": arguments },
        });
        let body = serde_json::to_vec(&question).map_err(|failed| receiver.not_written(doing, &failed))?;
        let answer = self.client.send(doing, (Method::POST, &self.address), client::json(None), body).await?;
        if !answer.status.is_success() {
            return Err(receiver.refusal(doing, &answer).into());
        }
        let Ok(mut said) = serde_json::from_slice::<Value>(&answer.body) else {
            return Err(receiver.not_understood(doing, &answer).into());
        };
        if !said["error"].is_null() {
            return Err(self.failed(doing, &said["error"]));
        }
        match said.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(self.misfit(doing, &said)),
        }
    }

    /// A result of another shape than the function has.
    pub(super) fn misfit(&self, doing: Doing, result: &Value) -> Failed {
        let body = result.to_string().into_bytes();
        let answer = Answer { status: reqwest::StatusCode::OK, wait: None, location: None, body };
        self.client.receiver.not_understood(doing, &answer).into()
    }

    fn failed(&self, doing: Doing, error: &Value) -> Failed {
        let text = |value: &Value| value.as_str().map(shown).filter(|text| !text.is_empty());
        let words = text(&error["data"]["message"]).or(text(&error["message"])).unwrap_or_default();
        let name = error["data"]["name"].as_str().unwrap_or_default();
        let (kind, hint) = kind_of(name, &words);
        if kind == SinkErrorKind::Credentials {
            *self.user.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let error = self.client.receiver.error(doing, kind, hint, words);
        if kind == SinkErrorKind::Invalid { Failed::Refused(error) } else { Failed::Other(error) }
    }
}

/// The kind of an error by its class, the part after the last dot, and its words.
fn kind_of(name: &str, words: &str) -> (SinkErrorKind, &'static str) {
    match name.rsplit('.').next().unwrap_or_default() {
        "AccessDenied" => (SinkErrorKind::Credentials, WORDS.sign_in),
        "AccessError" => (SinkErrorKind::Rights, NO_RIGHT),
        _ if words.contains("Object ") && words.contains(" doesn't exist") => (SinkErrorKind::Missing, NO_MODULE),
        "OperationalError" if words.contains("database") && words.contains("does not exist") => {
            (SinkErrorKind::Missing, NO_DATABASE)
        }
        "OperationalError" | "SerializationFailure" | "LockNotAvailable" | "DeadlockDetected" | "PoolError" => {
            (SinkErrorKind::Busy, LATER)
        }
        "ValidationError" | "UserError" | "MissingError" | "IntegrityError" | "UniqueViolation" | "CheckViolation" => {
            (SinkErrorKind::Invalid, REFUSED)
        }
        _ => (SinkErrorKind::Schema, WORDS.no_answer),
    }
}
