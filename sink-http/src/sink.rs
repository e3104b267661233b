//! The contract.

use async_trait::async_trait;
use attendance_model::{AttendanceEvent, Capabilities, EventId, Notice, OptionsError, Outcome, Sink, SinkError};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::client::{Answer, Client};
use crate::error::{Doing, Words, words_of};
use crate::options::is_open;
use crate::signature::{headers, request_id};
use crate::{HttpOptions, mapping};

/// The hints of a receiver that follows our manual.
pub(crate) static WORDS: Words = Words {
    sign_in: "check `token` and `secret`: the receiver must have the same",
    not_there: "check the path of the address",
    no_answer: "let the receiver answer as the manual of sink-http has it, or leave the body of its answer empty",
};

/// Sends events to a receiver, which stores each once by its id.
#[derive(Debug)]
pub struct HttpSink {
    options: HttpOptions,
    client: Client,
}

impl HttpSink {
    /// Contacts nothing: the first probe or write does.
    ///
    /// # Errors
    /// [`OptionsError`] if the file of `tls_ca` cannot be used.
    pub fn open(options: HttpOptions) -> Result<Self, OptionsError> {
        let client = Client::open(options.target(), &options.line, &WORDS)?;
        Ok(Self { options, client })
    }

    async fn post(
        &self,
        doing: Doing,
        to: (&Url, &str),
        body: serde_json::Result<Vec<u8>>,
    ) -> Result<Answer, SinkError> {
        let body = body.map_err(|failed| self.client.receiver.not_written(doing, &failed))?;
        let headers = headers(&self.options, to.1, &body);
        self.client.send(doing, (Method::POST, to.0), headers, body).await
    }

    /// Sends events in one request, or one by one if the receiver has some of them: only then does it say which.
    async fn write_part(&self, part: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        if let Some(outcomes) = self.send(part).await? {
            return Ok(outcomes);
        }
        if part.len() == 1 {
            return Ok(vec![Outcome::AlreadyStored]);
        }
        let mut outcomes = Vec::with_capacity(part.len());
        for event in part {
            let outcome = self.send(std::slice::from_ref(event)).await?;
            outcomes.extend(outcome.unwrap_or_else(|| vec![Outcome::AlreadyStored]));
        }
        Ok(outcomes)
    }

    /// Sends events in one request. `None` if the receiver says that it has them.
    async fn send(&self, batch: &[AttendanceEvent]) -> Result<Option<Vec<Outcome>>, SinkError> {
        let ids: Vec<EventId> = batch.iter().map(|event| self.options.ids.id_of(event)).collect();
        let to = (&self.options.url, request_id(&ids));
        let answer = self.post(Doing::Write, (to.0, &to.1), mapping::events(self.options.ids, batch)).await?;
        match answer.status {
            StatusCode::CONFLICT => Ok(None),
            // One event alone, of which the receiver says that it understands and will not take it.
            StatusCode::UNPROCESSABLE_ENTITY if batch.len() == 1 => {
                Ok(Some(vec![Outcome::Rejected { reason: words_of(&answer) }]))
            }
            status if status.is_success() => mapping::outcomes(&answer.body, batch.len())
                .map(Some)
                .ok_or_else(|| self.client.receiver.not_understood(Doing::Write, &answer)),
            _ => Err(self.client.receiver.refusal(Doing::Write, &answer)),
        }
    }
}

#[async_trait]
impl Sink for HttpSink {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn target(&self) -> String {
        self.options.target()
    }

    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::new(self.options.batch, self.options.ids);
        if self.options.lookup.is_some() { capabilities } else { capabilities.without_lookup() }
    }

    /// Sends no events, signed. A receiver that finds fault with that is there, and knows who calls.
    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        let to = (&self.options.url, request_id(&[]));
        let answer = self.post(Doing::Probe, (to.0, &to.1), mapping::events(self.options.ids, &[])).await?;
        let refuses_nothing =
            matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY);
        if !answer.status.is_success() && !refuses_nothing {
            return Err(self.client.receiver.refusal(Doing::Probe, &answer));
        }
        let mut notices = Vec::new();
        if is_open(&self.options.url) {
            let message = format!("people's data goes to {} unencrypted", self.target());
            notices.push(Notice::new(message).hint("let the receiver speak TLS, and write https://"));
        }
        if self.options.key.is_none() && self.options.token.is_none() {
            let message = format!("{} cannot tell who sends it events", self.target());
            notices.push(Notice::new(message).hint("set a `secret` or a `token` here and there"));
        }
        Ok(notices)
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for part in batch.chunks(self.options.batch) {
            outcomes.extend(self.write_part(part).await?);
        }
        Ok(outcomes)
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        let Some(url) = &self.options.lookup else {
            let problem = format!("{} cannot say which of {} events it has", self.target(), ids.len());
            return Err(SinkError::new(attendance_model::SinkErrorKind::Invalid, problem)
                .hint("set `lookup` to an address that can"));
        };
        let answer = self.post(Doing::Lookup, (url, &request_id(ids)), mapping::question(ids)).await?;
        if !answer.status.is_success() {
            return Err(self.client.receiver.refusal(Doing::Lookup, &answer));
        }
        mapping::answer(&answer.body, ids.len())
            .ok_or_else(|| self.client.receiver.not_understood(Doing::Lookup, &answer))
    }
}
