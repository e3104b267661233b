//! Commands of a server, carried out on the model. Nothing is ever done to the machine that runs the simulator.

use zk_push::command::{Command, CommandResult, Control, Received, Verb};
use zk_push::{Dialect, Fields, Text};

/// What commands can ask and change.
pub(super) trait Model {
    fn dialect(&self) -> Dialect;
    fn serial(&self) -> &str;
    fn record_count(&self) -> usize;
    fn user_count(&self) -> i64;
    fn has_user(&self, user_id: &str) -> bool;
    fn set_user(&mut self, user_id: &str, fields: Fields);
    fn remove_user(&mut self, user_id: &str);
    /// Uploads the users, and returns how many.
    fn upload_users(&mut self) -> i64;
    /// Uploads the records of a period again, and returns how many.
    fn upload_again(&mut self, from: Option<String>, to: Option<String>) -> i64;
    fn clear(&mut self, what: &str);
    /// Takes the result of a command.
    fn finish(&mut self, command: &str, result: CommandResult);
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
        Some(command) => (run(device, command), command.as_str()),
        None => (unsupported(device.dialect()), ""),
    };
    let first = command.split(' ').next().unwrap_or_default();
    let details = received.command.as_ref().filter(|command| command.verb() == Verb::Info);
    let details = details.map(|_| parameters(device)).unwrap_or_default();
    let result = CommandResult { id: received.id.clone(), code: Some(code), command: first.into(), details, ..empty() };
    let restarts = matches!(received.command.as_ref().map(Command::verb), Some(Verb::Reboot))
        || received.command.as_ref().and_then(Control::parse) == Some(Control::Restart);
    device.finish(command, result);
    if restarts { Then::Restart } else { Then::GoOn }
}

fn empty() -> CommandResult {
    CommandResult::default()
}

fn run(device: &mut impl Model, command: &Command) -> i64 {
    let dialect = device.dialect();
    match command.verb() {
        Verb::Update => update(device, command),
        Verb::Delete => delete(device, command),
        Verb::Query | Verb::Count if is_other_dialect(dialect, command) => wrong_table(dialect),
        Verb::Query => query(device, command),
        Verb::Count => device.user_count(),
        Verb::Clear => {
            device.clear(command.arguments());
            0
        }
        Verb::Control if Control::parse(command).is_none() => -11,
        Verb::Unlock | Verb::EndAlarm if dialect == Dialect::Access => unsupported(dialect),
        Verb::Other | Verb::TestHost => unsupported(dialect),
        _ => 0,
    }
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
    let known = fields.get("PIN").map(ToString::to_string).filter(|user_id| !user_id.is_empty());
    match (command.table(), known) {
        (Some(table), Some(user_id)) if table == user_table(dialect) => {
            device.set_user(&user_id, fields);
            0
        }
        (Some("USERINFO" | "user"), _) => wrong_table(dialect),
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

fn query(device: &mut impl Model, command: &Command) -> i64 {
    let arguments = fields(command);
    let limit = |name| arguments.get(name).map(Text::to_string);
    match command.table() {
        Some("ATTLOG") => device.upload_again(limit("StartTime"), limit("EndTime")),
        Some("transaction") => device.upload_again(None, None),
        Some("USERINFO" | "user") => device.upload_users(),
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
