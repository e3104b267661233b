//! Errors for people: what failed, why, what to try, and the exit code.

use std::error::Error;

use iclock_sync::{LedgerError, SyncError, chain};

use crate::config::{ConfigError, ConfigErrors};
use crate::exit_code::{Ended, ExitCode};

/// An error that ends a command.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) code: ExitCode,
    what: String,
    hint: Option<String>,
    /// Further errors, each with its hint.
    others: Vec<(String, Option<String>)>,
}

impl CliError {
    pub(crate) fn new(code: ExitCode, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), hint: None, others: Vec::new() }
    }

    /// An error with its causes, each of which is named once.
    pub(crate) fn because(code: ExitCode, what: impl Into<String>, cause: &dyn Error) -> Self {
        Self::new(code, format!("{}: {}", what.into(), chain(cause)))
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with the name of the terminal that it is about.
    #[must_use]
    pub(crate) fn of(mut self, terminal: &str) -> Self {
        self.what = format!("{terminal}: {}", self.what);
        self
    }

    /// Each error with its hint.
    fn all(&self) -> impl Iterator<Item = (&String, &Option<String>)> {
        std::iter::once((&self.what, &self.hint)).chain(self.others.iter().map(|(what, hint)| (what, hint)))
    }

    /// Writes it to the log of a service, which goes on. It says what goes on.
    pub(crate) fn log(&self, and: &str) {
        for (what, hint) in self.all() {
            match hint {
                Some(hint) => tracing::error!("{and}: {what}; {hint}"),
                None => tracing::error!("{and}: {what}"),
            }
        }
    }

    /// Prints it on stderr. Each error ends with the next step: one of its own, or the usual one of the exit code.
    pub(crate) fn print(&self) {
        let text = self.text();
        eprint!("{text}");
        // A service of Windows has no stderr.
        #[cfg(windows)]
        crate::scm::keep(&text);
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (what, hint) in self.all() {
            text.push_str(&format!("error: {what}\n"));
            if let Some(hint) = hint.as_deref().or_else(|| usual_hint(self.code)) {
                text.push_str(&format!("  try: {hint}\n"));
            }
        }
        text
    }
}

/// The next step after an error that has none of its own. After Ctrl-C there is none.
fn usual_hint(code: ExitCode) -> Option<&'static str> {
    match code {
        ExitCode::Fault => Some("do it again with -vv; if it fails again, report what that prints"),
        ExitCode::Usage => Some("the same command with --help says what it takes"),
        ExitCode::Configuration => Some("iclock-cli config check names what is wrong in the configuration"),
        ExitCode::Terminal => Some("iclock-cli doctor device looks for the cause"),
        ExitCode::Sink => Some("iclock-cli doctor sink looks for the cause"),
        ExitCode::Unproven => Some("iclock-cli unproven list shows what was kept"),
        ExitCode::State => Some("iclock-cli doctor state looks for the cause"),
        ExitCode::SafetyLimit => Some("if the events are right, send them once with --force"),
        ExitCode::Refused => Some("nothing was changed; correct what is named, then do it again"),
        ExitCode::Done | ExitCode::Found | ExitCode::Interrupted => None,
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let what = error.to_string();
        Self { hint: error.hint, ..Self::new(ExitCode::Configuration, what) }
    }
}

impl From<ConfigErrors> for CliError {
    fn from(errors: ConfigErrors) -> Self {
        let mut errors = errors.0.into_iter();
        let Some(first) = errors.next() else { return Self::new(ExitCode::Fault, "an error without a cause") };
        let others = errors.map(|error| (error.to_string(), error.hint)).collect();
        Self { others, ..first.into() }
    }
}

impl From<SyncError> for CliError {
    fn from(error: SyncError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self { hint, ..Self::new(ExitCode::of(&Ended::Early(&error)), chain(&error)) }
    }
}

impl From<LedgerError> for CliError {
    fn from(error: LedgerError) -> Self {
        SyncError::from(error).into()
    }
}

impl From<zk_proto::SpoolError> for CliError {
    fn from(error: zk_proto::SpoolError) -> Self {
        Self::because(ExitCode::State, "cannot read the kept bytes", &error)
            .hint("make room in the directory for temporary files")
    }
}
