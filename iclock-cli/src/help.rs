//! The help of the command line: commands by group, and examples of each. The man pages come from the same tree.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Command, CommandFactory};

use crate::cli::Cli;
use crate::output::human;
use crate::output::screen::USUAL;

/// The list of commands, by group. A new command gets its place here; one that this build does not have is left out.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Run", &["sync", "serve", "live", "health", "status", "alert", "demo"]),
    ("Look", &["info", "discover", "doctor", "attendance", "report", "verify"]),
    (
        "Change terminals",
        &[
            "users",
            "templates",
            "enroll",
            "time",
            "options",
            "clone-users",
            "unlock",
            "voice",
            "lcd",
            "restart",
            "poweroff",
            "clear",
        ],
    ),
    (
        "Keep the records",
        &["quarantine", "unproven", "audit", "replay", "state", "person", "push", "access", "backup", "restore"],
    ),
    ("Protocol and simulation", &["simulate", "decode", "transcript"]),
    ("Set up", &["init", "config", "service", "migrate", "completions", "man", "version"]),
];

/// Commands that read neither a configuration nor a ledger: their help leaves out the flags that name them.
const STATELESS: [&str; 6] = ["demo", "simulate", "decode", "completions", "man", "version"];

/// Command lines that the help shows; `iclock-cli` comes before each. The help of a command, or of its part, shows
/// those that begin with its names, unless the command has examples of its own.
const EXAMPLES: &[&str] = &[
    "sync --device front=192.0.2.10 --sink sqlite:attendance.db",
    "sync --dry-run --since 7",
    "sync --loop 5m",
    "sync --live",
    "serve --push 127.0.0.1:8081",
    "serve --push 0.0.0.0:8081 --sink sqlite:attendance.db",
    "serve --listen 127.0.0.1:8080",
    "health",
    "health --grace 1h --json",
    "status",
    "alert test",
    "demo",
    "demo --dir /tmp/demo",
    "demo --serve",
    "info",
    "info --device 192.0.2.10",
    "info --json --device 192.0.2.10?key=ENV:KEY",
    "doctor",
    "doctor device front-gate",
    "doctor device --device 192.0.2.10 --json",
    "doctor sink --sink postgres://iclock@db.example/attendance",
    #[cfg(feature = "firestore")]
    "doctor sink --find-garbage --sink school",
    "doctor state",
    "doctor all --quiet",
    "attendance --person 1042 --since 7",
    "attendance --device 192.0.2.10",
    "report daily --html day.html",
    "report monthly --month 2026-11",
    "options get --device 192.0.2.10",
    "options set VoiceOn=0 --device 192.0.2.10",
    "time show --all",
    "time set --all --yes",
    "users list --device 192.0.2.10",
    "users import people.csv --all --dry-run",
    "templates list --device 192.0.2.10",
    "templates export fingers.json --device 192.0.2.10",
    "person forget 1042",
    "push pending",
    "push approve OID7040067012100054 --name branch-gate",
    "push deny OID7040067012100054",
    "push command OID7040067012100054 info",
    "push command OID7040067012100054 query-attlog 2026-03-01 2026-03-02",
    "push command OID7040067012100054 user set 1042 --name Aminath --yes",
    "push captures OID7040067012100054",
    "push show OID7040067012100054",
    "push results",
    "push results OID7040067012100054 --json",
    "access create dashboard",
    "access create school --role operator --days 365",
    "access list",
    "access revoke dashboard",
    "access link gatehouse",
    "access link gatehouse --role operator",
    "access password administrator --role administrator",
    "access remove gatehouse",
    "verify",
    "verify --days 7 --json",
    "verify --days 7 --repair",
    "clear front-gate",
    "clear front-gate --serial OIN7030057123100001",
    "quarantine list --reason empty_user_id",
    "quarantine show 12",
    "quarantine export --format csv",
    "quarantine replay",
    "quarantine resolve 12 13 --note \"test cards\"",
    "unproven list",
    "unproven show 3",
    "unproven decode 3 --layout 40",
    "unproven accept 3 --layout 40",
    "audit show --person 1042 --since 7",
    "audit push",
    "audit verify",
    "replay --sink school",
    "replay --sink school --since 2026-01-31",
    "state check",
    "state check --salvage rescued",
    "state export backup.db",
    "state import backup.db --state new-state",
    "state compact",
    "simulate --listen 127.0.0.1:4370 --records 5000 --punch-every 1s",
    "simulate --count 3 --users 300 --day",
    "simulate --day 2026-01-30 --day-in 60s",
    "simulate --push http://127.0.0.1:8081 --count 3 --punch-every 1s",
    "simulate --push http://127.0.0.1:8081 --profile acc --fault lose-answer",
    "simulate --list-faults",
    "transcript show wire.zkt",
    "transcript replay wire.zkt",
    "transcript replay wire.zkt info --json",
    "init",
    "init --device front=192.0.2.10 --sink sqlite:attendance.db",
    "init --discover --sink sqlite:attendance.db",
    "init /etc/iclock/iclock.toml --force",
    "config check",
    "config show",
    "config schema",
    "service install --print",
    "service install --config /etc/iclock/iclock.toml",
    "service install --serve --print",
    "service uninstall",
    "service status",
    "migrate --write-config iclock.toml OLD",
    "migrate OLD --sink school",
    "man",
    "man sync",
    "man --dir man1",
    "version",
    "version --json",
];

/// The page of `iclock-cli --help`, with the list of commands where clap writes the text that precedes the options.
const PAGE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Options:\n{options}{after-help}";

