//! Commands of a server, carried out on the model. Nothing is ever done to the machine that runs the simulator.

use chrono::NaiveDateTime;
use zk_push::command::{Command, CommandResult, Control, Received, Verb};
use zk_push::{Dialect, Field, Fields, PackedTime, Text};

/// What a command of the operating system would have written.
const OUTPUT: &str = "ID=0&Return=0&CMD=simulated\nnothing was run\n";
/// The longest command with a picture, in bytes.
const MAX_PICTURE: usize = 64 << 10;

/// What commands can ask and change.
pub(super) trait Model {
    fn dialect(&self) -> Dialect;
    fn serial(&self) -> &str;
    fn record_count(&self) -> usize;
    fn user_count(&self) -> i64;
    fn has_user(&self, user_id: &str) -> bool;
    fn set_user(&mut self, user_id: &str, fields: Fields);
    fn remove_user(&mut self, user_id: &str);
    /// Returns true if queries have results, next to their rows.
    fn reports_queries(&self) -> bool;
    /// Returns true if the server has said which version it speaks.
    fn has_versions(&self) -> bool;
    /// Uploads the users for a command, and returns how many.
    fn upload_users(&mut self, command: &Text) -> i64;
    /// Answers a command with the records of a period, and returns how many.
    fn answer_log(&mut self, command: &Text, period: &Period) -> i64;
    /// Uploads the records of a period again, and returns how many.
    fn upload_again(&mut self, period: &Period) -> i64;
    /// Uploads what is new now, whatever the time.
    fn upload_now(&mut self);
    /// Sets the clock.
    fn tell_time(&mut self, shows: NaiveDateTime);
    fn clear(&mut self, what: &str);
    /// Takes the result of a command.
    fn finish(&mut self, command: &str, result: CommandResult);
}

/// The period that a query asks for, as text. Times of one form sort as they follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Period {
    from: Option<String>,
    to: Option<String>,
}

impl Period {
    /// Reads `StartTime=…␉EndTime=…`, or the same in the filter of the other dialect.
    fn of(command: &Command) -> Self {
        let limit = |name: &str| {
            let terms = command.as_str().split(['\t', ',']);
            let mut found = terms.filter_map(|term| {
                let at = term.to_ascii_lowercase().find(name)?;
                term.get(at + name.len()..)
            });
            found.next().map(ToOwned::to_owned)
        };
        Self { from: limit("starttime="), to: limit("endtime=") }
    }

    pub(super) fn contains(&self, time: &str) -> bool {
        self.from.as_deref().is_none_or(|from| from <= time) && self.to.as_deref().is_none_or(|to| time <= to)
    }
}

/// What the rest of the answer should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Restart,
}

/// Carries a command out, and queues its result.
pub(super) fn execute(device: &mut impl Model, received: &Received) -> Then {
    let (code, command) = match &received.command {
        Some(command) => (run(device, &received.id, command), command.as_str()),
        None => (unsupported(device.dialect()), ""),
    };
    let first = command.split(' ').next().unwrap_or_default();
    let verb = received.command.as_ref().map(Command::verb);
    let (details, content) = match verb {
        Some(Verb::Info) => (parameters(device), None),
        // Nothing runs: the terminal only pretends.
        Some(Verb::Shell) => (Fields::default().with("FILENAME", "shellout.txt"), Some(OUTPUT.into())),
        _ => (Fields::default(), None),
    };
    let (id, code, command_text) = (received.id.clone(), Some(code), first.into());
    let result = CommandResult { id, code, command: command_text, details, content, ..CommandResult::default() };
    let restarts =
        verb == Some(Verb::Reboot) || received.command.as_ref().and_then(Control::parse) == Some(Control::Restart);
    if verb != Some(Verb::Query) || code.is_some_and(|code| code < 0) || device.reports_queries() {
        device.finish(command, result);
    }
    if restarts { Then::Restart } else { Then::GoOn }
}

fn run(device: &mut impl Model, id: &Text, command: &Command) -> i64 {
    let dialect = device.dialect();
    match command.verb() {
        Verb::Update => update(device, command),
        Verb::Delete => delete(device, command),
        Verb::Query | Verb::Count if is_other_dialect(dialect, command) => wrong_table(dialect),
        Verb::Query => query(device, id, command),
        Verb::Count => device.user_count(),
        Verb::Clear => {
            device.clear(command.arguments());
            0
        }
        Verb::Log => {
            device.upload_now();
            0
        }
        Verb::SetOption if dialect == Dialect::Access => {
            time_of(command).into_iter().for_each(|time| device.tell_time(time));
            0
        }
        Verb::Control if Control::parse(command).is_none() => -11,
        Verb::Unlock | Verb::EndAlarm if dialect == Dialect::Access => unsupported(dialect),
        Verb::Other | Verb::TestHost => unsupported(dialect),
        _ => 0,
    }
}

