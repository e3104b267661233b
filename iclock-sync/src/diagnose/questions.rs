//! What a terminal answers about itself in one session: who it is, its counts, its clock and its users.

use std::io::ErrorKind as Io;

use chrono::Utc;
use zk_proto::client::{PullError, PullRequest, Step, pull_users};
use zk_proto::proof::UserTable;
use zk_proto::{Client, ClientError, Command, DeviceTime, Transport};

use super::{Cause, Check, Finding};
use crate::words::counted;
use crate::{DeviceOptions, chain};

/// Clocks before this year have started again: no terminal in use was made then.
const RESET_BEFORE: u16 = 2010;

/// Returns the cause of a failure to talk to a terminal.
#[must_use]
pub fn cause_of(error: &ClientError) -> Cause {
    match error {
        ClientError::Resolve { .. } => Cause::NameUnknown,
        ClientError::Connect { source, .. } => match source.kind() {
            Io::ConnectionRefused => Cause::PortClosed,
            Io::TimedOut => Cause::NoAnswer,
            Io::ConnectionReset | Io::ConnectionAborted | Io::UnexpectedEof => Cause::HangsUp,
            _ => Cause::NoRoute,
        },
        ClientError::TimedOut { step: Step::Connecting } => Cause::NoAnswer,
        ClientError::TimedOut { step: Step::Handshake } | ClientError::Stalled { step: Step::Handshake, .. } => {
            Cause::SessionSilent
        }
        ClientError::TimedOut { .. } | ClientError::Stalled { .. } => Cause::Stalls,
        ClientError::Busy { .. } => Cause::SessionTaken,
        ClientError::Broken { step: Step::Connecting | Step::Handshake, .. } => Cause::HangsUp,
        ClientError::Broken { .. } => Cause::LineBreaks,
        ClientError::KeyRequired => Cause::KeyMissing,
        ClientError::WrongKey => Cause::KeyWrong,
        ClientError::SessionLost => Cause::SessionLost,
        ClientError::SecureFirmware => Cause::SecureFirmware,
        ClientError::AccessPanel => Cause::AccessPanel,
        ClientError::NotNow { .. } => Cause::TerminalBusy,
        ClientError::Refused { command: Command::CONNECT, .. } => Cause::RefusesAll,
        ClientError::Refused { .. } => Cause::LogRefused,
        ClientError::Protocol { step: Step::Connecting | Step::Handshake, .. } => Cause::NotATerminal,
        _ => Cause::BadBytes,
    }
}

/// A finding about such a failure.
pub(super) fn failed(error: &ClientError) -> Finding {
    Finding::of(cause_of(error), chain(error))
}

/// Questions to a terminal, and the findings so far.
pub(super) struct Questions<'a> {
    pub(super) client: Client,
    pub(super) device: &'a DeviceOptions,
    pub(super) found: Vec<Finding>,
    /// Questions that were refused, and the last refusal.
    refused: Vec<ClientError>,
    answered: u32,
}

impl<'a> Questions<'a> {
    pub(super) fn new(client: Client, device: &'a DeviceOptions) -> Self {
        Self { client, device, found: Vec::new(), refused: Vec::new(), answered: 0 }
    }

    /// Asks everything.
    ///
    /// # Errors
    /// The failure that ended the session.
    pub(super) async fn ask(&mut self) -> Result<(), ClientError> {
        self.identity().await?;
        self.counts().await?;
        self.clock().await?;
        if self.answered == 0 && !self.refused.is_empty() {
            self.refuses_all();
            return Ok(());
        }
        self.users().await
    }

    /// Returns true if the terminal refuses everything, so that nothing more is worth a try.
    pub(super) fn is_refused(&self) -> bool {
        self.found.iter().any(|finding| matches!(finding.cause, Some(Cause::RefusesAll | Cause::TerminalBusy)))
    }

    /// Counts an answer, or goes on after a question that was not answered. Returns why there was none.
    async fn answer<T>(&mut self, answer: Result<T, ClientError>) -> Result<Result<T, String>, ClientError> {
        match answer {
            Ok(answer) => {
                self.answered += 1;
                Ok(Ok(answer))
            }
            Err(why) => {
                let why = self.client.skip(why).await?;
                let text = chain(&why);
                if matches!(why, ClientError::Refused { .. } | ClientError::NotNow { .. }) {
                    self.refused.push(why);
                }
                Ok(Err(text))
            }
        }
    }

