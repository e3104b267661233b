//! A terminal as its server sees it: what to answer to each of its requests. No I/O and no clock.

mod accept;
mod answer;
mod batch;
mod refuse;

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

pub use accept::{Accept, Poll};
pub use batch::{Batch, Content, Packet};
pub use refuse::{Manner, refuse};

use crate::request::{Endpoint, Head, Method, Request};
use crate::settings::{Registration, Settings};
use crate::table::Table;
use crate::time::{PackedTime, ZoneOffset};
use crate::{Dialect, Reply, SerialNumber, Text};

/// An admitted terminal. It is made from what the server has stored, for one request or for many: no answer needs an
/// earlier request, because some terminals shake hands only when they start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    serial: SerialNumber,
    dialect: Option<Dialect>,
    is_pinned: bool,
    stamps: BTreeMap<String, Text>,
    registration: Option<Registration>,
    is_registered: bool,
    settings: Settings,
}

/// What to do with a request.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send this answer.
    Reply(Reply),
    /// Store the batch first. The answer is inside, and comes out for the word that the batch is stored.
    Accept(Box<Accept>),
    /// Send the commands that wait for the terminal.
    Poll(Poll),
}

impl Terminal {
    /// A terminal of which nothing is stored.
    #[must_use]
    pub fn new(serial: SerialNumber) -> Self {
        Self {
            serial,
            dialect: None,
            is_pinned: false,
            stamps: BTreeMap::new(),
            registration: None,
            is_registered: false,
            settings: Settings::default(),
        }
    }

    /// Sets the dialect that was seen last.
    #[must_use]
    pub fn with_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// Sets the dialect for good: no request changes it.
    #[must_use]
    pub fn pinned(self, dialect: Dialect) -> Self {
        Self { is_pinned: true, ..self.with_dialect(dialect) }
    }

    /// Sets the last stamp of a table, as [`Batch::stamp`] gave it.
    #[must_use]
    pub fn with_stamp(mut self, table: &str, stamp: impl Into<Text>) -> Self {
        self.stamps.insert(table.to_ascii_uppercase(), stamp.into());
        self
    }

    /// Sets the texts for the registration of an access control terminal, and if it has registered. Without them, a
    /// registration is refused.
    #[must_use]
    pub fn with_registration(mut self, registration: Registration, is_registered: bool) -> Self {
        self.registration = Some(registration);
        self.is_registered = is_registered;
        self
    }

    /// Sets the settings.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> &SerialNumber {
        &self.serial
    }

    /// The dialect, if anything has shown it. A request may change it: compare before and after.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Decides about a request. `now` is the time of the request, which a batch records and some terminals ask for.
    ///
    /// Nothing that a terminal would delete is answered here: such a request becomes [`Step::Accept`].
    pub fn handle_request(&mut self, now: DateTime<Utc>, request: Request) -> Step {
        let Request { head, body } = request;
        if let Some(shown) = Dialect::evidence(&head).filter(|_| !self.is_pinned) {
            self.dialect = Some(shown);
        }
        match (&head.endpoint, head.method) {
            (Endpoint::Cdata, Method::Get) => Step::Reply(self.cdata_get(now, &head)),
            (Endpoint::Cdata | Endpoint::Fdata, _) => self.upload(now, &head, body),
            (Endpoint::File, Method::Post) if answer::is_archive(&head) => self.upload(now, &head, body),
            (Endpoint::QueryData, _) => self.query_data(now, &head, body),
            (Endpoint::ServiceControl, Method::Post) if !body.is_empty() || head.query.get("ID").is_some() => {
                self.results(now, &head, body)
            }
            (Endpoint::DeviceCommand, _) => self.results(now, &head, body),
            (Endpoint::GetRequest | Endpoint::ServiceControl, _) => Step::Poll(Poll::new()),
            (Endpoint::Ping, _) => Step::Reply(Reply::ok()),
            (Endpoint::Registry, _) => self.registry(now, &head, body),
            (Endpoint::Push, _) => Step::Reply(match &self.registration {
                Some(registration) => Reply::text(self.settings.access_block(registration).write()),
                None => Reply::refusal(406),
            }),
            (Endpoint::RtData, _) => Step::Reply(self.time_for_access(now)),
            // A download: there is none. Encryption: the terminal goes on without it.
            (Endpoint::File, Method::Get) | (Endpoint::Exchange, _) => Step::Reply(Reply::refusal(404)),
            (Endpoint::Other(_), Method::Get) => Step::Reply(Reply::refusal(404)),
            _ => self.accept(now, &head, Content::Unknown(body), Reply::ok()),
        }
    }

    fn accept(&self, now: DateTime<Utc>, head: &Head, content: Content, reply: Reply) -> Step {
        let table = head.table().map(|table| table.to_string().to_ascii_uppercase());
        let stamp = table.zip(head.stamp().cloned());
        let batch = Batch { serial: self.serial.clone(), received: now, content, stamp };
        Step::Accept(Box::new(Accept::new(batch, reply)))
    }

    fn local(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + TimeDelta::minutes(self.settings.zone.unwrap_or_default().minutes().into())
    }

    fn time_for_access(&self, now: DateTime<Utc>) -> Reply {
        let packed = PackedTime::new(now.naive_utc()).map(|time| time.0).unwrap_or_default();
        let zone = self.settings.zone.unwrap_or_default();
        Reply::text(format!("DateTime={packed},ServerTZ={}", ZoneOffset::compact(zone)))
    }

    fn registry(&self, now: DateTime<Utc>, head: &Head, body: Bytes) -> Step {
        let Some(registration) = &self.registration else { return Step::Reply(Reply::refusal(406)) };
        let parameters = crate::options::parse_parameters(&body).unwrap_or_default();
        // Without the code the terminal registers again every 15 s and uploads nothing.
        let reply = Reply::text(format!("RegistryCode={}", registration.code()));
        self.accept(now, head, Content::Registration(parameters), reply)
    }

    fn is_table(head: &Head, table: &Table) -> bool {
        head.table().as_ref() == Some(table)
    }
}