/// The time in `SET OPTIONS DateTime=…`. One that does not exist changes nothing, and is no error.
fn time_of(command: &Command) -> Option<NaiveDateTime> {
    let options = command.as_str().strip_prefix("SET OPTIONS ")?;
    let packed = options.split(',').find_map(|option| option.trim().strip_prefix("DateTime="))?;
    PackedTime(packed.parse().ok()?).at()
}

fn unsupported(dialect: Dialect) -> i64 {
    if dialect == Dialect::Access { -13 } else { -1002 }
}

fn wrong_table(dialect: Dialect) -> i64 {
    if dialect == Dialect::Access { -629 } else { -1004 }
}

/// The forms of the dialects: `DATA QUERY tablename=user,…` and `DATA QUERY USERINFO …`.
fn is_other_dialect(dialect: Dialect, command: &Command) -> bool {
    let is_access = command.as_str().contains("tablename=") || command.verb() == Verb::Count;
    is_access != (dialect == Dialect::Access)
}

fn user_table(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Access { "user" } else { "USERINFO" }
}

fn fields(command: &Command) -> Fields {
    Fields::parse(&command.arguments().to_owned().into()).unwrap_or_default()
}

fn update(device: &mut impl Model, command: &Command) -> i64 {
    let dialect = device.dialect();
    let fields = fields(command);
    let is_key = |field: &&Field| field.is("PIN") && (dialect == Dialect::Attendance || field.key.as_bytes() != b"pin");
    let known = fields.iter().find(is_key).and_then(|field| field.value.as_ref());
    let known = known.map(ToString::to_string).filter(|user_id| !user_id.is_empty());
    match (command.table(), known) {
        (Some(table), Some(user_id)) if table == user_table(dialect) => {
            device.set_user(&user_id, fields);
            0
        }
        // Another spelling makes a row of nobody, and no error.
        (Some("user"), None) if dialect == Dialect::Access && fields.iter().any(|field| field.is("pin")) => {
            device.set_user("", Fields::default().with("pin", ""));
            0
        }
        (Some("USERINFO" | "user"), _) => wrong_table(dialect),
        (Some("BIODATA"), Some(_)) if !device.has_versions() => -30,
        (Some("BIOPHOTO"), Some(_)) if command.as_str().len() > MAX_PICTURE => -1001,
        // Templates and photos need their user.
        (Some(_), Some(user_id)) if device.has_user(&user_id) => 0,
        (Some(_), Some(_)) if dialect == Dialect::Access => -27,
        (Some(_), Some(_)) => -10,
        (Some(_), None) => 0,
        (None, _) => unsupported(dialect),
    }
}

fn delete(device: &mut impl Model, command: &Command) -> i64 {
    let dialect = device.dialect();
    match (command.table(), fields(command).get("PIN")) {
        (Some(table), Some(user_id)) if table == user_table(dialect) => {
            // Deleting a user that is not there succeeds.
            device.remove_user(&user_id.to_string());
            0
        }
        (Some("USERINFO" | "user"), _) => wrong_table(dialect),
        _ => 0,
    }
}

fn query(device: &mut impl Model, id: &Text, command: &Command) -> i64 {
    match command.table() {
        Some("ATTLOG") => device.upload_again(&Period::of(command)),
        Some("transaction") => device.answer_log(id, &Period::of(command)),
        Some("USERINFO" | "user") => device.upload_users(id),
        _ => 0,
    }
}

fn parameters(device: &impl Model) -> Fields {
    Fields::default()
        .with("~DeviceName", "Simulated")
        .with("~SerialNumber", device.serial())
        .with("TransactionCount", device.record_count().to_string())
        .with("UserCount", device.user_count().to_string())
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn a_period_is_read_in_the_form_of_each_dialect() {
        let at = |hour| NaiveDate::from_ymd_opt(2026, 3, 1).unwrap().and_hms_opt(hour, 0, 0).unwrap();
        for dialect in [Dialect::Attendance, Dialect::Access] {
            let period = Period::of(&Command::query_attendance(dialect, at(8), at(9)).unwrap());
            let inside = ["2026-03-01 07:59:59", "2026-03-01 08:00:00", "2026-03-01 09:00:00", "2026-03-01 09:00:01"]
                .map(|time| period.contains(time));
            assert_eq!(inside, [false, true, true, false], "{dialect}");
        }
        let all = Command::new("DATA QUERY tablename=transaction,fielddesc=*,filter=*").unwrap();
        assert_eq!(Period::of(&all), Period::default());
    }
}
