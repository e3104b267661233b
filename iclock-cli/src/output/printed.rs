//! Commands to copy: with the configuration and the state of this run, and quoted for a shell.

use std::path::Path;
use std::sync::{PoisonError, RwLock};

/// The flags that lead to the configuration and the state of this run.
static FLAGS: RwLock<String> = RwLock::new(String::new());

/// Sets which configuration and state directory later commands name.
pub(crate) fn remember(config: Option<&Path>, state: Option<&Path>) {
    let flag = |name: &str, path: Option<&Path>| {
        path.map(|path| format!(" {name} {}", quoted(&path.display().to_string()))).unwrap_or_default()
    };
    let flags = flag("--config", config) + &flag("--state", state);
    *FLAGS.write().unwrap_or_else(PoisonError::into_inner) = flags;
}

/// `iclock-cli` with these arguments, for this run's configuration and state.
pub(crate) fn command(arguments: &str) -> String {
    format!("iclock-cli {arguments}{}", FLAGS.read().unwrap_or_else(PoisonError::into_inner))
}

/// One argument as a shell takes it.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:=@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else if cfg!(windows) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_argument_that_a_shell_would_split_is_quoted() {
        for (text, expected) in [
            ("state", "state"),
            ("/srv/iclock-1/state.d", "/srv/iclock-1/state.d"),
            ("é 世界", "'é 世界'"),
            ("it's", r"'it'\''s'"),
            ("a&b", "'a&b'"),
            ("~/x", "'~/x'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