/// Returns the tree of commands with its help: the list by group, and examples.
pub(crate) fn tree() -> Command {
    // Building it decides about the form of its pages.
    let mut tree = in_short_form(Cli::command());
    tree.build();
    let list = list(&tree);
    let tree = exemplified(tree.help_template(PAGE).before_help(list), &mut Vec::new());
    tree.mut_subcommands(|part| if STATELESS.contains(&part.get_name()) { without_state(part) } else { part })
}

/// Adds a tip to the error for a word that a command does not take, if a terminal may be meant.
pub(crate) fn with_tip(mut error: Error, words: impl IntoIterator<Item = OsString>) -> Error {
    let word = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) if !word.starts_with('-') => word.clone(),
        _ => return error,
    };
    let tree = tree();
    let command =
        words.into_iter().skip(1).fold(&tree, |command, word| command.find_subcommand(word).unwrap_or(command));
    if command.get_arguments().any(|argument| argument.get_long() == Some("device")) {
        let tip = format!("to name a terminal, use '--device {word}'");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Lists the values of flags in one line, without a text for each: for such a text, the whole page would have the long
/// form, with blank lines between the flags.
fn in_short_form(command: Command) -> Command {
    command
        .mut_args(|argument| {
            let values = argument.get_possible_values();
            if argument.is_hide_possible_values_set() || values.iter().all(|value| value.get_help().is_none()) {
                return argument;
            }
            let names: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let help = format!("{help} [possible values: {}]", names.join(", "));
            argument.hide_possible_values(true).help(help)
        })
        .mut_subcommands(in_short_form)
}

fn without_state(command: Command) -> Command {
    command.mut_args(|argument| match argument.get_id().as_str() {
        "config" | "state" => argument.hide(true),
        _ => argument,
    })
}

/// The list of commands by group.
fn list(tree: &Command) -> String {
    let mut text = String::new();
    for (title, names) in GROUPS {
        let known: Vec<&Command> = names.iter().filter_map(|name| tree.find_subcommand(name)).collect();
        if known.is_empty() {
            continue;
        }
        text.push_str(&format!("{title}:\n"));
        for command in known {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("  {:11} {}\n", command.get_name(), human::folded_within(&about, 14, USUAL)));
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Adds examples to the commands below this one that have none of their own.
fn exemplified(command: Command, path: &mut Vec<String>) -> Command {
    command.mut_subcommands(|part| {
        path.push(part.get_name().to_owned());
        let lines = examples(path);
        let part = exemplified(part, path);
        path.pop();
        if lines.is_empty() || part.get_after_help().is_some() {
            return part;
        }
        part.after_help(format!("Examples:\n{}", lines.join("\n")))
    })
}

/// The command lines that show how a command is used.
fn examples(path: &[String]) -> Vec<String> {
    let of_path = |line: &&&str| line.split(' ').take(path.len()).eq(path.iter().map(String::as_str));
    EXAMPLES.iter().filter(of_path).map(|line| format!("  iclock-cli {line}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every command with its names, the parts of a command included.
    fn all(command: &Command, path: &[String], found: &mut Vec<(Vec<String>, Command)>) {
        for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
            let path = [path, &[part.get_name().to_owned()]].concat();
            all(part, &path, found);
            found.push((path, part.clone()));
        }
    }

    fn everything() -> Vec<(Vec<String>, Command)> {
        let mut found = Vec::new();
        all(&tree(), &[], &mut found);
        found
    }

    #[test]
    fn every_command_is_in_one_group() {
        let listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let unique: BTreeSet<&str> = listed.iter().copied().collect();
        assert_eq!(unique.len(), listed.len(), "a command is listed twice");
        for command in tree().get_subcommands().map(Command::get_name).filter(|name| *name != "help") {
            assert!(unique.contains(command), "{command} is in no group: give it a place in GROUPS");
        }
    }

    #[test]
    fn every_command_has_an_example_and_each_example_is_valid() {
        let mut lines: Vec<String> = EXAMPLES.iter().map(|line| format!("iclock-cli {line}")).collect();
        for (path, command) in everything() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let own = help.lines().map(str::trim).filter(|line| line.starts_with("iclock-cli "));
            let own: Vec<String> = own.map(str::to_owned).collect();
            assert!(!own.is_empty(), "no example of {path:?}: add one to EXAMPLES");
            lines.extend(own);
        }
        for line in lines {
            let quoted = line.split('"').enumerate();
            let words = quoted.flat_map(|(n, part)| match n % 2 {
                1 => vec![part.to_owned()],
                _ => part.split_whitespace().map(str::to_owned).collect(),
            });
            if let Err(error) = tree().try_get_matches_from(words) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn the_help_of_each_command_has_one_form() {
        for (path, _) in everything() {
            let words = ["iclock-cli".to_owned()].into_iter().chain(path.clone()).chain(["--help".to_owned()]);
            let page = tree().try_get_matches_from(words).unwrap_err().to_string();
            assert!(!page.contains("see a summary with"), "{path:?}:\n{page}");
            let blanks: Vec<&str> = page.lines().filter(|line| line.ends_with(' ')).collect();
            assert!(blanks.is_empty(), "{path:?}: {blanks:?}");
        }
    }

    #[test]
    fn no_help_is_wider_than_80_columns() {
        let mut pages = everything();
        pages.push((vec!["iclock-cli".to_owned()], tree()));
        for (path, mut command) in pages {
            let page = command.render_long_help().to_string();
            let wide: Vec<&str> = page.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{path:?}: {wide:#?}");
        }
    }
}
