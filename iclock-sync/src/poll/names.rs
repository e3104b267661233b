//! The names of a terminal's people, which are read after its log. They never cost the log: without them the visit goes
//! on.

use std::sync::Arc;
use std::time::Duration;

use zk_proto::Client;
use zk_proto::client::{PullRequest, pull_users};
use zk_proto::proof::UserTable;

use super::{Seen, Visit};
use crate::error::{blocking, chain};
use crate::ledger::NamedPerson;
use crate::report::DeviceReport;
use crate::wall;

/// The time after which a user table is read again although its number of users is the same: somebody may have a new
/// name.
const READ_AGAIN: Duration = Duration::from_secs(24 * 3600);
/// The longest that it may take, in answers of the terminal.
const ANSWERS: u32 = 12;
/// The most letters of a name.
const LETTERS: usize = 128;

impl Visit {
    /// Reads the user table if that is due, and keeps the names.
    pub(super) async fn learn_names(&self, client: &mut Client, seen: &Seen, report: &mut DeviceReport) {
        let now = seen.utc_now.timestamp();
        let since = now.saturating_sub_unsigned(READ_AGAIN.as_secs());
        let (serial, users) = (seen.serial.clone(), seen.users);
        let due = self.look_up(move |ledger| ledger.are_names_due(&serial, users, since)).await;
        if !due.is_ok_and(|due| due) {
            return;
        }
        let sessions = client.sessions();
        let mut request = PullRequest::new(wall::device_time(seen.wall_now));
        request.spool_memory = self.gates.spool_memory();
        request.spool_directory = Some(self.gates.spools.clone());
        let limit = self.device.timeout.saturating_mul(ANSWERS);
        let read = tokio::select! {
            read = pull_users(client, &request) => Some(read),
            () = self.clock.sleep(limit) => None,
            () = self.stop.cancelled() => return,
        };
        let people = match read {
            Some(Ok(Ok(table))) => self.people_of(&table),
            Some(Ok(Err(unproven))) => self.unread(report, &unproven.to_string()),
            Some(Err(error)) => self.unread(report, &chain(&error)),
            None => self.unread(report, "it took too long"),
        };
        // Another terminal may have the address by now.
        if client.sessions() > sessions && self.is_still_there(client, report).await.is_err() {
            return;
        }
        let (ledger, serial, name) = (Arc::clone(&self.ledger), seen.serial.clone(), self.device.name.clone());
        let keep = move || Ok(ledger.keep_names((&serial, &name), &people, users, now)?);
        if let Err(error) = blocking("ledger", keep).await {
            report.notes.push(format!("the names of its people could not be kept: {}", chain(&error)));
        }
    }

    fn people_of(&self, table: &UserTable) -> Vec<NamedPerson> {
        let text = |bytes: &[u8]| self.device.encoding.decode(bytes);
        let users = table.users().iter().map(|user| {
            let name = format!("{} {}", text(&user.name), text(&user.last_name));
            let name: String = name.chars().filter(|letter| !letter.is_control()).take(LETTERS).collect();
            NamedPerson { user_id: user.user_id.0.clone(), name: name.trim().to_owned(), department: user.group }
        });
        users.filter(|person| !person.user_id.is_empty()).collect()
    }

    /// Notes why there are no names. They count as read, so that the terminal is not asked in each poll.
    fn unread(&self, report: &mut DeviceReport, why: &str) -> Vec<NamedPerson> {
        report.notes.push(format!("the names of its people could not be read: {why}; the next attempt is in a day"));
        Vec::new()
    }
}
