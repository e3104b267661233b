//! The commands that help against a cause. The engine knows the fix, and no command line.

use iclock_sync::diagnose::Cause;

use crate::output::printed;

/// Returns the commands that help against a cause at a terminal of this name, in the order in which they are given.
pub(super) fn commands(cause: Option<Cause>, terminal: &str) -> Vec<String> {
    let Some(cause) = cause else { return Vec::new() };
    let of_terminal = |command: &str| format!("{command} {}", printed::quoted(terminal));
    let arguments = match cause {
        Cause::LogNearlyFull => vec![of_terminal("clear")],
        Cause::LogFull => vec!["sync".to_owned(), of_terminal("clear")],
        Cause::LogCutShort
        | Cause::LogMisframed
        | Cause::LogUnknown
        | Cause::LogAmbiguous
        | Cause::LogDisagrees
        | Cause::LogUnproven => vec!["sync".to_owned(), of_terminal("unproven show")],
        Cause::LogDamaged => {
            vec!["sync".to_owned(), of_terminal("unproven show"), of_terminal("unproven accept")]
        }
        Cause::UnknownSlots => vec!["sync --full".to_owned()],
        Cause::LedgerDamaged => vec!["state check".to_owned()],
        Cause::UnprovenKept => vec!["unproven list".to_owned()],
        Cause::QuarantineWaits => vec!["quarantine list".to_owned()],
        _ => Vec::new(),
    };
    arguments.iter().map(|arguments| printed::command(arguments)).collect()
}