    async fn identity(&mut self) -> Result<(), ClientError> {
        let answer = self.client.identity().await;
        let identity = match self.answer(answer).await? {
            Ok(identity) => identity,
            Err(why) => {
                self.found.push(Finding::of(Cause::NoSerial, why));
                return Ok(());
            }
        };
        let Some(serial) = identity.serial else {
            // An identity without any fact is no answer.
            self.answered -= 1;
            self.found.push(Finding::of(Cause::NoSerial, "it answers without a serial number"));
            return Ok(());
        };
        let model = identity.device_name.or(identity.platform).unwrap_or_default();
        let known = [Some(serial.clone()), Some(model), identity.firmware];
        let known: Vec<String> = known.into_iter().flatten().filter(|text| !text.is_empty()).collect();
        self.found.push(match &self.device.serial {
            Some(expected) if *expected != serial => {
                Finding::of(Cause::WrongTerminal, format!("serial number {serial:?} instead of {expected:?}"))
            }
            _ => Finding::ok(Check::Identity, printable(&known.join(", "))),
        });
        Ok(())
    }

    async fn counts(&mut self) -> Result<(), ClientError> {
        let answer = self.client.free_sizes().await;
        let finding = match self.answer(answer).await? {
            Ok(sizes) => match sizes.records() {
                Some(records) => {
                    let users = sizes.users().map(|users| format!(", {}", counted(users.into(), "user", "users")));
                    let records = counted(records.into(), "record", "records");
                    Finding::ok(Check::Counts, records + &users.unwrap_or_default())
                }
                None => Finding::of(Cause::CountMissing, "its answer is too short for a count"),
            },
            Err(why) => Finding::of(Cause::CountMissing, why),
        };
        self.found.push(finding);
        Ok(())
    }

    async fn clock(&mut self) -> Result<(), ClientError> {
        let answer = self.client.time().await;
        match self.answer(answer).await? {
            Ok(time) if !time.exists() => self.found.push(Finding::of(Cause::ClockInvalid, format!("it shows {time}"))),
            Ok(time) if time.year() < RESET_BEFORE => {
                self.found.push(Finding::of(Cause::ClockReset, format!("it shows {time}")));
            }
            // The drift is judged with the log.
            Ok(_) => {}
            Err(why) => self.found.push(Finding::of(Cause::ClockMissing, why)),
        }
        Ok(())
    }

    fn refuses_all(&mut self) {
        let Some(last) = self.refused.last() else { return };
        let cause = if matches!(last, ClientError::NotNow { .. }) { Cause::TerminalBusy } else { Cause::RefusesAll };
        self.found.retain(|finding| !finding.is_problem() && finding.cause.is_none());
        self.found.push(Finding::of(cause, format!("every question is refused; the last: {}", chain(last))));
    }

    async fn users(&mut self) -> Result<(), ClientError> {
        let now = DeviceTime::from_naive(Utc::now().naive_utc()).unwrap_or(DeviceTime(0));
        let finding = match pull_users(&mut self.client, &PullRequest::new(now)).await {
            Ok(Ok(table)) => {
                self.found.extend(of_table(&table));
                return Ok(());
            }
            Ok(Err(unproven)) => {
                let doubts: Vec<String> = unproven.doubts().iter().map(ToString::to_string).collect();
                Finding::of(Cause::UsersUnreadable, doubts.join("; "))
            }
            Err(PullError::Client(error @ ClientError::SessionLost)) => return Err(error),
            Err(PullError::Client(error)) => match self.client.skip(error).await {
                Ok(why) => Finding::of(Cause::UsersUnreadable, chain(&why)),
                Err(error) => return Err(error),
            },
            Err(error) => Finding::of(Cause::UsersUnreadable, chain(&error)),
        };
        self.found.push(finding);
        Ok(())
    }
}

fn of_table(table: &UserTable) -> Vec<Finding> {
    let without_id = table.without_id();
    let mut found = Vec::new();
    if table.users().is_empty() {
        found.push(Finding::of(Cause::NoUsers, "its table of users is empty"));
    } else {
        found.push(Finding::ok(Check::Users, counted(table.users().len() as u64, "user", "users")));
    }
    if let Some(first) = without_id.first() {
        let users = counted(without_id.len() as u64, "user has", "users have");
        let evidence = format!("{users} no user id, the first in slot {}", first.0);
        found.push(Finding::of(Cause::UsersWithoutId, evidence));
    }
    let deleted = table.vacant().saturating_sub(without_id.len() as u64);
    if deleted > 0 {
        found.push(Finding::of(Cause::UsersDeleted, counted(deleted, "row", "rows")));
    }
    found
}

/// A terminal's text without characters that could change a screen.
fn printable(text: &str) -> String {
    if text.contains(char::is_control) { text.escape_debug().to_string() } else { text.to_owned() }
}

/// The way in which a session was opened.
pub(super) fn opened(client: &Client) -> Finding {
    let transport = match client.transport() {
        Transport::Udp => "UDP",
        _ => "TCP",
    };
    Finding::ok(Check::Session, format!("a session over {transport}"))
}
