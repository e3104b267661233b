//! What commands can ask of a pushing terminal, and change in it.

use chrono::NaiveDateTime;
use zk_push::command::CommandResult;
use zk_push::{Dialect, Fields, Text};

use super::PushDevice;
use super::answers::transaction;
use crate::push::execute::{Model, Period};

impl Model for PushDevice {
    fn dialect(&self) -> Dialect {
        self.profile.dialect
    }

    fn serial(&self) -> &str {
        self.profile.serial.as_str()
    }

    fn record_count(&self) -> usize {
        self.log.len()
    }

    fn finish(&mut self, command: &str, result: CommandResult) {
        if result.code == Some(0) {
            self.executed.push(command.into());
        }
        self.results.push_back(result);
    }

    fn set_user(&mut self, user_id: &str, fields: Fields) {
        self.users.insert(user_id.into(), fields);
    }

    fn has_user(&self, user_id: &str) -> bool {
        self.users.contains_key(user_id)
    }

    fn remove_user(&mut self, user_id: &str) {
        self.users.remove(user_id);
    }

    fn user_count(&self) -> i64 {
        i64::try_from(self.users.len()).unwrap_or(i64::MAX)
    }

    fn reports_queries(&self) -> bool {
        self.profile.reports_queries
    }

    fn has_versions(&self) -> bool {
        self.options.get("PushProtVer").is_some()
    }

    fn upload_users(&mut self, command: &Text) -> i64 {
        if self.profile.dialect == Dialect::Access {
            let rows: Vec<Fields> = self.users.values().cloned().collect();
            self.answers.add(command, "user", &rows, self.profile.packet);
        } else {
            self.users_waiting = self.users.keys().cloned().collect();
        }
        self.user_count()
    }

    fn answer_log(&mut self, command: &Text, period: &Period) -> i64 {
        let asked = self.log.iter().enumerate().filter(|(_, punch)| period.contains(&punch.time.to_string()));
        let rows: Vec<Fields> = asked.map(|(place, punch)| transaction(place, punch)).collect();
        self.answers.add(command, "transaction", &rows, self.profile.packet);
        i64::try_from(rows.len()).unwrap_or(i64::MAX)
    }

    fn upload_again(&mut self, period: &Period) -> i64 {
        let known = self.log.iter().enumerate().take(self.cursor);
        let places = known.filter(|(_, punch)| period.contains(&punch.time.to_string()));
        self.again = places.map(|(place, _)| place).collect();
        i64::try_from(self.again.len()).unwrap_or(i64::MAX)
    }

    fn upload_now(&mut self) {
        self.rhythm.begin();
    }

    fn tell_time(&mut self, shows: NaiveDateTime) {
        self.clock.tell(self.now, shows);
    }

    fn clear(&mut self, what: &str) {
        if matches!(what.trim(), "LOG" | "DATA") {
            self.log.clear();
            self.cursor = 0;
            self.again.clear();
        }
        if what.trim() == "DATA" {
            self.users.clear();
            self.users_waiting.clear();
        }
    }
}
