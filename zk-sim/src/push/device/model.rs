//! What commands can ask of a pushing terminal, and change in it.

use zk_push::command::CommandResult;
use zk_push::record::AttendanceRecord;
use zk_push::{Dialect, Fields};

use super::PushDevice;
use crate::push::execute::Model;

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

    fn upload_users(&mut self) -> i64 {
        self.users_waiting = self.users.keys().cloned().collect();
        self.user_count()
    }

    fn upload_again(&mut self, from: Option<String>, to: Option<String>) -> i64 {
        let is_inside = |record: &AttendanceRecord| {
            let at = record.time.to_string();
            from.as_ref().is_none_or(|from| *from <= at) && to.as_ref().is_none_or(|to| at <= *to)
        };
        let places = self.log.iter().enumerate().take(self.cursor).filter(|(_, record)| is_inside(record));
        self.again = places.map(|(place, _)| place).collect();
        i64::try_from(self.again.len()).unwrap_or(i64::MAX)
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
